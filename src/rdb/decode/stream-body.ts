/**
 * Streams, types 15 (Redis 5.0), 19 (7.0), 21 (7.2), 26 (8.6) and 27 (8.8):
 *
 *   count nodes × (str master id: 16 bytes, str listpack)
 *   len length, last id, [19: first id, max deleted id, len entries added]            an id is two lens
 *   count groups × (str name, last id, [19: len entries read, 2^64 − 1: unknown],
 *     count pending × (16 bytes id, i64 LE delivery time, len delivery count),
 *     count consumers × (str name, i64 LE seen, [21: i64 LE active], count × 16 bytes id),
 *     [27: count × 16 bytes id of entries without owner])
 *   [26: len duration, len max entries, count producers × (str, count × (str, id)), len added, len duplicates]
 *
 * Entries go out node by node; groups one by one, when complete. What type 26 adds at the end (ids for
 * idempotent producers) is read over.
 */
import { corrupt } from '../encodings/corrupt.js';
import { compareIds, formatId, ID_BYTES, readStreamId, ZERO_ID } from '../encodings/stream-id.js';
import { StreamNodeWalker } from '../encodings/stream-node.js';
import { INCOMPLETE } from '../primitives.js';
import type { ValueType } from '../value-types.js';
import type { StreamId, ValueVisitor } from '../value-visitor.js';
import type { Body } from './body.js';
import { StreamGroups } from './stream-groups.js';
import { StreamProducers } from './stream-producers.js';
import type { UnitReader } from './unit-reader.js';

const LARGEST_COUNTER: bigint = 2n ** 63n - 1n;

type Part = 'nodes' | 'node' | 'meta' | 'groups' | 'producers' | 'end';

export class StreamBody implements Body {
  #type = 15;
  #part: Part = 'nodes';
  #nodesLeft = 0;
  #live = 0;
  #lastMaster: StreamId | undefined;
  #firstEntry: StreamId | undefined;
  #lastEntry: StreamId | undefined;
  readonly #node = new StreamNodeWalker();
  readonly #groups = new StreamGroups();
  readonly #producers = new StreamProducers();

  begin(type: ValueType): void {
    this.#type = type.id;
    this.#part = 'nodes';
    this.#live = 0;
    this.#lastMaster = undefined;
    this.#firstEntry = undefined;
    this.#lastEntry = undefined;
    this.#groups.begin(type.id);
    this.#producers.begin();
  }

  run(reader: UnitReader, visitor: ValueVisitor): boolean {
    while (this.#part !== 'end') {
      reader.begin();
      if (!this.#unit(reader, visitor)) return reader.rewind();
    }
    return true;
  }

  #unit(reader: UnitReader, visitor: ValueVisitor): boolean {
    switch (this.#part) {
      case 'nodes':
        return this.#readNodeCount(reader);
      case 'node':
        return this.#readNode(reader, visitor);
      case 'meta':
        return this.#readMeta(reader, visitor);
      case 'groups':
        if (!this.#groups.run(reader, visitor)) return false;
        this.#part = this.#type >= 26 ? 'producers' : 'end';
        return true;
      default:
        if (!this.#producers.run(reader)) return false;
        this.#part = 'end';
        return true;
    }
  }

  #readNodeCount(reader: UnitReader): boolean {
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#nodesLeft = count;
    this.#part = count > 0 ? 'node' : 'meta';
    return true;
  }

  #readNode(reader: UnitReader, visitor: ValueVisitor): boolean {
    const master = reader.string();
    if (master === undefined) return false;
    if (master.length !== ID_BYTES) throw corrupt(`a master id of ${master.length} bytes`, reader.start);
    const id = readStreamId(master, 0);
    if (!reader.container()) return false;
    if (this.#lastMaster !== undefined && compareIds(id, this.#lastMaster) <= 0) {
      throw corrupt(`stream node ${formatId(id)} after ${formatId(this.#lastMaster)}`, reader.start);
    }
    this.#lastMaster = id;
    try {
      this.#walk(id, reader, visitor);
    } catch (error) {
      throw reader.placeBoxError(error);
    }
    if (--this.#nodesLeft === 0) this.#part = 'meta';
    return true;
  }

  #walk(master: StreamId, reader: UnitReader, visitor: ValueVisitor): void {
    const { box, boxStart, boxEnd } = reader;
    this.#lastEntry = this.#node.walk(master, this.#lastEntry, box, boxStart, boxEnd, (id, fields) => {
      this.#firstEntry ??= id;
      visitor.streamEntry(id, fields);
    });
    this.#live += this.#node.live;
  }

  #readMeta(reader: UnitReader, visitor: ValueVisitor): boolean {
    const length = reader.length();
    if (length === INCOMPLETE) return false;
    const lastId = reader.idLengths();
    if (lastId === undefined) return false;
    const exact = this.#type >= 19;
    const firstId = exact ? reader.idLengths() : (this.#firstEntry ?? ZERO_ID);
    const maxDeletedId = exact ? reader.idLengths() : ZERO_ID;
    const entriesAdded = exact ? reader.bigLength() : BigInt(length);
    if (firstId === undefined || maxDeletedId === undefined || entriesAdded === undefined) return false;
    this.#checkMeta(length, lastId, entriesAdded, reader.start);
    visitor.streamMeta({ length, lastId, firstId, maxDeletedId, entriesAdded, exact });
    this.#part = 'groups';
    return true;
  }

  #checkMeta(length: number, lastId: StreamId, entriesAdded: bigint, at: number): void {
    if (length !== this.#live) {
      throw corrupt(`a stream that claims ${length} entries and has ${this.#live}`, at);
    }
    if (this.#lastEntry !== undefined && compareIds(this.#lastEntry, lastId) > 0) {
      throw corrupt(`stream entry ${formatId(this.#lastEntry)} after the last id ${formatId(lastId)}`, at);
    }
    if (entriesAdded < BigInt(length) || entriesAdded > LARGEST_COUNTER) {
      throw corrupt(`a stream of ${length} entries to which ${entriesAdded} were added`, at);
    }
  }
}
