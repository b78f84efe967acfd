/**
 * Plain strings without decorations go as `MSET key value key value …`, or `SET key value` when large: the
 * result is the same as RESTORE's (the server picks the same encoding either way), but neither side sums a
 * CRC, and the target looks up one command for dozens of keys instead of one each: a third of its work for
 * small keys. Such a batch can only fail as a whole, for reasons that are the target's and not a key's.
 *
 * Keys and values are kept as positions in the parse window until `flush`, so it must be called before
 * the window moves and before anything that has to come after these keys.
 */
import type { RdbEntry } from '../rdb/handler.js';
import { readInteger } from '../rdb/primitives.js';
import type { Pipeline } from './pipeline.js';
import {
  DOLLAR,
  STAR,
  type Viewed,
  viewed,
  writeEnd,
  writeHeader,
  writeInteger,
  writeViewedBulk,
  writeWords,
} from './resp-writer.js';

const MAX_PAIRS = 64;
/** A batch fits into one slab with room to spare. */
const MAX_BATCH_BYTES = 48 * 1024;
/** From here on a value goes alone. */
const MAX_VALUE_BYTES = 8 * 1024;
const FIELDS = 4;
/** In place of a value's start: its end is the integer itself. */
const IS_INTEGER = -1;
/** Headers and line ends of a pair, at most. */
const PAIR_FRAME_BYTES = 40;
const COMMAND_FRAME_BYTES = 64;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const MSET = ascii('$4\r\nMSET\r\n');
const SET = ascii('*3\r\n$3\r\nSET\r\n');

export class StringBatch {
  readonly #out: Pipeline;
  readonly #mostPairs: number;
  readonly #spans = new Int32Array(MAX_PAIRS * FIELDS);
  #source: Viewed = viewed(new Uint8Array(0));
  #pairs = 0;
  #bytes = 0;
  /** File offsets of the entry at hand and of the first pair, for error messages. */
  #entryOffset = 0;
  #offset = 0;

  /** `mostPairs`: 1 where keys of one command must share a slot, or MSET is not to be had. */
  constructor(out: Pipeline, mostPairs: number = MAX_PAIRS) {
    this.#out = out;
    this.#mostPairs = mostPairs;
  }

  /** Takes the entry if it is of the kind; otherwise nothing happens and the answer is false. */
  add(entry: RdbEntry): boolean {
    const { bytes, valueStart, valueEnd, keyStart, keyEnd } = entry;
    if (entry.type.id !== 0 || entry.expiresAtMs >= 0 || entry.keyBytes !== bytes) return false;
    if (keyEnd - keyStart > MAX_VALUE_BYTES) return false;
    if (entry.idleSeconds >= 0 || entry.lfuFrequency >= 0 || entry.keyMeta !== undefined) return false;
    this.#entryOffset = entry.offset;
    const first = bytes[valueStart]!;
    if (first >= 0xc3) return false;
    if (first >= 0xc0) {
      const value = readInteger(bytes, valueStart + 1, 1 << (first & 3));
      this.#push(bytes, keyStart, keyEnd, IS_INTEGER, value, 11);
      return true;
    }
    const start = valueStart + (first < 0x40 ? 1 : first < 0x80 ? 2 : first === 0x80 ? 5 : 9);
    if (valueEnd - start + keyEnd - keyStart > MAX_VALUE_BYTES)
      this.#alone(bytes, keyStart, keyEnd, start, valueEnd);
    else this.#push(bytes, keyStart, keyEnd, start, valueEnd, valueEnd - start);
    return true;
  }

  /** Writes what has been gathered. */
  flush(): void {
    const pairs = this.#pairs;
    if (pairs === 0) return;
    this.#pairs = 0;
    this.#out.near(this.#offset);
    const slab = this.#out.reserve(this.#bytes + COMMAND_FRAME_BYTES);
    const { bytes } = slab;
    const source = this.#source;
    let at = slab.used;
    if (pairs === 1) at = writeWords(bytes, at, SET);
    else at = writeWords(bytes, writeHeader(bytes, at, STAR, 1 + 2 * pairs), MSET);
    const spans = this.#spans;
    for (let index = 0; index < pairs * FIELDS; index += FIELDS) {
      at = writeViewedBulk(slab, at, source, spans[index]!, spans[index + 1]!);
      const start = spans[index + 2]!;
      if (start === IS_INTEGER) at = writeInteger(bytes, at, spans[index + 3]!);
      else at = writeViewedBulk(slab, at, source, start, spans[index + 3]!);
    }
    slab.used = at;
    this.#bytes = 0;
    this.#out.ended(1);
  }

  #push(
    source: Uint8Array,
    keyStart: number,
    keyEnd: number,
    start: number,
    end: number,
    size: number,
  ): void {
    const bytes = keyEnd - keyStart + size + PAIR_FRAME_BYTES;
    if (this.#pairs === this.#mostPairs || this.#bytes + bytes > MAX_BATCH_BYTES) this.flush();
    const spans = this.#spans;
    if (this.#pairs === 0) this.#offset = this.#entryOffset;
    const index = this.#pairs++ * FIELDS;
    spans[index] = keyStart;
    spans[index + 1] = keyEnd;
    spans[index + 2] = start;
    spans[index + 3] = end;
    if (source !== this.#source.bytes) this.#source = viewed(source);
    this.#bytes += bytes;
  }

  #alone(source: Uint8Array, keyStart: number, keyEnd: number, start: number, end: number): void {
    const out = this.#out;
    const whole = keyEnd - keyStart + end - start + COMMAND_FRAME_BYTES + PAIR_FRAME_BYTES;
    let slab = out.reserve(Math.min(whole, COMMAND_FRAME_BYTES));
    if (whole <= out.slabBytes) slab = out.reserve(whole);
    out.begin();
    let at = writeWords(slab.bytes, slab.used, SET);
    slab.used = writeHeader(slab.bytes, at, DOLLAR, keyEnd - keyStart);
    out.put(source, keyStart, keyEnd);
    slab = out.reserve(COMMAND_FRAME_BYTES);
    at = writeEnd(slab.bytes, slab.used);
    slab.used = writeHeader(slab.bytes, at, DOLLAR, end - start);
    out.put(source, start, end);
    slab = out.reserve(2);
    slab.used = writeEnd(slab.bytes, slab.used);
    out.ended(1);
  }
}
