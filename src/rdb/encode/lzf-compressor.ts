/**
 * Compresses to LZF (the layout stands in `encodings/lzf.ts`). Greedy: at each position the latest earlier
 * place with the same hash of three bytes is tried. What comes out need not equal the servers' bytes, they
 * decompress anything that follows the layout.
 */

const HASH_BITS = 14;
const HASH_SIZE = 1 << HASH_BITS;
const MAX_DISTANCE = 8192;
const MAX_LENGTH = 264;
const MAX_LITERALS = 32;
/** A length code of three bits says 1 … 6; 7 means that another byte follows. */
const LONG_CODE = 7;

export class LzfCompressor {
  /** Hash → position + 1 in the input, plus `#base`: entries of former inputs are below it. */
  readonly #seen = new Int32Array(HASH_SIZE);
  #base = 0;
  #lastLength = 0;
  #out: Uint8Array = new Uint8Array(1024);

  /** The compressed bytes, at most `most`, valid until the next call; undefined when they would be more. */
  compress(input: Uint8Array, most: number): Uint8Array | undefined {
    const { length } = input;
    if (most <= 0 || length < 4) return undefined;
    this.#makeReady(length, most);
    const out = this.#out;
    const seen = this.#seen;
    const base = this.#base;
    let to = 0;
    let literals = 0;
    let at = 0;
    while (at < length) {
      const place = at + 2 < length ? this.#lookUp(input, at) : -1;
      if (place < 0) {
        at++;
        literals++;
        if (literals === MAX_LITERALS || at === length) {
          if (to + literals + 1 > most) return undefined;
          to = putLiterals(out, to, input, at - literals, literals);
          literals = 0;
        }
        continue;
      }
      if (to + literals + 4 > most) return undefined;
      if (literals > 0) to = putLiterals(out, to, input, at - literals, literals);
      literals = 0;
      const matched = matchLength(input, place, at);
      to = putReference(out, to, at - place - 1, matched - 2);
      const stop = at + matched;
      // Two places inside the match are remembered: enough to find repeats, cheap for long runs.
      for (let inside = stop - 2; inside < stop; inside++) {
        if (inside > at && inside + 2 < length) seen[hashAt(input, inside)] = base + inside + 1;
      }
      at = stop;
    }
    return out.subarray(0, to);
  }

  /** The place of the same three bytes within reach; -1: none. Remembers `at`. */
  #lookUp(input: Uint8Array, at: number): number {
    const slot = hashAt(input, at);
    const place = this.#seen[slot]! - this.#base - 1;
    this.#seen[slot] = this.#base + at + 1;
    const same =
      place >= 0 &&
      at - place <= MAX_DISTANCE &&
      input[place] === input[at] &&
      input[place + 1] === input[at + 1] &&
      input[place + 2] === input[at + 2];
    return same ? place : -1;
  }

  #makeReady(length: number, most: number): void {
    this.#base += this.#lastLength;
    this.#lastLength = length;
    if (this.#base + length + 1 > 0x7fffffff) {
      this.#seen.fill(0);
      this.#base = 0;
    }
    if (this.#out.length < most) this.#out = new Uint8Array(most);
  }
}

function hashAt(input: Uint8Array, at: number): number {
  const three = (input[at]! << 16) | (input[at + 1]! << 8) | input[at + 2]!;
  return Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function matchLength(input: Uint8Array, place: number, at: number): number {
  const most = Math.min(MAX_LENGTH, input.length - at);
  let length = 3;
  while (length < most && input[place + length] === input[at + length]) length++;
  return length;
}

function putLiterals(out: Uint8Array, at: number, input: Uint8Array, from: number, count: number): number {
  let to = at;
  out[to++] = count - 1;
  for (let next = from; next < from + count; next++) out[to++] = input[next]!;
  return to;
}

function putReference(out: Uint8Array, at: number, distance: number, code: number): number {
  let to = at;
  if (code < LONG_CODE) {
    out[to++] = (code << 5) | (distance >> 8);
  } else {
    out[to++] = (LONG_CODE << 5) | (distance >> 8);
    out[to++] = code - LONG_CODE;
  }
  out[to++] = distance & 0xff;
  return to;
}
