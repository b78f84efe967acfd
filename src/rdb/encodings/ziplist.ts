/**
 * Ziplist: the packed form of lists, hashes and sorted sets before listpacks (types 10, 12, 13, 14); written
 * up to Redis 6.2, read by everything.
 *
 *   u32 LE total bytes, u32 LE offset of the last entry (10 if none), u16 LE count (65535: walk), entries, 0xff
 *   entry = prevlen (size of the entry before: one byte up to 253, or 0xfe and u32 LE), encoding, data
 *   00nnnnnn …          string, 6-bit length     c0 / d0 / e0    i16 / i32 / i64 LE
 *   01nnnnnn n …        14-bit, big-endian       f0 / fe         i24 LE / i8
 *   10...... nnnn …     u32, big-endian          f1 … fd         0 … 12, no data
 *
 * Since RDB 1; f0 … fe since RDB 6. A small prevlen may stand in the long form (after deletions).
 */
import { corrupt } from './corrupt.js';
import { i16le, i24le, i32le, i64le, PackedCursor, u16le, u32le } from './packed-cursor.js';

const HEADER_BYTES = 10;
const TERMINATOR = 0xff;
const LONG_PREVLEN = 0xfe;
const UNKNOWN_COUNT = 0xffff;

/** Checks the ziplist bytes[start, end) as a whole and returns how many entries it has. */
export function checkZiplist(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < HEADER_BYTES + 1) throw corrupt(`a ziplist of ${end - start} bytes`, start);
  const total = u32le(bytes, start);
  if (total !== end - start) {
    throw corrupt(`a ziplist that claims ${total} bytes in a string of ${end - start}`, start);
  }
  const last = end - 1;
  if (bytes[last] !== TERMINATOR) throw corrupt('a ziplist without its terminator', last);
  let count = 0;
  let previous = start + HEADER_BYTES;
  for (let at = previous, size = 0; at < last; count++) {
    previous = at;
    at = checkEntry(bytes, at, last, size);
    size = at - previous;
  }
  checkHeader(bytes, start, count, previous);
  return count;
}

function checkHeader(bytes: Uint8Array, start: number, count: number, lastEntry: number): void {
  const tail = u32le(bytes, start + 4);
  if (tail !== lastEntry - start) {
    throw corrupt(`a ziplist whose last entry is at ${lastEntry - start}, not at ${tail}`, start + 4);
  }
  const declared = u16le(bytes, start + 8);
  if (declared !== UNKNOWN_COUNT && declared !== count) {
    throw corrupt(`a ziplist that claims ${declared} entries and has ${count}`, start + 8);
  }
}

/** Returns the position after the entry at `at`. */
function checkEntry(bytes: Uint8Array, at: number, last: number, previousSize: number): number {
  const first = bytes[at]!;
  if (first === TERMINATOR) throw corrupt('a ziplist that ends before its last byte', at);
  const encoding = at + (first === LONG_PREVLEN ? 5 : 1);
  if (encoding >= last) throw corrupt('a ziplist entry goes beyond the end of its ziplist', at);
  const prevlen = first === LONG_PREVLEN ? u32le(bytes, at + 1) : first;
  if (prevlen !== previousSize) {
    throw corrupt(`a ziplist entry says ${prevlen} bytes are before it, but there are ${previousSize}`, at);
  }
  const next = encoding + encodedSize(bytes, encoding, last);
  if (next > last) throw corrupt('a ziplist entry goes beyond the end of its ziplist', at);
  return next;
}

/** Bytes of encoding and data. */
function encodedSize(bytes: Uint8Array, at: number, last: number): number {
  const first = bytes[at]!;
  if (first < 0x40) return 1 + first;
  if (first < 0x80) return at + 1 < last ? 2 + (((first & 0x3f) << 8) | bytes[at + 1]!) : 2;
  if (first < 0xc0) return at + 4 < last ? 5 + u32be(bytes, at + 1) : 5;
  if (first === 0xc0) return 3;
  if (first === 0xd0) return 5;
  if (first === 0xe0) return 9;
  if (first === 0xf0) return 4;
  if (first > 0xf0 && first < 0xfe) return 1;
  if (first === 0xfe) return 2;
  throw corrupt(`0x${first.toString(16)} where a ziplist encoding must stand`, at);
}

function u32be(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export class ZiplistCursor extends PackedCursor {
  override reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.pos = start + HEADER_BYTES;
    this.last = end - 1;
  }

  override next(): boolean {
    if (this.pos >= this.last) return false;
    const bytes = this.bytes;
    const at = this.pos + (bytes[this.pos] === LONG_PREVLEN ? 5 : 1);
    const first = bytes[at]!;
    if (first < 0x40) this.#string(at + 1, first);
    else if (first < 0x80) this.#string(at + 2, ((first & 0x3f) << 8) | bytes[at + 1]!);
    else if (first < 0xc0) this.#string(at + 5, u32be(bytes, at + 1));
    else this.#integer(first, at);
    return true;
  }

  #string(from: number, length: number): void {
    this.value = undefined;
    this.from = from;
    this.to = from + length;
    this.pos = this.to;
  }

  #integer(first: number, at: number): void {
    const bytes = this.bytes;
    this.from = at;
    this.pos = at + encodedSize(bytes, at, this.last);
    if (first === 0xc0) this.value = i16le(bytes, at + 1);
    else if (first === 0xd0) this.value = i32le(bytes, at + 1);
    else if (first === 0xe0) this.value = i64le(bytes, at + 1);
    else if (first === 0xf0) this.value = i24le(bytes, at + 1);
    else if (first === 0xfe) this.value = (bytes[at + 1]! << 24) >> 24;
    else this.value = (first & 0x0f) - 1;
  }
}
