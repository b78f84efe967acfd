/** Measures from outside how long a write on the source takes to be readable on the target. */
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {{client: () => Promise<import('../lib/client.mjs').Client>}} Server */

/**
 * Writes `value` to a key of the source and polls the target for it.
 * @param {import('../lib/client.mjs').Client} source
 * @param {import('../lib/client.mjs').Client} target
 * @param {string} key
 * @param {string} value
 * @param {{timeoutMs?: number, pauseMs?: number, isOver?: () => boolean}} [options]
 * @returns {Promise<number>} milliseconds from just before the write; Infinity when it did not come in time
 */
export async function timeToVisible(
  source,
  target,
  key,
  value,
  { timeoutMs = 30_000, pauseMs = 0, isOver } = {},
) {
  const startedMs = performance.now();
  const wanted = Buffer.from(value);
  const goOn = () => performance.now() - startedMs < timeoutMs && isOver?.() !== true;
  await source.call('SET', key, value);
  while (goOn()) {
    const seen = await target.call('GET', key);
    if (seen !== null && wanted.equals(seen)) return performance.now() - startedMs;
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * One measurement after another until stopped.
 * @param {Server} source
 * @param {Server} target
 * @param {number} everyMs
 * @returns {Promise<{samples: readonly number[], stop: () => Promise<readonly number[]>}>}
 */
export async function startProbe(source, target, everyMs = 100) {
  const [a, b] = await Promise.all([source.client(), target.client()]);
  /** @type {number[]} */
  const samples = [];
  const state = { stopped: false };
  const loop = async () => {
    for (let n = 1; !state.stopped; n++) {
      const ms = await timeToVisible(a, b, 'demo:probe', String(n), {
        pauseMs: 1,
        isOver: () => state.stopped,
      });
      if (Number.isFinite(ms)) samples.push(ms);
      await sleep(everyMs);
    }
  };
  const done = loop()
    .catch(() => {})
    .finally(() => Promise.all([a.close(), b.close()]));
  return {
    samples,
    stop: async () => {
      state.stopped = true;
      await done;
      return samples;
    },
  };
}

/**
 * @param {readonly number[]} samples
 * @param {number} fraction 0.5 is the median
 * @returns {number} NaN when there are none
 */
export function percentile(samples, fraction) {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
