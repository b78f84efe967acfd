/** Snapshots through the memory model, for tests. */
import { readFileSync } from 'node:fs';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import type { RdbEntry, RdbHandler } from '../../src/rdb/handler.js';
import { ascii } from '../support/rdb-hex.js';
import { MemoryMeter, databaseTableBytes, type MeterOptions } from '../../src/inspect/memory-model.js';
import { serverProfile, type ProfileOptions, type ServerProfile } from '../../src/inspect/server-profile.js';
import { valueTypes } from '../../src/rdb/value-types.js';

function ignore(): void {}

/** A handler that cares for keys only. */
export function keyHandler(
  keys: Pick<RdbHandler, 'entry' | 'largeValue' | 'largeValueEnd'> & Partial<RdbHandler>,
): RdbHandler {
  return {
    begin: ignore,
    aux: ignore,
    selectDb: ignore,
    sizeHint: ignore,
    functionLibrary: ignore,
    moduleAux: ignore,
    emptyKey: ignore,
    end: ignore,
    ...keys,
  };
}

/** `redis 7.0` */
export function profileOf(name: string, options: ProfileOptions = {}): ServerProfile {
  const [family, version] = name.split(' ');
  const [major, minor] = version!.split('.').map(Number);
  return serverProfile(
    { family: family === 'valkey' ? 'valkey' : 'redis', major: major!, minor: minor! },
    options,
  );
}

export interface Measured {
  readonly db: number;
  readonly key: Uint8Array;
  readonly kind: string;
  readonly encoding: string;
  readonly bytes: number;
  readonly elements: number;
  readonly largest: number;
  readonly fieldsWithTtl: number;
}

export interface MeasuredFile {
  readonly keys: readonly Measured[];
  /** What the databases' own tables take. */
  readonly tableBytes: number;
}

const CHUNK = 4 * 1024 * 1024;

/** A whole file, in pieces. */
export function measureFile(path: string, profile: ServerProfile, options: MeterOptions = {}): MeasuredFile {
  const keys: Measured[] = [];
  const totals = measureEach(readFileSync(path), profile, (_, measured) => keys.push(measured), options);
  return { keys, tableBytes: totals.tableBytes };
}

/** The same without keeping anything. */
export function measureEach(
  bytes: Uint8Array,
  profile: ServerProfile,
  each: (entry: RdbEntry, measured: Measured) => void,
  options: MeterOptions = {},
): { readonly bytes: number; readonly tableBytes: number } {
  const meter = new MemoryMeter(profile, options);
  const counts = new Map<number, [keys: number, withTtl: number]>();
  let sum = 0;
  const note = (entry: RdbEntry): boolean => {
    const count = counts.get(entry.db) ?? [0, 0];
    counts.set(entry.db, count);
    count[0]++;
    if (entry.expiresAtMs >= 0) count[1]++;
    sum += meter.bytes;
    each(entry, {
      db: entry.db,
      key: entry.keyBytes.slice(entry.keyStart, entry.keyEnd),
      kind: entry.type.kind,
      encoding: meter.encoding,
      bytes: meter.bytes,
      elements: meter.elements,
      largest: meter.largestElementBytes,
      fieldsWithTtl: meter.fieldsWithTtl,
    });
    return true;
  };
  const decoder = new RdbDecoder(
    keyHandler({
      entry: (entry) => {
        meter.measure(entry);
        return note(entry);
      },
      largeValue: (entry) => meter.open(entry),
      largeValueEnd: (entry) => {
        meter.close();
        return note(entry);
      },
    }),
  );
  let at = 0;
  for (let end = 0; at < bytes.length && !decoder.done;) {
    end = Math.min(bytes.length, Math.max(end, at) + Math.max(CHUNK, decoder.needed));
    at = decoder.feed(bytes, at, end);
  }
  decoder.finish();
  const tables = [...counts.values()].flat().map((count) => databaseTableBytes(count, profile));
  return { bytes: sum, tableBytes: tables.reduce((total, one) => total + one, 0) };
}

/** One key as the decoder would hand it over. */
export function entryOf(
  type: number,
  value: Uint8Array,
  options: { readonly key?: string; readonly ttl?: boolean; readonly dialect?: 'redis' | 'valkey' } = {},
): RdbEntry {
  const key = ascii(options.key ?? 'k:00000000::');
  return {
    db: 0,
    type: valueTypes(options.dialect ?? 'redis')[type]!,
    keyBytes: key,
    keyStart: 0,
    keyEnd: key.length,
    bytes: value,
    valueStart: 0,
    valueEnd: value.length,
    expiresAtMs: options.ttl === true ? 4e12 : -1,
    expiresAtText: undefined,
    idleSeconds: -1,
    lfuFrequency: -1,
    keyMeta: undefined,
    offset: 0,
  };
}
