/**
 * Compares the records of two snapshots part by part: those of the first go into a table, those of the second
 * are looked up in it. Memory is that of the largest part, and of `MOST_RECORDS` when that is more; a part
 * with more of them (beyond 33 million keys) is gone through several times, a slice of it each time.
 */
import { setImmediate } from 'node:timers/promises';
import { type DiffRecords, kindOf, PARTS, RECORD_WORDS } from './diff-records.js';
import { Earliest } from './earliest.js';

/** Of one table, which then takes 5 MB. */
const MOST_RECORDS = 131_072;
/** Never none: a search ends at a free one. */
const LEAST_SLOTS = 2;

export const OTHER_TYPE = 1;
export const OTHER_VALUE = 2;
export const OTHER_TTL = 4;

export class DiffJoin {
  readonly added: Earliest;
  readonly removed: Earliest;
  readonly changed: Earliest;
  changedValue = 0;
  changedType = 0;
  changedTtl = 0;
  same = 0;
  readonly #before: DiffRecords;
  readonly #after: DiffRecords;
  readonly #mostRecords: number;
  /** Records of the first snapshot, one after the other. */
  #records = new Int32Array(0);
  #count = 0;
  /** 0, or the number of a record + 1. A power of two, at most half full. */
  #slots = new Int32Array(LEAST_SLOTS);
  /** The second snapshot has the key. */
  #seen = new Uint8Array(0);

  constructor(before: DiffRecords, after: DiffRecords, limit: number, mostRecords: number = MOST_RECORDS) {
    this.#before = before;
    this.#after = after;
    this.#mostRecords = mostRecords;
    this.added = new Earliest(limit);
    this.removed = new Earliest(limit);
    this.changed = new Earliest(limit);
  }

  async run(signal: AbortSignal | undefined): Promise<void> {
    for (let part = 0; part < PARTS; part++) {
      const slices = Math.max(1, Math.ceil(this.#before.countOf(part) / this.#mostRecords));
      for (let slice = 0; slice < slices; slice++) this.#compare(part, slice, slices);
      await setImmediate();
      signal?.throwIfAborted();
    }
  }

  #compare(part: number, slice: number, slices: number): void {
    this.#begin(Math.ceil(this.#before.countOf(part) / slices));
    const each = (records: DiffRecords, take: (words: Int32Array, at: number) => void): void =>
      records.read(part, (words, start, end) => {
        for (let at = start; at < end; at += RECORD_WORDS) {
          if (slices === 1 || (words[at + 1]! >>> 8) % slices === slice) take(words, at);
        }
      });
    each(this.#before, (words, at) => this.#put(words, at));
    each(this.#after, (words, at) => this.#look(words, at));
    for (let index = 0; index < this.#count; index++) {
      if (this.#seen[index] === 0) this.removed.add(this.#records, index * RECORD_WORDS, 0);
    }
  }

  #begin(records: number): void {
    this.#count = 0;
    this.#seen.fill(0);
    this.#slots.fill(0);
    if (this.#records.length < records * RECORD_WORDS) this.#resize(records);
  }

  /** The slot of a key, or the free one where it would go. */
  #slot(keyA: number, keyB: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = keyA & mask;
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      const at = (found - 1) * RECORD_WORDS;
      if (this.#records[at] === keyA && this.#records[at + 1] === keyB) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Of a key that stands twice in a file the first counts. */
  #put(words: Int32Array, at: number): void {
    if ((this.#count + 1) * RECORD_WORDS > this.#records.length) this.#resize(this.#count * 1.5 + 64);
    const slot = this.#slot(words[at]!, words[at + 1]!);
    if (this.#slots[slot] !== 0) return;
    const to = this.#count * RECORD_WORDS;
    for (let word = 0; word < RECORD_WORDS; word++) this.#records[to + word] = words[at + word]!;
    this.#slots[slot] = ++this.#count;
  }

  #look(words: Int32Array, at: number): void {
    const found = this.#slots[this.#slot(words[at]!, words[at + 1]!)]! - 1;
    if (found < 0) {
      this.added.add(words, at, 0);
    } else if (this.#seen[found] === 0) {
      this.#seen[found] = 1;
      this.#judge(words, at, found * RECORD_WORDS);
    }
  }

  #judge(words: Int32Array, at: number, other: number): void {
    const records = this.#records;
    const otherType = kindOf(words, at) !== kindOf(records, other);
    const otherValue =
      !otherType && (words[at + 2] !== records[other + 2] || words[at + 3] !== records[other + 3]);
    const otherTtl = words[at + 4] !== records[other + 4];
    if (otherType) this.changedType++;
    if (otherValue) this.changedValue++;
    if (otherTtl) this.changedTtl++;
    const how = (otherType ? OTHER_TYPE : 0) | (otherValue ? OTHER_VALUE : 0) | (otherTtl ? OTHER_TTL : 0);
    if (how === 0) this.same++;
    else this.changed.add(words, at, how);
  }

  #resize(wanted: number): void {
    const capacity = Math.ceil(wanted);
    const records = new Int32Array(capacity * RECORD_WORDS);
    records.set(this.#records.subarray(0, this.#count * RECORD_WORDS));
    const seen = new Uint8Array(capacity);
    seen.set(this.#seen.subarray(0, this.#count));
    this.#records = records;
    this.#seen = seen;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2 + 1)));
    for (let index = 0; index < this.#count; index++) {
      const at = index * RECORD_WORDS;
      this.#slots[this.#slot(records[at]!, records[at + 1]!)] = index + 1;
    }
  }
}
