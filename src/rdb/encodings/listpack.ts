/**
 * Listpack: the packed form of hashes, sorted sets, sets, list nodes (types 16, 17, 18, 20, 25) and stream
 * nodes; Redis 5.0 and later, all Valkey.
 *
 *   u32 LE total bytes, u16 LE count (65535: unknown, walk), elements, 0xff
 *   element = encoding and data, then backlen
 *   0vvvvvvv                 0 … 127                110vvvvv v            13-bit signed, big-endian
 *   10nnnnnn …               string, 6-bit length   1110nnnn n …          string, 12-bit length, big-endian
 *   f0 nnnn …                string, u32 LE length  f1/f2/f3/f4           i16/i24/i32/i64 LE
 *   backlen: size of encoding and data in base 128, most significant group first; all bytes but the first
 *   have their top bit set
 */
import { corrupt } from './corrupt.js';
import { i16le, i24le, i32le, i64le, PackedCursor, u16le, u32le } from './packed-cursor.js';

const HEADER_BYTES = 6;
const TERMINATOR = 0xff;
const UNKNOWN_COUNT = 0xffff;

/** Checks the listpack bytes[start, end) as a whole and returns how many elements it has. */
export function checkListpack(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < HEADER_BYTES + 1) throw corrupt(`a listpack of ${end - start} bytes`, start);
  const total = u32le(bytes, start);
  if (total !== end - start) {
    throw corrupt(`a listpack that claims ${total} bytes in a string of ${end - start}`, start);
  }
  const last = end - 1;
  if (bytes[last] !== TERMINATOR) throw corrupt('a listpack without its terminator', last);
  let count = 0;
  for (let at = start + HEADER_BYTES; at < last; count++) at = checkElement(bytes, at, last);
  const declared = u16le(bytes, start + 4);
  if (declared !== UNKNOWN_COUNT && declared !== count) {
    throw corrupt(`a listpack that claims ${declared} elements and has ${count}`, start + 4);
  }
  return count;
}

/** Returns the position after the element at `at`. */
function checkElement(bytes: Uint8Array, at: number, last: number): number {
  const size = elementSize(bytes, at, last);
  const next = at + size + backlenSize(size);
  if (next > last) throw corrupt('a listpack element goes beyond the end of its listpack', at);
  if (size < 128 ? bytes[at + size] !== size : !isBacklen(bytes, at + size, next, size)) {
    throw corrupt(`a listpack element of ${size} bytes with another length behind it`, at);
  }
  return next;
}

/** Bytes of encoding and data. */
function elementSize(bytes: Uint8Array, at: number, last: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc0) return 1 + (first & 0x3f);
  if (first < 0xe0) return 2;
  if (first < 0xf0) return at + 1 < last ? 2 + (((first & 0x0f) << 8) | bytes[at + 1]!) : 2;
  if (first === 0xf0) return at + 4 < last ? 5 + u32le(bytes, at + 1) : 5;
  if (first < 0xf4) return first - 0xf1 + 3;
  if (first === 0xf4) return 9;
  throw corrupt(`0x${first.toString(16)} where a listpack element must start`, at);
}

function backlenSize(size: number): number {
  if (size < 0x80) return 1;
  if (size < 0x4000) return 2;
  if (size < 0x20_0000) return 3;
  return size < 0x1000_0000 ? 4 : 5;
}

function isBacklen(bytes: Uint8Array, from: number, to: number, size: number): boolean {
  let value = bytes[from]!;
  if (value > 127) return false;
  for (let at = from + 1; at < to; at++) {
    if (bytes[at]! < 128) return false;
    value = value * 128 + (bytes[at]! & 127);
  }
  return value === size;
}

export class ListpackCursor extends PackedCursor {
  override reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.pos = start + HEADER_BYTES;
    this.last = end - 1;
  }

  override next(): boolean {
    const at = this.pos;
    if (at >= this.last) return false;
    const first = this.bytes[at]!;
    if (first < 0x80) {
      this.#integer(first, at, 1);
    } else if (first < 0xc0) {
      this.#string(at + 1, first & 0x3f, at);
    } else if (first < 0xe0) {
      // 13 bits, two's complement
      this.#integer(((((first & 0x1f) << 8) | this.bytes[at + 1]!) << 19) >> 19, at, 2);
    } else if (first < 0xf0) {
      this.#string(at + 2, ((first & 0x0f) << 8) | this.bytes[at + 1]!, at);
    } else {
      this.#wide(first, at);
    }
    return true;
  }

  #wide(first: number, at: number): void {
    const bytes = this.bytes;
    if (first === 0xf0) this.#string(at + 5, u32le(bytes, at + 1), at);
    else if (first === 0xf1) this.#integer(i16le(bytes, at + 1), at, 3);
    else if (first === 0xf2) this.#integer(i24le(bytes, at + 1), at, 4);
    else if (first === 0xf3) this.#integer(i32le(bytes, at + 1), at, 5);
    else this.#integer(i64le(bytes, at + 1), at, 9);
  }

  #string(from: number, length: number, at: number): void {
    this.value = undefined;
    this.from = from;
    this.to = from + length;
    this.pos = this.to + backlenSize(this.to - at);
  }

  #integer(value: number | bigint, at: number, size: number): void {
    this.value = value;
    this.from = at;
    this.pos = at + size + 1;
  }
}
