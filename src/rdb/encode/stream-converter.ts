/**
 * Brings a stream down to an older type (the layouts stand in `decode/stream-body.ts`). Everything that both
 * have is copied as it is, piece by piece; nothing is decompressed. What the older one lacks:
 *
 *   27 → 26   entries pending without an owner: dropped from their group's pending list
 *   26 → 21   the block of producer ids at the end
 *   21 → 19   when each consumer was last active
 *   19 → 15   first id, greatest deleted id, entries added, entries read
 */
import { viewOf } from '../encodings/packed-cursor.js';
import { DEFAULT_LIMITS, type Limits } from '../limits.js';
import { UnitReader } from '../decode/unit-reader.js';
import { ID_BYTES } from '../encodings/stream-id.js';
import type { ValueSink } from '../handler.js';
import { INCOMPLETE } from '../primitives.js';
import { skipString } from '../skip-value.js';
import type { ByteWriter } from './byte-writer.js';
import { HeldGroup } from './held-group.js';
import type { ValueLosses } from './losses.js';
import { UNKNOWN_READ } from '../decode/stream-groups.js';
import type { StreamType } from './stream-encoder.js';

const TIME_BYTES = 8;

type Part =
  | 'nodes'
  | 'node'
  | 'meta'
  | 'groups'
  | 'group'
  | 'pending'
  | 'consumers'
  | 'consumer'
  | 'owned'
  | 'nacks'
  | 'nacked'
  | 'group end'
  | 'producers'
  | 'producer'
  | 'produced'
  | 'duplicates'
  | 'end';

export class StreamConverter implements ValueSink {
  #from = 15;
  #type: StreamType = 15;
  #final: ByteWriter;
  #losses: ValueLosses;
  readonly #limits: Limits;
  readonly #reader: UnitReader;
  /** Where the current part goes: behind a group's pending list when that must wait (type 27). */
  #out: ByteWriter;
  #part: Part = 'nodes';
  /** Nodes, groups, consumers, ids … still to come. */
  #nodes = 0;
  #groups = 0;
  #consumers = 0;
  #ids = 0;
  #producers = 0;
  readonly #held = new HeldGroup();

  constructor(
    from: number,
    to: StreamType,
    out: ByteWriter,
    losses: ValueLosses,
    limits: Limits = DEFAULT_LIMITS,
  ) {
    this.#final = out;
    this.#out = out;
    this.#losses = losses;
    this.#limits = limits;
    this.#reader = new UnitReader(limits);
    this.begin(from, to, out, losses);
  }

  /** Makes it ready for another value; much cheaper than a new one. */
  begin(from: number, to: StreamType, out: ByteWriter, losses: ValueLosses): void {
    this.#from = from;
    this.#type = to;
    this.#final = out;
    this.#out = out;
    this.#losses = losses;
    this.#part = 'nodes';
    this.#reader.need = 0;
  }

  get done(): boolean {
    return this.#part === 'end';
  }

  get needBytes(): number {
    return this.done ? 0 : Math.max(1, this.#reader.need);
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const reader = this.#reader;
    if (this.done || end - start < reader.need) return start;
    reader.feed(bytes, start, end);
    while (this.#part !== 'end') {
      reader.begin();
      if (!this.#unit(reader)) {
        reader.rewind();
        break;
      }
    }
    return reader.at;
  }

  #unit(reader: UnitReader): boolean {
    switch (this.#part) {
      case 'nodes':
        return this.#count(reader, 'node', 'meta', (count) => (this.#nodes = count));
      case 'node':
        if (!this.#skipString(reader) || !this.#skipString(reader)) return false;
        this.#copy(reader);
        if (--this.#nodes === 0) this.#part = 'meta';
        return true;
      case 'meta':
        return this.#meta(reader);
      case 'groups':
        return this.#count(reader, 'group', this.#afterGroups(), (count) => (this.#groups = count));
      case 'group':
        return this.#group(reader);
      case 'pending':
        return this.#pending(reader);
      case 'consumers':
        return this.#count(reader, 'consumer', this.#afterConsumers(), (count) => (this.#consumers = count));
      case 'consumer':
        return this.#consumer(reader);
      case 'owned':
        if (reader.raw(ID_BYTES) === INCOMPLETE) return false;
        this.#copy(reader);
        if (--this.#ids === 0) this.#endConsumer();
        return true;
      default:
        return this.#newerUnit(reader);
    }
  }

  /** What types 26 and 27 brought. */
  #newerUnit(reader: UnitReader): boolean {
    switch (this.#part) {
      case 'nacks':
        return this.#nacks(reader);
      case 'nacked':
        return this.#nacked(reader);
      case 'group end':
        if (this.#from === 27) this.#held.release(this.#final);
        this.#out = this.#final;
        this.#part = --this.#groups > 0 ? 'group' : this.#afterGroups();
        return true;
      case 'producers':
        return this.#producersHead(reader);
      case 'producer':
        return this.#producer(reader);
      case 'produced':
        if (!this.#skipString(reader) || !skipPair(reader)) return false;
        this.#copyProducers(reader);
        if (--this.#ids === 0) this.#endProducer();
        return true;
      default:
        if (!skipPair(reader)) return false;
        this.#copyProducers(reader);
        this.#part = 'end';
        return true;
    }
  }

  /** A count that is copied; `none` is the part that follows when it is 0. */
  #count(reader: UnitReader, some: Part, none: Part, keep: (count: number) => void): boolean {
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#copy(reader);
    keep(count);
    this.#part = count > 0 ? some : none;
    return true;
  }

  #meta(reader: UnitReader): boolean {
    const length = reader.length();
    if (length === INCOMPLETE || !skipPair(reader)) return false;
    const common = reader.at;
    const first = reader.idLengths();
    const deleted = reader.idLengths();
    const added = reader.bigLength();
    if (first === undefined || deleted === undefined || added === undefined) return false;
    if (this.#type >= 19) {
      this.#copy(reader);
    } else {
      this.#out.raw(reader.bytes, reader.start, common);
      if (added !== BigInt(length) || deleted.ms !== 0n || deleted.seq !== 0n) this.#losses.streamCounters++;
    }
    this.#part = 'groups';
    return true;
  }

  #group(reader: UnitReader): boolean {
    if (!this.#skipString(reader) || !skipPair(reader)) return false;
    const common = reader.at;
    const read = reader.bigLength();
    if (read === undefined) return false;
    const headEnd = this.#type >= 19 ? reader.at : common;
    const pending = reader.length();
    if (pending === INCOMPLETE) return false;
    this.#out.raw(reader.bytes, reader.start, headEnd);
    if (this.#type < 19 && read !== UNKNOWN_READ && read > 0n) this.#losses.streamCounters++;
    if (this.#from === 27) this.#out = this.#held.begin();
    else this.#out.len(pending);
    this.#ids = pending;
    this.#part = pending > 0 ? 'pending' : 'consumers';
    return true;
  }

  #pending(reader: UnitReader): boolean {
    if (reader.raw(ID_BYTES + TIME_BYTES) === INCOMPLETE || reader.length() === INCOMPLETE) return false;
    if (this.#from === 27) this.#held.add(viewOf(reader.bytes, reader.start, reader.at), this.#limits);
    else this.#copy(reader);
    if (--this.#ids === 0) this.#part = 'consumers';
    return true;
  }

  #consumer(reader: UnitReader): boolean {
    if (!this.#skipString(reader)) return false;
    const seen = reader.raw(TIME_BYTES);
    if (seen === INCOMPLETE) return false;
    const seenEnd = reader.at;
    const hasActive = this.#from >= 21;
    const active = hasActive ? reader.raw(TIME_BYTES) : seen;
    if (active === INCOMPLETE) return false;
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    if (hasActive && this.#type < 21) {
      this.#out.raw(reader.bytes, reader.start, seenEnd);
      this.#out.len(count);
      if (!sameTime(reader.bytes, seen, active)) this.#losses.consumerActivity++;
    } else {
      this.#copy(reader);
    }
    this.#ids = count;
    this.#part = 'owned';
    if (count === 0) this.#endConsumer();
    return true;
  }

  #endConsumer(): void {
    this.#part = --this.#consumers > 0 ? 'consumer' : this.#afterConsumers();
  }

  #afterConsumers(): Part {
    return this.#from === 27 ? 'nacks' : 'group end';
  }

  #afterGroups(): Part {
    return this.#from >= 26 ? 'producers' : 'end';
  }

  #nacks(reader: UnitReader): boolean {
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#losses.unownedPending += count;
    this.#ids = count;
    this.#part = count > 0 ? 'nacked' : 'group end';
    return true;
  }

  #nacked(reader: UnitReader): boolean {
    const at = reader.raw(ID_BYTES);
    if (at === INCOMPLETE) return false;
    this.#held.drop(viewOf(reader.bytes, at, reader.at));
    if (--this.#ids === 0) this.#part = 'group end';
    return true;
  }

  #producersHead(reader: UnitReader): boolean {
    if (!skipPair(reader)) return false;
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#copyProducers(reader);
    this.#producers = count;
    this.#part = count > 0 ? 'producer' : 'duplicates';
    return true;
  }

  #producer(reader: UnitReader): boolean {
    if (!this.#skipString(reader)) return false;
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#copyProducers(reader);
    if (this.#type < 26) this.#losses.producerIds += count;
    this.#ids = count;
    this.#part = 'produced';
    if (count === 0) this.#endProducer();
    return true;
  }

  #endProducer(): void {
    this.#part = --this.#producers > 0 ? 'producer' : 'duplicates';
  }

  #copy(reader: UnitReader): void {
    this.#out.raw(reader.bytes, reader.start, reader.at);
  }

  #copyProducers(reader: UnitReader): void {
    if (this.#type >= 26) this.#copy(reader);
  }

  #skipString(reader: UnitReader): boolean {
    const next = skipString(reader.bytes, reader.at, reader.end);
    if (next === INCOMPLETE) return false;
    if (next > reader.end) {
      reader.need = next - reader.start;
      return false;
    }
    reader.at = next;
    return true;
  }
}

function skipPair(reader: UnitReader): boolean {
  return reader.bigLength() !== undefined && reader.bigLength() !== undefined;
}

function sameTime(bytes: Uint8Array, a: number, b: number): boolean {
  for (let at = 0; at < TIME_BYTES; at++) if (bytes[a + at] !== bytes[b + at]) return false;
  return true;
}
