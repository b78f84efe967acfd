/**
 * Intset: a set of integers (type 11), all versions.
 *
 *   u32 LE width (2, 4 or 8), u32 LE count, count signed LE integers, strictly ascending
 */
import { corrupt } from './corrupt.js';
import { i16le, i32le, i64le, PackedCursor, u32le } from './packed-cursor.js';

const HEADER_BYTES = 8;

/** Checks the intset bytes[start, end) as a whole and returns how many members it has. */
export function checkIntset(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < HEADER_BYTES) throw corrupt(`an intset of ${end - start} bytes`, start);
  const width = u32le(bytes, start);
  if (width !== 2 && width !== 4 && width !== 8) throw corrupt(`an intset of width ${width}`, start);
  const count = u32le(bytes, start + 4);
  const size = HEADER_BYTES + width * count;
  if (size !== end - start) {
    throw corrupt(`an intset of ${count} members of ${width} bytes in a string of ${end - start}`, start + 4);
  }
  if (count === 0) throw corrupt('an intset without members', start + 4);
  for (let at = start + HEADER_BYTES + width; at < end; at += width) {
    if (!(member(bytes, at - width, width) < member(bytes, at, width))) {
      throw corrupt('an intset whose members are not in ascending order', at);
    }
  }
  return count;
}

function member(bytes: Uint8Array, at: number, width: number): number | bigint {
  if (width === 2) return i16le(bytes, at);
  return width === 4 ? i32le(bytes, at) : i64le(bytes, at);
}

export class IntsetCursor extends PackedCursor {
  #width = 2;

  override reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.pos = start + HEADER_BYTES;
    this.last = end;
    this.#width = u32le(bytes, start);
  }

  override next(): boolean {
    if (this.pos >= this.last) return false;
    this.from = this.pos;
    this.value = member(this.bytes, this.pos, this.#width);
    this.pos += this.#width;
    return true;
  }
}
