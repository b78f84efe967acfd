/** The benchmarks, each from a plan to rows of the table. */
import { clusterStream, clusterSync, clusterTarget } from './cluster.mjs';
import { compareDecode } from './decode-compare.mjs';
import { compareFullSync, ourRun, withSource } from './full-sync.mjs';
import { measureLatency } from './latency.mjs';
import { LIMITS } from './limits.mjs';
import { preparedRdb } from './prepared.mjs';
import { median } from './measure.mjs';
import { measureFlood, measureGathered, measureStall } from './stalled.mjs';
import { measureStream } from './stream.mjs';

/** @typedef {import('./table.mjs').Row} Row */
/** @typedef {import('./datasets.mjs').SetName} SetName */
/**
 * @typedef {object} Plan
 * @property {import('../servers.mjs').ServerBinary} binary
 * @property {readonly SetName[]} sets
 * @property {readonly SetName[]} clusterSets
 * @property {number} mostBytes of each set
 * @property {number} runs
 * @property {number} streamCount
 * @property {number} samples
 * @property {number} stallSeconds
 * @property {(line: string) => void} log
 */

const MB = 1e6;
/** Of the stream's commands so few are let gather: the source keeps them in memory. */
const GATHERED_SHARE = 4;

/** Of everything that took part. @param {import('./full-sync.mjs').SyncRun} run */
const cpu = (run) => run.toolCpu + run.serverCpu;

/** @param {Plan} plan @returns {Promise<Row[]>} */
async function fullSync({ binary, sets, mostBytes, runs, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of sets) {
    const rdb = await preparedRdb(binary, name, log, mostBytes);
    log(`full sync ${name}`);
    const { native, nativeDiskless, ours } = await compareFullSync({ binary, rdb, runs, log });
    rows.push(
      {
        name: `full sync ${name}: wall`,
        native: native.wallSeconds,
        ours: ours.wallSeconds,
        unit: 's',
        maxRatio: LIMITS.fullSyncWallRatio,
        equal: ours.equal,
      },
      {
        name: `full sync ${name}: wall, native diskless load`,
        native: nativeDiskless.wallSeconds,
        ours: ours.wallSeconds,
        unit: 's',
      },
      {
        name: `full sync ${name}: until exit`,
        native: native.wallSeconds,
        ours: ours.exitSeconds,
        unit: 's',
      },
      {
        name: `full sync ${name}: CPU with both servers`,
        native: cpu(native),
        ours: cpu(ours),
        unit: 's',
        maxRatio: LIMITS.fullSyncCpuRatio,
      },
      {
        name: `full sync ${name}: CPU of the tool`,
        ours: ours.toolCpu,
        unit: 's',
        ...(name === 'S' ? { max: LIMITS.fullSyncCpuSeconds } : {}),
      },
      { name: `full sync ${name}: peak memory`, ours: ours.peakBytes / MB, unit: 'MB', max: LIMITS.memoryMb },
    );
  }
  return rows;
}

/** @param {Plan} plan @returns {Promise<Row[]>} */
async function latency({ binary, samples, log }) {
  log('latency');
  const native = await measureLatency(binary, 'native', samples);
  const ours = await measureLatency(binary, 'ours', samples);
  return [
    { name: 'latency: median', native: native.p50Ms, ours: ours.p50Ms, unit: 'ms', max: LIMITS.latencyP50Ms },
    {
      name: 'latency: 99th percentile',
      native: native.p99Ms,
      ours: ours.p99Ms,
      unit: 'ms',
      max: LIMITS.latencyP99Ms,
    },
    { name: 'latency: highest', native: native.maxMs, ours: ours.maxMs, unit: 'ms' },
  ];
}

/** @param {Plan} plan @returns {Promise<Row[]>} */
async function stream({ binary, streamCount, log }) {
  log('stream: native');
  const native = await measureStream(binary, 'native', streamCount);
  log('stream: ours');
  const ours = await measureStream(binary, 'ours', streamCount);
  return [
    {
      name: 'stream: offered load',
      native: native.commandsPerSecond,
      ours: ours.commandsPerSecond,
      unit: '/s',
    },
    {
      name: 'stream: behind at the end',
      native: native.behindSeconds,
      ours: ours.behindSeconds,
      unit: 's',
      max: LIMITS.streamBehindSeconds,
      equal: ours.equal,
    },
    {
      name: 'stream: CPU of the tool per million commands',
      ours: ours.toolCpuPerMillion,
      unit: 's/M',
      max: LIMITS.streamCpuPerMillion,
    },
    {
      name: 'stream: CPU of the target per million commands',
      native: native.targetCpuPerMillion,
      ours: ours.targetCpuPerMillion,
      unit: 's/M',
    },
    { name: 'stream: highest lag seen', ours: ours.maxLagBytes / MB, unit: 'MB' },
  ];
}

/** @param {Plan} plan @returns {Promise<Row[]>} */
async function decode({ binary, sets, mostBytes, runs, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of sets) {
    const rdb = await preparedRdb(binary, name, log, mostBytes);
    log(`decode ${name}`);
    const {
      nativeSeconds: native,
      entriesSeconds,
      valuesSeconds,
      checksumOk,
    } = await compareDecode({ binary, rdb, runs });
    rows.push(
      {
        name: `decode ${name}: entries`,
        native,
        ours: entriesSeconds,
        unit: 's',
        maxRatio: LIMITS.decodeRatio,
        equal: checksumOk,
      },
      {
        name: `decode ${name}: every value`,
        native,
        ours: valuesSeconds,
        unit: 's',
        maxRatio: LIMITS.decodeRatio,
        equal: checksumOk,
      },
    );
  }
  return rows;
}

/** Peak memory on what full-sync does not cover. @param {Plan} plan @returns {Promise<Row[]>} */
async function memory({ binary, sets, mostBytes, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of new Set([...sets, /** @type {const} */ ('bigvalues')])) {
    const rdb = await preparedRdb(binary, name, log, mostBytes);
    log(`memory ${name}`);
    const { peakBytes, equal } = await withSource(binary, rdb, (source) => ourRun(source));
    rows.push({
      name: `memory ${name}: peak`,
      ours: peakBytes / MB,
      unit: 'MB',
      max: name === 'bigvalues' ? LIMITS.memoryBigValuesMb : LIMITS.memoryMb,
      equal,
    });
  }
  return rows;
}

/** More than the target takes, and a target that takes nothing. @param {Plan} plan @returns {Promise<Row[]>} */
async function stalled({ binary, streamCount, stallSeconds, log }) {
  log('flood: native');
  const native = await measureFlood(binary, 'native', streamCount);
  log('flood: ours');
  const flood = await measureFlood(binary, 'ours', streamCount);
  log(`target stopped for ${stallSeconds} s`);
  const stall = await measureStall(binary, stallSeconds);
  const at = `stalled ${stallSeconds} s`;
  return [
    { name: 'flood: load', native: native.loadSeconds, ours: flood.loadSeconds, unit: 's' },
    {
      name: 'flood: links dropped',
      native: native.drops,
      ours: flood.drops,
      unit: '',
      max: 0,
      equal: flood.equal,
    },
    { name: 'flood: behind at the end', native: native.behindSeconds, ours: flood.behindSeconds, unit: 's' },
    { name: 'flood: peak memory', ours: flood.peakBytes / MB, unit: 'MB', max: LIMITS.stalledMemoryMb },
    { name: 'flood: spool at its largest', ours: flood.spoolBytes / MB, unit: 'MB' },
    { name: `${at}: links dropped`, ours: stall.drops, unit: '', max: 0, equal: stall.equal },
    { name: `${at}: peak memory`, ours: stall.peakBytes / MB, unit: 'MB', max: LIMITS.stalledMemoryMb },
    { name: `${at}: the stream meanwhile`, ours: stall.megabytes, unit: 'MB' },
    { name: `${at}: spool at its largest`, ours: stall.spoolBytes / MB, unit: 'MB' },
    { name: `${at}: the same in files`, ours: stall.fileBytes / MB, unit: 'MB' },
    { name: `${at}: caught up after`, ours: stall.behindSeconds, unit: 's' },
  ];
}

/**
 * What crash safety costs: with the spool against without it, exactly-once against at-least-once, and both
 * against a native replica. The first column is what the second is compared with.
 * @param {Plan} plan
 * @returns {Promise<Row[]>}
 */
async function cost({ binary, sets, mostBytes, runs, streamCount, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of sets) {
    const rdb = await preparedRdb(binary, name, log, mostBytes);
    log(`full sync ${name}: without the spool, with it`);
    const { without, withIt } = await withSource(binary, rdb, async (source) => {
      const seconds = { without: /** @type {number[]} */ ([]), withIt: /** @type {number[]} */ ([]) };
      for (let round = 0; round < runs; round++) {
        seconds.without.push((await ourRun(source, ['--spool-max', '0'])).wallSeconds);
        seconds.withIt.push((await ourRun(source)).wallSeconds);
      }
      return seconds;
    });
    rows.push({
      name: `full sync ${name}: with the spool, against without it`,
      native: median(without),
      ours: median(withIt),
      unit: 's',
      maxRatio: LIMITS.spoolRatio,
    });
  }
  const loose = ['--consistency', 'at-least-once'];
  const taken = { native: [], loose: [], exact: [] };
  let equal = true;
  for (let round = 0; round < runs; round++) {
    for (const way of /** @type {const} */ (['native', 'loose', 'exact'])) {
      const args = way === 'loose' ? loose : [];
      const result = await measureStream(binary, way === 'native' ? 'native' : 'ours', streamCount, args);
      const seconds = result.loadSeconds + result.behindSeconds;
      log(`  stream, ${way}: ${seconds.toFixed(1)} s`);
      taken[way].push(seconds);
      equal &&= result.equal;
    }
  }
  const gathered = { native: /** @type {number[]} */ ([]), ours: /** @type {number[]} */ ([]) };
  for (let round = 0; round < runs; round++) {
    for (const way of /** @type {const} */ (['native', 'ours'])) {
      const result = await measureGathered(binary, way, Math.ceil(streamCount / GATHERED_SHARE));
      log(`  what has gathered, ${way}: ${result.behindSeconds.toFixed(1)} s`);
      gathered[way].push(result.behindSeconds);
      equal &&= result.equal;
    }
  }
  const [native, atLeastOnce, exact] = [median(taken.native), median(taken.loose), median(taken.exact)];
  rows.push(
    {
      name: 'stream, until all is there: exactly-once, against at-least-once',
      native: atLeastOnce,
      ours: exact,
      unit: 's',
      maxRatio: LIMITS.exactlyOnceRatio,
      equal,
    },
    {
      name: 'stream, until all is there: exactly-once, against a native replica',
      native,
      ours: exact,
      unit: 's',
      maxRatio: LIMITS.streamNativeRatio,
      equal,
    },
    {
      name: 'stream, what has gathered: against a native replica',
      native: median(gathered.native),
      ours: median(gathered.ours),
      unit: 's',
      maxRatio: LIMITS.streamNativeRatio,
      equal,
    },
  );
  return rows;
}

export const BENCHMARKS = {
  'full-sync': fullSync,
  latency,
  stream,
  decode,
  memory,
  stalled,
  cost,
  'cluster-sync': clusterSync,
  'cluster-target': clusterTarget,
  'cluster-stream': clusterStream,
};
