/**
 * One line that says where a sync stands, as pure functions of its status and rates:
 *
 *     full sync 45% · 123.4 MB of 273.0 MB · 1.2 M keys · 45.1 MB/s · 450.0 k keys/s · ETA 3m 12s
 *     streaming · 1.2 k commands/s · 3.4 MB/s · lag 0 B, 0s · 12.3 M commands
 *
 * Where the terminal is narrow the least important parts go first.
 */
import type { ShardStatus, SyncStatus } from '../sync/status.js';
import type { Counters } from './rates.js';
import { formatBytes, formatCount, formatDuration } from './units.js';

/** A piece of the line; the one with the highest `rank` is dropped first. */
export interface ProgressPart {
  readonly text: string;
  readonly rank: number;
}

const SEPARATOR = ' · ';

export function formatProgress(status: SyncStatus, rates: Counters | undefined, columns: number): string {
  return fitParts(progressParts(status, rates), columns);
}

function progressParts(status: SyncStatus, rates: Counters | undefined): readonly ProgressPart[] {
  if (status.phase === 'full-sync') return fullSyncParts(status, rates);
  if (status.phase === 'streaming') return streamParts(status, rates);
  const waiting = status.phase === 'connecting' ? `, ${formatDuration(status.uptimeSeconds)}` : '';
  return [{ text: `${status.phase}${waiting}`, rank: 0 }];
}

function fullSyncParts(status: SyncStatus, rates: Counters | undefined): readonly ProgressPart[] {
  const { rdbBytes, rdbBytesTotal, keys, keysTotal } = sumShards(status.shards);
  const fraction =
    rdbBytesTotal > 0 ? rdbBytes / rdbBytesTotal : keysTotal > 0 ? keys / keysTotal : undefined;
  const percent = fraction === undefined ? '' : ` ${Math.floor(Math.min(1, fraction) * 100)}%`;
  const size = rdbBytesTotal > 0 ? ` of ${formatBytes(rdbBytesTotal)}` : '';
  const parts: ProgressPart[] = [
    { text: `full sync${percent}`, rank: 0 },
    { text: `${formatBytes(rdbBytes)}${size}`, rank: 1 },
    { text: `${formatCount(keys)} keys`, rank: 3 },
  ];
  if (rates === undefined) return parts;
  parts.push({ text: `${formatBytes(rates.rdbBytes)}/s`, rank: 4 });
  parts.push({ text: `${formatCount(rates.keys)} keys/s`, rank: 5 });
  const eta =
    rdbBytesTotal > 0
      ? etaSeconds(rdbBytesTotal - rdbBytes, rates.rdbBytes)
      : etaSeconds(keysTotal - keys, keysTotal > 0 ? rates.keys : 0);
  if (eta !== undefined) parts.push({ text: `ETA ${formatDuration(eta)}`, rank: 2 });
  return parts;
}

function streamParts(status: SyncStatus, rates: Counters | undefined): readonly ProgressPart[] {
  const { lagBytes, lagSeconds } = sumShards(status.shards);
  const parts: ProgressPart[] = [{ text: 'streaming', rank: 0 }];
  if (rates !== undefined) {
    parts.push({ text: `${formatCount(rates.commands)} commands/s`, rank: 2 });
    parts.push({ text: `${formatBytes(rates.bytes)}/s`, rank: 3 });
  }
  parts.push({ text: `lag ${formatBytes(lagBytes)}, ${formatDuration(lagSeconds)}`, rank: 1 });
  parts.push({ text: `${formatCount(status.totals.commands)} commands`, rank: 4 });
  if (status.totals.skipped > 0)
    parts.push({ text: `${formatCount(status.totals.skipped)} skipped`, rank: 3 });
  return parts;
}

type Sums = Record<'rdbBytes' | 'rdbBytesTotal' | 'keys' | 'keysTotal' | 'lagBytes' | 'lagSeconds', number>;

/** Amounts add up over the shards; the lag in seconds is that of the slowest. */
function sumShards(shards: readonly ShardStatus[]): Sums {
  const sums: Sums = { rdbBytes: 0, rdbBytesTotal: 0, keys: 0, keysTotal: 0, lagBytes: 0, lagSeconds: 0 };
  for (const shard of shards) {
    sums.rdbBytes += shard.rdbBytes;
    sums.rdbBytesTotal += shard.rdbBytesTotal;
    sums.keys += shard.keys;
    sums.keysTotal += shard.keysTotal;
    sums.lagBytes += Math.max(0, shard.lagBytes);
    sums.lagSeconds = Math.max(sums.lagSeconds, shard.lagSeconds);
  }
  return sums;
}

/** `undefined` while nothing moves or nothing is left to wait for. */
function etaSeconds(left: number, perSecond: number): number | undefined {
  return left > 0 && perSecond > 0 ? left / perSecond : undefined;
}

export function fitParts(parts: readonly ProgressPart[], columns: number): string {
  let kept = parts;
  while (kept.length > 1 && joined(kept).length > columns) {
    const worst = Math.max(...kept.map(({ rank }) => rank));
    const drop = kept.findLastIndex(({ rank }) => rank === worst);
    kept = kept.toSpliced(drop, 1);
  }
  return joined(kept).slice(0, Math.max(0, columns));
}

function joined(parts: readonly ProgressPart[]): string {
  return parts.map(({ text }) => text).join(SEPARATOR);
}

/** The last line about a sync: how much was carried over in how long. */
export function formatTotals(totals: SyncStatus['totals'], seconds: number): string {
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  return `${totals.keys} keys and ${totals.commands} commands applied, ${formatBytes(totals.bytes)} received${skipped}, in ${formatDuration(seconds)}`;
}
