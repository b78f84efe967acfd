/**
 * Counters that only grow → rates per second, smoothed exponentially over the time that passed rather than
 * over the number of samples, so that an uneven timer does not show. Pure; the clock is the caller's.
 */
import type { SyncStatus } from '../sync/status.js';

type Counter = 'bytes' | 'rdbBytes' | 'keys' | 'commands';
export type Counters = Readonly<Record<Counter, number>>;

/** How long a change takes to show for two thirds. */
const SMOOTHING_MS = 3000;

export interface RateState {
  readonly atMs: number;
  readonly counters: Counters;
  /** Per second; `undefined` until two samples have been taken. */
  readonly rates: Counters | undefined;
}

export function countersOf(status: SyncStatus): Counters {
  const sum = (pick: 'rdbBytes' | 'keys'): number =>
    status.shards.reduce((total, shard) => total + shard[pick], 0);
  return {
    bytes: status.totals.bytes,
    rdbBytes: sum('rdbBytes'),
    keys: sum('keys'),
    commands: status.totals.commands,
  };
}

export function stepRates(before: RateState | undefined, counters: Counters, atMs: number): RateState {
  if (before === undefined) return { atMs, counters, rates: undefined };
  const elapsedMs = atMs - before.atMs;
  if (elapsedMs <= 0) return before;
  const rate = (counter: Counter): number => {
    // A counter that went back started anew with another full sync.
    const now = (Math.max(0, counters[counter] - before.counters[counter]) * 1000) / elapsedMs;
    const old = before.rates?.[counter];
    return old === undefined ? now : old + (now - old) * (1 - Math.exp(-elapsedMs / SMOOTHING_MS));
  };
  const rates = {
    bytes: rate('bytes'),
    rdbBytes: rate('rdbBytes'),
    keys: rate('keys'),
    commands: rate('commands'),
  };
  return { atMs, counters, rates };
}
