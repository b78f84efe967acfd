/**
 * Runs a plan in a thread and watches it from outside: a case that takes longer than it may is named and the
 * thread ended; so is one during which the process grows beyond its bound.
 */
import { Worker } from 'node:worker_threads';

/** What one case may take, in time of the processor: others may be using it too. */
const CASE_MS = 2000;
/** What the process may grow by, the thread, its seeds and its compiled code included. */
const GROWTH_BYTES = 200 * 1024 * 1024;
const LOOK_EVERY_MS = 50;
/** What is under way when the thread starts: seeds are read and compiled code is cold. */
const START_MS = 30_000;
const HEAP_MB = 64;

/** @typedef {{phase: string, number: number, name: string, why: string, bytes?: Uint8Array}} Finding */

/**
 * @param {{phase: string, seed: number, seconds: number, from?: number, most?: number, build?: string}} plan
 *   `from`: number of the first case to check · `most`: stop after so many findings
 *   `build`: URL of the library's folder, unless it is dist/
 * @returns {Promise<{cases: number, peakBytes: number, findings: Finding[]}>}
 */
export function watch({ phase, seed, seconds, from = 0, most = 10, build }) {
  const state = new SharedArrayBuffer(8);
  const shared = new Int32Array(state);
  shared[0] = -1;
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), {
    workerData: { phase, seed, seconds, from, most, build, state },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 8 },
  });
  /** @type {Finding[]} */
  const findings = [];
  const atFirst = process.memoryUsage().rss;
  let peakBytes = 0;
  return new Promise((resolve) => {
    let last = -1;
    let since = cpuMs();
    const finish = () => {
      clearInterval(timer);
      resolve({ cases: Atomics.load(shared, 1), peakBytes, findings });
      void worker.terminate();
    };
    const report = (/** @type {string} */ why) => {
      findings.push({ phase, number: Atomics.load(shared, 0), name: `case ${Atomics.load(shared, 0)}`, why });
      finish();
    };
    const timer = setInterval(() => {
      const { rss } = process.memoryUsage();
      peakBytes = Math.max(peakBytes, rss);
      const now = Atomics.load(shared, 0);
      if (now !== last) [last, since] = [now, cpuMs()];
      else if (cpuMs() - since > (now < 0 ? START_MS : CASE_MS)) report(`took more than ${CASE_MS} ms`);
      if (peakBytes - atFirst > GROWTH_BYTES)
        report(`the process grew to ${Math.round(peakBytes / 2 ** 20)} MiB`);
    }, LOOK_EVERY_MS);
    worker.on('message', (/** @type {{violation?: Finding}} */ { violation }) => {
      if (violation === undefined) finish();
      else findings.push(violation);
    });
    worker.on('error', (error) => report(`the thread ended: ${error.message}`));
  });
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
