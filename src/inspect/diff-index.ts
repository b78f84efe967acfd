/**
 * What is remembered of the first snapshot: 21 bytes for each key, whatever it holds, in a table that is at
 * most 80 % full; so at most 40 bytes a key, and 26 when their number was known beforehand.
 *
 *   64 bits of hash of database and key, 64 bits of digest of the value, 32 bits of hash of the deadline,
 *   one byte for the kind of value and whether the second snapshot has the key
 *
 * Memory is bounded: when `mostKeys` are in it, only those whose hash falls into the part being compared
 * stay (`parts` doubles), and the snapshots are read again for each other part.
 */
const FIRST_SLOTS = 1 << 14;
const LOAD = 0.8;
const SPARE = 16;
const SEEN = 0x80;

export class DiffIndex {
  readonly #mostKeys: number;
  #capacity = 0;
  #keyA = new Int32Array(0);
  #keyB = new Int32Array(0);
  #digestA = new Int32Array(0);
  #digestB = new Int32Array(0);
  #deadlines = new Int32Array(0);
  /** 0: free; kind + 1, and SEEN. */
  #marks = new Uint8Array(0);
  #size = 0;
  #seen = 0;
  /** Keys are shared out into so many parts, a power of two … */
  parts = 1;
  /** … and this is the one in the index. */
  part = 0;

  constructor(mostKeys: number) {
    this.#mostKeys = mostKeys;
    this.#allocate(Math.min(FIRST_SLOTS, this.#mostSlots));
  }

  get size(): number {
    return this.#size;
  }

  /** Keys that the second snapshot does not have. */
  get unseen(): number {
    return this.#size - this.#seen;
  }

  /** So many keys will come, perhaps. */
  expect(keys: number): void {
    const wanted = Math.min(Math.ceil(keys / LOAD) + SPARE, this.#mostSlots);
    if (wanted > this.#capacity) this.#resize(wanted);
  }

  /** Starts over with another part. */
  nextPart(): void {
    this.part++;
    this.#size = 0;
    this.#seen = 0;
    this.#marks.fill(0);
  }

  /** Is a key with this hash in the part being compared? */
  holds(keyB: number): boolean {
    return (keyB & (this.parts - 1)) === this.part;
  }

  /** False when the key was there before: then what came first stays. */
  add(keyA: number, keyB: number, digestA: number, digestB: number, deadline: number, kind: number): boolean {
    if (!this.holds(keyB)) return true;
    if (this.#size >= this.#room) {
      this.#grow();
      if (!this.holds(keyB)) return true;
    }
    const slot = this.find(keyA, keyB);
    if (this.#marks[slot] !== 0) return false;
    this.#put(slot, keyA, keyB, digestA, digestB, deadline, kind + 1);
    this.#size++;
    return true;
  }

  /** The slot of a key, or the free one where it would go. */
  find(keyA: number, keyB: number): number {
    // Any capacity will do: the hash as a fraction of it.
    let slot = Math.floor((keyA >>> 0) * (this.#capacity / 4_294_967_296));
    while (this.#marks[slot] !== 0 && !(this.#keyA[slot] === keyA && this.#keyB[slot] === keyB)) {
      if (++slot === this.#capacity) slot = 0;
    }
    return slot;
  }

  has(slot: number): boolean {
    return this.#marks[slot] !== 0;
  }

  isSeen(slot: number): boolean {
    return (this.#marks[slot]! & SEEN) !== 0;
  }

  see(slot: number): void {
    this.#marks[slot]! |= SEEN;
    this.#seen++;
  }

  kind(slot: number): number {
    return (this.#marks[slot]! & ~SEEN) - 1;
  }

  sameValue(slot: number, digestA: number, digestB: number): boolean {
    return this.#digestA[slot] === digestA && this.#digestB[slot] === digestB;
  }

  sameDeadline(slot: number, deadline: number): boolean {
    return this.#deadlines[slot] === deadline;
  }

  #put(
    slot: number,
    keyA: number,
    keyB: number,
    digestA: number,
    digestB: number,
    deadline: number,
    mark: number,
  ): void {
    this.#keyA[slot] = keyA;
    this.#keyB[slot] = keyB;
    this.#digestA[slot] = digestA;
    this.#digestB[slot] = digestB;
    this.#deadlines[slot] = deadline;
    this.#marks[slot] = mark;
  }

  #grow(): void {
    if (this.#size < this.#mostKeys) {
      this.#resize(Math.min(this.#capacity * 2, this.#mostSlots));
      return;
    }
    // Full: only half of them stay, and half of those should the hashes be uneven.
    do {
      this.parts *= 2;
      this.#resize(this.#capacity);
    } while (this.#size > this.#mostKeys * 0.75);
  }

  get #mostSlots(): number {
    return Math.ceil(this.#mostKeys / LOAD) + SPARE;
  }

  /** Keys there may be in it as large as it is. */
  get #room(): number {
    return Math.min(this.#capacity * LOAD, this.#mostKeys);
  }

  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#keyA = new Int32Array(capacity);
    this.#keyB = new Int32Array(capacity);
    this.#digestA = new Int32Array(capacity);
    this.#digestB = new Int32Array(capacity);
    this.#deadlines = new Int32Array(capacity);
    this.#marks = new Uint8Array(capacity);
  }

  /** Puts what belongs to the part into new arrays. */
  #resize(capacity: number): void {
    const [keyA, keyB, digestA, digestB] = [this.#keyA, this.#keyB, this.#digestA, this.#digestB];
    const [deadlines, marks] = [this.#deadlines, this.#marks];
    this.#allocate(capacity);
    this.#size = 0;
    for (let slot = 0; slot < marks.length; slot++) {
      if (marks[slot] === 0 || !this.holds(keyB[slot]!)) continue;
      const to = this.find(keyA[slot]!, keyB[slot]!);
      this.#put(to, keyA[slot]!, keyB[slot]!, digestA[slot]!, digestB[slot]!, deadlines[slot]!, marks[slot]!);
      this.#size++;
    }
  }
}
