/**
 * The records between keys: expiries and other decorations, SELECTDB, hints, AUX fields, functions, module
 * data. Each method gets the position behind the opcode and returns the position behind the record, or
 * INCOMPLETE.
 */
import { ReplicantError } from '../errors.js';
import type { DecoderContext } from './decoder-context.js';
import {
  describeOpcode,
  OP_AUX,
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
import { INCOMPLETE, readI64, readI64Exact, readInteger, readLength, readString } from './primitives.js';
import { skipKeyMeta, skipModuleAux, skipSlotImport, skipSlotInfo } from './skip-record.js';

const MAX_DB = 0x7fffffff;

export class RecordReader {
  readonly #context: DecoderContext;

  constructor(context: DecoderContext) {
    this.#context = context;
  }

  /** The record whose opcode stands at `at`. */
  read(opcode: number, bytes: Uint8Array, at: number, end: number): number {
    switch (opcode) {
      case OP_EXPIRE_MS:
        return this.#expireMs(bytes, at + 1, end);
      case OP_FREQ:
        if (at + 2 > end) return INCOMPLETE;
        this.#context.entry.lfuFrequency = bytes[at + 1]!;
        return at + 2;
      case OP_IDLE:
        return this.#idle(bytes, at + 1, end);
      case OP_SELECT_DB:
        return this.#selectDb(bytes, at + 1, end);
      case OP_RESIZE_DB:
        return this.#resizeDb(bytes, at + 1, end);
      case OP_AUX:
        return this.#aux(bytes, at + 1, end);
      case OP_FUNCTION:
        return this.#function(bytes, at + 1, end);
      default:
        return this.#rare(opcode, bytes, at, end);
    }
  }

  #rare(opcode: number, bytes: Uint8Array, at: number, end: number): number {
    switch (opcode) {
      case OP_EXPIRE_SECONDS:
        if (at + 5 > end) return INCOMPLETE;
        this.#context.entry.expiresAtMs = Math.max(0, readInteger(bytes, at + 1, 4) * 1000);
        return at + 5;
      case OP_MODULE_AUX:
        return this.#moduleAux(bytes, at, skipModuleAux(bytes, at + 1, end), end);
      case OP_SLOT_INFO:
        return skipSlotInfo(bytes, at + 1, end);
      case OP_SLOT_IMPORT_OR_KEY_META:
        if (this.#context.dialect === 'valkey') return skipSlotImport(bytes, at + 1, end);
        return this.#keyMeta(bytes, at, skipKeyMeta(bytes, at + 1, end), end);
      default:
        throw new ReplicantError('RDB_UNSUPPORTED', `can't read ${describeOpcode(opcode)}`, {
          place: { offset: at },
          hint: 'the length of such a record is not known, so the rest of the snapshot cannot be read',
        });
    }
  }

  #expireMs(bytes: Uint8Array, at: number, end: number): number {
    if (at + 8 > end) return INCOMPLETE;
    const { entry } = this.#context;
    const value = readI64(bytes, at);
    // A deadline before 1970 is as much in the past as 1970 itself; negative means none here.
    entry.expiresAtMs = Math.max(0, value);
    const exact = value < 0 || Number.isSafeInteger(value);
    entry.expiresAtText = exact ? undefined : String(readI64Exact(bytes, at));
    return at + 8;
  }

  #idle(bytes: Uint8Array, at: number, end: number): number {
    const { header, entry } = this.#context;
    const next = readLength(header, bytes, at, end);
    if (next !== INCOMPLETE) entry.idleSeconds = header.length;
    return next;
  }

  #selectDb(bytes: Uint8Array, at: number, end: number): number {
    const { header, entry, handler } = this.#context;
    const next = readLength(header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const db = header.length;
    if (db > MAX_DB) throw new ReplicantError('RDB_CORRUPT', `database ${db}`, { place: { offset: at } });
    entry.db = db;
    handler.selectDb(db);
    return next;
  }

  #resizeDb(bytes: Uint8Array, at: number, end: number): number {
    const { header, handler } = this.#context;
    let next = readLength(header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const keys = header.length;
    next = readLength(header, bytes, next, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    handler.sizeHint(keys, header.length);
    return next;
  }

  /** The position behind a str that lies whole in the buffer; otherwise INCOMPLETE, and `needed` set. */
  #wholeString(bytes: Uint8Array, at: number, end: number): number {
    const { header, limits } = this.#context;
    const next = readString(header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const { fileBytes, textBytes } = header;
    if (fileBytes > limits.maxElementBytes || textBytes > limits.maxElementBytes) {
      throw new ReplicantError('RDB_LIMIT', `a string of ${textBytes} bytes`, { place: { offset: at } });
    }
    if (next + fileBytes <= end) return next + fileBytes;
    this.#context.needed = next + fileBytes - at + 1;
    return INCOMPLETE;
  }

  #aux(bytes: Uint8Array, at: number, end: number): number {
    const middle = this.#wholeString(bytes, at, end);
    if (middle === INCOMPLETE) return INCOMPLETE;
    const next = this.#wholeString(bytes, middle, end);
    if (next === INCOMPLETE) {
      if (this.#context.needed > 0) this.#context.needed += middle - at;
      return INCOMPLETE;
    }
    const name = this.#textAt(bytes, at, end);
    const value = this.#textAt(bytes, middle, end);
    if (name !== undefined && value !== undefined) this.#context.handler.aux(name, value);
    return next;
  }

  #textAt(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
    readString(this.#context.header, bytes, at, end);
    return this.#context.text(bytes);
  }

  #function(bytes: Uint8Array, at: number, end: number): number {
    const next = this.#wholeString(bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const source = this.#context.text(bytes);
    if (source !== undefined) this.#context.handler.functionLibrary(source);
    return next;
  }

  #moduleAux(bytes: Uint8Array, at: number, next: number, end: number): number {
    if (!this.#arrived(at, next, end)) return INCOMPLETE;
    this.#context.handler.moduleAux(bytes.subarray(at, next));
    return next;
  }

  #keyMeta(bytes: Uint8Array, at: number, next: number, end: number): number {
    if (!this.#arrived(at, next, end)) return INCOMPLETE;
    this.#context.entry.keyMeta = bytes.slice(at, next);
    return next;
  }

  /** Whether an opaque record lies whole in the buffer; guards the memory it may take. */
  #arrived(at: number, next: number, end: number): boolean {
    if (next !== INCOMPLETE && next <= end) return true;
    const needed = next === INCOMPLETE ? 0 : next - at;
    if (Math.max(needed, end - at) > this.#context.limits.maxOpaqueBytes) {
      throw new ReplicantError('RDB_LIMIT', 'a module record larger than can be held', {
        place: { offset: at },
      });
    }
    this.#context.needed = needed;
    return false;
  }
}
