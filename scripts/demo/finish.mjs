/** The end of the demo: everything written has arrived, and both servers hold the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import { compareServers, digest } from '../lib/compare.mjs';
import { timeToVisible } from './probe.mjs';
import { lastMessages } from './sync-process.mjs';

/** @typedef {import('../servers.mjs').RunningServer} RunningServer */

const DRAIN_TIMEOUT_MS = 60_000;
/** Keys past their time stay in a server, and in its digest, until its expiry cycle has found them. */
const EXPIRY_TIMEOUT_MS = 15_000;

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
 * Compares once short-lived keys have gone on both sides.
 * @param {RunningServer} source
 * @param {RunningServer} target
 * @param {{progress: (text: string) => void}} screen
 * @returns {Promise<import('../lib/compare.mjs').Comparison>}
 */
export async function awaitEqual(source, target, screen) {
  screen.progress('comparing');
  const [a, b] = await Promise.all([
    source.client({ timeoutMs: 120_000 }),
    target.client({ timeoutMs: 120_000 }),
  ]);
  try {
    const deadline = performance.now() + EXPIRY_TIMEOUT_MS;
    while (performance.now() < deadline) {
      const [one, other] = await Promise.all([digest(a), digest(b)]);
      if (one === other) break;
      await sleep(250);
    }
    return await compareServers(a, b, { deep: true });
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
}

/**
 * How long the full sync took: what the tool's log says, otherwise when it was first seen streaming.
 * @param {string} log JSON lines
 * @param {number} seenStreamingMs since the start of the process
 * @returns {number} seconds
 */
export function fullSyncSeconds(log, seenStreamingMs) {
  const said = /full sync[^"]*? in (\d+(?:\.\d+)?) ?s/i.exec(log)?.[1];
  return said === undefined ? seenStreamingMs / 1000 : Number(said);
}
