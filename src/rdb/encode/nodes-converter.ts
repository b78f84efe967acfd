/**
 * A quicklist of listpacks (type 18, Redis 7.0) as one of ziplists (type 14, Redis 3.2), node by node, so that
 * the number of nodes, which stands in front, stays what it is:
 *
 *   18   count, that many (len form, str): form 1: the str is one item; 2: a listpack
 *   14   count, that many str(ziplist)
 */
import { UnitReader } from '../decode/unit-reader.js';
import { corrupt } from '../encodings/corrupt.js';
import { checkListpack, ListpackCursor } from '../encodings/listpack.js';
import { Scratch } from '../encodings/scratch.js';
import type { ValueSink } from '../handler.js';
import { DEFAULT_LIMITS, type Limits } from '../limits.js';
import { INCOMPLETE } from '../primitives.js';
import type { ByteWriter } from './byte-writer.js';
import { ZiplistBuilder } from './packed-builders.js';
import type { StringEncoder } from './string-encoder.js';

const PLAIN_NODE = 1;
const PACKED_NODE = 2;

export class NodesConverter implements ValueSink {
  #out: ByteWriter;
  readonly #strings: StringEncoder;
  readonly #reader: UnitReader;
  readonly #cursor = new ListpackCursor();
  readonly #scratch = new Scratch();
  readonly #ziplist = new ZiplistBuilder();
  /** Nodes still to come; -1 before the count. */
  #left = -1;
  /** Items so far. */
  items = 0;

  constructor(out: ByteWriter, strings: StringEncoder, limits: Limits = DEFAULT_LIMITS) {
    this.#out = out;
    this.#strings = strings;
    this.#reader = new UnitReader(limits);
  }

  /** Makes it ready for another value; much cheaper than a new one. */
  begin(out: ByteWriter): void {
    this.#out = out;
    this.#left = -1;
    this.items = 0;
    this.#reader.need = 0;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  get needBytes(): number {
    return this.done ? 0 : Math.max(1, this.#reader.need);
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const reader = this.#reader;
    if (this.done || end - start < reader.need) return start;
    reader.feed(bytes, start, end);
    while (!this.done) {
      reader.begin();
      if (!(this.#left < 0 ? this.#count(reader) : this.#node(reader))) {
        reader.rewind();
        break;
      }
    }
    return reader.at;
  }

  #count(reader: UnitReader): boolean {
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#out.len(count);
    this.#left = count;
    return true;
  }

  #node(reader: UnitReader): boolean {
    const form = reader.length();
    if (form === INCOMPLETE) return false;
    const ziplist = this.#ziplist;
    ziplist.clear();
    if (form === PLAIN_NODE) {
      const item = reader.string();
      if (item === undefined) return false;
      ziplist.add(item);
      this.items++;
    } else if (form === PACKED_NODE) {
      if (!reader.container()) return false;
      this.#pack(reader);
    } else {
      throw corrupt(`a quicklist node of form ${form}`, reader.start);
    }
    this.#strings.write(this.#out, ziplist.finish());
    this.#left--;
    return true;
  }

  #pack(reader: UnitReader): void {
    const { box, boxStart, boxEnd } = reader;
    try {
      this.items += checkListpack(box, boxStart, boxEnd);
    } catch (error) {
      throw reader.placeBoxError(error);
    }
    this.#cursor.reset(box, boxStart, boxEnd);
    while (this.#cursor.next()) {
      this.#scratch.clear();
      this.#ziplist.add(this.#cursor.text(this.#scratch));
    }
  }
}
