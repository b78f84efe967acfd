/**
 * What ziplists, listpacks, intsets and zipmaps have in common: a run of elements, each a string or an
 * integer whose value is its decimal text. A container is checked as a whole first (`check…`, which also
 * counts); a cursor then walks it without checking again.
 */
import { parseScore } from './score.js';
import type { Scratch } from './scratch.js';
import { corrupt } from './corrupt.js';

const TWO_32 = 4_294_967_296;

export abstract class PackedCursor {
  protected bytes: Uint8Array = new Uint8Array(0);
  protected pos = 0;
  /** The position of the terminator (of the end, for an intset). */
  protected last = 0;
  /** The current element: its integer, or undefined when it is the string bytes[from, to). */
  protected value: number | bigint | undefined = undefined;
  protected from = 0;
  protected to = 0;

  /** Stands before the first element of the checked container bytes[start, end). */
  abstract reset(bytes: Uint8Array, start: number, end: number): void;

  /** Steps onto the next element; false when there is none. */
  abstract next(): boolean;

  /** Where the current element's data is, for error messages. */
  get position(): number {
    return this.from;
  }

  /** After `locate`: the current element is textBytes[textStart, textEnd). */
  textBytes: Uint8Array = this.bytes;
  textStart = 0;
  textEnd = 0;

  /** Finds the current element's bytes: in the container, or its digits in `scratch`. */
  locate(scratch: Scratch): void {
    if (this.value === undefined) {
      this.textBytes = this.bytes;
      this.textStart = this.from;
      this.textEnd = this.to;
      return;
    }
    scratch.digits(this.value);
    this.textBytes = scratch.bytes;
    this.textStart = scratch.start;
    this.textEnd = scratch.end;
  }

  /** The current element as a view of these bytes. */
  text(scratch: Scratch): Uint8Array {
    this.locate(scratch);
    return viewOf(this.textBytes, this.textStart, this.textEnd);
  }

  /** The current element as a score. */
  score(): number {
    if (this.value !== undefined) return Number(this.value);
    return parseScore(this.bytes, this.from, this.to);
  }

  /** The current element as an integer; a string is corrupt. */
  integer(what: string): number | bigint {
    if (this.value === undefined) throw corrupt(`${what} is a string where an integer must stand`, this.from);
    return this.value;
  }

  /** The current element as a count: an integer from 0 to 2^53 − 1. */
  count(what: string): number {
    const value = this.integer(what);
    if (typeof value === 'bigint' || value < 0) throw corrupt(`${what} is ${value}`, this.from);
    return value;
  }
}

/** A plain Uint8Array over part of `bytes`, whatever subclass that is. */
export function viewOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}

export function u16le(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function u32le(bytes: Uint8Array, at: number): number {
  return i32le(bytes, at) >>> 0;
}

export function i16le(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16;
}

export function i24le(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 8) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 24)) >> 8;
}

export function i32le(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** A number where that is exact, else a bigint. */
export function i64le(bytes: Uint8Array, at: number): number | bigint {
  const low = u32le(bytes, at);
  const high = i32le(bytes, at + 4);
  const value = high * TWO_32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}
