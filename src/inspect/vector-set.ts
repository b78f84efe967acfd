/**
 * Vector sets (Redis 8), the one module type that comes with a server: a graph with a node for each element.
 * What a node takes was measured: a fixed part, 16 bytes for each of its M links on the ground level, 8 for
 * each on a higher one, where a third of a level is to be expected; besides, its vector and its name.
 *
 *   value   UINT dimension, UINT count, UINT quantization | M << 8, UINT flags, then strings and numbers
 */
import { Header, INCOMPLETE, lengthAsBigInt, readLength, readString } from '../rdb/primitives.js';
import type { ServerProfile } from './server-profile.js';

/** The name `vectorset` with encoding version 0. */
export const VECTOR_SET_ID = 13_683_956_169_735_844_864n;

const ITEM_UINT = 2;
const ITEM_STRING = 5;
const SET_BYTES = 1700;
const NODE_BYTES = 394;
const LINK_BYTES: number = 16 + 8 / 3;
/** The entry in the table of names, and rounding, which MEMORY USAGE does not count. */
const UNCOUNTED_BYTES = 70;

const header = new Header();

export class VectorSetSizer {
  count = 0;
  #numbers = 0;
  #links = 0;
  #stringBytes = 0;

  reset(): void {
    this.count = 0;
    this.#numbers = 0;
    this.#links = 0;
    this.#stringBytes = 0;
  }

  /** One item of the module's value, bytes[at, end). */
  add(bytes: Uint8Array, at: number, end: number): void {
    if (bytes[at] === ITEM_STRING) {
      this.#stringBytes += end - stringContent(bytes, at + 1, end);
    } else if (bytes[at] === ITEM_UINT && this.#numbers < 3) {
      const value = readNumber(bytes, at + 1, end);
      if (this.#numbers === 1) this.count = value;
      if (this.#numbers === 2) this.#links = (value >> 8) & 0xff_ff;
      this.#numbers++;
    }
  }

  finish(profile: ServerProfile): number {
    const node = NODE_BYTES + this.#links * LINK_BYTES;
    const uncounted = profile.account === 'allocated' ? UNCOUNTED_BYTES : 0;
    return SET_BYTES + this.count * (node + uncounted) + this.#stringBytes;
  }
}

function readNumber(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === 0x81) return Number(lengthAsBigInt(bytes, at));
  readLength(header, bytes, at, end);
  return header.length;
}

/** Where the content of the str at `at` starts. */
function stringContent(bytes: Uint8Array, at: number, end: number): number {
  const next = readString(header, bytes, at, end);
  return next === INCOMPLETE ? end : next;
}
