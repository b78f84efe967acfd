/** What the demo says at its end. */
import { percentile } from './probe.mjs';
import { formatBytes, formatCount, formatMs } from './screen.mjs';

/** Differences listed one by one. */
const SHOWN = 20;

/** @typedef {{line: (text?: string) => void}} Screen */

/**
 * @param {Screen} screen
 * @param {object} figures
 * @param {import('../workload/writers.mjs').WriterStats} figures.stats
 * @param {import('./sync-process.mjs').SyncExit} figures.exit
 * @param {any} figures.status the last one while running
 * @param {readonly number[]} figures.lags milliseconds
 * @param {number} figures.drainMs
 * @param {number} figures.fullSync seconds
 */
export function reportFigures(screen, { stats, exit, status, lags, drainMs, fullSync }) {
  const totals = exit.summary?.totals ?? status?.totals ?? {};
  const rate = stats.commands / stats.seconds;
  screen.line();
  screen.line(
    `full sync      ${formatCount(totals.keys ?? 0)} keys in ${fullSync.toFixed(2)} s from the start of the process`,
  );
  screen.line(
    `written        ${formatCount(stats.commands)} commands to the source, ${formatCount(rate)} a second, ${stats.byCommand.size} different ones`,
  );
  screen.line(
    `applied        ${formatCount(totals.commands ?? 0)} commands on the target, ${formatBytes(totals.bytes ?? 0)} received`,
  );
  screen.line(
    `lag            ${formatMs(percentile(lags, 0.5))} median, ${formatMs(percentile(lags, 0.99))} at the 99th percentile of ${lags.length} measured writes`,
  );
  screen.line(`after the end  the last write was on the target after ${formatMs(drainMs)}`);
  if (exit.usage !== undefined) {
    const { cpuSeconds, peakBytes } = exit.usage;
    screen.line(
      `the tool       ${formatBytes(peakBytes)} of memory at its peak, ${cpuSeconds.toFixed(1)} s of CPU in ${exit.seconds.toFixed(1)} s`,
    );
  }
}

/**
 * @param {Screen} screen
 * @param {{verdict: import('./finish.mjs').Verdict, exit: import('./sync-process.mjs').SyncExit}} result
 */
export function reportVerdict(screen, { verdict, exit }) {
  const { equal, proof } = verdict;
  const { keys, digestA, digestB, differences } = verdict.comparison;
  screen.line();
  screen.line(`DEBUG DIGEST   source ${digestA}`);
  screen.line(`               target ${digestB}`);
  for (const { db, key, what, a, b } of differences.slice(0, SHOWN)) {
    screen.line(
      `  db ${db ?? '-'} ${key ?? '-'}: ${what}: source ${a ?? 'nothing'}, target ${b ?? 'nothing'}`,
    );
  }
  if (exit.code !== 0) screen.line(`The sync ended with exit code ${exit.code ?? exit.signal}.`);
  screen.line(
    equal ? `EQUAL: ${formatCount(keys)} keys (${proof}).` : `DIFFERENT: ${differences.length} differences.`,
  );
}
