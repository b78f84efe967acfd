/**
 * The RDB file as a whole: magic, opcodes, keys, checksum. Push-fed and synchronous.
 *
 *   const decoder = new RdbDecoder(handler);
 *   at = decoder.feed(window, at, end);   // as often as bytes arrive; keep [at, end) for the next call
 *   decoder.finish();                     // at the end of the input: throws when it came too early
 *
 * `feed` takes as many whole records as there are and returns the position behind them. When it takes
 * nothing, it needs `needed` bytes (at least) in one piece. It stops early when the handler asks for a
 * pause. After the checksum it takes nothing more: what follows (an AOF tail, an EOF mark, a command
 * stream) is not its business.
 *
 * Decorations (expiry, idle, freq, key meta) stick to the next key; an AUX record in between does not
 * clear them. A value larger than `limits.inlineBytes` is handed on in pieces. Errors carry file offsets.
 */
import { Crc64, formatCrc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import type { Dialect } from './dialect.js';
import { isEmptyValue } from './empty-value.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from './handler.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { parseMagic } from './magic.js';
import {
  describeOpcode,
  FIRST_OPCODE,
  OP_AUX,
  OP_EOF,
  OP_EXPIRE_MS,
  OP_EXPIRE_SECONDS,
  OP_FREQ,
  OP_FUNCTION,
  OP_IDLE,
  OP_MODULE_AUX,
  OP_RESIZE_DB,
  OP_SELECT_DB,
  OP_SLOT_IMPORT_OR_KEY_META,
  OP_SLOT_INFO,
} from './opcodes.js';
import { Header, INCOMPLETE, readI64, readI64Exact, readInteger, readLength, readString, STR_PLAIN } from './primitives.js';
import { skipKeyMeta, skipModuleAux, skipSlotImport, skipSlotInfo } from './skip-record.js';
import { ValueSkipper } from './skip-value.js';
import { stringBytes } from './string-bytes.js';
import { describeType, valueTypes, type ValueType } from './value-types.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const MAX_DB = 0x7fffffff;
const NO_BYTES = new Uint8Array(0);
const CHECKSUM_SINCE = 5;

export interface DecoderOptions {
  readonly limits?: Limits;
  /** Sums the file; give the engine whose window the bytes lie in, to save copies. */
  readonly crc?: Crc64;
}

export class RdbDecoder {
  readonly #handler: RdbHandler;
  readonly #limits: Limits;
  readonly #crc: Crc64;
  readonly #header = new Header();
  readonly #entry: Mutable<RdbEntry>;
  #skipper: ValueSkipper | undefined;
  /** The skipper holds the state of the value that is being waited for. */
  #resuming = false;
  #large: ValueSink | undefined;
  #types: readonly (ValueType | undefined)[] = [];
  #dialect: Dialect = 'redis';
  #version = 0;
  #state: 'magic' | 'records' | 'done' = 'magic';
  #pause = false;
  /** File offset of the next byte to be fed. */
  #offset = 0;
  #needed = 0;

  constructor(handler: RdbHandler, options: DecoderOptions = {}) {
    this.#handler = handler;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#crc = options.crc ?? new Crc64();
    this.#crc.reset(0);
    this.#entry = {
      ...{ db: 0, type: valueTypes('redis')[0]!, offset: 0, bytes: NO_BYTES, valueStart: 0, valueEnd: 0 },
      ...{ keyBytes: NO_BYTES, keyStart: 0, keyEnd: 0, keyMeta: undefined },
      ...{ expiresAtMs: -1, expiresAtText: undefined, idleSeconds: -1, lfuFrequency: -1 },
    };
  }

  /** All of the file, checksum included, has been taken. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** File offset of the next byte to be fed. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes in one piece, at least, the next record needs; a lower bound. */
  get needed(): number {
    return this.#needed;
  }

  get dialect(): Dialect {
    return this.#dialect;
  }

  get version(): number {
    return this.#version;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    this.#pause = false;
    this.#needed = 0;
    try {
      while (!this.#pause && this.#state !== 'done') {
        const next = this.#large === undefined ? this.#record(bytes, at, end, start) : this.#feedLarge(bytes, at, end);
        if (next === INCOMPLETE || next === at) break;
        at = next;
        if (at >= end) break;
      }
    } catch (error) {
      throw this.#rebase(error, start);
    }
    if (this.#state !== 'done') this.#crc.update(0, bytes, start, at);
    this.#offset += at - start;
    return at;
  }

  /** Says that no more bytes will come. */
  finish(): void {
    if (this.#state === 'done') return;
    const { db, keyBytes, keyStart, keyEnd } = this.#entry;
    const inKey = this.#large !== undefined || this.#resuming;
    throw new ReplicantError('RDB_TRUNCATED', 'the RDB ends in the middle', {
      place: {
        offset: this.#offset,
        ...(inKey ? { db, key: new TextDecoder().decode(keyBytes.subarray(keyStart, keyEnd)) } : {}),
      },
      hint: 'the file or transfer is incomplete; take the snapshot again',
    });
  }

  /** Errors from below name positions in the buffer; here they become file offsets. */
  #rebase(error: unknown, start: number): unknown {
    if (!(error instanceof ReplicantError) || !error.code.startsWith('RDB_')) return error;
    const offset = this.#offset + (error.place.offset ?? start) - start;
    const place = { ...error.place, offset };
    return new ReplicantError(error.code, error.message, { place, hint: error.hint, cause: error.cause });
  }

  #record(bytes: Uint8Array, at: number, end: number, start: number): number {
    if (this.#state === 'magic') return this.#magic(bytes, at, end);
    if (at >= end) return INCOMPLETE;
    const opcode = bytes[at]!;
    if (opcode < FIRST_OPCODE) return this.#key(bytes, at, end, start);
    switch (opcode) {
      case OP_EXPIRE_MS:
        return this.#expireMs(bytes, at + 1, end);
      case OP_FREQ:
        if (at + 2 > end) return INCOMPLETE;
        this.#entry.lfuFrequency = bytes[at + 1]!;
        return at + 2;
      case OP_IDLE:
        return this.#idle(bytes, at + 1, end);
      case OP_EOF:
        return this.#eof(bytes, at, end, start);
      default:
        return this.#rareRecord(opcode, bytes, at, end);
    }
  }

  #rareRecord(opcode: number, bytes: Uint8Array, at: number, end: number): number {
    switch (opcode) {
      case OP_SELECT_DB:
        return this.#selectDb(bytes, at + 1, end);
      case OP_RESIZE_DB:
        return this.#resizeDb(bytes, at + 1, end);
      case OP_AUX:
        return this.#aux(bytes, at + 1, end);
      case OP_EXPIRE_SECONDS:
        if (at + 5 > end) return INCOMPLETE;
        this.#entry.expiresAtMs = readInteger(bytes, at + 1, 4) * 1000;
        return at + 5;
      case OP_FUNCTION:
        return this.#function(bytes, at + 1, end);
      case OP_MODULE_AUX:
        return this.#opaque(bytes, at, skipModuleAux(bytes, at + 1, end), end);
      case OP_SLOT_INFO:
        return skipSlotInfo(bytes, at + 1, end);
      case OP_SLOT_IMPORT_OR_KEY_META:
        if (this.#dialect === 'valkey') return skipSlotImport(bytes, at + 1, end);
        return this.#keyMeta(bytes, at, skipKeyMeta(bytes, at + 1, end), end);
      default:
        throw new ReplicantError('RDB_UNSUPPORTED', `can't read ${describeOpcode(opcode)}`, {
          place: { offset: at },
          hint: 'the length of such a record is not known, so the rest of the snapshot cannot be read',
        });
    }
  }

  #magic(bytes: Uint8Array, at: number, end: number): number {
    const magic = parseMagic(bytes, at, end);
    if (magic === undefined) return INCOMPLETE;
    this.#dialect = magic.dialect;
    this.#version = magic.version;
    this.#types = valueTypes(magic.dialect);
    this.#state = 'records';
    this.#handler.begin(magic.dialect, magic.version);
    return at + magic.bytes;
  }

  #expireMs(bytes: Uint8Array, at: number, end: number): number {
    if (at + 8 > end) return INCOMPLETE;
    const value = readI64(bytes, at);
    // A deadline before 1970 is as much in the past as 1970 itself; negative means none here.
    this.#entry.expiresAtMs = Math.max(0, value);
    if (!Number.isSafeInteger(value)) this.#entry.expiresAtText = String(readI64Exact(bytes, at));
    return at + 8;
  }

  #idle(bytes: Uint8Array, at: number, end: number): number {
    const next = readLength(this.#header, bytes, at, end);
    if (next !== INCOMPLETE) this.#entry.idleSeconds = this.#header.length;
    return next;
  }

  #selectDb(bytes: Uint8Array, at: number, end: number): number {
    const next = readLength(this.#header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const db = this.#header.length;
    if (db > MAX_DB) throw new ReplicantError('RDB_CORRUPT', `database ${db}`, { place: { offset: at } });
    this.#entry.db = db;
    this.#handler.selectDb(db);
    return next;
  }

  #resizeDb(bytes: Uint8Array, at: number, end: number): number {
    let next = readLength(this.#header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const keys = this.#header.length;
    next = readLength(this.#header, bytes, next, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    this.#handler.sizeHint(keys, this.#header.length);
    return next;
  }

  /** The position behind a str that lies whole in the buffer; otherwise INCOMPLETE and `needed` set. */
  #wholeString(bytes: Uint8Array, at: number, end: number): number {
    const next = readString(this.#header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const { fileBytes } = this.#header;
    const { maxElementBytes } = this.#limits;
    if (fileBytes > maxElementBytes || this.#header.textBytes > maxElementBytes) {
      throw new ReplicantError('RDB_LIMIT', `a string of ${this.#header.textBytes} bytes`, { place: { offset: at } });
    }
    if (next + fileBytes <= end) return next + fileBytes;
    this.#needed = next + fileBytes - at;
    return INCOMPLETE;
  }

  #aux(bytes: Uint8Array, at: number, end: number): number {
    const middle = this.#wholeString(bytes, at, end);
    if (middle === INCOMPLETE) return INCOMPLETE;
    const name = stringBytes(this.#header, bytes);
    const next = this.#wholeString(bytes, middle, end);
    if (next === INCOMPLETE) {
      this.#needed += middle - at + 1;
      return INCOMPLETE;
    }
    this.#handler.aux(name, stringBytes(this.#header, bytes));
    return next;
  }

  #function(bytes: Uint8Array, at: number, end: number): number {
    const next = this.#wholeString(bytes, at, end);
    if (next !== INCOMPLETE) this.#handler.functionLibrary(stringBytes(this.#header, bytes));
    return next;
  }

  #opaque(bytes: Uint8Array, at: number, next: number, end: number): number {
    if (!this.#arrived(at, next, end)) return INCOMPLETE;
    this.#handler.moduleAux(bytes.subarray(at, next));
    return next;
  }

  #keyMeta(bytes: Uint8Array, at: number, next: number, end: number): number {
    if (!this.#arrived(at, next, end)) return INCOMPLETE;
    this.#entry.keyMeta = bytes.slice(at, next);
    return next;
  }

  /** Whether an opaque record lies whole in the buffer; guards the memory it may take. */
  #arrived(at: number, next: number, end: number): boolean {
    if (next !== INCOMPLETE && next <= end) return true;
    this.#needed = next === INCOMPLETE ? 0 : next - at;
    if (Math.max(this.#needed, end - at) > this.#limits.maxOpaqueBytes) {
      throw new ReplicantError('RDB_LIMIT', 'a module record larger than can be held', { place: { offset: at } });
    }
    return false;
  }

  #key(bytes: Uint8Array, at: number, end: number, start: number): number {
    const entry = this.#entry;
    const type = this.#types[bytes[at]!];
    if (type === undefined) throw this.#unknownType(bytes[at]!, at);
    const header = this.#header;
    const keyAt = readString(header, bytes, at + 1, end);
    if (keyAt === INCOMPLETE) return INCOMPLETE;
    const valueStart = keyAt + header.fileBytes;
    if (valueStart >= end) return this.#waitForKey(at, valueStart, header.textBytes);
    if (header.form === STR_PLAIN) {
      entry.keyBytes = bytes;
      entry.keyStart = keyAt;
      entry.keyEnd = valueStart;
    } else {
      entry.keyBytes = stringBytes(header, bytes);
      entry.keyStart = 0;
      entry.keyEnd = entry.keyBytes.length;
    }
    entry.type = type;
    entry.bytes = bytes;
    entry.valueStart = valueStart;
    entry.offset = this.#offset + at - start;
    const valueEnd = this.#valueEnd(type, bytes, valueStart, end);
    if (valueEnd === INCOMPLETE) return this.#waitForValue(at, valueStart, end);
    entry.valueEnd = valueEnd;
    this.#emit();
    return valueEnd;
  }

  /** Most values are one str: those need no skipper. */
  #valueEnd(type: ValueType, bytes: Uint8Array, at: number, end: number): number {
    if (!this.#resuming && (type.opening === 'str' || type.opening === 'packed')) {
      const next = readString(this.#header, bytes, at, end);
      if (next !== INCOMPLETE && next + this.#header.fileBytes <= end) return next + this.#header.fileBytes;
    }
    const skipper = (this.#skipper ??= new ValueSkipper(type));
    if (!this.#resuming) skipper.reset(type);
    const valueEnd = skipper.find(bytes, at, end);
    this.#resuming = valueEnd === INCOMPLETE;
    return valueEnd;
  }

  #emit(): void {
    const entry = this.#entry;
    if (isEmptyValue(entry.type, entry.bytes, entry.valueStart, entry.valueEnd)) this.#handler.emptyKey(entry);
    else if (!this.#handler.entry(entry)) this.#pause = true;
    this.#undecorate();
  }

  #undecorate(): void {
    const entry = this.#entry;
    entry.expiresAtMs = -1;
    entry.expiresAtText = undefined;
    entry.idleSeconds = -1;
    entry.lfuFrequency = -1;
    entry.keyMeta = undefined;
  }

  #waitForKey(at: number, valueStart: number, textBytes: number): number {
    if (Math.max(valueStart - at, textBytes) > this.#limits.maxElementBytes) {
      throw new ReplicantError('RDB_LIMIT', `a key of ${textBytes} bytes`, { place: { offset: at } });
    }
    this.#needed = valueStart - at + 1;
    return INCOMPLETE;
  }

  /** The value is not here yet: wait for it, or start handing it on in pieces. */
  #waitForValue(at: number, valueStart: number, end: number): number {
    const entry = this.#entry;
    const { kind, opening } = entry.type;
    const reached = valueStart - at + this.#skipper!.reached;
    const whole = kind === 'module' || kind === 'array' || opening === 'packed' || opening === 'time+packed';
    const limit = kind === 'stream' ? this.#limits.inlineStreamBytes : this.#limits.inlineBytes;
    const size = Math.max(reached, end - at);
    if (whole) {
      const most = kind === 'module' || kind === 'array' ? this.#limits.maxOpaqueBytes : this.#limits.maxElementBytes;
      if (size > most) {
        throw new ReplicantError('RDB_LIMIT', `a value of more than ${most} bytes that must be held whole`, {
          place: { offset: at },
        });
      }
    } else if (size > limit) {
      return this.#openLarge(valueStart);
    }
    this.#needed = reached + 1;
    return INCOMPLETE;
  }

  #openLarge(valueStart: number): number {
    const entry = this.#entry;
    this.#resuming = false;
    entry.keyBytes = entry.keyBytes.slice(entry.keyStart, entry.keyEnd);
    entry.keyStart = 0;
    entry.keyEnd = entry.keyBytes.length;
    this.#large = this.#handler.largeValue(entry);
    return valueStart;
  }

  #feedLarge(bytes: Uint8Array, at: number, end: number): number {
    const sink = this.#large!;
    const next = sink.feed(bytes, at, end);
    if (sink.done) {
      this.#large = undefined;
      if (!this.#handler.largeValueEnd(this.#entry)) this.#pause = true;
      this.#undecorate();
      return next;
    }
    if (next === at && end - at > this.#limits.maxElementBytes) {
      throw new ReplicantError('RDB_LIMIT', 'an element larger than can be held', { place: { offset: at } });
    }
    return next;
  }

  /** The end mark and what stands behind it: the sum of all bytes from the magic to the mark. */
  #eof(bytes: Uint8Array, at: number, end: number, start: number): number {
    const checksumBytes = this.#version >= CHECKSUM_SINCE ? 8 : 0;
    const next = at + 1 + checksumBytes;
    if (next > end) return INCOMPLETE;
    this.#crc.update(0, bytes, start, at + 1);
    this.#state = 'done';
    this.#handler.end(this.#compare(bytes, at + 1, checksumBytes));
    return next;
  }

  #compare(bytes: Uint8Array, at: number, checksumBytes: number): Checksum {
    const lo = readInteger(bytes, at, 4) >>> 0;
    const hi = readInteger(bytes, at + 4, 4) >>> 0;
    const computed = formatCrc64(this.#crc.lo(0), this.#crc.hi(0));
    if (checksumBytes === 0) return { state: 'absent', stored: '', computed };
    const stored = formatCrc64(lo, hi);
    if (lo === 0 && hi === 0) return { state: 'disabled', stored, computed };
    return { state: stored === computed ? 'ok' : 'mismatch', stored, computed };
  }

  #unknownType(id: number, at: number): ReplicantError {
    return new ReplicantError('RDB_UNSUPPORTED', `can't read ${describeType(id, this.#dialect)}`, {
      place: { offset: at, db: this.#entry.db },
      hint: 'the length of such a value is not known, so the rest of the snapshot cannot be read',
    });
  }
}
