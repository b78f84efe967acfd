/** A single key as lists of them keep it, and as the report shows it. */
import type { RdbEntry } from '../rdb/handler.js';
import type { MemoryMeter } from './memory-model.js';
import { reportText } from './report-text.js';
import type { ReportKey } from './report.js';

export interface KeptKey {
  readonly db: number;
  readonly key: Uint8Array;
  readonly type: string;
  readonly encoding: string;
  readonly bytes: number;
  readonly elements: number;
  readonly largest: number | null;
  readonly expiresAtMs: number;
  readonly idleSeconds: number;
  readonly lfuFrequency: number;
}

export function keepKey(entry: RdbEntry, meter: MemoryMeter): KeptKey {
  const looked = entry.type.opening !== 'packed' && entry.type.opening !== 'time+packed';
  const known =
    looked &&
    entry.type.encoding !== 'quicklist' &&
    entry.type.kind !== 'stream' &&
    entry.type.kind !== 'module';
  return {
    db: entry.db,
    key: entry.keyBytes.slice(entry.keyStart, entry.keyEnd),
    type: entry.type.kind,
    encoding: meter.encoding,
    bytes: Math.round(meter.bytes),
    elements: meter.elements,
    largest: known ? meter.largestElementBytes : null,
    expiresAtMs: entry.expiresAtMs,
    idleSeconds: entry.idleSeconds,
    lfuFrequency: entry.lfuFrequency,
  };
}

export function reportKey(kept: KeptKey): ReportKey {
  const { key, largest, expiresAtMs, idleSeconds, lfuFrequency, ...same } = kept;
  return {
    ...same,
    key: reportText(key),
    largestElementBytes: largest,
    expiresAtMs: expiresAtMs < 0 ? null : expiresAtMs,
    idleSeconds: idleSeconds < 0 ? null : idleSeconds,
    lfuFrequency: lfuFrequency < 0 ? null : lfuFrequency,
  };
}
