/** CPU time and peak memory of another process, from /proc; undefined where there is no /proc or no such process. */
import { readFileSync } from 'node:fs';

/** USER_HZ, which the kernel fixes at 100 on every platform Node runs on. */
const TICKS_PER_SECOND = 100;

/**
 * @typedef {object} Usage
 * @property {number} cpuSeconds user and system
 * @property {number} childCpuSeconds of children that have ended, such as the process that forked to save
 * @property {number} peakBytes the highest resident size so far
 */

/** @param {number | undefined} pid @returns {Usage | undefined} */
export function readUsage(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    // The second field, the name, may hold anything but ends with the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const seconds = (/** @type {number} */ i) => Number(fields[i]) / TICKS_PER_SECOND;
    const peakKb = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
    // A process that has ended but is not yet reaped has no memory any more.
    if (peakKb === undefined) return undefined;
    return {
      cpuSeconds: seconds(11) + seconds(12),
      childCpuSeconds: seconds(13) + seconds(14),
      peakBytes: Number(peakKb) * 1024,
    };
  } catch {
    return undefined;
  }
}

/**
 * Follows a process to its end: the last reading is what it used, give or take one interval.
 * @param {number | undefined} pid
 * @param {number} [intervalMs]
 * @returns {{latest: () => Usage | undefined, stop: () => void}}
 */
export function followUsage(pid, intervalMs = 20) {
  let latest = readUsage(pid);
  const look = () => {
    latest = readUsage(pid) ?? latest;
    return latest;
  };
  const timer = setInterval(look, intervalMs);
  timer.unref();
  return { latest: look, stop: () => clearInterval(timer) };
}
