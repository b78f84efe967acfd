/**
 * Which keys a snapshot has, at 14 bytes of memory for each: a set of 64-bit hashes of database and key.
 *
 * Two keys with the same hash count as one. For n keys that is so for some pair with a probability of
 * n² / 2^65 (100 million keys: 1 in 3700), and then it can only make `has` say yes of a key that was never
 * added: a key that should have been removed stays. A key that was added is never denied. The hash has a
 * secret, so that nobody who chooses names of keys can bring a collision about.
 *
 * The hashes stand in 64 tables with open addressing, a slot being two words. Where a hash goes is decided by
 * its fraction of 2^32, so a table is nearly sorted, and one pass from end to end fills a larger one. The tables
 * grow one by one, as each is full: what is held twice for a moment is one of 64.
 */
import { HalfSipHash } from '../bytes/half-siphash.js';

const TABLES = 64;
const LOAD = 0.82;
const GROWTH = 1.4;
const FIRST_SLOTS = 8;
const SLOT_BYTES = 8;
/** What is reserved on somebody's word for it: no more than 1 GB. */
const MOST_RESERVED = 100e6;

export class KeySet {
  readonly #hash: HalfSipHash;
  readonly #tables: Table[];
  #size = 0;
  #bytes = TABLES * FIRST_SLOTS * SLOT_BYTES;
  #peakBytes: number = this.#bytes;

  /** `secret`: eight random bytes, made for this set. */
  constructor(secret: Uint8Array) {
    this.#hash = new HalfSipHash(secret);
    this.#tables = Array.from({ length: TABLES }, () => new Table(FIRST_SLOTS));
  }

  get size(): number {
    return this.#size;
  }

  get memoryBytes(): number {
    return this.#bytes;
  }

  /** The most it ever was, with both forms of a table that was growing. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** So many keys are going to be added: what is made now need not grow later. */
  reserve(keys: number): void {
    const each = Math.min(keys, MOST_RESERVED) / TABLES;
    // Shares are uneven by the square root; four times that is never met by chance.
    const slots = Math.ceil((each + 4 * Math.sqrt(each)) / LOAD);
    for (const table of this.#tables) if (table.slots < slots) this.#enlarge(table, slots);
  }

  /** Adds the key bytes[from, to) of a database; false when it was there. */
  add(db: number, bytes: Uint8Array, from = 0, to: number = bytes.length): boolean {
    const table = this.#look(db, bytes, from, to);
    const { a, b } = this.#hash;
    const slot = table.find(a, b);
    if (table.holds(slot)) return false;
    table.put(slot, a, b);
    this.#size++;
    if (table.size > table.slots * LOAD) this.#enlarge(table, Math.ceil(table.slots * GROWTH));
    return true;
  }

  has(db: number, bytes: Uint8Array, from = 0, to: number = bytes.length): boolean {
    const table = this.#look(db, bytes, from, to);
    return table.holds(table.find(this.#hash.a, this.#hash.b));
  }

  /** Makes the hash and says where it belongs. */
  #look(db: number, bytes: Uint8Array, from: number, to: number): Table {
    const hash = this.#hash;
    hash.hash(db, bytes, from, to);
    // A slot of two zeros is a free one.
    if (hash.a === 0 && hash.b === 0) hash.b = 1;
    return this.#tables[hash.b & (TABLES - 1)]!;
  }

  #enlarge(table: Table, slots: number): void {
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes + slots * SLOT_BYTES);
    this.#bytes += (slots - table.slots) * SLOT_BYTES;
    table.enlarge(slots);
  }
}

class Table {
  slots: number;
  size = 0;
  #words: Int32Array;

  constructor(slots: number) {
    this.slots = slots;
    this.#words = new Int32Array(2 * slots);
  }

  /** The slot that holds the hash, or the free one where it would go. */
  find(a: number, b: number): number {
    const words = this.#words;
    const { slots } = this;
    let slot = Math.floor((a >>> 0) * (slots / 4_294_967_296));
    for (;;) {
      const first = words[2 * slot];
      const second = words[2 * slot + 1];
      if ((first === a && second === b) || (first === 0 && second === 0)) return slot;
      if (++slot === slots) slot = 0;
    }
  }

  holds(slot: number): boolean {
    return this.#words[2 * slot] !== 0 || this.#words[2 * slot + 1] !== 0;
  }

  put(slot: number, a: number, b: number): void {
    this.#words[2 * slot] = a;
    this.#words[2 * slot + 1] = b;
    this.size++;
  }

  enlarge(slots: number): void {
    const old = this.#words;
    this.slots = slots;
    this.size = 0;
    this.#words = new Int32Array(2 * slots);
    for (let at = 0; at < old.length; at += 2) {
      const a = old[at]!;
      const b = old[at + 1]!;
      if (a !== 0 || b !== 0) this.put(this.find(a, b), a, b);
    }
  }
}
