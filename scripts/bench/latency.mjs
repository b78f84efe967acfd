/** Time from a SET on the source until a GET on the target sees it, under light load. */
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile, timeToVisible } from '../demo/probe.mjs';
import { withLivePair } from './live-pair.mjs';

const EVERY_MS = 5;
const WARM_UP = 100;

/**
 * @param {import('../servers.mjs').ServerBinary} binary
 * @param {'native' | 'ours'} way
 * @param {number} count
 * @returns {Promise<{p50Ms: number, p99Ms: number, maxMs: number, samples: number}>}
 */
export function measureLatency(binary, way, count) {
  return withLivePair(binary, way, async ({ source, target }) => {
    const [a, b] = await Promise.all([source.client(), target.client()]);
    /** @type {number[]} */
    const samples = [];
    for (let i = 0; i < count + WARM_UP; i++) {
      const startedMs = performance.now();
      const ms = await timeToVisible(a, b, `latency:${i % 100}`, String(i));
      if (i >= WARM_UP) samples.push(ms);
      await sleep(Math.max(0, EVERY_MS - (performance.now() - startedMs)));
    }
    await Promise.all([a.close(), b.close()]);
    return {
      p50Ms: percentile(samples, 0.5),
      p99Ms: percentile(samples, 0.99),
      maxMs: percentile(samples, 1),
      samples: count,
    };
  });
}
