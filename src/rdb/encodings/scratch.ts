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

  /** The decimal text of an integer. */
  integer(value: number | bigint): Uint8Array {
    if (typeof value === 'number' && (value | 0) === value) return this.#int32(value);
    const text = String(value);
    const out = this.take(text.length);
    for (let at = 0; at < text.length; at++) out[at] = text.charCodeAt(at);
    return out;
  }

  #int32(value: number): Uint8Array {
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
    return block.subarray(at, end);
  }

  #makeRoom(size: number): void {
    if (this.#used + size <= BLOCK_BYTES) return;
    // What was handed out since the last `clear` may still be in use: take a new block, keep those alive.
    this.#block = new Uint8Array(BLOCK_BYTES);
    this.#used = 0;
  }
}
