/**
 * External commands with a deadline. A command that does not end in time is killed with everything it
 * started (it gets a process group of its own), so no caller can hang on apt or on a broken binary.
 */
import { spawn } from 'node:child_process';

/** Output kept per stream; package listings of a whole suite stay far below this. */
const OUTPUT_LIMIT_CHARS = 64 * 1024 * 1024;

const REASON_CHARS = 300;

/**
 * @typedef {object} RunResult
 * @property {number | null} code exit code, null when it was killed or could not be started
 * @property {string} stdout
 * @property {string} stderr
 * @property {string | undefined} failure one line when it could not be started or ran out of time
 */

/**
 * Runs a command and never rejects: every outcome is in the result.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: Record<string, string>, timeoutMs?: number}} [options]
 * @returns {Promise<RunResult>}
 */
export function run(command, args, { cwd, env = {}, timeoutMs = 30_000 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, LC_ALL: 'C', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    /** @type {string | undefined} */
    let failure;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (stdout.length < OUTPUT_LIMIT_CHARS) stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      if (stderr.length < OUTPUT_LIMIT_CHARS) stderr += text;
    });
    const timer = setTimeout(() => {
      failure = `${command} did not finish within ${timeoutMs / 1000} s`;
      killGroup(child.pid);
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, stdout, stderr, failure: `cannot run ${command}: ${error.message}` });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr, failure });
    });
  });
}

/** @param {number | undefined} pid */
function killGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it ended between the timer and here
  }
}

/**
 * Why a command failed, in one line: the first line that names an error, else the last one printed.
 * @param {RunResult} result
 * @returns {string}
 */
export function reasonOf(result) {
  if (result.failure !== undefined) return result.failure;
  const lines = `${result.stderr}\n${result.stdout}`.split('\n').filter((line) => line.trim() !== '');
  const named = lines.find((line) => /^(E|Err|W):|error/i.test(line));
  const reason = (named ?? lines.at(-1) ?? `exit code ${result.code}`).trim();
  return reason.replace(/[^\x20-\x7e]+/g, '?').slice(0, REASON_CHARS);
}
