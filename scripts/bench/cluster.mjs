/**
 * The benchmarks with clusters as rows of the table. What the first column has is said by a row's name where it is not
 * native replicas.
 *
 * Six servers and a tool do not fit on two cores, so a row of its own holds the wall clock against what the CPU
 * allows: the native replicas' time, or the CPU seconds of all that took part in our run spread over all cores,
 * whichever is more.
 */
import { cpus } from 'node:os';
import { measureClusterStream } from './cluster-stream.mjs';
import { compareClusterSync, compareClusterTarget } from './cluster-sync.mjs';
import { LIMITS } from './limits.mjs';
import { median } from './measure.mjs';
import { preparedRdb } from './prepared.mjs';

/** @typedef {import('./table.mjs').Row} Row */
/** @typedef {import('./benchmarks.mjs').Plan} Plan */
/** @typedef {import('./full-sync.mjs').SyncRun} SyncRun */

const MB = 1e6;

/** Of everything that took part. @param {SyncRun} run */
const cpu = (run) => run.toolCpu + run.serverCpu;

/** @param {Plan} plan @returns {Promise<Row[]>} */
export async function clusterSync({ binary, clusterSets, mostBytes, runs, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of clusterSets) {
    log(`full sync ${name}, three shards into three`);
    const { native, ours } = await compareClusterSync({ binary, name, mostBytes, runs, log });
    const allowed = Math.max(native.wallSeconds, cpu(ours) / cpus().length);
    const what = `cluster sync ${name}`;
    rows.push(
      {
        name: `${what}: wall`,
        native: native.wallSeconds,
        ours: ours.wallSeconds,
        unit: 's',
        equal: ours.equal && native.equal,
      },
      {
        name: `${what}: wall, against what the CPU allows`,
        native: allowed,
        ours: ours.wallSeconds,
        unit: 's',
        maxRatio: LIMITS.clusterWallRatio,
      },
      { name: `${what}: until exit`, native: native.wallSeconds, ours: ours.exitSeconds, unit: 's' },
      { name: `${what}: CPU with all servers`, native: cpu(native), ours: cpu(ours), unit: 's' },
      { name: `${what}: CPU of the tool`, ours: ours.toolCpu, unit: 's' },
      { name: `${what}: peak memory`, ours: ours.peakBytes / MB, unit: 'MB', max: LIMITS.clusterMemoryMb },
    );
  }
  return rows;
}

/** @param {Plan} plan @returns {Promise<Row[]>} */
export async function clusterTarget({ binary, clusterSets, mostBytes, runs, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of clusterSets) {
    const rdb = await preparedRdb(binary, name, log, mostBytes);
    log(`full sync ${name}, one server into one and into three shards`);
    const { single, cluster } = await compareClusterTarget({ binary, rdb, runs, log });
    const what = `full sync ${name} into a cluster, against into one server`;
    rows.push(
      {
        name: `${what}: wall`,
        native: single.wallSeconds,
        ours: cluster.wallSeconds,
        unit: 's',
        maxRatio: LIMITS.clusterTargetRatio,
        equal: single.equal && cluster.equal,
      },
      { name: `${what}: CPU of the tool`, native: single.toolCpu, ours: cluster.toolCpu, unit: 's' },
      {
        name: `${what}: peak memory`,
        native: single.peakBytes / MB,
        ours: cluster.peakBytes / MB,
        unit: 'MB',
      },
    );
  }
  return rows;
}

const WAYS = {
  loose: ['--consistency', 'at-least-once'],
  exact: ['--consistency', 'exactly-once'],
};

/** @param {Plan} plan @returns {Promise<Row[]>} */
export async function clusterStream({ binary, streamCount, runs, log }) {
  /** @type {Record<keyof typeof WAYS, import('./cluster-stream.mjs').ClusterStreamResult[]>} */
  const taken = { loose: [], exact: [] };
  const names = /** @type {const} */ (['loose', 'exact']);
  for (let round = 0; round < runs; round++) {
    for (const way of round % 2 === 0 ? names : names.toReversed()) {
      log(`stream into a cluster, ${way}`);
      const result = await measureClusterStream(binary, streamCount, WAYS[way]);
      log(`  ${way}: ${result.seconds.toFixed(1)} s, ${result.loadSeconds.toFixed(1)} s of it the load`);
      taken[way].push(result);
    }
  }
  const of = (/** @type {keyof typeof WAYS} */ way, /** @type {'seconds' | 'toolCpu'} */ figure) =>
    median(taken[way].map((result) => result[figure]));
  const what = 'stream into a cluster, exactly-once against at-least-once';
  return [
    {
      name: `${what}: until all is there`,
      native: of('loose', 'seconds'),
      ours: of('exact', 'seconds'),
      unit: 's',
      maxRatio: LIMITS.clusterExactlyOnceRatio,
      equal: [...taken.loose, ...taken.exact].every(({ equal }) => equal),
    },
    {
      name: `${what}: CPU of the tool`,
      native: of('loose', 'toolCpu'),
      ours: of('exact', 'toolCpu'),
      unit: 's',
    },
  ];
}
