/**
 * Short-lived memory for bytes that are not in the input as such: the decimal text of binary integers and
 * decompressed strings. One block is used again and again, since what is handed to a visitor is only valid
 * during the call; `clear` starts over at its beginning.
 */
const BLOCK_BYTES = 64 * 1024;
const DIGITS_AT_MOST = 20;

export class Scratch {
  #block = new Uint8Array(BLOCK_BYTES);
  #used = 0;

  clear(): void {
    this.#used = 0;
  }

  /** `size` bytes to write into; their old content is arbitrary. */
  take(size: number): Uint8Array {
    if (size > BLOCK_BYTES / 4) return new Uint8Array(size);
    this.#makeRoom(size);
    const from = this.#used;
    this.#used += size;
    return this.#block.subarray(from, from + size);
  }

  /** After `digits`: the text is bytes[start, end). */
  bytes: Uint8Array = this.#block;
  start = 0;
  end = 0;

  /** The decimal text of an integer. */
  integer(value: number | bigint): Uint8Array {
    this.digits(value);
    return this.bytes.subarray(this.start, this.end);
  }

  /** The same, left in `bytes`, `start` and `end`. */
  digits(value: number | bigint): void {
    if (typeof value === 'number' && (value | 0) === value) {
      this.#int32(value);
      return;
    }
    const text = String(value);
    this.#makeRoom(text.length);
    const from = this.#used;
    for (let at = 0; at < text.length; at++) this.#block[from + at] = text.charCodeAt(at);
    this.#used = from + text.length;
    this.#leave(from, this.#used);
  }

  #leave(start: number, end: number): void {
    this.bytes = this.#block;
    this.start = start;
    this.end = end;
  }

  #int32(value: number): void {
    this.#makeRoom(DIGITS_AT_MOST);
    const block = this.#block;
    const end = this.#used + DIGITS_AT_MOST;
    let at = end;
    let rest = value < 0 ? -value : value;
    do {
      const tenth = Math.floor(rest / 10);
      block[--at] = 48 + (rest - tenth * 10);
      rest = tenth;
    } while (rest > 0);
    if (value < 0) block[--at] = 45;
    this.#used = end;
    this.#leave(at, end);
  }

  #makeRoom(size: number): void {
    if (this.#used + size <= BLOCK_BYTES) return;
    // What was handed out since the last `clear` may still be in use: take a new block, keep those alive.
    this.#block = new Uint8Array(BLOCK_BYTES);
    this.#used = 0;
  }
}
