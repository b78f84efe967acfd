/**
 * Where a snapshot that ends with a mark (`$EOF:<40 bytes>`, replication §3) is over, without decoding it. The
 * mark is found as bytes, wherever the pieces break; it counts only behind the snapshot's own end, the opcode
 * 0xFF and eight bytes of checksum, since a mark was seen to equal a replication id that stands in the snapshot
 * as text. Whoever decodes the bytes must end at the same place.
 */
import { MARK_BYTES } from './transfer.js';

const END_OPCODE = 0xff;
/** The end opcode and the checksum. */
const TRAILER_BYTES = 9;

export class MarkFinder {
  readonly #mark: Uint8Array;
  /** By a byte under the mark's end: how far the mark may move on. */
  readonly #skip: Uint8Array;
  /** The last bytes that were passed. */
  readonly #last: Uint8Array = new Uint8Array(TRAILER_BYTES);
  #passed = 0;
  found = false;

  constructor(mark: string) {
    this.#mark = Uint8Array.from(mark, (char) => char.charCodeAt(0));
    const { length } = this.#mark;
    this.#skip = new Uint8Array(256).fill(length);
    for (let at = 0; at < length - 1; at++) this.#skip[this.#mark[at]!] = length - 1 - at;
  }

  /** Returns the position up to which bytes[start, end) surely belong to the snapshot; `found`: it ends there. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    for (let at = this.#search(bytes, start, end); at >= 0; at = this.#search(bytes, at + 1, end)) {
      if (this.#endsAt(bytes, start, at)) {
        this.found = true;
        return at;
      }
    }
    const next = Math.max(start, end - MARK_BYTES + 1);
    this.#pass(bytes, start, next);
    return next;
  }

  /** Boyer–Moore–Horspool: most bytes are never looked at. */
  #search(bytes: Uint8Array, from: number, end: number): number {
    const mark = this.#mark;
    const skip = this.#skip;
    const last = mark.length - 1;
    for (let at = from + last; at < end; at += skip[bytes[at]!]!) {
      let place = last;
      while (place >= 0 && bytes[at - last + place] === mark[place]) place--;
      if (place < 0) return at - last;
    }
    return -1;
  }

  /** Does the snapshot's trailer stand right before `at`? */
  #endsAt(bytes: Uint8Array, start: number, at: number): boolean {
    const before = at - start;
    if (before >= TRAILER_BYTES) return bytes[at - TRAILER_BYTES] === END_OPCODE;
    if (this.#passed + before < TRAILER_BYTES) return false;
    return this.#last[before] === END_OPCODE;
  }

  #pass(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.#passed += count;
    const last = this.#last;
    if (count >= TRAILER_BYTES) {
      last.set(bytes.subarray(end - TRAILER_BYTES, end));
      return;
    }
    last.copyWithin(0, count);
    last.set(bytes.subarray(start, end), TRAILER_BYTES - count);
  }
}
