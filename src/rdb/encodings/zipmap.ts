/**
 * Zipmap: the packed form of hashes up to Redis 2.4 (type 9); every later server still reads it.
 *
 *   count (254 and up: unknown, walk), pairs, 0xff
 *   pair = field length, field, value length, free, value, `free` unused bytes
 *   length: one byte up to 253, or 0xfe and u32 LE
 */
import { corrupt } from './corrupt.js';
import { PackedCursor, u32le } from './packed-cursor.js';

const TERMINATOR = 0xff;
const LONG_LENGTH = 0xfe;

/** Checks the zipmap bytes[start, end) as a whole and returns how many elements (two per pair) it has. */
export function checkZipmap(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 2) throw corrupt(`a zipmap of ${end - start} bytes`, start);
  const last = end - 1;
  if (bytes[last] !== TERMINATOR) throw corrupt('a zipmap without its terminator', last);
  let pairs = 0;
  for (let at = start + 1; at < last; pairs++) {
    const value = at + checkedSize(bytes, at, last);
    if (value >= last) throw corrupt('a zipmap field goes beyond the end of its zipmap', at);
    const free = value + lengthSize(bytes, value);
    const size = checkedSize(bytes, value, last) + 1;
    at = value + size + (free < last ? bytes[free]! : 0);
    if (at > last) throw corrupt('a zipmap value goes beyond the end of its zipmap', value);
  }
  const declared = bytes[start]!;
  if (declared < LONG_LENGTH && declared !== pairs) {
    throw corrupt(`a zipmap that claims ${declared} fields and has ${pairs}`, start);
  }
  return pairs * 2;
}

/** Bytes of a length and what it counts. */
function checkedSize(bytes: Uint8Array, at: number, last: number): number {
  const first = bytes[at]!;
  if (first < LONG_LENGTH) return 1 + first;
  if (first === TERMINATOR) throw corrupt('a zipmap that ends before its last byte', at);
  if (at + 4 >= last) throw corrupt('a zipmap length goes beyond the end of its zipmap', at);
  const length = u32le(bytes, at + 1);
  if (length < LONG_LENGTH) throw corrupt(`a zipmap length of ${length} in the long form`, at);
  return 5 + length;
}

function lengthSize(bytes: Uint8Array, at: number): number {
  return bytes[at] === LONG_LENGTH ? 5 : 1;
}

/** Walks field, value, field, value … */
export class ZipmapCursor extends PackedCursor {
  #atValue = false;

  override reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.pos = start + 1;
    this.last = end - 1;
    this.#atValue = false;
  }

  override next(): boolean {
    if (this.pos >= this.last) return false;
    const at = this.pos;
    const long = this.bytes[at] === LONG_LENGTH;
    const length = long ? u32le(this.bytes, at + 1) : this.bytes[at]!;
    const data = at + (long ? 5 : 1);
    const free = this.#atValue ? this.bytes[data]! : 0;
    this.from = this.#atValue ? data + 1 : data;
    this.to = this.from + length;
    this.pos = this.to + free;
    this.#atValue = !this.#atValue;
    return true;
  }
}
