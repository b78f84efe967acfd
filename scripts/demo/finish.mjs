/** The end of the demo: everything written has arrived, and both servers hold the same. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareServers, digest } from '../lib/compare.mjs';
import { timeToVisible } from './probe.mjs';
import { CLI_PATH, lastMessages } from './sync-process.mjs';

/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/** @typedef {import('../workload/abilities.mjs').Abilities} Abilities */

const DRAIN_TIMEOUT_MS = 60_000;
const EXPIRY_TIMEOUT_MS = 15_000;
/** The shortest lives in the workload are half a second: let them end before looking at one side after the other. */
const SETTLE_MS = 800;
/** Up to 6.2 times to live travel as durations, which grow by what the way takes. */
const RELATIVE_TTL_TOLERANCE_MS = 2000;

/**
 * A last key is written; once it is on the target, so is everything before it.
 * @param {RunningServer} source
 * @param {RunningServer} target
 * @param {import('./sync-process.mjs').SyncProcess} sync
 * @param {{progress: (text: string) => void}} screen
 * @returns {Promise<number>} milliseconds it took
 */
export async function awaitVisible(source, target, sync, screen) {
  screen.progress('waiting for zero lag');
  const [a, b] = await Promise.all([source.client(), target.client()]);
  let over = false;
  void sync.exited.then(() => {
    over = true;
  });
  const ms = await timeToVisible(a, b, 'demo:last', 'written last', {
    timeoutMs: DRAIN_TIMEOUT_MS,
    pauseMs: 2,
    isOver: () => over,
  });
  await Promise.all([a.close(), b.close()]);
  if (Number.isFinite(ms)) return ms;
  const why = over ? 'the sync ended' : `the last write did not arrive within ${DRAIN_TIMEOUT_MS / 1000} s`;
  throw new Error(`${why}:\n${lastMessages(sync.log())}`);
}

/**
 * Looks at every key, which removes those past their time: left alone, they stay in a server, and in its
 * digest, until its expiry cycle happens on them.
 * @param {import('../lib/client.mjs').Client} client left in database 0
 * @param {readonly number[]} dbs
 */
async function touchAll(client, dbs) {
  for (const db of dbs) {
    await client.call('SELECT', db);
    let cursor = '0';
    do {
      const [next] = await client.call('SCAN', cursor, 'COUNT', 1000);
      cursor = next.toString();
    } while (cursor !== '0');
  }
  await client.call('SELECT', 0);
}

/**
 * @typedef {object} Verdict
 * @property {boolean} equal
 * @property {string} proof what was compared, in words
 * @property {import('../lib/compare.mjs').Comparison} comparison without what does not count
 */

/**
 * Before 7.2 a Redis does not tell even its own replicas all about its consumer groups.
 * @param {import('../lib/compare.mjs').Comparison} comparison
 * @param {boolean} groupsCount
 * @returns {Verdict}
 */
function judge(comparison, groupsCount) {
  const differences = comparison.differences.filter(({ what }) => groupsCount || what !== 'stream');
  const equal = differences.length === 0;
  const proof = `${groupsCount ? 'values, expiry times, consumer groups' : 'values, expiry times'} and functions, key by key`;
  return { equal, proof, comparison: { ...comparison, equal, differences } };
}

/**
 * Compares once short-lived keys have gone on both sides.
 * @param {RunningServer} source
 * @param {RunningServer} target
 * @param {{screen: {progress: (text: string) => void}, dbs: readonly number[], abilities: readonly Abilities[]}} options
 * @returns {Promise<Verdict>}
 */
export async function awaitEqual(source, target, { screen, dbs, abilities }) {
  screen.progress('comparing every key');
  // The position it would go on from is the one key that only the target has.
  spawnSync(process.execPath, [CLI_PATH, 'checkpoint', 'clear', target.url, '--all'], { stdio: 'ignore' });
  const [a, b] = await Promise.all([
    source.client({ timeoutMs: 120_000 }),
    target.client({ timeoutMs: 120_000 }),
  ]);
  try {
    await sleep(SETTLE_MS);
    const deadline = performance.now() + EXPIRY_TIMEOUT_MS;
    while (performance.now() < deadline) {
      await Promise.all([touchAll(a, dbs), touchAll(b, dbs)]);
      const [one, other] = await Promise.all([digest(a), digest(b)]);
      if (one === other) break;
      await sleep(250);
    }
    // All differences, as those that do not count must not hide others.
    const ttlToleranceMs = abilities.every((one) => one.since('7.0')) ? 0 : RELATIVE_TTL_TOLERANCE_MS;
    const comparison = await compareServers(a, b, { deep: true, limit: 1_000_000, ttlToleranceMs });
    return judge(
      comparison,
      abilities.every((one) => one.since('7.2')),
    );
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
}
