/**
 * A stream into a cluster: the server's own benchmark tool writes to one server as fast as it can; how long until all
 * of it is on each shard of the target?
 */
import { timeToVisible } from '../demo/probe.mjs';
import { startCluster } from '../lib/cluster.mjs';
import { tagOf } from '../lib/cluster-slots.mjs';
import { digest } from '../lib/compare.mjs';
import { startServer } from '../servers.mjs';
import { connectPrimaries, digestOfAllData } from './cluster-data.mjs';
import { SOURCE_ARGS } from './full-sync.mjs';
import { startOurs } from './live-pair.mjs';
import { runLoad } from './stream.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/** @typedef {import('../lib/cluster.mjs').RunningCluster} RunningCluster */
/**
 * @typedef {object} ClusterStreamResult
 * @property {number} seconds from the start of the load until all was there
 * @property {number} loadSeconds
 * @property {number} toolCpu seconds
 * @property {boolean} equal
 */

const TIMEOUT_MS = 600_000;
const LOAD = ['-t', 'set,incr,lpush,hset,zadd', '-r', 100_000];

/** A key for each shard, in a slot of its own. @param {RunningCluster} cluster @param {string} name */
async function keyPerShard(cluster, name) {
  const views = await cluster.topology();
  return cluster.shards.map(({ primary }) => {
    const slot = views.find(({ id }) => id === primary.id)?.slots[0]?.[0] ?? 0;
    return `{${tagOf(slot)}}${name}`;
  });
}

/**
 * Shards are not equally far: a last write to each counts.
 * @param {RunningServer} source
 * @param {RunningCluster} target
 * @param {string} name of what is written
 * @param {() => string | undefined} failure
 */
async function untilAllIsThere(source, target, name, failure) {
  const keys = await keyPerShard(target, name);
  const there = await connectPrimaries(target);
  const here = await Promise.all(there.map(() => source.client({ timeoutMs: TIMEOUT_MS })));
  const isOver = () => failure() !== undefined;
  const patience = { timeoutMs: TIMEOUT_MS, pauseMs: 1, isOver };
  const took = await Promise.all(keys.map((key, i) => timeToVisible(here[i], there[i], key, 'x', patience)));
  await Promise.all([...here, ...there].map((client) => client.close()));
  const why = failure();
  if (why !== undefined) throw new Error(why);
  if (took.some((ms) => !Number.isFinite(ms))) throw new Error('the stream did not come to its end in time');
}

/** @param {RunningServer} source @param {RunningCluster} target */
async function isEqual(source, target) {
  const client = await source.client({ timeoutMs: TIMEOUT_MS });
  const there = await connectPrimaries(target);
  const equal = (await digest(client)) === (await digestOfAllData(there));
  await Promise.all([client, ...there].map((one) => one.close()));
  return equal;
}

/**
 * @param {ServerBinary} binary
 * @param {number} perTest commands of each of the five kinds
 * @param {readonly string[]} args of the tool
 * @returns {Promise<ClusterStreamResult>}
 */
export async function measureClusterStream(binary, perTest, args) {
  const { benchmarkCommand } = binary;
  if (benchmarkCommand === undefined) throw new Error(`there is no benchmark tool beside ${binary.id}`);
  const source = await startServer(binary, { args: SOURCE_ARGS });
  const target = await startCluster(binary);
  try {
    const sync = await startOurs(source, target, args);
    try {
      await untilAllIsThere(source, target, 'bench:first', sync.failure);
      const cpuBefore = sync.toolCpu();
      const startedMs = performance.now();
      await runLoad(benchmarkCommand, source.port, perTest, LOAD);
      const loadSeconds = (performance.now() - startedMs) / 1000;
      await untilAllIsThere(source, target, 'bench:last', sync.failure);
      const seconds = (performance.now() - startedMs) / 1000;
      const toolCpu = sync.toolCpu() - cpuBefore;
      await sync.stop();
      return { seconds, loadSeconds, toolCpu, equal: await isEqual(source, target) };
    } finally {
      await sync.stop();
    }
  } finally {
    await Promise.all([source.stop(), target.stop()]);
  }
}
