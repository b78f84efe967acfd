/**
 * Full syncs with clusters. Three shards into three, against three servers that are each the REPLICAOF of one of the
 * same three primaries, all at once; and one server into a cluster, against the same into one server. In turns, and
 * every target is started for its run alone.
 *
 * All nodes are on one host, where snapshots are taken one after the other whatever `--parallel-snapshots` says.
 */
import { startSync, lastMessages } from '../demo/sync-process.mjs';
import { startCluster } from '../lib/cluster.mjs';
import { startServer } from '../servers.mjs';
import { connectPrimaries, digestOfAll, digestOfAllData, keyCountOf, loadCluster } from './cluster-data.mjs';
import { ourRun, SOURCE_ARGS, summarize, withSource } from './full-sync.mjs';
import { replicationField, serverCpu, until } from './measure.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/** @typedef {import('../lib/client.mjs').Client} Client */
/** @typedef {import('../lib/cluster.mjs').RunningCluster} RunningCluster */
/** @typedef {import('./full-sync.mjs').SyncRun} SyncRun */

const TIMEOUT_MS = 600_000;

/**
 * What is copied, and what a copy of it is checked against.
 * @typedef {object} Origin
 * @property {string} url
 * @property {readonly RunningServer[]} servers
 * @property {number} keys
 * @property {string} digest
 */

/** @param {readonly RunningServer[]} servers */
const cpuOf = (servers) => servers.reduce((sum, { pid }) => sum + serverCpu(pid), 0);

/** @param {RunningCluster} cluster */
const serversOf = (cluster) => cluster.shards.map(({ primary }) => primary.server);

/** Threads are in the figures of their process. @param {Origin} origin @param {RunningCluster} target @returns {Promise<SyncRun>} */
async function runInto(origin, target) {
  const clients = await connectPrimaries(target);
  const servers = [...origin.servers, ...serversOf(target)];
  const cpuBefore = cpuOf(servers);
  const sync = startSync({
    source: origin.url,
    target: target.url,
    args: ['--until', 'caught-up', '--quiet'],
  });
  const state = { over: false };
  void sync.exited.then(() => {
    state.over = true;
  });
  const isDone = async () => state.over || (await keyCountOf(clients)) >= origin.keys;
  await until(isDone, { timeoutMs: TIMEOUT_MS, what: 'our full sync' });
  const wallSeconds = (performance.now() - sync.startedMs) / 1000;
  const exit = await sync.exited;
  if (exit.code !== 0)
    throw new Error(`replicant sync ended with ${exit.code ?? exit.signal}:\n${lastMessages(exit.log)}`);
  const usedCpu = cpuOf(servers) - cpuBefore;
  const equal = (await digestOfAllData(clients)) === origin.digest;
  await Promise.all(clients.map((client) => client.close()));
  const { cpuSeconds = Number.NaN, peakBytes = Number.NaN } = exit.usage ?? {};
  return {
    wallSeconds,
    exitSeconds: exit.seconds,
    toolCpu: cpuSeconds,
    serverCpu: usedCpu,
    peakBytes,
    equal,
  };
}

/** @param {Origin} origin @param {ServerBinary} binary */
async function ourClusterRun(origin, binary) {
  const target = await startCluster(binary);
  try {
    return await runInto(origin, target);
  } finally {
    await target.stop();
  }
}

// ---- three shards into three -------------------------------------------------------------------------------

/** A replica of each, at the same time. @param {Origin} origin @param {ServerBinary} binary @returns {Promise<SyncRun>} */
async function nativeRun(origin, binary) {
  const args = { 'repl-diskless-load': 'disabled' };
  const targets = await Promise.all(origin.servers.map(() => startServer(binary, { args })));
  try {
    const clients = await Promise.all(targets.map((target) => target.client({ timeoutMs: TIMEOUT_MS })));
    const servers = [...origin.servers, ...targets];
    const cpuBefore = cpuOf(servers);
    const startedMs = performance.now();
    await Promise.all(
      clients.map((client, i) => client.call('REPLICAOF', '127.0.0.1', String(origin.servers[i]?.port))),
    );
    const isDone = async () => {
      const links = await Promise.all(
        clients.map((client) => replicationField(client, 'master_link_status')),
      );
      return links.every((link) => link === 'up') && (await keyCountOf(clients)) >= origin.keys;
    };
    await until(isDone, { timeoutMs: TIMEOUT_MS, what: 'REPLICAOF' });
    const seconds = (performance.now() - startedMs) / 1000;
    const usedCpu = cpuOf(servers) - cpuBefore;
    await Promise.all(clients.map((client) => client.call('REPLICAOF', 'NO', 'ONE')));
    const equal = (await digestOfAll(clients)) === origin.digest;
    await Promise.all(clients.map((client) => client.close()));
    return {
      wallSeconds: seconds,
      exitSeconds: seconds,
      toolCpu: 0,
      serverCpu: usedCpu,
      peakBytes: 0,
      equal,
    };
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}

/** @param {RunningCluster} cluster @returns {Promise<Origin>} */
async function originOf(cluster) {
  const clients = await connectPrimaries(cluster);
  const [keys, all] = [await keyCountOf(clients), await digestOfAll(clients)];
  await Promise.all(clients.map((client) => client.close()));
  return { url: cluster.url, servers: serversOf(cluster), keys, digest: all };
}

/**
 * @typedef {object} ClusterPlan
 * @property {ServerBinary} binary
 * @property {number} runs
 * @property {(line: string) => void} log
 */

/**
 * @param {ClusterPlan & {name: import('./datasets.mjs').SetName, mostBytes: number}} plan
 * @returns {Promise<{native: SyncRun, ours: SyncRun}>}
 */
export async function compareClusterSync({ binary, name, mostBytes, runs, log }) {
  const source = await startCluster(binary, { args: SOURCE_ARGS });
  try {
    await loadCluster(source, name, mostBytes);
    const origin = await originOf(source);
    log(`  ${origin.keys} keys`);
    const ways = {
      native: () => nativeRun(origin, binary),
      ours: () => ourClusterRun(origin, binary),
    };
    return await inTurns(ways, runs, log);
  } finally {
    await source.stop();
  }
}

// ---- one server into a cluster, and into one server ----------------------------------------------------------

/**
 * @param {ClusterPlan & {rdb: string}} plan
 * @returns {Promise<{single: SyncRun, cluster: SyncRun}>}
 */
export async function compareClusterTarget({ binary, rdb, runs, log }) {
  return await withSource(binary, rdb, async (source) => {
    const { server, keys } = source;
    const origin = { url: server.url, servers: [server], keys, digest: source.digest };
    const ways = { single: () => ourRun(source), cluster: () => ourClusterRun(origin, binary) };
    return await inTurns(ways, runs, log);
  });
}

/**
 * Every way once in each round, the other way round in every second.
 * @template {string} Way
 * @param {Readonly<Record<Way, () => Promise<SyncRun>>>} ways
 * @param {number} runs
 * @param {(line: string) => void} log
 * @returns {Promise<Record<Way, SyncRun>>}
 */
async function inTurns(ways, runs, log) {
  const names = /** @type {Way[]} */ (Object.keys(ways));
  const results = new Map(names.map((name) => [name, /** @type {SyncRun[]} */ ([])]));
  for (let round = 0; round < runs; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const result = await ways[name]();
      results.get(name)?.push(result);
      log(`  ${name}: ${result.wallSeconds.toFixed(2)} s${result.equal ? '' : ', DIGESTS DIFFER'}`);
    }
  }
  return /** @type {Record<Way, SyncRun>} */ (
    Object.fromEntries([...results].map(([name, all]) => [name, summarize(all)]))
  );
}
