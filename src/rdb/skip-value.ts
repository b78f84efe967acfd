/**
 * Finds where a value ends: runs the type's program (value-types.ts). This is the only interpreter of those
 * programs. By itself it looks at nothing; who wants to know what stands in a value without decoding it
 * extends it and is told at each step (`on…`), which costs nothing where nobody is.
 *
 * Resumable: positions are kept relative to the value's start, so the bytes may move between calls, and no
 * step is done twice; a long string is passed over before it has arrived. `ValueSkipper` also serves to
 * drop a value of any size that is not wanted, piece by piece.
 */
import { ReplicantError } from '../errors.js';
import { Header, INCOMPLETE, readLength, readString, skipLength, STR_PLAIN } from './primitives.js';
import {
  STEP_ASCII,
  STEP_BYTES,
  STEP_COUNT,
  STEP_END,
  STEP_FLAGGED,
  STEP_HELD,
  STEP_ITEMS,
  STEP_LEN,
  STEP_NEXT,
  STEP_STR,
  STEP_TAGGED,
  type ValueType,
} from './value-types.js';

const header = new Header();

/** Module item codes (len): 0 ends; ints are one len; floats 4 and doubles 8 bytes; 5 is a str. */
const ITEM_END = 0;
const ITEM_STRING = 5;

/** The position behind a str, possibly beyond the bytes at hand; INCOMPLETE when its header is. */
export function skipString(bytes: Uint8Array, at: number, end: number): number {
  const next = readString(header, bytes, at, end);
  return next === INCOMPLETE ? INCOMPLETE : next + header.fileBytes;
}

function skipAscii(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return INCOMPLETE;
  const length = bytes[at]!;
  return at + 1 + (length < 253 ? length : 0);
}

/** One module item or the end mark. Codes are lens, but all that exist take one byte. */
export function skipItem(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return INCOMPLETE;
  const code = bytes[at]!;
  const next = at + 1;
  if (code === ITEM_END) return next;
  if (code === 1 || code === 2) return skipLength(bytes, next, end);
  if (code === 3) return next + 4;
  if (code === 4) return next + 8;
  if (code === ITEM_STRING) return skipString(bytes, next, end);
  throw new ReplicantError('RDB_CORRUPT', `unknown module item ${code}`, { place: { offset: at } });
}

function skipFlagged(bytes: Uint8Array, at: number, end: number): number {
  const next = readLength(header, bytes, at, end);
  if (next === INCOMPLETE || header.length === 0) return next;
  return skipLength(bytes, next, end);
}

function skipTagged(bytes: Uint8Array, at: number, end: number): number {
  const next = readLength(header, bytes, at, end);
  if (next === INCOMPLETE) return INCOMPLETE;
  const tag = header.length;
  if (tag === 0 || tag === 3) return skipString(bytes, next, end);
  if (tag === 1 || tag === 2) return next + 8;
  throw new ReplicantError('RDB_CORRUPT', `unknown array element tag ${tag}`, { place: { offset: at } });
}

export class ValueSkipper {
  protected type: ValueType;
  #pc = 0;
  /** Position behind what is done, relative to the value's start; may lie beyond the bytes at hand. */
  #reached = 0;
  #depth = 0;
  #held = 0;
  readonly #left: [number, number, number, number] = [0, 0, 0, 0];

  constructor(type: ValueType) {
    this.type = type;
  }

  /** Starts over, for a value of this type. */
  reset(type: ValueType): void {
    this.type = type;
    this.#pc = 0;
    this.#reached = 0;
    this.#depth = 0;
  }

  /** How many bytes of the value are known to be needed. */
  get reached(): number {
    return this.#reached;
  }

  /** For `feed`: the whole value has been dropped. */
  get done(): boolean {
    return this.#reached === 0 && this.type.program[this.#pc] === STEP_END;
  }

  /**
   * Goes on with a value that starts at bytes[start]. Returns the position behind it, or INCOMPLETE.
   */
  find(bytes: Uint8Array, start: number, end: number): number {
    const { program, jumps } = this.type;
    let pc = this.#pc;
    let at = start + this.#reached;
    while (at <= end) {
      const step = program[pc]!;
      let next: number;
      if (step === STEP_STR) {
        next = readString(header, bytes, at, end);
        if (next === INCOMPLETE) break;
        const { form, textBytes, fileBytes } = header;
        if (next + fileBytes > end && this.waitsFor(pc, form, textBytes)) break;
        this.onString(pc, form, textBytes, bytes, next, fileBytes);
        next += fileBytes;
      } else if (step === STEP_NEXT) {
        pc = this.#again() ? jumps[pc]! : pc + 1;
        continue;
      } else if (step >= STEP_BYTES) {
        next = at + step - STEP_BYTES;
        if (next > end && this.waitsFor(pc, STR_PLAIN, step - STEP_BYTES)) break;
        this.onRaw(pc, bytes, at);
      } else if (step === STEP_END) {
        break;
      } else if (step === STEP_COUNT) {
        next = readLength(header, bytes, at, end);
        if (next === INCOMPLETE) break;
        this.onCount(pc, header.length);
        at = next;
        pc = this.#enter(header.length) ? pc + 1 : jumps[pc]!;
        continue;
      } else if (step === STEP_HELD) {
        pc = this.#enter(this.#held) ? pc + 1 : jumps[pc]!;
        continue;
      } else if (step === STEP_ITEMS) {
        next = skipItem(bytes, at, end);
        if (next === INCOMPLETE || (next > end && this.waitsFor(pc, STR_PLAIN, next - at))) break;
        this.onItem(bytes, at, next);
        if (bytes[at] !== ITEM_END) pc--;
      } else {
        next = this.#rare(step, pc, bytes, at, end);
      }
      if (next === INCOMPLETE) break;
      at = next;
      pc++;
    }
    this.#pc = pc;
    this.#reached = at - start;
    return at <= end && program[pc] === STEP_END ? at : INCOMPLETE;
  }

  /** Drops what can be dropped: the position behind the bytes that need not be seen again. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    this.find(bytes, start, end);
    const dropped = Math.min(this.#reached, end - start);
    this.#reached -= dropped;
    return start + dropped;
  }

  /**
   * A string, raw bytes or an item of which `length` bytes are the content has not come whole: must it be
   * there before it is told? Else it is told at once, and passed over when it comes.
   */
  protected waitsFor(_pc: number, _form: number, _length: number): boolean {
    return false;
  }

  /** COUNT or HOLD, at step `pc` of the program. */
  protected onCount(_pc: number, _count: number): void {}

  /** A str: `textBytes` as in `Header`; bytes[at, at + fileBytes) is what stands in the file. */
  protected onString(
    _pc: number,
    _form: number,
    _textBytes: number,
    _bytes: Uint8Array,
    _at: number,
    _fileBytes: number,
  ): void {}

  /** A len of any value at bytes[at], whole. */
  protected onLength(_pc: number, _bytes: Uint8Array, _at: number): void {}

  /** Raw bytes from bytes[at] on. */
  protected onRaw(_pc: number, _bytes: Uint8Array, _at: number): void {}

  /** An item of a module's value or the end mark, bytes[at, end). */
  protected onItem(_bytes: Uint8Array, _at: number, _end: number): void {}

  #enter(count: number): boolean {
    if (count === 0) return false;
    this.#left[this.#depth++] = count;
    return true;
  }

  #again(): boolean {
    const left = --this.#left[this.#depth - 1]!;
    if (left === 0) this.#depth--;
    return left > 0;
  }

  #rare(step: number, pc: number, bytes: Uint8Array, at: number, end: number): number {
    if (step === STEP_LEN) {
      const behind = skipLength(bytes, at, end);
      if (behind !== INCOMPLETE) this.onLength(pc, bytes, at);
      return behind;
    }
    if (step === STEP_ASCII) return skipAscii(bytes, at, end);
    if (step === STEP_FLAGGED) return skipFlagged(bytes, at, end);
    if (step === STEP_TAGGED) return skipTagged(bytes, at, end);
    const next = readLength(header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    this.#held = header.length;
    this.onCount(pc, header.length);
    return next;
  }
}
