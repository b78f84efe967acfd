/**
 * The buffer between a socket and a parser: bytes arrive at its end, the parser takes them from its start,
 * and what is left of a record in the middle is carried to the front when room runs out. One block of
 * memory for the life of a connection; it is replaced by a larger one only while a single record needs it.
 *
 *   0 ≤ start ≤ end ≤ bytes.length;   bytes[start, end) is what has arrived and not been taken.
 */

/** With less room than this behind `end`, what is there moves to the front. */
const MIN_ROOM = 64 * 1024;
/** A remainder this small always moves to the front: it costs nothing, and the same memory stays in cache. */
const SMALL_REMAINDER = 4096;
const SPARE_BYTES = 64 * 1024;

export class ByteWindow {
  bytes: Uint8Array;
  start = 0;
  end = 0;
  readonly #home: Uint8Array;
  #spare: Uint8Array | undefined;

  constructor(home: Uint8Array) {
    this.#home = home;
    this.bytes = home;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** No byte can be added before some are taken, or the window has grown. */
  get full(): boolean {
    return this.length === this.bytes.length;
  }

  /** Where the next bytes go: give them to `commit`. Never empty: when there is no room, it lies outside. */
  room(): Uint8Array {
    this.#settle();
    if (this.end < this.bytes.length) return this.bytes.subarray(this.end);
    return (this.#spare ??= new Uint8Array(SPARE_BYTES));
  }

  /** `count` bytes have been written to the start of `where`, which `room` gave out, perhaps long ago. */
  commit(count: number, where: Uint8Array): void {
    const inside = where.buffer === this.bytes.buffer && where.byteOffset >= this.bytes.byteOffset;
    if (inside && where.byteOffset - this.bytes.byteOffset === this.end) {
      this.end += count;
      return;
    }
    this.append(where, 0, count);
  }

  /** Adds a copy of source[from, to); grows when it must. */
  append(source: Uint8Array, from: number, to: number): void {
    const count = to - from;
    if (this.end + count > this.bytes.length) this.#makeRoom(count);
    this.bytes.set(source.subarray(from, to), this.end);
    this.end += count;
  }

  /** Everything before `position` is taken. */
  take(position: number): void {
    this.start = position;
    if (this.start === this.end && this.bytes !== this.#home) this.#goHome();
  }

  /** Makes sure that a record of `count` bytes from `start` on has room. */
  require(count: number): void {
    if (count > this.bytes.length) this.#resize(Math.max(count, this.bytes.length * 2));
  }

  clear(): void {
    this.bytes = this.#home;
    this.start = 0;
    this.end = 0;
  }

  #settle(): void {
    if (this.start === 0) return;
    const left = this.length;
    if (left > SMALL_REMAINDER && this.bytes.length - this.end >= MIN_ROOM) return;
    if (left > 0) this.bytes.copyWithin(0, this.start, this.end);
    this.start = 0;
    this.end = left;
    if (this.bytes !== this.#home && left <= this.#home.length / 2) this.#goHome();
  }

  #makeRoom(count: number): void {
    if (this.length + count > this.bytes.length) {
      this.#resize(Math.max(this.length + count, this.bytes.length * 2));
      return;
    }
    // The source of an append may lie in this block, so it must not move under it: a copy does.
    this.#move(new Uint8Array(this.bytes.length));
  }

  #resize(size: number): void {
    this.#move(new Uint8Array(size));
  }

  #goHome(): void {
    this.#move(this.#home);
  }

  #move(to: Uint8Array): void {
    const left = this.length;
    to.set(this.bytes.subarray(this.start, this.end));
    this.bytes = to;
    this.start = 0;
    this.end = left;
  }
}
