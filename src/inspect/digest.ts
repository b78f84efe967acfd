/**
 * A 64-bit digest of a value that depends on what is in it, not on how it is stored: the same for a listpack
 * and a hash table, whatever the order of members where order means nothing.
 *
 *   string, list, stream   one after the other, with lengths
 *   set, zset, hash        the sum of the digests of members; score or value and TTL belong to them
 *   stream                 entries, last id, groups with consumers and pending entries; not the times at which
 *                          consumers were seen, which change without anything being written
 *   module                 its bytes
 *
 * Not made to withstand somebody who looks for collisions.
 */
import type { StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../rdb/value-visitor.js';

const C1 = 0xcc9e_2d51;
const C2 = 0x1b87_3593;

/** Two lanes of 32 bits. */
export class Hash64 {
  a = 0;
  b = 0;
  /** Bytes that do not make up a word yet. */
  #tail = 0;
  #tailBytes = 0;
  #length = 0;

  reset(seed: number): void {
    this.a = seed | 0;
    this.b = ~seed;
    this.#tail = 0;
    this.#tailBytes = 0;
    this.#length = 0;
  }

  word(value: number): void {
    const mixed = Math.imul(value, C1);
    this.a = (Math.imul(rotate(this.a ^ mixed, 13), 5) + 0x6b_4b_c9) | 0;
    this.b = (Math.imul(rotate(this.b ^ Math.imul(value ^ 0x5bd1_e995, C2), 17), 9) + this.a) | 0;
  }

  /** Any number, by its 64 bits. */
  number(value: number): void {
    double[0] = value;
    this.word(words[0]!);
    this.word(words[1]!);
  }

  big(value: bigint): void {
    this.word(Number(value & 0xffff_ffffn));
    this.word(Number((value >> 32n) & 0xffff_ffffn));
  }

  /** Bytes that may come in pieces; `end` closes them. */
  bytes(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#length += end - start;
    let at = start;
    while (at < end && this.#tailBytes > 0) this.#byte(bytes[at++]!);
    for (; at + 4 <= end; at += 4) {
      this.word(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    }
    while (at < end) this.#byte(bytes[at++]!);
  }

  /** Ends a run of bytes, with its length. */
  end(): void {
    if (this.#tailBytes > 0) this.word(this.#tail);
    this.word(this.#length);
    this.#tail = 0;
    this.#tailBytes = 0;
    this.#length = 0;
  }

  finish(): void {
    const { a, b } = this;
    this.a = avalanche(a ^ b);
    this.b = avalanche(b + Math.imul(this.a, 0x9e37_79b1));
  }

  #byte(byte: number): void {
    this.#tail |= byte << (8 * this.#tailBytes++);
    if (this.#tailBytes < 4) return;
    this.word(this.#tail);
    this.#tail = 0;
    this.#tailBytes = 0;
  }
}

const double = new Float64Array(1);
const words: Int32Array = new Int32Array(double.buffer);

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function avalanche(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

export class ValueDigest implements ValueVisitor {
  /** After `finish`. */
  a = 0;
  b = 0;
  readonly #whole = new Hash64();
  readonly #member = new Hash64();
  #sumA = 0;
  #sumB = 0;
  #members = 0;

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
    this.#whole.bytes(item);
    this.#whole.end();
  }

  setMember(member: Uint8Array): void {
    this.#start(member);
    this.#add();
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.#start(member);
    // 0 and −0 are the same score.
    this.#member.number(score + 0);
    this.#add();
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    this.#start(field);
    this.#member.bytes(value);
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
    for (const { name } of group.consumers) this.#text(name);
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

  #start(member: Uint8Array): void {
    this.#member.reset(1);
    this.#member.bytes(member);
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
