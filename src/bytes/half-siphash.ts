/**
 * HalfSipHash-2-4 with 64 bits of output: a hash with a secret of 64 bits, so that nobody who chooses the
 * input can look for collisions, made of 32-bit additions, rotations and exclusive ors only. The state is
 * four words; each word of input takes two rounds, the end takes four and another four:
 *
 *   v0 = k0, v1 = k1 ^ ee, v2 = k0 ^ "lyge", v3 = k1 ^ "tedb"; bytes in little-endian words, of which the last
 *   holds what is left over and, in its highest byte, the length; out come v1 ^ v3 twice
 *
 * The published test vectors hold.
 */
const WORD_ROUNDS = 2;
const END_ROUNDS = 4;
const INIT_2 = 0x6c79_6765;
const INIT_3 = 0x7465_6462;
const WIDE = 0xee;
const SECOND = 0xdd;

export class HalfSipHash {
  /** The first and the second half of the hash last made, as signed words. */
  a = 0;
  b = 0;
  readonly #k0: number;
  readonly #k1: number;

  /** `secret`: eight random bytes. */
  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, 8);
    this.#k0 = view.getInt32(0, true);
    this.#k1 = view.getInt32(4, true);
  }

  /** Of the four bytes of `prefix`, then bytes[from, to). */
  hash(prefix: number, bytes: Uint8Array, from: number, to: number): void {
    let v0 = this.#k0;
    let v1 = this.#k1 ^ WIDE;
    let v2 = this.#k0 ^ INIT_2;
    let v3 = this.#k1 ^ INIT_3;
    const tail = to - ((to - from) & 3);
    // The prefix stands at from - 4, the word of the end at tail, its first and second half after that.
    for (let at = from - 4; at <= tail + 8; at += 4) {
      let word = 0;
      if (at < from) word = prefix;
      else if (at < tail)
        word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      else if (at === tail) word = lastWord(bytes, tail, to, to - from + 4);
      else if (at === tail + 4) v2 ^= WIDE;
      else {
        this.a = v1 ^ v3;
        v1 ^= SECOND;
      }
      v3 ^= word;
      for (let rounds = at <= tail ? WORD_ROUNDS : END_ROUNDS; rounds > 0; rounds--) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    this.b = v1 ^ v3;
  }
}

function lastWord(bytes: Uint8Array, tail: number, to: number, length: number): number {
  let word = length << 24;
  for (let at = tail; at < to; at++) word |= bytes[at]! << (8 * (at - tail));
  return word;
}
