/**
 * One node of a stream: a listpack of entries that share a master id and, mostly, their field names.
 *
 *   master   live, deleted, n, n × field name, 0
 *   entry    flags (1 deleted, 2 same fields as master), ms delta, seq delta,
 *            same fields: n × value; else m, m × (field, value)
 *            number of elements of this entry before this one: n + 3 or 2m + 4
 *
 * Deltas are added to the master id as signed 64-bit numbers that wrap around. Redis 5.0 and later, all
 * Valkey.
 */
import { corrupt } from './corrupt.js';
import { checkListpack, ListpackCursor } from './listpack.js';
import { Scratch } from './scratch.js';
import { compareIds, formatId } from './stream-id.js';
import type { StreamId } from '../value-visitor.js';

const FLAG_DELETED = 1;
const FLAG_SAME_FIELDS = 2;

type EntrySink = (id: StreamId, fields: readonly Uint8Array[]) => void;

export class StreamNodeWalker {
  readonly #cursor = new ListpackCursor();
  /** Text of field names that are integers: needed for the whole node. */
  readonly #names = new Scratch();
  readonly #scratch = new Scratch();
  #end = 0;

  /**
   * Checks the node bytes[start, end) and hands on its live entries in order; all must come after `after`.
   * Returns the id of the last live one (or `after`), and leaves their number in `live`.
   */
  walk(
    master: StreamId,
    after: StreamId | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
    sink: EntrySink,
  ): StreamId | undefined {
    if (checkListpack(bytes, start, end) === 0) throw corrupt('a stream node without elements', start);
    this.#cursor.reset(bytes, start, end);
    this.#names.clear();
    this.#end = end;
    const live = this.#count('the number of live entries');
    const deleted = this.#count('the number of deleted entries');
    const names = this.#masterFields();
    this.live = live;
    return this.#entries(master, names, live, deleted, after, sink);
  }

  live = 0;

  #masterFields(): readonly Uint8Array[] {
    const count = this.#count('the number of master fields');
    const names: Uint8Array[] = [];
    for (let at = 0; at < count; at++) names.push(this.#text(this.#names));
    if (this.#count('the end of the master entry') !== 0) {
      throw corrupt('a stream node whose master entry does not end with 0', this.#cursor.position);
    }
    return names;
  }

  #entries(
    master: StreamId,
    names: readonly Uint8Array[],
    live: number,
    deleted: number,
    after: StreamId | undefined,
    sink: EntrySink,
  ): StreamId | undefined {
    let last = after;
    let liveLeft = live;
    let deletedLeft = deleted;
    while (liveLeft + deletedLeft > 0) {
      this.#scratch.clear();
      const flags = this.#count('the flags of an entry');
      const at = this.#cursor.position;
      const id = this.#id(master);
      const fields = this.#fields((flags & FLAG_SAME_FIELDS) === 0 ? undefined : names);
      if ((flags & FLAG_DELETED) !== 0) {
        deletedLeft--;
      } else {
        liveLeft--;
        if (last !== undefined && compareIds(id, last) <= 0) {
          throw corrupt(`stream entry ${formatId(id)} after ${formatId(last)}`, at);
        }
        last = id;
      }
      if (liveLeft < 0 || deletedLeft < 0) {
        throw corrupt(`a stream node that claims ${live} live and ${deleted} deleted entries has others`, at);
      }
      if ((flags & FLAG_DELETED) === 0) sink(id, fields);
    }
    if (this.#cursor.next())
      throw corrupt('elements behind the last entry of a stream node', this.#cursor.position);
    return last;
  }

  #id(master: StreamId): StreamId {
    return { ms: this.#add(master.ms), seq: this.#add(master.seq) };
  }

  #add(base: bigint): bigint {
    this.#step();
    const delta = this.#cursor.integer('the id of an entry');
    if (delta === 0) return base;
    return BigInt.asUintN(64, base + BigInt(delta));
  }

  /** The fields of an entry, `names` being those of the master when it has the same. */
  #fields(names: readonly Uint8Array[] | undefined): readonly Uint8Array[] {
    const count = names?.length ?? this.#count('the number of fields of an entry');
    const fields: Uint8Array[] = [];
    for (let at = 0; at < count; at++) {
      fields.push(names?.[at] ?? this.#text(this.#scratch));
      fields.push(this.#text(this.#scratch));
    }
    const elements = names === undefined ? 2 * count + 4 : count + 3;
    const claimed = this.#count('the size of an entry');
    if (claimed !== elements) {
      throw corrupt(`a stream entry of ${elements} elements that claims ${claimed}`, this.#cursor.position);
    }
    return fields;
  }

  #text(scratch: Scratch): Uint8Array {
    this.#step();
    return this.#cursor.text(scratch);
  }

  #count(what: string): number {
    this.#step();
    return this.#cursor.count(what);
  }

  #step(): void {
    if (!this.#cursor.next()) throw corrupt('a stream node that ends inside an entry', this.#end - 1);
  }
}
