/** Two servers with a sync running between them, ours or the server's own, ready in the streaming phase. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lastMessages, startSync } from '../demo/sync-process.mjs';
import { readUsage } from '../demo/process-usage.mjs';
import { startServer } from '../servers.mjs';
import { SOURCE_ARGS } from './full-sync.mjs';
import { replicationField, serverCpu, until } from './measure.mjs';

/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/**
 * @typedef {object} LivePair
 * @property {RunningServer} source
 * @property {RunningServer} target
 * @property {() => number} toolCpu seconds so far; 0 for the server's own
 * @property {() => number} targetCpu
 * @property {() => string | undefined} failure what the tool said, when it has ended
 * @property {() => any} status ours: the status file's content
 * @property {() => Promise<unknown>} stop ends the tool, as Ctrl-C does; also when it has ended
 * @property {() => number} toolPeakBytes highest resident memory so far; 0 for the server's own
 * @property {() => number} spoolFileBytes what the tool has on disk; 0 for the server's own
 */
/**
 * @typedef {object} PairOptions
 * @property {readonly string[]} [args] of the tool
 * @property {Readonly<Record<string, string | number>>} [sourceArgs]
 */

/** @param {RunningServer} source @param {RunningServer} target */
async function awaitFirstKey(source, target) {
  const [a, b] = await Promise.all([source.client(), target.client()]);
  await until(
    async () => {
      const [reply] = await b.pipeline([['GET', 'bench:ready']]);
      return Buffer.isBuffer(reply);
    },
    { timeoutMs: 60_000, what: 'the first key on the target' },
  );
  await Promise.all([a.close(), b.close()]);
}

/** @param {RunningServer} source @param {RunningServer} target */
async function startNative(source, target) {
  const client = await target.client();
  await client.call('REPLICAOF', '127.0.0.1', String(source.port));
  await until(async () => (await replicationField(client, 'master_link_status')) === 'up', {
    timeoutMs: 60_000,
    what: 'REPLICAOF',
  });
  await client.close();
  return {
    toolCpu: () => 0,
    failure: () => undefined,
    status: () => undefined,
    toolPeakBytes: () => 0,
    spoolFileBytes: () => 0,
    stop: async () => {},
  };
}

/** @param {string} dir @returns {number} 0 when it is not there */
function bytesIn(dir) {
  try {
    const sizes = readdirSync(dir).map(
      (name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0,
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch {
    return 0;
  }
}

/**
 * @param {{readonly url: string}} source
 * @param {{readonly url: string}} target
 * @param {readonly string[]} args
 */
export async function startOurs(source, target, args) {
  const sync = startSync({ source: source.url, target: target.url, args: ['--quiet', ...args] });
  const state = { over: false };
  void sync.exited.then(() => {
    state.over = true;
  });
  await until(async () => sync.status()?.phase === 'streaming' || state.over, {
    timeoutMs: 60_000,
    what: 'streaming',
  });
  return {
    toolCpu: () => readUsage(sync.pid)?.cpuSeconds ?? Number.NaN,
    failure: () => (state.over ? `replicant sync ended:\n${lastMessages(sync.log())}` : undefined),
    status: sync.status,
    toolPeakBytes: () => readUsage(sync.pid)?.peakBytes ?? Number.NaN,
    spoolFileBytes: () => bytesIn(join(sync.stateDir, 'spool')),
    stop: () => sync.stop(),
  };
}

/**
 * @template T
 * @param {import('../servers.mjs').ServerBinary} binary
 * @param {'native' | 'ours'} way
 * @param {(pair: LivePair) => Promise<T>} use
 * @param {PairOptions} [options]
 * @returns {Promise<T>}
 */
export async function withLivePair(binary, way, use, { args = [], sourceArgs = {} } = {}) {
  const source = await startServer(binary, { args: { ...SOURCE_ARGS, ...sourceArgs } });
  const target = await startServer(binary);
  try {
    const client = await source.client();
    await client.call('SET', 'bench:ready', 'yes');
    await client.close();
    const running = await (way === 'native' ? startNative(source, target) : startOurs(source, target, args));
    try {
      await awaitFirstKey(source, target);
      return await use({ source, target, targetCpu: () => serverCpu(target.pid), ...running });
    } finally {
      await running.stop();
    }
  } finally {
    await Promise.all([source.stop(), target.stop()]);
  }
}
