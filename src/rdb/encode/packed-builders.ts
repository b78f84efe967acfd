/**
 * Builds listpacks and ziplists (the layouts stand in `encodings/listpack.ts` and `encodings/ziplist.ts`).
 * Elements whose text is a canonical integer are stored as integers, as servers do.
 */
import { ByteWriter } from './byte-writer.js';
import { canonicalInteger } from './string-encoder.js';

const TERMINATOR = 0xff;
const UNKNOWN_COUNT = 0xffff;

/** The narrowest of 8, 16, 24, 32, 64 bits that holds the value. */
function widthOf(value: number): 8 | 16 | 24 | 32 | 64 {
  if (value >= -0x80 && value < 0x80) return 8;
  if (value >= -0x8000 && value < 0x8000) return 16;
  if (value >= -0x80_0000 && value < 0x80_0000) return 24;
  return (value | 0) === value ? 32 : 64;
}

export class ListpackBuilder {
  readonly #out = new ByteWriter();
  #count = 0;

  constructor() {
    this.clear();
  }

  get bytes(): number {
    return this.#out.length + 1;
  }

  clear(): void {
    this.#out.clear();
    this.#count = 0;
    this.#out.u32le(0);
    this.#out.u16le(0);
  }

  add(text: Uint8Array): void {
    const value = canonicalInteger(text);
    if (value === undefined) this.#string(text);
    else this.integer(value);
  }

  integer(value: number): void {
    const out = this.#out;
    const from = out.length;
    if (value >= 0 && value < 128) out.byte(value);
    else if (value >= -4096 && value < 4096) {
      out.byte(0xc0 | ((value >> 8) & 0x1f));
      out.byte(value & 0xff);
    } else this.#wide(value);
    this.#end(from);
  }

  /** Any i64. */
  bigInteger(value: bigint): void {
    const small = Number(value);
    if (Number.isSafeInteger(small)) {
      this.integer(small);
      return;
    }
    const from = this.#out.length;
    this.#out.byte(0xf4);
    this.#out.bigI64(value);
    this.#end(from);
  }

  /** The whole listpack, valid until the next call. */
  finish(): Uint8Array {
    const out = this.#out;
    out.byte(TERMINATOR);
    out.patchU32le(0, out.length);
    out.patchU16le(4, Math.min(this.#count, UNKNOWN_COUNT));
    return out.view();
  }

  #wide(value: number): void {
    const out = this.#out;
    const width = widthOf(value);
    if (width <= 16) {
      out.byte(0xf1);
      out.u16le(value);
    } else if (width === 24) {
      out.byte(0xf2);
      out.u16le(value);
      out.byte((value >> 16) & 0xff);
    } else if (width === 32) {
      out.byte(0xf3);
      out.u32le(value);
    } else {
      out.byte(0xf4);
      out.i64(value);
    }
  }

  #string(text: Uint8Array): void {
    const out = this.#out;
    const from = out.length;
    const { length } = text;
    if (length < 64) {
      out.byte(0x80 | length);
    } else if (length < 4096) {
      out.byte(0xe0 | (length >> 8));
      out.byte(length & 0xff);
    } else {
      out.byte(0xf0);
      out.u32le(length);
    }
    out.raw(text);
    this.#end(from);
  }

  /** The backlen: the element's size in base 128, most significant group first. */
  #end(from: number): void {
    const out = this.#out;
    const size = out.length - from;
    let groups = 1;
    for (let rest = Math.floor(size / 128); rest > 0; rest = Math.floor(rest / 128)) groups++;
    for (let group = groups - 1; group >= 0; group--) {
      out.byte((Math.floor(size / 128 ** group) & 127) | (group === groups - 1 ? 0 : 128));
    }
    this.#count++;
  }
}

const LONG_PREVLEN = 0xfe;

export class ZiplistBuilder {
  readonly #out = new ByteWriter();
  #count = 0;
  #lastAt = 0;

  constructor() {
    this.clear();
  }

  clear(): void {
    this.#out.clear();
    this.#count = 0;
    this.#lastAt = 10;
    this.#out.u32le(0);
    this.#out.u32le(0);
    this.#out.u16le(0);
  }

  add(text: Uint8Array): void {
    const out = this.#out;
    const from = out.length;
    const before = from - this.#lastAt;
    if (before < LONG_PREVLEN) {
      out.byte(before);
    } else {
      out.byte(LONG_PREVLEN);
      out.u32le(before);
    }
    const value = canonicalInteger(text);
    if (value === undefined) this.#string(text);
    else this.#integer(value);
    this.#lastAt = from;
    this.#count++;
  }

  /** The whole ziplist, valid until the next call. */
  finish(): Uint8Array {
    const out = this.#out;
    out.byte(TERMINATOR);
    out.patchU32le(0, out.length);
    out.patchU32le(4, this.#lastAt);
    out.patchU16le(8, Math.min(this.#count, UNKNOWN_COUNT));
    return out.view();
  }

  #integer(value: number): void {
    const out = this.#out;
    const width = widthOf(value);
    if (value >= 0 && value <= 12) {
      out.byte(0xf1 + value);
    } else if (width === 8) {
      out.byte(0xfe);
      out.byte(value & 0xff);
    } else if (width === 16) {
      out.byte(0xc0);
      out.u16le(value);
    } else if (width === 24) {
      out.byte(0xf0);
      out.u16le(value);
      out.byte((value >> 16) & 0xff);
    } else if (width === 32) {
      out.byte(0xd0);
      out.u32le(value);
    } else {
      out.byte(0xe0);
      out.i64(value);
    }
  }

  #string(text: Uint8Array): void {
    const out = this.#out;
    const { length } = text;
    if (length < 64) {
      out.byte(length);
    } else if (length < 16384) {
      out.byte(0x40 | (length >> 8));
      out.byte(length & 0xff);
    } else {
      out.byte(0x80);
      for (let shift = 24; shift >= 0; shift -= 8) out.byte((length >>> shift) & 0xff);
    }
    out.raw(text);
  }
}
