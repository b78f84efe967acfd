/**
 * Writes a str as servers do: integers of up to 32 bits in binary when the text is exactly what they print
 * as ("007", "-0", "3000000000" stay text), longer strings compressed when that is asked for and saves
 * anything worth it, all others plain.
 */
import type { ByteWriter } from './byte-writer.js';
import { LzfCompressor } from './lzf-compressor.js';

const INT8 = 0xc0;
const INT16 = 0xc1;
const INT32 = 0xc2;
const LZF = 0xc3;

/** `-2147483648` */
const LONGEST_INT32 = 11;
const COMPRESS_ABOVE = 20;
const WORTH_BYTES = 4;
/** Larger strings would take twice their size in memory; they stay plain. */
const COMPRESS_BELOW = 64 * 1024 * 1024;

export class StringEncoder {
  readonly #lzf: LzfCompressor | undefined;

  constructor(compress: boolean) {
    this.#lzf = compress ? new LzfCompressor() : undefined;
  }

  write(out: ByteWriter, bytes: Uint8Array): void {
    if (bytes.length <= LONGEST_INT32) {
      const value = canonicalInteger(bytes);
      if (value !== undefined && (value | 0) === value) {
        writeInteger(out, value);
        return;
      }
    }
    const packed = this.#compressed(bytes);
    if (packed === undefined) {
      out.len(bytes.length);
    } else {
      out.byte(LZF);
      out.len(packed.length);
      out.len(bytes.length);
    }
    out.raw(packed ?? bytes);
  }

  #compressed(bytes: Uint8Array): Uint8Array | undefined {
    const { length } = bytes;
    if (this.#lzf === undefined || length <= COMPRESS_ABOVE || length >= COMPRESS_BELOW) return undefined;
    return this.#lzf.compress(bytes, length - WORTH_BYTES);
  }
}

function writeInteger(out: ByteWriter, value: number): void {
  if (value >= -128 && value < 128) {
    out.byte(INT8);
    out.byte(value & 0xff);
  } else if (value >= -32768 && value < 32768) {
    out.byte(INT16);
    out.u16le(value);
  } else {
    out.byte(INT32);
    out.u32le(value);
  }
}

/** More digits might not be exact in a double. */
const EXACT_DIGITS = 15;
const ZERO = 0x30;
const MINUS = 0x2d;

/** The integer that prints as exactly these bytes, up to fifteen digits; undefined when there is none. */
export function canonicalInteger(bytes: Uint8Array): number | undefined {
  const negative = bytes[0] === MINUS;
  const first = negative ? 1 : 0;
  const digits = bytes.length - first;
  if (digits < 1 || digits > EXACT_DIGITS) return undefined;
  if (bytes[first] === ZERO) return digits === 1 && !negative ? 0 : undefined;
  let value = 0;
  for (let at = first; at < bytes.length; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}
