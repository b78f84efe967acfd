/** The benchmarks, each from a plan to rows of the table. */
import { compareDecode } from './decode-compare.mjs';
import { compareFullSync, ourRun, withSource } from './full-sync.mjs';
import { measureLatency } from './latency.mjs';
import { LIMITS } from './limits.mjs';
import { preparedRdb } from './prepared.mjs';
import { measureStream } from './stream.mjs';

/** @typedef {import('./table.mjs').Row} Row */
/** @typedef {import('./datasets.mjs').SetName} SetName */
/**
 * @typedef {object} Plan
 * @property {import('../servers.mjs').ServerBinary} binary
 * @property {readonly SetName[]} sets
 * @property {number} runs
 * @property {number} streamCount
 * @property {number} samples
 * @property {(line: string) => void} log
 */

const MB = 1e6;

/** Of everything that took part. @param {import('./full-sync.mjs').SyncRun} run */
const cpu = (run) => run.toolCpu + run.serverCpu;

/** @param {Plan} plan @returns {Promise<Row[]>} */
async function fullSync({ binary, sets, runs, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of sets) {
    const rdb = await preparedRdb(binary, name, log);
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
async function decode({ binary, sets, runs, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of sets) {
    const rdb = await preparedRdb(binary, name, log);
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
async function memory({ binary, sets, log }) {
  /** @type {Row[]} */
  const rows = [];
  for (const name of new Set([...sets, /** @type {const} */ ('bigvalues')])) {
    const rdb = await preparedRdb(binary, name, log);
    log(`memory ${name}`);
    const { peakBytes, equal } = await withSource(binary, rdb, ourRun);
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

/** @type {Readonly<Record<'full-sync' | 'latency' | 'stream' | 'decode' | 'memory', (plan: Plan) => Promise<Row[]>>>} */
export const BENCHMARKS = { 'full-sync': fullSync, latency, stream, decode, memory };
