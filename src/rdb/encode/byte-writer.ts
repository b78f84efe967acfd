/**
 * Where encoded bytes go. With a sink it is a buffer of fixed size that is handed on when full, so that
 * values of any size pass through; without one it grows and keeps everything (`view`).
 */

/** Takes bytes; they are valid only during the call. */
export type ByteSink = (bytes: Uint8Array) => void;

const FIRST_BYTES = 256;
const CHUNK_BYTES = 256 * 1024;
/** The longest thing written without asking for room: a len of nine bytes. */
const SMALL = 16;

const TWO_32 = 4_294_967_296;

export class ByteWriter {
  #bytes: Uint8Array;
  #at = 0;
  #flushed = 0;
  readonly #sink: ByteSink | undefined;
  readonly #double: DataView = new DataView(new ArrayBuffer(8));

  constructor(sink?: ByteSink, chunkBytes: number = CHUNK_BYTES) {
    this.#sink = sink;
    this.#bytes = new Uint8Array(sink === undefined ? FIRST_BYTES : Math.max(chunkBytes, SMALL));
  }

  /** Bytes written so far, those handed on included. */
  get length(): number {
    return this.#flushed + this.#at;
  }

  /** What has been written and not handed on: valid until the next call. */
  view(from = 0): Uint8Array {
    return this.#bytes.subarray(from, this.#at);
  }

  /** For writers with a sink: what was not handed on is dropped, and counting goes on from `length`. */
  rewind(length: number): void {
    this.#at = 0;
    this.#flushed = length;
  }

  /** For writers without a sink: starts over with the same memory. */
  clear(): void {
    this.#at = 0;
  }

  flush(): void {
    if (this.#sink === undefined || this.#at === 0) return;
    const full = this.#bytes.subarray(0, this.#at);
    this.#flushed += this.#at;
    this.#at = 0;
    this.#sink(full);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  raw(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const count = end - start;
    if (this.#sink !== undefined && count > this.#bytes.length) {
      this.flush();
      this.#flushed += count;
      this.#sink(bytes.subarray(start, end));
      return;
    }
    this.#room(count);
    if (count < SMALL) {
      const to = this.#bytes;
      for (let at = start; at < end; at++) to[this.#at++] = bytes[at]!;
      return;
    }
    this.#bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#at);
    this.#at += count;
  }

  /** A len, in its shortest form. */
  len(value: number): void {
    this.#room(SMALL);
    if (value < 0x40) {
      this.#bytes[this.#at++] = value;
    } else if (value < 0x4000) {
      this.#bytes[this.#at++] = 0x40 | (value >> 8);
      this.#bytes[this.#at++] = value & 0xff;
    } else if (value < TWO_32) {
      this.#bytes[this.#at++] = 0x80;
      this.#u32be(value);
    } else {
      this.#bytes[this.#at++] = 0x81;
      this.#u32be(Math.floor(value / TWO_32));
      this.#u32be(value % TWO_32);
    }
  }

  bigLen(value: bigint): void {
    if (value < 0x1_0000_0000n) {
      this.len(Number(value));
      return;
    }
    this.byte(0x81);
    this.u64be(value);
  }

  u16le(value: number): void {
    this.byte(value & 0xff);
    this.byte((value >> 8) & 0xff);
  }

  u32le(value: number): void {
    this.#room(4);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#at++] = value >>> shift;
  }

  u64be(value: bigint): void {
    this.#room(8);
    this.#u32be(Number(value >> 32n));
    this.#u32be(Number(value & 0xffff_ffffn));
  }

  /** A signed 64-bit little-endian number that a double holds exactly: a time in ms. */
  i64(value: number): void {
    this.u32le(value >>> 0);
    this.u32le(Math.floor(value / TWO_32));
  }

  bigI64(value: bigint): void {
    this.u32le(Number(BigInt.asUintN(32, value)));
    this.u32le(Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** binary64, little-endian. */
  f64(value: number): void {
    this.#double.setFloat64(0, value, true);
    this.#room(8);
    for (let at = 0; at < 8; at++) this.#bytes[this.#at++] = this.#double.getUint8(at);
  }

  /** Characters below 256, one byte each. */
  ascii(text: string): void {
    this.#room(Math.min(text.length, this.#bytes.length));
    for (let at = 0; at < text.length; at++) this.byte(text.charCodeAt(at));
  }

  /** Puts a u32 LE over bytes written before; for writers without a sink. */
  patchU32le(at: number, value: number): void {
    for (let byte = 0; byte < 4; byte++) this.#bytes[at + byte] = value >>> (8 * byte);
  }

  patchU16le(at: number, value: number): void {
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >> 8;
  }

  #u32be(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.#bytes[this.#at++] = value >>> shift;
  }

  #room(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    if (this.#sink !== undefined) {
      this.flush();
      return;
    }
    const larger = new Uint8Array(Math.max(this.#at + count, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
