/**
 * Reads the parts of one unit: the smallest piece of a value that is decoded at once (an element, a pair, a
 * quicklist node …). When the bytes end inside a unit the reader goes back to the unit's start and `need`
 * tells how many bytes from there the unit takes at least, so that nobody tries again too early.
 *
 * Methods return `undefined`, or INCOMPLETE where the result is a number, when the bytes end; `rewind` then
 * has to be called. Errors name positions in the buffer at hand.
 */
import { ReplicantError } from '../../errors.js';
import { insideCompressed } from '../encodings/corrupt.js';
import { decompressLzf, decompressLzfInto } from '../encodings/lzf.js';
import { u32le, viewOf } from '../encodings/packed-cursor.js';
import { Scratch } from '../encodings/scratch.js';
import type { Limits } from '../limits.js';
import {
  Header,
  INCOMPLETE,
  lengthAsBigInt,
  readI64,
  readInteger,
  readLength,
  readString,
  skipLength,
  STR_INT,
  STR_LZF,
  STR_PLAIN,
} from '../primitives.js';
import type { StreamId } from '../value-visitor.js';

/** Compressed containers up to this size are decompressed into the same block each time. */
const BOX_BYTES = 256 * 1024;

export class UnitReader {
  bytes: Uint8Array = new Uint8Array(0);
  /** The next byte to read. */
  at = 0;
  /** Where the unit under way starts. */
  start = 0;
  end = 0;
  /** Bytes from `start` on that are needed to get on. */
  need = 0;
  readonly limits: Limits;
  readonly header: Header = new Header();
  readonly scratch: Scratch = new Scratch();
  /** After `locate`: the string is text[textStart, textEnd). */
  text: Uint8Array = this.bytes;
  textStart = 0;
  textEnd = 0;
  /** After `container`: the container is box[boxStart, boxEnd). */
  box: Uint8Array = this.bytes;
  boxStart = 0;
  boxEnd = 0;
  /** Position in `bytes` of the string it was decoded from; -1 when it lies there as it is. */
  #boxAt = -1;
  #block: Uint8Array | undefined;
  readonly #double: DataView = new DataView(new ArrayBuffer(8));

  constructor(limits: Limits) {
    this.limits = limits;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.start = start;
    this.end = end;
    this.need = 0;
  }

  /** A new unit starts here; what was read of the one before is no longer in use. */
  begin(): void {
    this.start = this.at;
    this.scratch.clear();
  }

  /** Back to the start of the unit, as it is not whole yet. Always false. */
  rewind(): false {
    this.at = this.start;
    this.need = Math.max(this.need, this.end - this.start + 1);
    return false;
  }

  /** A len as a number, or INCOMPLETE. */
  length(): number {
    const next = readLength(this.header, this.bytes, this.at, this.end);
    if (next === INCOMPLETE) return INCOMPLETE;
    this.at = next;
    return this.header.length;
  }

  /** A len of any value. */
  bigLength(): bigint | undefined {
    const at = this.at;
    const next = skipLength(this.bytes, at, this.end);
    if (next === INCOMPLETE) return undefined;
    this.at = next;
    return lengthAsBigInt(this.bytes, at);
  }

  /** Passes over `count` raw bytes; returns their position or INCOMPLETE. */
  raw(count: number): number {
    const at = this.at;
    if (at + count > this.end) {
      this.need = at + count - this.start;
      return INCOMPLETE;
    }
    this.at = at + count;
    return at;
  }

  /** An i64 LE (a time in ms); NaN when the bytes end. */
  time(): number {
    const at = this.raw(8);
    return at === INCOMPLETE ? NaN : readI64(this.bytes, at);
  }

  /** The binary64 LE at `at`. */
  doubleAt(at: number): number {
    this.#double.setUint32(0, u32le(this.bytes, at), true);
    this.#double.setUint32(4, u32le(this.bytes, at + 4), true);
    return this.#double.getFloat64(0, true);
  }

  /** Two lens: ms and seq. */
  idLengths(): StreamId | undefined {
    const ms = this.bigLength();
    if (ms === undefined) return undefined;
    const seq = this.bigLength();
    return seq === undefined ? undefined : { ms, seq };
  }

  /** A str, decoded: a view of the input, or memory that is valid until the next unit begins. */
  string(): Uint8Array | undefined {
    return this.locate() ? viewOf(this.text, this.textStart, this.textEnd) : undefined;
  }

  /** The same, left in `text`, `textStart` and `textEnd`; false when the bytes end. */
  locate(): boolean {
    const { bytes, at, end } = this;
    if (at < end && bytes[at]! < 0x40) {
      const stop = at + 1 + bytes[at]!;
      if (stop > end) {
        this.need = stop - this.start;
        return false;
      }
      this.at = stop;
      this.#leave(bytes, at + 1, stop);
      return true;
    }
    if (!this.#header()) return false;
    const { form, start, fileBytes, textBytes } = this.header;
    this.at = start + fileBytes;
    if (form === STR_PLAIN) {
      this.#leave(bytes, start, this.at);
    } else if (form === STR_INT) {
      const { scratch } = this;
      scratch.digits(readInteger(bytes, start, fileBytes));
      this.#leave(scratch.bytes, scratch.start, scratch.end);
    } else {
      const out = this.scratch.take(textBytes);
      decompressLzfInto(out, bytes, start, this.at);
      this.#leave(out, 0, textBytes);
    }
    return true;
  }

  #leave(text: Uint8Array, start: number, end: number): void {
    this.text = text;
    this.textStart = start;
    this.textEnd = end;
  }

  /** A str that holds a packed container: leaves it in `box`. False when the bytes end. */
  container(): boolean {
    if (!this.#header()) return false;
    const { form, start, fileBytes, textBytes } = this.header;
    const at = this.at;
    this.at = start + fileBytes;
    this.#boxAt = form === STR_PLAIN ? -1 : at;
    if (form === STR_LZF) {
      this.box = this.#decompress(start, fileBytes, textBytes);
    } else {
      this.box =
        form === STR_INT ? this.scratch.integer(readInteger(this.bytes, start, fileBytes)) : this.bytes;
    }
    this.boxStart = form === STR_PLAIN ? start : 0;
    this.boxEnd = form === STR_PLAIN ? this.at : this.box.length;
    return true;
  }

  /** Gives an error from inside `box` its place in the input. */
  placeBoxError(error: unknown): unknown {
    return this.#boxAt < 0 ? error : insideCompressed(error, this.#boxAt);
  }

  #decompress(start: number, fileBytes: number, textBytes: number): Uint8Array {
    if (textBytes > BOX_BYTES) return decompressLzf(this.bytes, start, start + fileBytes, textBytes);
    this.#block ??= new Uint8Array(BOX_BYTES);
    const out = this.#block.subarray(0, textBytes);
    decompressLzfInto(out, this.bytes, start, start + fileBytes);
    return out;
  }

  /** Reads the header of a str that must be held whole; false unless all its bytes are there. */
  #header(): boolean {
    const next = readString(this.header, this.bytes, this.at, this.end);
    if (next === INCOMPLETE) return false;
    const { fileBytes, textBytes } = this.header;
    const largest = Math.max(fileBytes, textBytes);
    if (largest > this.limits.maxElementBytes) {
      throw tooLarge('a single element', largest, this.limits.maxElementBytes, this.at);
    }
    if (next + fileBytes <= this.end) return true;
    this.need = next + fileBytes - this.start;
    return false;
  }
}

export function tooLarge(what: string, bytes: number, limit: number, offset: number): ReplicantError {
  return new ReplicantError('RDB_LIMIT', `${what} takes ${bytes} bytes, more than the limit of ${limit}`, {
    place: { offset },
  });
}
