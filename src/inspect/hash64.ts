/**
 * A hash of 64 bits in two lanes of 32, fed word by word or with bytes in pieces. Not made to withstand
 * somebody who looks for collisions.
 */
const C1 = 0xcc9e_2d51;
const C2 = 0x1b87_3593;

export class Hash64 {
  a = 0;
  b = 0;
  /** Bytes that do not make up a word yet. */
  #tail = 0;
  #tailBytes = 0;
  #length = 0;

  reset(seed: number): void {
    this.a = seed | 0;
    this.b = ~seed;
    this.#tail = 0;
    this.#tailBytes = 0;
    this.#length = 0;
  }

  word(value: number): void {
    const mixed = Math.imul(value, C1);
    this.a = (Math.imul(rotate(this.a ^ mixed, 13), 5) + 0x6b_4b_c9) | 0;
    this.b = (Math.imul(rotate(this.b ^ Math.imul(value ^ 0x5bd1_e995, C2), 17), 9) + this.a) | 0;
  }

  /** Any number, by its 64 bits. */
  number(value: number): void {
    double[0] = value;
    this.word(words[0]!);
    this.word(words[1]!);
  }

  big(value: bigint): void {
    this.word(Number(value & 0xffff_ffffn));
    this.word(Number((value >> 32n) & 0xffff_ffffn));
  }

  /** Bytes that may come in pieces; `end` closes them. */
  bytes(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#length += end - start;
    let at = start;
    while (at < end && this.#tailBytes > 0) this.#byte(bytes[at++]!);
    for (; at + 4 <= end; at += 4) {
      this.word(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    }
    while (at < end) this.#byte(bytes[at++]!);
  }

  /** Ends a run of bytes, with its length. */
  end(): void {
    if (this.#tailBytes > 0) this.word(this.#tail);
    this.word(this.#length);
    this.#tail = 0;
    this.#tailBytes = 0;
    this.#length = 0;
  }

  finish(): void {
    const { a, b } = this;
    this.a = avalanche(a ^ b);
    this.b = avalanche(b + Math.imul(this.a, 0x9e37_79b1));
  }

  #byte(byte: number): void {
    this.#tail |= byte << (8 * this.#tailBytes++);
    if (this.#tailBytes < 4) return;
    this.word(this.#tail);
    this.#tail = 0;
    this.#tailBytes = 0;
  }
}

const double = new Float64Array(1);
const words: Int32Array = new Int32Array(double.buffer);

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function avalanche(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
