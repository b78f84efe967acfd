/**
 * A source under more load than the target takes: does the link to the source ever break, how much memory does
 * the tool need while its spool grows, and how soon has it caught up?
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { timeToVisible } from '../demo/probe.mjs';
import { digest } from '../lib/compare.mjs';
import { infoField } from '../workload/abilities.mjs';
import { withLivePair } from './live-pair.mjs';
import { digestOfData } from './measure.mjs';
import { runLoad } from './stream.mjs';

const TIMEOUT_MS = 1_800_000;
const WATCH_MS = 250;
const FLOOD = ['-t', 'set', '-d', 1024, '-r', 100_000];
/** Of each kind in one go; goes are repeated until the time is up. */
const STALL_PER_TEST = 100_000;
/** What a source does to its replicas unless told otherwise; some packages ship something else. */
const DEFAULT_LIMIT = '256mb 64mb 60';
/** Whatever gathers, the source keeps it for its replica. */
const NO_LIMIT = '0 0 0';

/**
 * @typedef {object} StalledResult
 * @property {number} loadSeconds
 * @property {number} megabytes of the stream that the load made
 * @property {number} drops links to the source beyond the first
 * @property {number} behindSeconds from the end of the load, or of the stall, until the last write was there
 * @property {number} peakBytes of the tool
 * @property {number} spoolBytes received and not applied, at most
 * @property {number} fileBytes the same on disk, as it is stored
 * @property {boolean} equal
 */

/** @param {import('./live-pair.mjs').LivePair} pair */
function watchSpool(pair) {
  const seen = { spoolBytes: 0, fileBytes: 0 };
  const timer = setInterval(() => {
    seen.spoolBytes = Math.max(seen.spoolBytes, pair.status()?.shards?.[0]?.spoolBytes ?? 0);
    seen.fileBytes = Math.max(seen.fileBytes, pair.spoolFileBytes());
  }, WATCH_MS);
  return { seen, stop: () => clearInterval(timer) };
}

/** @param {import('../lib/client.mjs').Client} source */
async function replicationCounts(source) {
  const [stats, replication] = [await source.text('INFO', 'stats'), await source.text('INFO', 'replication')];
  const number = (/** @type {string} */ text, /** @type {string} */ field) => Number(infoField(text, field));
  return {
    links: number(stats, 'sync_full') + number(stats, 'sync_partial_ok'),
    offset: number(replication, 'master_repl_offset'),
  };
}

/**
 * @param {import('../servers.mjs').ServerBinary} binary
 * @param {'native' | 'ours'} way
 * @param {(pair: import('./live-pair.mjs').LivePair) => Promise<unknown>} load
 * @param {string} [limit] of the source's output buffer for a replica
 * @returns {Promise<StalledResult>}
 */
function measure(binary, way, load, limit = DEFAULT_LIMIT) {
  const use = async (/** @type {import('./live-pair.mjs').LivePair} */ pair) => {
    const source = await pair.source.client({ timeoutMs: TIMEOUT_MS });
    const target = await pair.target.client({ timeoutMs: TIMEOUT_MS });
    const before = await replicationCounts(source);
    const spool = watchSpool(pair);
    const startedMs = performance.now();
    await load(pair);
    const loadSeconds = (performance.now() - startedMs) / 1000;
    const behindMs = await timeToVisible(source, target, 'bench:last', 'x', {
      timeoutMs: TIMEOUT_MS,
      pauseMs: 1,
      isOver: () => pair.failure() !== undefined,
    });
    spool.stop();
    const failure = pair.failure();
    if (failure !== undefined) throw new Error(failure);
    const after = await replicationCounts(source);
    const peakBytes = pair.toolPeakBytes();
    await pair.stop();
    const equal = (await digest(source)) === (await digestOfData(target));
    await Promise.all([source.close(), target.close()]);
    return {
      loadSeconds,
      megabytes: (after.offset - before.offset) / 1e6,
      drops: after.links - before.links,
      behindSeconds: behindMs / 1000,
      peakBytes,
      ...spool.seen,
      equal,
    };
  };
  // What replicas were called before 5.0.
  const replica = binary.family === 'redis' && Number.parseInt(binary.version, 10) < 5 ? 'slave' : 'replica';
  return withLivePair(binary, way, use, {
    sourceArgs: { 'client-output-buffer-limit': `${replica} ${limit}` },
  });
}

/** @param {import('../servers.mjs').ServerBinary} binary @returns {readonly string[]} */
function benchmarkOf({ benchmarkCommand, id }) {
  if (benchmarkCommand === undefined) throw new Error(`there is no benchmark tool beside ${id}`);
  return benchmarkCommand;
}

/**
 * SETs of 1 KB as fast as the source takes them.
 * @param {import('../servers.mjs').ServerBinary} binary
 * @param {'native' | 'ours'} way
 * @param {number} count
 */
export function measureFlood(binary, way, count) {
  const benchmark = benchmarkOf(binary);
  return measure(binary, way, ({ source }) => runLoad(benchmark, source.port, count, FLOOD));
}

/**
 * The target is stopped while the source is written to for so long.
 * @param {import('../servers.mjs').ServerBinary} binary
 * @param {number} seconds
 */
export function measureStall(binary, seconds) {
  const benchmark = benchmarkOf(binary);
  return measure(binary, 'ours', async ({ source, target }) => {
    const end = performance.now() + seconds * 1000;
    target.pause();
    try {
      while (performance.now() < end) await runLoad(benchmark, source.port, STALL_PER_TEST);
      // Until the status file has seen it.
      await sleep(2 * WATCH_MS + 1000);
    } finally {
      target.resume();
    }
  });
}

/**
 * The target stands still while the load runs, and is then alone with what has gathered.
 * @param {import('../servers.mjs').ServerBinary} binary
 * @param {'native' | 'ours'} way
 * @param {number} perTest commands of each of the five kinds
 */
export function measureGathered(binary, way, perTest) {
  const benchmark = benchmarkOf(binary);
  const load = async (/** @type {import('./live-pair.mjs').LivePair} */ { source, target }) => {
    target.pause();
    try {
      await runLoad(benchmark, source.port, perTest);
    } finally {
      target.resume();
    }
  };
  return measure(binary, way, load, NO_LIMIT);
}
