/**
 * Remembers which keys have been written, and from which input: 13 bytes per slot of a hash table, whatever
 * the keys' length. Keys are told apart by 96 bits of a hash that is seeded anew for each run.
 */
const FIRST_SLOTS = 1 << 16;
/** Part of the table that may be in use. */
const LOAD = 0.7;
const WORDS = 3;
/** Origins are kept in a byte; 0 marks a free slot. */
export const MOST_ORIGINS = 255;

export class KeyIndex {
  readonly #seeds: Uint32Array;
  readonly #hash = new Uint32Array(WORDS);
  #words = new Uint32Array(FIRST_SLOTS * WORDS);
  #origins = new Uint8Array(FIRST_SLOTS);
  #size = 0;

  /** Three random numbers. */
  constructor(seeds: Uint32Array) {
    this.#seeds = seeds;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the key bytes[start, end); -1 when it is new, else the origin it was added with before. */
  add(db: number, bytes: Uint8Array, start: number, end: number, origin: number): number {
    if (this.#size >= LOAD * this.#origins.length) this.#grow();
    this.#hashKey(db, bytes, start, end);
    const [a, b, c] = [this.#hash[0]!, this.#hash[1]!, this.#hash[2]!];
    const slot = this.#find(a, b, c);
    if (this.#origins[slot] !== 0) return this.#origins[slot]! - 1;
    this.#put(slot, a, b, c, origin + 1);
    this.#size++;
    return -1;
  }

  #put(slot: number, a: number, b: number, c: number, mark: number): void {
    this.#words[slot * WORDS] = a;
    this.#words[slot * WORDS + 1] = b;
    this.#words[slot * WORDS + 2] = c;
    this.#origins[slot] = mark;
  }

  /** The key's slot, or the free one where it would stand. */
  #find(a: number, b: number, c: number): number {
    const words = this.#words;
    const mask = this.#origins.length - 1;
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      if (this.#origins[slot] === 0) return slot;
      const at = slot * WORDS;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return slot;
    }
  }

  #grow(): void {
    const [words, origins] = [this.#words, this.#origins];
    this.#words = new Uint32Array(words.length * 2);
    this.#origins = new Uint8Array(origins.length * 2);
    for (let slot = 0; slot < origins.length; slot++) {
      if (origins[slot] === 0) continue;
      const at = slot * WORDS;
      const [a, b, c] = [words[at]!, words[at + 1]!, words[at + 2]!];
      this.#put(this.#find(a, b, c), a, b, c, origins[slot]!);
    }
  }

  /** Three lanes, each with a multiplier and a rotation of its own. */
  #hashKey(db: number, bytes: Uint8Array, start: number, end: number): void {
    let a = this.#seeds[0]! ^ db;
    let b = this.#seeds[1]! + Math.imul(db, 0x9e3779b1);
    let c = this.#seeds[2]! ^ (end - start);
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(((b << 5) | (b >>> 27)) ^ byte, 0x85ebca6b);
      c = Math.imul(((c << 13) | (c >>> 19)) + byte, 0xc2b2ae35);
    }
    this.#hash[0] = scatter(a ^ (b >>> 7));
    this.#hash[1] = scatter(b ^ (c << 3));
    this.#hash[2] = scatter(c ^ (a >>> 11));
  }
}

function scatter(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
