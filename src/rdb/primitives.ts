/**
 * The two primitives everything in an RDB file is made of.
 *
 *   len   00xxxxxx                 6 bits
 *         01xxxxxx b               14 bits, big-endian
 *         10000000 bbbb            u32, big-endian
 *         10000001 bbbbbbbb        u64, big-endian (since RDB 8)
 *   str   len, then that many bytes
 *         11000000 b               i8, the string is its decimal text
 *         11000001 bb              i16, little-endian
 *         11000010 bbbb            i32, little-endian
 *         11000011 len clen, len ulen, clen bytes of LZF
 *
 * Offsets in errors are positions in the buffer at hand; the file decoder turns them into file offsets.
 * Readers return the next position, or INCOMPLETE when the bytes end first; results are left in the
 * `Header` passed in, because an object per string would be most of the cost.
 */
import { ReplicantError } from '../errors.js';

/** Not enough bytes yet: no error, come again with more. */
export const INCOMPLETE = -1;

export const STR_PLAIN = 0;
export const STR_INT = 1;
export const STR_LZF = 2;

/** Where readers leave what they read. */
export class Header {
  /** readLength: the value. */
  length = 0;
  /** readString: one of STR_…. */
  form: number = STR_PLAIN;
  /** readString: where the string's own bytes start (plain bytes, the integer, LZF data) … */
  start = 0;
  /** … and how many there are in the file. The readers do not check that these have arrived. */
  fileBytes = 0;
  /** How long the string is once decoded; 0 for integers (see `integerText`). */
  textBytes = 0;
}

const TWO_32 = 4_294_967_296;

function corrupt(message: string, offset: number): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', message, { place: { offset } });
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Reads a len into `out.length`. Lengths above 2^53 − 1 are refused. */
export function readLength(out: Header, bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return INCOMPLETE;
  const first = bytes[at]!;
  if (first < 0x40) {
    out.length = first;
    return at + 1;
  }
  if (first < 0x80) {
    if (at + 2 > end) return INCOMPLETE;
    out.length = ((first & 0x3f) << 8) | bytes[at + 1]!;
    return at + 2;
  }
  return readLongLength(out, bytes, at, end);
}

function readLongLength(out: Header, bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  if (first === 0x80) {
    if (at + 5 > end) return INCOMPLETE;
    out.length = u32(bytes, at + 1);
    return at + 5;
  }
  if (first === 0x81) {
    if (at + 9 > end) return INCOMPLETE;
    const high = u32(bytes, at + 1);
    if (high > 0x1fffff) throw corrupt('a length above 2^53', at);
    out.length = high * TWO_32 + u32(bytes, at + 5);
    return at + 9;
  }
  throw corrupt(`0x${first.toString(16)} where a length must stand`, at);
}

/** Passes over a len of any value, for the few fields where the full u64 range is legal. */
export function skipLength(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return INCOMPLETE;
  const first = bytes[at]!;
  const size = first < 0x40 ? 1 : first < 0x80 ? 2 : first === 0x80 ? 5 : first === 0x81 ? 9 : 0;
  if (size === 0) throw corrupt(`0x${first.toString(16)} where a length must stand`, at);
  return at + size > end ? INCOMPLETE : at + size;
}

/**
 * Reads a len as u64; only valid where `skipLength` has found it whole.
 * In stream metadata 2^64 − 1 means "unknown".
 */
export function lengthAsBigInt(bytes: Uint8Array, at: number): bigint {
  const first = bytes[at]!;
  if (first < 0x40) return BigInt(first);
  if (first < 0x80) return BigInt(((first & 0x3f) << 8) | bytes[at + 1]!);
  if (first === 0x80) return BigInt(u32(bytes, at + 1));
  return (BigInt(u32(bytes, at + 1)) << 32n) | BigInt(u32(bytes, at + 5));
}

/** Reads a str's header into `out` and returns the position of its first own byte (= `out.start`). */
export function readString(out: Header, bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return INCOMPLETE;
  const first = bytes[at]!;
  if (first < 0xc0) {
    const next = readLength(out, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    out.form = STR_PLAIN;
    out.start = next;
    out.fileBytes = out.length;
    out.textBytes = out.length;
    return next;
  }
  if (first < 0xc3) {
    out.form = STR_INT;
    out.start = at + 1;
    out.fileBytes = 1 << (first & 3);
    out.textBytes = 0;
    return at + 1;
  }
  if (first === 0xc3) return readLzfHeader(out, bytes, at, end);
  throw corrupt(`unknown string encoding 0x${first.toString(16)}`, at);
}

/** No LZF stream grows more than this: three bytes make at most 264. */
const LZF_MAX_EXPANSION = 88;

function readLzfHeader(out: Header, bytes: Uint8Array, at: number, end: number): number {
  let next = readLength(out, bytes, at + 1, end);
  if (next === INCOMPLETE) return INCOMPLETE;
  const fileBytes = out.length;
  next = readLength(out, bytes, next, end);
  if (next === INCOMPLETE) return INCOMPLETE;
  if (out.length > fileBytes * LZF_MAX_EXPANSION) {
    throw corrupt(`${fileBytes} bytes of LZF can't hold the ${out.length} bytes they claim`, at);
  }
  out.form = STR_LZF;
  out.start = next;
  out.fileBytes = fileBytes;
  out.textBytes = out.length;
  return next;
}

/** The value of an integer-encoded string of 1, 2 or 4 bytes at `at`. */
export function readInteger(bytes: Uint8Array, at: number, size: number): number {
  if (size === 1) return (bytes[at]! << 24) >> 24;
  if (size === 2) return ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16;
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The decimal text of an integer as bytes: what an integer-encoded string really is. */
export function integerText(value: number | bigint): Uint8Array {
  const text = String(value);
  const out = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) out[at] = text.charCodeAt(at);
  return out;
}

/**
 * A signed 64-bit little-endian number (a time in ms). Beyond ±2^53, which no clock reaches, it is the
 * nearest double; `readI64Exact` has all digits.
 */
export function readI64(bytes: Uint8Array, at: number): number {
  const lo = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  const hi = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
  return hi * TWO_32 + lo;
}

export function readI64Exact(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let byte = 7; byte >= 0; byte--) value = (value << 8n) | BigInt(bytes[at + byte]!);
  return BigInt.asIntN(64, value);
}
