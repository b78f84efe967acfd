/**
 * The timer around `progress.ts`: on a terminal the line is redrawn four times a second, elsewhere it
 * becomes a log line every ten seconds during a full sync and every minute afterwards.
 */
import type { SyncPhase, SyncStatus } from '../sync/status.js';
import type { Logger } from './logger.js';
import { formatProgress } from './progress.js';
import { countersOf, stepRates, type RateState } from './rates.js';
import type { Screen, TextOutput } from './screen.js';

const REDRAW_MS = 250;
const SAMPLE_MS = 1000;
const LOG_FULL_SYNC_MS = 10_000;
const LOG_STREAM_MS = 60_000;

export interface ProgressTicker {
  /** Takes the line away. */
  stop(): void;
}

export interface ProgressDeps {
  readonly status: () => SyncStatus;
  readonly output: TextOutput;
  readonly screen: Screen;
  readonly log: Logger;
  readonly nowMs: () => number;
}

export function startProgress(deps: ProgressDeps): ProgressTicker {
  const tick = deps.output.terminal ? drawing(deps) : logging(deps);
  tick();
  const timer = setInterval(tick, deps.output.terminal ? REDRAW_MS : SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      deps.screen.clear();
    },
  };
}

function drawing({ status, output, screen, nowMs }: ProgressDeps): () => void {
  let rates: RateState | undefined;
  return () => {
    const now = status();
    rates = stepRates(rates, countersOf(now), nowMs());
    // The last column stays free: a cursor there makes some terminals wrap.
    screen.draw(formatProgress(now, rates.rates, output.columns() - 1));
  };
}

function logging({ status, log, nowMs }: ProgressDeps): () => void {
  let rates: RateState | undefined;
  let loggedAtMs = nowMs();
  let logged = '';
  return () => {
    const now = status();
    rates = stepRates(rates, countersOf(now), nowMs());
    if (!progressLogDue(now.phase, nowMs() - loggedAtMs)) return;
    loggedAtMs = nowMs();
    const line = formatProgress(now, rates.rates, Number.POSITIVE_INFINITY);
    if (line !== logged) log.info(line);
    logged = line;
  };
}

export function progressLogDue(phase: SyncPhase, sinceLastMs: number): boolean {
  if (phase === 'stopped' || phase === 'failed') return false;
  return sinceLastMs >= (phase === 'streaming' ? LOG_STREAM_MS : LOG_FULL_SYNC_MS);
}
