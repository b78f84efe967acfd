/**
 * A 64-bit digest of a value that depends on what is in it, not on how it is stored: the same for a listpack
 * and a hash table, whatever the order of members where order means nothing.
 *
 *   string, list, stream   one after the other, with lengths
 *   set, zset, hash        the sum of the digests of members; score or value and TTL belong to them
 *   stream                 entries, last id, groups with consumers and pending entries; only on demand the
 *                          times at which consumers were seen and active, which change with every read
 *   module                 its bytes
 *
 * Not made to withstand somebody who looks for collisions.
 */
import type { ElementSpans, StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../rdb/value-visitor.js';
import { Hash64 } from './hash64.js';

export class ValueDigest implements ValueVisitor, ElementSpans {
  readonly spans: ElementSpans = this;
  /** After `finish`. */
  a = 0;
  b = 0;
  readonly #whole = new Hash64();
  readonly #member = new Hash64();
  #sumA = 0;
  #sumB = 0;
  #members = 0;
  readonly #consumerTimes: boolean;

  constructor(consumerTimes = false) {
    this.#consumerTimes = consumerTimes;
  }

  /** A value of this kind begins. */
  begin(kind: string): void {
    this.#whole.reset(kind.charCodeAt(0) * 31 + kind.charCodeAt(kind.length - 1));
    this.#sumA = 0;
    this.#sumB = 0;
    this.#members = 0;
  }

  finish(): void {
    const whole = this.#whole;
    whole.end();
    whole.word(this.#members);
    whole.word(this.#sumA);
    whole.word(this.#sumB);
    whole.finish();
    this.a = whole.a;
    this.b = whole.b;
  }

  /** A value whose elements are not known. */
  opaque(bytes: Uint8Array, start: number, end: number): void {
    this.#whole.bytes(bytes, start, end);
  }

  stringStart(): void {}

  stringChunk(bytes: Uint8Array): void {
    this.#whole.bytes(bytes);
  }

  listItem(item: Uint8Array): void {
    this.listSpan(item, 0, item.length);
  }

  setMember(member: Uint8Array): void {
    this.setSpan(member, 0, member.length);
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.zsetSpan(member, 0, member.length, score);
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    this.hashSpan(field, 0, field.length, value, 0, value.length, expiresAtMs);
  }

  listSpan(bytes: Uint8Array, start: number, end: number): void {
    this.#whole.bytes(bytes, start, end);
    this.#whole.end();
  }

  setSpan(bytes: Uint8Array, start: number, end: number): void {
    this.#start(bytes, start, end);
    this.#add();
  }

  zsetSpan(bytes: Uint8Array, start: number, end: number, score: number): void {
    this.#start(bytes, start, end);
    // 0 and −0 are the same score.
    this.#member.number(score + 0);
    this.#add();
  }

  hashSpan(
    fieldBytes: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expiresAtMs: number,
  ): void {
    this.#start(fieldBytes, fieldStart, fieldEnd);
    this.#member.bytes(valueBytes, valueStart, valueEnd);
    this.#member.end();
    this.#member.number(expiresAtMs);
    this.#add();
  }

  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#id(id);
    for (const field of fields) {
      this.#whole.bytes(field);
      this.#whole.end();
    }
    this.#whole.word(fields.length);
  }

  streamMeta(meta: StreamMeta): void {
    this.#id(meta.lastId);
  }

  streamGroup(group: StreamGroup): void {
    const whole = this.#whole;
    this.#text(group.name);
    this.#id(group.lastId);
    for (const { name, seenTimeMs, activeTimeMs } of group.consumers) {
      this.#text(name);
      if (!this.#consumerTimes) continue;
      whole.number(seenTimeMs);
      whole.number(activeTimeMs);
    }
    whole.word(group.consumers.length);
    for (const { id, consumer, deliveryTimeMs, deliveryCount } of group.pending) {
      this.#id(id);
      this.#text(consumer ?? NO_BYTES);
      whole.number(deliveryTimeMs);
      whole.number(deliveryCount);
    }
  }

  moduleValue(moduleId: bigint, payload: Uint8Array): void {
    this.#whole.big(moduleId);
    this.#whole.bytes(payload);
  }

  #text(bytes: Uint8Array): void {
    this.#whole.bytes(bytes);
    this.#whole.end();
  }

  #id(id: StreamId): void {
    this.#whole.big(id.ms);
    this.#whole.big(id.seq);
  }

  #start(bytes: Uint8Array, start: number, end: number): void {
    this.#member.reset(1);
    this.#member.bytes(bytes, start, end);
    this.#member.end();
  }

  #add(): void {
    this.#member.finish();
    this.#members++;
    this.#sumA = (this.#sumA + this.#member.a) | 0;
    this.#sumB = (this.#sumB + this.#member.b) | 0;
  }
}

const NO_BYTES = new Uint8Array(0);
