/** What the file decoder tells, and to whom. */
import type { Dialect } from './dialect.js';
import type { ValueType } from './value-types.js';

/**
 * One key with everything that stands around its value. The decoder has a single one of these and fills
 * it anew for each key: copy what must outlive the call.
 */
export interface RdbEntry {
  readonly db: number;
  readonly type: ValueType;
  /** The key's bytes are keyBytes[keyStart, keyEnd). */
  readonly keyBytes: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
  /** The value as it stands in the file is bytes[valueStart, valueEnd): what a DUMP payload wraps. */
  readonly bytes: Uint8Array;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Absolute, in ms; -1: none. */
  readonly expiresAtMs: number;
  /** All digits of the deadline when it is beyond 2^53, where expiresAtMs is not exact. */
  readonly expiresAtText: string | undefined;
  /** -1: not recorded. */
  readonly idleSeconds: number;
  readonly lfuFrequency: number;
  /** A KEY_META block (Redis ≥ 8.6), opcode included: it stands first in the key's DUMP payload. */
  readonly keyMeta: Uint8Array | undefined;
  /** File offset of the type byte. */
  readonly offset: number;
}

/** Takes a value piece by piece. `feed` returns the position behind what it has taken. */
export interface ValueSink {
  feed(bytes: Uint8Array, start: number, end: number): number;
  readonly done: boolean;
  /** How many bytes in one piece it needs to get on, at least; 0 or absent when not known. */
  readonly needBytes?: number;
}

export interface Checksum {
  /** 'absent' before RDB 5, 'disabled' when the writer stored 0. */
  readonly state: 'ok' | 'mismatch' | 'absent' | 'disabled';
  /** 16 hex digits each. */
  readonly stored: string;
  readonly computed: string;
}

export interface RdbHandler {
  /** The magic has been read. */
  begin(dialect: Dialect, version: number): void;
  aux(name: Uint8Array, value: Uint8Array): void;
  selectDb(db: number): void;
  /** RESIZEDB: hints, not to be trusted. */
  sizeHint(keys: number, withExpiry: number): void;
  /** The source text of a function library. */
  functionLibrary(source: Uint8Array): void;
  /** Module data outside any key, opaque. */
  moduleAux(payload: Uint8Array): void;
  /** A key whose value lies whole in memory. Return false to be asked to pause behind it. */
  entry(entry: RdbEntry): boolean;
  /** A key whose value is too large for that: `valueEnd` is not known. */
  largeValue(entry: RdbEntry): ValueSink;
  /** The large value is complete. Return false to pause. */
  largeValueEnd(entry: RdbEntry): boolean;
  /** A collection without elements, which servers since 6.2 leave out on load. */
  emptyKey(entry: RdbEntry): void;
  end(checksum: Checksum): void;
}
