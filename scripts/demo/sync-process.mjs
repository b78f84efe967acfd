/** The real command line, `replicant sync`, as a child process that is watched from outside. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { followUsage } from './process-usage.mjs';

export const CLI_PATH = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const STOP_TIMEOUT_MS = 15_000;
const SETPRIV = '/usr/bin/setpriv';

/**
 * @typedef {object} SyncExit
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {any} summary the object that `--json` prints last; undefined when there is none
 * @property {string} log
 * @property {import('./process-usage.mjs').Usage | undefined} usage
 * @property {number} seconds from start to exit
 */
/**
 * @typedef {object} SyncProcess
 * @property {number | undefined} pid
 * @property {number} startedMs as performance.now()
 * @property {string} stateDir gone when it has exited
 * @property {() => any} status the status file's content, at most a second old; undefined before there is one
 * @property {() => Promise<any>} liveStatus the same over HTTP and of this moment; needs `http: true`
 * @property {() => string | undefined} pageUrl
 * @property {() => import('./process-usage.mjs').Usage | undefined} usage
 * @property {() => string} log
 * @property {Promise<SyncExit>} exited
 * @property {() => Promise<SyncExit>} stop as Ctrl-C does; SIGKILL when that takes too long
 */

/** Outside settings would change what is shown or measured. @returns {NodeJS.ProcessEnv} */
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('REPLICANT_')));
}

/** @param {string} text @returns {any} */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {import('node:child_process').ChildProcess} child */
function collectOutput(child) {
  const output = { stdout: '', stderr: '' };
  for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
    child[name]?.setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  return output;
}

/**
 * @param {{source: string, target: string, args?: string[], http?: boolean}} options
 * @returns {SyncProcess}
 */
export function startSync({ source, target, args = [], http = false }) {
  const dir = mkdtempSync(join(tmpdir(), 'replicant-sync-'));
  const statusFile = join(dir, 'status.json');
  const stateDir = join(dir, 'state');
  const page = http ? ['--http', '127.0.0.1:0'] : [];
  const command = [process.execPath, CLI_PATH, 'sync', source, target];
  command.push(
    '--json',
    '--no-progress',
    '--log-format',
    'json',
    '--status-file',
    statusFile,
    '--state-dir',
    stateDir,
    ...page,
    ...args,
  );
  // The kernel ends it when this process dies in any way; elsewhere the exit handler must do.
  if (existsSync(SETPRIV)) command.unshift(SETPRIV, '--pdeathsig', 'KILL');
  const startedMs = performance.now();
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = collectOutput(child);
  const usage = followUsage(child.pid);
  const onExit = () => {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };
  process.once('exit', onExit);

  const exited = new Promise((resolve) => {
    child.once('error', (error) => {
      output.stderr += `${error.message}\n`;
    });
    child.once('close', (code, signal) => {
      const seconds = (performance.now() - startedMs) / 1000;
      usage.stop();
      process.off('exit', onExit);
      rmSync(dir, { recursive: true, force: true });
      const summary = parseJson(output.stdout.trim().split('\n').at(-1) ?? '');
      resolve({ code, signal, summary, log: output.stderr, usage: usage.latest(), seconds });
    });
  });
  const pageUrl = () => /status page at (http:\/\/[^\s"]+)/.exec(output.stderr)?.[1];
  return {
    pid: child.pid,
    startedMs,
    stateDir,
    status: () => (existsSync(statusFile) ? parseJson(readFileSync(statusFile, 'utf8')) : undefined),
    liveStatus: async () => {
      const url = pageUrl();
      return url === undefined ? undefined : fetchJson(`${url}status`);
    },
    pageUrl,
    usage: usage.latest,
    log: () => output.stderr,
    exited,
    stop: async () => {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

/** @param {string} url @returns {Promise<any>} undefined when it does not answer */
async function fetchJson(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    return await response.json();
  } catch {
    return undefined;
  }
}

/**
 * The log's last lines as a person reads them.
 * @param {string} log
 * @param {number} [count]
 * @returns {string}
 */
export function lastMessages(log, count = 6) {
  const lines = log.trim().split('\n').slice(-count);
  return lines.map((line) => parseJson(line)?.msg ?? line).join('\n');
}
