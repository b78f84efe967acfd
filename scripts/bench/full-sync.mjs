/**
 * A full sync into an empty target: our command line against the server's own REPLICAOF, back to back, in
 * turns. The clock runs from the start of the process (or the REPLICAOF) until the target has all keys.
 */
import { startSync, lastMessages } from '../demo/sync-process.mjs';
import { digest } from '../lib/compare.mjs';
import { startServer } from '../servers.mjs';
import { digestOfData, keyCount, median, replicationField, serverCpu, until } from './measure.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/**
 * @typedef {object} SyncRun
 * @property {number} wallSeconds until the target had all keys
 * @property {number} exitSeconds until the process had ended; the same as wallSeconds for REPLICAOF
 * @property {number} toolCpu seconds; 0 for REPLICAOF
 * @property {number} serverCpu seconds of both servers
 * @property {number} peakBytes of the tool
 * @property {boolean} equal
 */

const TIMEOUT_MS = 600_000;
export const SOURCE_ARGS = { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': 0 };

/**
 * A server that holds the data, and what a copy of it is checked against.
 * @typedef {object} Loaded
 * @property {RunningServer} server
 * @property {number} keys
 * @property {string} digest
 */

/**
 * @template T
 * @param {ServerBinary} binary
 * @param {string} rdb
 * @param {(source: Loaded) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withSource(binary, rdb, use) {
  const server = await startServer(binary, { args: SOURCE_ARGS, loadRdb: rdb, startTimeoutMs: TIMEOUT_MS });
  try {
    const client = await server.client({ timeoutMs: TIMEOUT_MS });
    const source = { server, keys: await keyCount(client), digest: await digest(client) };
    await client.close();
    return await use(source);
  } finally {
    await server.stop();
  }
}

/**
 * @param {Loaded} source
 * @param {Record<string, string>} targetArgs
 * @param {(target: RunningServer, hasAll: () => Promise<boolean>) => Promise<Omit<SyncRun, 'serverCpu' | 'equal'>>} measure
 * @returns {Promise<SyncRun>}
 */
async function withTarget(source, targetArgs, measure) {
  const target = await startServer(source.server.binary, { args: targetArgs });
  try {
    const client = await target.client({ timeoutMs: TIMEOUT_MS });
    const cpu = () => serverCpu(source.server.pid) + serverCpu(target.pid);
    const cpuBefore = cpu();
    const result = await measure(target, async () => (await keyCount(client)) >= source.keys);
    const used = cpu() - cpuBefore;
    const equal = (await digestOfData(client)) === source.digest;
    await client.close();
    return { ...result, serverCpu: used, equal };
  } finally {
    await target.stop();
  }
}

/** @param {Loaded} source @param {Record<string, string>} targetArgs */
export function nativeRun(source, targetArgs) {
  return withTarget(source, targetArgs, async (target, hasAll) => {
    const client = await target.client();
    const startedMs = performance.now();
    await client.call('REPLICAOF', '127.0.0.1', String(source.server.port));
    const isDone = async () =>
      (await replicationField(client, 'master_link_status')) === 'up' && (await hasAll());
    await until(isDone, { timeoutMs: TIMEOUT_MS, what: 'REPLICAOF' });
    const seconds = (performance.now() - startedMs) / 1000;
    await client.call('REPLICAOF', 'NO', 'ONE');
    await client.close();
    return { wallSeconds: seconds, exitSeconds: seconds, toolCpu: 0, peakBytes: 0 };
  });
}

/** @param {Loaded} source @param {readonly string[]} [more] options of the tool */
export function ourRun(source, more = []) {
  return withTarget(source, {}, async (target, hasAll) => {
    const sync = startSync({
      source: source.server.url,
      target: target.url,
      args: ['--until', 'caught-up', '--quiet', ...more],
    });
    const state = { over: false };
    void sync.exited.then(() => {
      state.over = true;
    });
    await until(async () => (await hasAll()) || state.over, { timeoutMs: TIMEOUT_MS, what: 'our full sync' });
    const wallSeconds = (performance.now() - sync.startedMs) / 1000;
    const exit = await sync.exited;
    if (exit.code !== 0)
      throw new Error(`replicant sync ended with ${exit.code ?? exit.signal}:\n${lastMessages(exit.log)}`);
    const { cpuSeconds = Number.NaN, peakBytes = Number.NaN } = exit.usage ?? {};
    return { wallSeconds, exitSeconds: exit.seconds, toolCpu: cpuSeconds, peakBytes };
  });
}

/** @param {readonly SyncRun[]} runs @returns {SyncRun} the median of each figure, the highest peak */
export function summarize(runs) {
  const of = (/** @type {(run: SyncRun) => number} */ pick) => median(runs.map(pick));
  return {
    wallSeconds: of((run) => run.wallSeconds),
    exitSeconds: of((run) => run.exitSeconds),
    toolCpu: of((run) => run.toolCpu),
    serverCpu: of((run) => run.serverCpu),
    peakBytes: Math.max(...runs.map((run) => run.peakBytes)),
    equal: runs.every((run) => run.equal),
  };
}

/** How REPLICAOF loads: the default writes the transfer to disk first, the other parses it from the socket. */
const NATIVE_WAYS = {
  native: { 'repl-diskless-load': 'disabled' },
  nativeDiskless: { 'repl-diskless-load': 'on-empty-db' },
};

/**
 * @param {{binary: ServerBinary, rdb: string, runs: number, log: (line: string) => void}} options
 * @returns {Promise<{native: SyncRun, nativeDiskless: SyncRun, ours: SyncRun}>}
 */
export async function compareFullSync({ binary, rdb, runs, log }) {
  /** @type {Record<'native' | 'nativeDiskless' | 'ours', SyncRun[]>} */
  const results = { native: [], nativeDiskless: [], ours: [] };
  const names = /** @type {const} */ (['native', 'ours', 'nativeDiskless']);
  await withSource(binary, rdb, async (source) => {
    for (let i = 0; i < runs; i++) {
      for (const name of i % 2 === 0 ? names : names.toReversed()) {
        const result = await (name === 'ours' ? ourRun(source) : nativeRun(source, NATIVE_WAYS[name]));
        results[name].push(result);
        log(`  ${name}: ${result.wallSeconds.toFixed(2)} s${result.equal ? '' : ', DIGESTS DIFFER'}`);
      }
    }
  });
  return {
    native: summarize(results.native),
    nativeDiskless: summarize(results.nativeDiskless),
    ours: summarize(results.ours),
  };
}
