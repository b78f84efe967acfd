/**
 * Works through a plan in a thread that may hang or run out of memory: the number of the case under way
 * stands in shared memory, where the watcher sees it. Tells of every violation, and of its end.
 */
import { parentPort as watcher, workerData } from 'node:worker_threads';
import { loadLibrary } from './library.mjs';
import { casesOf } from './plan.mjs';

const { phase, seed, seconds, from, most, build, state } = workerData;
/** [0]: number of the case under way, -1 before the first; [1]: cases done. */
const shared = new Int32Array(state);

const library = await loadLibrary(build);
const end = performance.now() + seconds * 1000;
let number = -1;
let violations = 0;
for (const { name, bytes, check } of casesOf(library, { phase, seed })) {
  number += 1;
  if (number < from) continue;
  Atomics.store(shared, 0, number);
  try {
    check();
  } catch (error) {
    violations += 1;
    const why = error instanceof Error ? error.message : String(error);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    watcher?.postMessage({ violation: { phase, number, name, why, bytes } });
  }
  Atomics.add(shared, 1, 1);
  if (performance.now() > end || violations >= most) break;
}
Atomics.store(shared, 0, -1);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
watcher?.postMessage({ done: true });
