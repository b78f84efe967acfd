/**
 * Where exported bytes are put together: one chunk after the other, filled by byte loops and handed to a
 * target when full. Hot code writes into `bytes` at `at` itself after asking for room.
 *
 * While a key is held (`hold` … `release`) nothing of it leaves, so that a key that turns out to be damaged
 * can be taken back (`rollback`) and no half of it stands in the output.
 */

/** Takes finished chunks. `bytes` may be used again once the call or promise is over. */
export interface ByteTarget {
  /** Whether waiting for it may take long, as with a pipe: then the event loop should go on meanwhile. */
  readonly slow: boolean;
  writeSync(bytes: Uint8Array): void;
  write(bytes: Uint8Array): Promise<void>;
}

export const CHUNK_BYTES: number = 256 * 1024;
/** What a slow target may be behind before the program waits for it at any price. */
const MOST_QUEUED_BYTES = 8 * 1024 * 1024;
/** A key whose output is larger cannot be taken back. */
const MOST_HELD_BYTES = 32 * 1024 * 1024;

export class Output {
  bytes: Uint8Array = new Uint8Array(CHUNK_BYTES);
  at = 0;
  readonly #target: ByteTarget;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #spare: Uint8Array[] = [];
  #written = 0;
  /** Where the held key begins: so many chunks of the queue, so many bytes of the one after; -1: none held. */
  #heldChunks = -1;
  #heldAt = 0;

  constructor(target: ByteTarget) {
    this.#target = target;
  }

  /** Bytes put out so far. */
  get total(): number {
    return this.#written + this.#queued + this.at;
  }

  /** There is something to `drain`. */
  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** Makes sure that `count` bytes fit behind `at`. */
  room(count: number): void {
    if (this.at + count > this.bytes.length) this.#next(count);
  }

  byte(value: number): void {
    if (this.at === this.bytes.length) this.#next(1);
    this.bytes[this.at++] = value;
  }

  /** A few bytes, such as a word of the format. */
  word(word: Uint8Array): void {
    this.room(word.length);
    const { bytes } = this;
    let { at } = this;
    for (let from = 0; from < word.length; from++) bytes[at++] = word[from]!;
    this.at = at;
  }

  /** source[start, end), of any length. */
  put(source: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end) {
      if (this.at === this.bytes.length) this.#next(1);
      const to = Math.min(end, from + this.bytes.length - this.at);
      this.bytes.set(source.subarray(from, to), this.at);
      this.at += to - from;
      from = to;
    }
  }

  /** Text whose characters are all below 128. */
  ascii(text: string): void {
    this.room(text.length);
    const { bytes } = this;
    let { at } = this;
    for (let from = 0; from < text.length; from++) bytes[at++] = text.charCodeAt(from);
    this.at = at;
  }

  /** The decimal text of an integer. */
  integer(value: number): void {
    if ((value | 0) !== value || value < 0) {
      this.ascii(String(value));
      return;
    }
    this.room(10);
    let digits = 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++;
    const { bytes } = this;
    let rest = value;
    for (let at = this.at + digits - 1; at >= this.at; at--) {
      const tenth = (rest / 10) | 0;
      bytes[at] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    this.at += digits;
  }

  hold(): void {
    this.#heldChunks = this.#queue.length;
    this.#heldAt = this.at;
  }

  release(): void {
    this.#heldChunks = -1;
    if (this.#queued > 0 && (!this.#target.slow || this.#queued > MOST_QUEUED_BYTES)) this.#writeQueue();
  }

  /** Takes back what was put out since `hold`; false when that was too much to be kept. */
  rollback(): boolean {
    if (this.#heldChunks < 0) return false;
    if (this.#heldChunks < this.#queue.length) {
      const chunk = this.#queue[this.#heldChunks]!;
      for (const later of this.#queue.splice(this.#heldChunks)) this.#queued -= later.length;
      // The queue has views; the chunk under it is whole.
      this.bytes = new Uint8Array(chunk.buffer);
    }
    this.at = this.#heldAt;
    this.release();
    return true;
  }

  /** What waits for a slow target; undefined when there is nothing to wait for. */
  drain(): Promise<void> | undefined {
    return this.#queue.length > 0 && this.#heldChunks < 0 ? this.#drainQueue() : undefined;
  }

  /** Everything is out, however long that takes. */
  endSync(): void {
    this.#heldChunks = -1;
    if (this.at > 0) this.#enqueue();
    this.#writeQueue();
  }

  /** Everything is out. */
  async end(): Promise<void> {
    this.#heldChunks = -1;
    if (this.at > 0) this.#enqueue();
    await this.#drainQueue();
  }

  #next(count: number): void {
    if (this.at > 0) this.#enqueue();
    const size = Math.max(count, CHUNK_BYTES);
    const chunk = size === CHUNK_BYTES ? this.#spare.pop() : undefined;
    this.bytes = chunk ?? new Uint8Array(size);
  }

  #enqueue(): void {
    this.#queue.push(this.bytes.subarray(0, this.at));
    this.#queued += this.at;
    this.at = 0;
    this.bytes = new Uint8Array(0);
    const held = this.#heldChunks >= 0;
    if (held && this.#queued > MOST_HELD_BYTES) this.#heldChunks = -1;
    else if (held || (this.#target.slow && this.#queued <= MOST_QUEUED_BYTES)) return;
    this.#writeQueue();
  }

  #writeQueue(): void {
    for (const chunk of this.#queue) {
      this.#target.writeSync(chunk);
      this.#done(chunk);
    }
    this.#queue = [];
  }

  async #drainQueue(): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      await this.#target.write(chunk);
      this.#done(chunk);
    }
  }

  #done(chunk: Uint8Array): void {
    this.#written += chunk.length;
    this.#queued -= chunk.length;
    if (chunk.buffer.byteLength === CHUNK_BYTES) this.#spare.push(new Uint8Array(chunk.buffer));
  }
}
