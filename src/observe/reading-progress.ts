/**
 * How far a command has read its input, for commands that end by themselves:
 *
 *     restore 45% · 47.1 MB of 104.0 MB · 1.2 M keys · 45.1 MB/s · ETA 3s
 *
 * Nothing is shown for the first two seconds. On a terminal the line is redrawn, elsewhere it becomes a log
 * line every ten seconds.
 */
import type { Logger } from './logger.js';
import { fitParts, type ProgressPart } from './progress.js';
import type { Screen, TextOutput } from './screen.js';
import { formatBytes, formatDuration } from './units.js';

export interface Reading {
  readonly bytesRead: number;
  readonly totalBytes: number | undefined;
  /** What has come of it, such as `1.2 M keys`. */
  readonly counts: readonly string[];
}

export interface ReadingProgressDeps {
  /** The command, as the line calls it. */
  readonly name: string;
  readonly reading: () => Reading;
  readonly output: TextOutput;
  readonly screen: Screen;
  readonly log: Logger;
  readonly nowMs: () => number;
}

const QUIET_MS = 2000;
const REDRAW_MS = 250;
const LOG_MS = 10_000;
/** Over how long the rate is taken. */
const RATE_MS = 3000;

/** Returns the function that takes the line away. */
export function startReadingProgress(deps: ReadingProgressDeps): () => void {
  const { output, screen, log, nowMs } = deps;
  const startedMs = nowMs();
  const rate = new RecentRate();
  let loggedMs = startedMs;
  const timer = setInterval(() => {
    const now = nowMs();
    const reading = deps.reading();
    const perSecond = rate.at(now, reading.bytesRead);
    if (now - startedMs < QUIET_MS) return;
    if (output.terminal) {
      screen.draw(formatReading(deps.name, reading, perSecond, output.columns() - 1));
    } else if (now - loggedMs >= LOG_MS) {
      loggedMs = now;
      log.info(formatReading(deps.name, reading, perSecond, Number.POSITIVE_INFINITY));
    }
  }, REDRAW_MS);
  return () => {
    clearInterval(timer);
    screen.clear();
  };
}

export function formatReading(name: string, reading: Reading, perSecond: number, columns: number): string {
  const { bytesRead, totalBytes, counts } = reading;
  const known = totalBytes !== undefined && totalBytes > 0;
  const percent = known ? ` ${Math.floor(Math.min(1, bytesRead / totalBytes) * 100)}%` : '';
  const parts: ProgressPart[] = [
    { text: `${name}${percent}`, rank: 0 },
    { text: `${formatBytes(bytesRead)}${known ? ` of ${formatBytes(totalBytes)}` : ''}`, rank: 1 },
    ...counts.map((text) => ({ text, rank: 3 })),
    { text: `${formatBytes(perSecond)}/s`, rank: 4 },
  ];
  if (known && perSecond > 0 && bytesRead < totalBytes) {
    parts.push({ text: `ETA ${formatDuration((totalBytes - bytesRead) / perSecond)}`, rank: 2 });
  }
  return fitParts(parts, columns);
}

class RecentRate {
  readonly #samples: { readonly ms: number; readonly bytes: number }[] = [];

  /** Bytes per second up to now. */
  at(ms: number, bytes: number): number {
    const samples = this.#samples;
    samples.push({ ms, bytes });
    while (samples.length > 2 && samples[1]!.ms <= ms - RATE_MS) samples.shift();
    const [oldest] = samples;
    const seconds = (ms - oldest!.ms) / 1000;
    return seconds > 0 ? Math.max(0, bytes - oldest!.bytes) / seconds : 0;
  }
}
