/**
 * The consumer groups of a stream, the part behind its meta data (the layout is described in
 * `stream-body.ts`). A group is handed on when it is complete.
 */
import { corrupt } from '../encodings/corrupt.js';
import { ID_BYTES } from '../encodings/stream-id.js';
import { INCOMPLETE } from '../primitives.js';
import type { ValueVisitor } from '../value-visitor.js';
import { GroupBuilder, keyOf } from './group-builder.js';
import { tooLarge, type UnitReader } from './unit-reader.js';

/** What the next unit is. */
type Part =
  | 'groups'
  | 'group'
  | 'pending'
  | 'consumers'
  | 'consumer'
  | 'owned'
  | 'nacks'
  | 'nacked'
  | 'group end'
  | 'end';

/** What stands for an unknown number of entries read. */
export const UNKNOWN_READ: bigint = 2n ** 64n - 1n;
const LARGEST_COUNTER: bigint = 2n ** 63n - 1n;

export class StreamGroups {
  #type = 15;
  #part: Part = 'groups';
  /** Groups still to come, that under way included. */
  #left = 0;
  #consumersLeft = 0;
  /** Ids still to come of the list under way. */
  #idsLeft = 0;
  #group: GroupBuilder | undefined;
  #groupBytes = 0;
  #names = new Set<string>();

  begin(type: number): void {
    this.#type = type;
    this.#part = 'groups';
    this.#group = undefined;
    this.#names = new Set();
  }

  /** As `Body.run`. */
  run(reader: UnitReader, visitor: ValueVisitor): boolean {
    while (this.#part !== 'end') {
      reader.begin();
      if (!this.#unit(reader, visitor)) return reader.rewind();
      this.#countGroupBytes(reader);
    }
    return true;
  }

  #unit(reader: UnitReader, visitor: ValueVisitor): boolean {
    switch (this.#part) {
      case 'groups':
        return this.#readGroupCount(reader);
      case 'group':
        return this.#readGroup(reader);
      case 'pending':
        return this.#readPending(reader);
      case 'consumers':
        return this.#readConsumerCount(reader);
      case 'consumer':
        return this.#readConsumer(reader);
      case 'nacks':
        return this.#readNackCount(reader);
      case 'group end':
        return this.#endGroup(reader, visitor);
      default:
        return this.#readOwnedId(reader);
    }
  }

  #readGroupCount(reader: UnitReader): boolean {
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#left = count;
    this.#part = count > 0 ? 'group' : 'end';
    return true;
  }

  /** `entries read` may be larger than `entries added`: older servers let XGROUP set it so. */
  #readGroup(reader: UnitReader): boolean {
    const name = reader.string();
    if (name === undefined) return false;
    const lastId = reader.idLengths();
    const read = this.#type < 19 ? UNKNOWN_READ : reader.bigLength();
    if (lastId === undefined || read === undefined) return false;
    const pending = reader.length();
    if (pending === INCOMPLETE) return false;
    if (read !== UNKNOWN_READ && read > LARGEST_COUNTER) {
      throw corrupt(`a group that has read ${read} entries`, reader.start);
    }
    const key = keyOf(name, 0, name.length);
    if (this.#names.has(key)) throw corrupt('two groups of the same name in a stream', reader.start);
    this.#names.add(key);
    this.#group = new GroupBuilder(name.slice(), lastId, read === UNKNOWN_READ ? undefined : read);
    this.#groupBytes = 0;
    this.#idsLeft = pending;
    this.#part = pending > 0 ? 'pending' : 'consumers';
    return true;
  }

  #readPending(reader: UnitReader): boolean {
    const at = reader.raw(ID_BYTES);
    if (at === INCOMPLETE) return false;
    const deliveryTimeMs = reader.time();
    if (Number.isNaN(deliveryTimeMs)) return false;
    const deliveryCount = reader.length();
    if (deliveryCount === INCOMPLETE) return false;
    this.#group!.addPending(reader.bytes, at, deliveryTimeMs, deliveryCount);
    if (--this.#idsLeft === 0) this.#part = 'consumers';
    return true;
  }

  #readConsumerCount(reader: UnitReader): boolean {
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#consumersLeft = count;
    this.#part = count > 0 ? 'consumer' : this.#afterConsumers();
    return true;
  }

  #readConsumer(reader: UnitReader): boolean {
    const name = reader.string();
    if (name === undefined) return false;
    const seenTimeMs = reader.time();
    const activeTimeMs = this.#type < 21 ? seenTimeMs : reader.time();
    if (Number.isNaN(seenTimeMs) || Number.isNaN(activeTimeMs)) return false;
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#group!.addConsumer(name, seenTimeMs, activeTimeMs, reader.start);
    this.#idsLeft = count;
    this.#part = 'owned';
    if (count === 0) this.#endConsumer();
    return true;
  }

  #readOwnedId(reader: UnitReader): boolean {
    const at = reader.raw(ID_BYTES);
    if (at === INCOMPLETE) return false;
    const owned = this.#part === 'owned';
    if (owned) this.#group!.own(reader.bytes, at);
    else this.#group!.nack(reader.bytes, at);
    if (--this.#idsLeft > 0) return true;
    if (owned) this.#endConsumer();
    else this.#part = 'group end';
    return true;
  }

  #endConsumer(): void {
    this.#part = --this.#consumersLeft > 0 ? 'consumer' : this.#afterConsumers();
  }

  #afterConsumers(): Part {
    return this.#type === 27 ? 'nacks' : 'group end';
  }

  #readNackCount(reader: UnitReader): boolean {
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#idsLeft = count;
    this.#part = count > 0 ? 'nacked' : 'group end';
    return true;
  }

  #endGroup(reader: UnitReader, visitor: ValueVisitor): boolean {
    visitor.streamGroup(this.#group!.build(reader.at));
    this.#group = undefined;
    this.#part = --this.#left > 0 ? 'group' : 'end';
    return true;
  }

  /** A group is handed on whole, so its size is bounded. */
  #countGroupBytes(reader: UnitReader): void {
    if (this.#group === undefined) return;
    this.#groupBytes += reader.at - reader.start;
    const limit = reader.limits.maxOpaqueBytes;
    if (this.#groupBytes > limit) throw tooLarge('a stream group', this.#groupBytes, limit, reader.at);
  }
}
