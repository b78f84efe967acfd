/**
 * xxHash32, the checksum of LZ4 frames: four lanes over 16-byte stripes, then the rest word by word and byte
 * by byte, then an avalanche. Seed 0; of no bytes it is 0x02cc5d05. May be fed in pieces.
 */
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;
const STRIPE = 16;

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function round(lane: number, input: number): number {
  return Math.imul(rotate((lane + Math.imul(input, PRIME_2)) | 0, 13), PRIME_1);
}

export class XxHash32 {
  #a: number = (PRIME_1 + PRIME_2) | 0;
  #b: number = PRIME_2 | 0;
  #c = 0;
  #d: number = -PRIME_1 | 0;
  #total = 0;
  /** The stripe that is not full yet. */
  readonly #rest = new Uint8Array(STRIPE);
  #held = 0;

  update(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#total += end - start;
    let at = start;
    if (this.#held > 0) {
      const count = Math.min(STRIPE - this.#held, end - at);
      this.#rest.set(bytes.subarray(at, at + count), this.#held);
      this.#held += count;
      at += count;
      if (this.#held < STRIPE) return;
      this.#stripes(this.#rest, 0, STRIPE);
      this.#held = 0;
    }
    const stop = at + ((end - at) & ~(STRIPE - 1));
    this.#stripes(bytes, at, stop);
    this.#rest.set(bytes.subarray(stop, end));
    this.#held = end - stop;
  }

  /** The sum so far, unsigned. */
  digest(): number {
    const lanes = [rotate(this.#a, 1), rotate(this.#b, 7), rotate(this.#c, 12), rotate(this.#d, 18)];
    let sum = this.#total >= STRIPE ? lanes.reduce((left, right) => (left + right) | 0) : PRIME_5 | 0;
    // The length counts modulo 2^32.
    sum = (sum + (this.#total % 0x1_0000_0000)) | 0;
    let at = 0;
    for (; at + 4 <= this.#held; at += 4) {
      sum = Math.imul(rotate((sum + Math.imul(word(this.#rest, at), PRIME_3)) | 0, 17), PRIME_4);
    }
    for (; at < this.#held; at++) {
      sum = Math.imul(rotate((sum + Math.imul(this.#rest[at]!, PRIME_5)) | 0, 11), PRIME_1);
    }
    sum = Math.imul(sum ^ (sum >>> 15), PRIME_2);
    sum = Math.imul(sum ^ (sum >>> 13), PRIME_3);
    return (sum ^ (sum >>> 16)) >>> 0;
  }

  #stripes(bytes: Uint8Array, start: number, end: number): void {
    let [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    for (let at = start; at < end; at += STRIPE) {
      a = round(a, word(bytes, at));
      b = round(b, word(bytes, at + 4));
      c = round(c, word(bytes, at + 8));
      d = round(d, word(bytes, at + 12));
    }
    [this.#a, this.#b, this.#c, this.#d] = [a, b, c, d];
  }
}

export function xxHash32(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const hash = new XxHash32();
  hash.update(bytes, start, end);
  return hash.digest();
}
