/**
 * Crash tests: the built program as a process that is killed (SIGKILL) at random moments and started again
 * with the same command line, while writers write; then what both servers hold is compared.
 *
 *   const counting = await startCounting(source);
 *   const writers = await runWriters(source, { seed, ...CALM });
 *   const start = () => startTool({ source: source.url, target: target.url, stateDir });
 *   const { tool, kills } = await killLoop({ start, seed, kills: 100, minMs: 150, maxMs: 900 });
 *   await Promise.all([writers.stop(), counting.stop()]);
 *   await awaitCaughtUp(tool, from);
 *   expect(await equalOrExplain(from, to)).toEqual([]);
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Argument, Client } from '../../scripts/lib/client.mjs';
import type { RunningServer } from '../../scripts/servers.mjs';
import { createRandom } from '../../scripts/workload/random.mjs';
import { CHECKPOINT_PREFIX } from '../../src/checkpoint/record.js';
import type { SyncStatus } from '../../src/sync/status.js';
import { differences, type EqualityOptions, offsetOf, waitFor } from './live.js';

const BUILT = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const LAST_LINES = 15;

/** With what they will have ended. */
const running = new Map<ChildProcess, Promise<ToolExit>>();
const directories: string[] = [];
const killAll = (): void => running.forEach((_, child) => child.kill('SIGKILL'));
process.once('exit', killAll);

afterAll(async () => {
  killAll();
  await Promise.all(running.values());
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** Removed with everything in it after the test file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'replicant-kill-'));
  directories.push(directory);
  return directory;
}

// ---- the program -------------------------------------------------------------------------------------------

export interface ToolOptions {
  readonly source: string;
  readonly target: string;
  /** For `--state-dir`, which is the same for each start; without it the option is not given. */
  readonly stateDir?: string;
  readonly args?: readonly string[];
  /** The program's main file; default `dist/cli/main.js`, as it was built last. */
  readonly program?: string;
}

export interface ToolExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Tool {
  readonly pid: number;
  readonly stopped: boolean;
  readonly exited: Promise<ToolExit>;
  /** Messages of the log, warnings and errors with their level before them. */
  readonly log: readonly string[];
  /** Sends the signal, SIGKILL unless told otherwise, and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<ToolExit>;
  /** What the status file says; undefined before there is one. It is written every second. */
  status(): SyncStatus | undefined;
  /** Waits until the log has it; fails when the program ends first. */
  says(pattern: RegExp, timeoutMs?: number): Promise<void>;
}

/** `replicant sync source target --state-dir …` with a status file of its own. */
export function startTool(options: ToolOptions): Tool {
  const { source, target, stateDir, args = [], program = BUILT } = options;
  const statusFile = join(temporaryDirectory(), 'status.json');
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('REPLICANT_'));
  const argv = [program, 'sync', source, target, '--no-progress', '--log-format', 'json'];
  argv.push(
    '--status-file',
    statusFile,
    ...(stateDir === undefined ? [] : ['--state-dir', stateDir]),
    ...args,
  );
  const child = spawn(process.execPath, argv, {
    env: Object.fromEntries(own),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  gatherLog(child, log);
  const exited = new Promise<ToolExit>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  running.set(child, exited);
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? -1,
    exited,
    log,
    get stopped() {
      return isOver();
    },
    kill: async (signal = 'SIGKILL') => {
      child.kill(signal);
      return await exited;
    },
    status: () => readStatus(statusFile),
    says: async (pattern, timeoutMs) => {
      const said = (): boolean => log.some((line) => pattern.test(line));
      await waitFor(
        `${String(pattern)} in the log`,
        () => {
          if (!said() && isOver()) throw new Error(ended({ log }));
          return said();
        },
        timeoutMs,
      );
    },
  };
}

function gatherLog(child: ChildProcess, log: string[]): void {
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    log.push(...lines.filter((line) => line !== '').map(messageOf));
  });
}

/** What is no line of the log, as the trace of a crash, stays as it is. */
function messageOf(line: string): string {
  try {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    return level === 'info' || level === 'debug' ? msg : `${level}: ${msg}`;
  } catch {
    return line;
  }
}

function readStatus(file: string): SyncStatus | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as SyncStatus;
  } catch {
    // There is none yet; what there is, is whole: it is renamed into place.
    return undefined;
  }
}

function ended({ log }: Pick<Tool, 'log'>): string {
  return `the program ended by itself:\n${log.slice(-LAST_LINES).join('\n')}`;
}

// ---- killing it --------------------------------------------------------------------------------------------

export interface KillLoopOptions {
  /** Starts it; called for each life, with the number of the life from 0. */
  readonly start: (life: number) => Tool;
  readonly seed: number;
  readonly kills: number;
  /** How long a life is, at random; from its start or from what `from` says. A start alone takes about 200 ms. */
  readonly minMs: number;
  readonly maxMs: number;
  /** The log's words from which a life's time counts: `() => /full sync started/`. */
  readonly from?: (life: number) => RegExp | undefined;
  /** After each kill, before the next start: more mischief, or a look at the target. */
  readonly afterKill?: (kill: Kill) => Promise<void>;
}

export interface Kill {
  readonly life: number;
  readonly afterMs: number;
  /** The last line of the log before it was killed; '' when there was none. */
  readonly last: string;
  readonly log: readonly string[];
}

export interface KillLoop {
  /** Started after the last kill, and running. */
  readonly tool: Tool;
  readonly kills: readonly Kill[];
}

/** Fails when the program ends by itself. */
export async function killLoop(options: KillLoopOptions): Promise<KillLoop> {
  const random = createRandom(options.seed);
  const kills: Kill[] = [];
  for (let life = 0; life < options.kills; life++) {
    const tool = options.start(life);
    const afterMs = random.between(options.minMs, options.maxMs);
    const from = options.from?.(life);
    if (from !== undefined) await tool.says(from);
    await Promise.race([pause(afterMs), tool.exited]);
    if (tool.stopped) throw new Error(`life ${life}, seed ${options.seed}: ${ended(tool)}`);
    await tool.kill();
    const kill = { life, afterMs, last: tool.log.at(-1) ?? '', log: tool.log };
    kills.push(kill);
    await options.afterKill?.(kill);
  }
  return { tool: options.start(options.kills), kills };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

// ---- the end -----------------------------------------------------------------------------------------------

/** Everything the source has written by now is on the target, by the status file. Writers must have stopped. */
export async function awaitCaughtUp(tool: Tool, source: Client, timeoutMs = 60_000): Promise<SyncStatus> {
  const offset = await offsetOf(source);
  const isThere = (): SyncStatus | undefined => {
    if (tool.stopped) throw new Error(ended(tool));
    const status = tool.status();
    const applied = status?.shards[0]?.appliedOffset ?? -1;
    return status?.caughtUp === true && applied >= offset ? status : undefined;
  };
  try {
    return await waitFor(`offset ${offset} applied`, isThere, timeoutMs);
  } catch (error) {
    const lines = [JSON.stringify(tool.status()), ...tool.log.slice(-LAST_LINES)];
    throw new Error(`${String(error)}\n${lines.join('\n')}`, { cause: error });
  }
}

/** How the two differ, a line each; what is ours on the target does not count. */
export async function equalOrExplain(
  source: Client,
  target: Client,
  options: EqualityOptions = {},
): Promise<readonly string[]> {
  const found = await differences(source, target, {
    ...options,
    excused: (difference) =>
      difference.key?.startsWith(`"${CHECKPOINT_PREFIX}`) === true || options.excused?.(difference) === true,
  });
  return found.map(
    ({ db, key, what, a, b }) => `db ${db} ${key}: ${what}, source ${String(a)}, target ${String(b)}`,
  );
}

// ---- writes that tell ------------------------------------------------------------------------------------

export interface Counting {
  /** Waits for the round under way; resolves to the number of rounds. */
  stop(): Promise<number>;
}

const ROUND_PAUSE_MS = 3;
const COUNTERS = 8;

/**
 * Writes none of which may be lost or done twice, to keys that nobody else touches and that are never written
 * over: the traces of one mistake stay to the end. One connection, in rounds, in database `db`.
 */
export async function startCounting(server: RunningServer, db = 12): Promise<Counting> {
  const client = await server.client({ db });
  const controller = new AbortController();
  const { signal } = controller;
  const write = async (): Promise<number> => {
    let round = 0;
    for (; !signal.aborted; round++) {
      await client.pipeline(roundOf(round));
      await pause(ROUND_PAUSE_MS);
    }
    await client.close();
    return round;
  };
  const writing = write();
  // Whoever stops it hears of the failure.
  writing.catch(() => {});
  return {
    stop: async () => {
      controller.abort();
      return await writing;
    },
  };
}

const SCRIPT = "redis.call('INCR', KEYS[1]); return redis.call('APPEND', KEYS[2], ARGV[1])";

function roundOf(round: number): Argument[][] {
  const which = round % COUNTERS;
  return [
    ['INCR', `count:incr:${which}`],
    ['INCRBY', 'count:incrby', round],
    ['INCRBYFLOAT', 'count:float', '0.5'],
    ['APPEND', `count:append:${which}`, `${round},`],
    ['RPUSH', 'count:list', round],
    ['LPUSH', `count:queue:${which}`, round, round + 1],
    ['RPOP', `count:queue:${which}`],
    ['ZINCRBY', 'count:zset', 1, which],
    ['HINCRBY', 'count:hash', which, 1],
    ['XADD', 'count:stream', '*', 'round', round],
    ['MULTI'],
    ['INCR', 'count:multi:a'],
    ['INCR', 'count:multi:b'],
    ['EXEC'],
    ['EVAL', SCRIPT, 2, 'count:script:n', 'count:script:text', '.'],
  ];
}
