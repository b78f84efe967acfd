/**
 * Bytes as JSON strings, written straight into the output.
 *
 *   clean ASCII      copied in one loop
 *   valid UTF-8      copied, with `"`, `\` and control characters escaped
 *   anything else    lossless: {"base64":"…"};   readable: each byte that is not UTF-8 becomes \xHH,
 *                    as redis-rdb-tools has it
 */
import { isUtf8 } from 'node:buffer';
import type { Output } from './output.js';

const QUOTE = 34;
const BACKSLASH = 92;
/** So much is escaped at once: six times this, and quotes, must fit into a chunk of output. */
const PIECE_BYTES = 32 * 1024;
/** A multiple of three, so that the base64 of pieces is that of the whole. */
const BASE64_PIECE_BYTES = 48 * 1024;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const BASE64_START = ascii('{"base64":"');
const BASE64_END = ascii('"}');

/** 0: stands for itself; 117 (u): \u00XX; else the letter of its short escape. */
const ESCAPES: Uint8Array = makeEscapes();
/** The same, and 1 for what is not ASCII. */
const UNCLEAN: Uint8Array = ESCAPES.map((escape, byte) => (byte < 128 ? escape : 1));

function makeEscapes(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill('u'.charCodeAt(0), 0, 32);
  table[QUOTE] = QUOTE;
  table[BACKSLASH] = BACKSLASH;
  for (const [byte, letter] of [
    [8, 'b'],
    [9, 't'],
    [10, 'n'],
    [12, 'f'],
    [13, 'r'],
  ] as const) {
    table[byte] = letter.charCodeAt(0);
  }
  return table;
}

const LOWER_HEX = ascii('0123456789abcdef');
const UPPER_HEX = ascii('0123456789ABCDEF');

/** How bytes that are not UTF-8 are shown. */
export type TextForm = 'lossless' | 'readable';

export function writeJsonText(
  out: Output,
  bytes: Uint8Array,
  start: number,
  end: number,
  form: TextForm,
): void {
  if (end - start > PIECE_BYTES) {
    writeUnclean(out, bytes, start, end, form);
    return;
  }
  out.room(end - start + 2);
  const to = out.bytes;
  let at = out.at;
  to[at++] = QUOTE;
  for (let from = start; from < end; from++) {
    const byte = bytes[from]!;
    if (UNCLEAN[byte] !== 0) {
      writeUnclean(out, bytes, start, end, form);
      return;
    }
    to[at++] = byte;
  }
  to[at++] = QUOTE;
  out.at = at;
}

function writeUnclean(out: Output, bytes: Uint8Array, start: number, end: number, form: TextForm): void {
  if (isUtf8(bytes.subarray(start, end))) {
    out.byte(QUOTE);
    writeEscaped(out, bytes, start, end);
    out.byte(QUOTE);
  } else if (form === 'lossless') {
    writeBase64Object(out, bytes, start, end);
  } else {
    out.byte(QUOTE);
    writeReadable(out, bytes, start, end, true);
    out.byte(QUOTE);
  }
}

/** The inside of a JSON string: bytes[start, end), which are (part of) valid UTF-8. */
export function writeEscaped(out: Output, bytes: Uint8Array, start: number, end: number): void {
  for (let from = start; from < end; from += PIECE_BYTES) {
    escapePiece(out, bytes, from, Math.min(end, from + PIECE_BYTES));
  }
}

function escapePiece(out: Output, bytes: Uint8Array, start: number, end: number): void {
  out.room(6 * (end - start));
  const to = out.bytes;
  let at = out.at;
  for (let from = start; from < end; from++) {
    const byte = bytes[from]!;
    const escape = ESCAPES[byte]!;
    if (escape === 0) to[at++] = byte;
    else at = putEscape(to, at, byte, escape);
  }
  out.at = at;
}

function putEscape(to: Uint8Array, start: number, byte: number, escape: number): number {
  let at = start;
  to[at++] = BACKSLASH;
  to[at++] = escape;
  if (escape !== 117) return at;
  to[at++] = 48;
  to[at++] = 48;
  to[at++] = LOWER_HEX[byte >> 4]!;
  to[at++] = LOWER_HEX[byte & 15]!;
  return at;
}

/**
 * The inside of a readable JSON string. Unless these are the `last` bytes, it stops before a character
 * whose end may still come, and returns where.
 */
export function writeReadable(
  out: Output,
  bytes: Uint8Array,
  start: number,
  end: number,
  last: boolean,
): number {
  let from = start;
  while (from < end) {
    const next = readablePiece(out, bytes, from, Math.min(end, from + PIECE_BYTES), end, last);
    if (next < end && next < from + PIECE_BYTES) return next;
    from = next;
  }
  return from;
}

/** Characters that begin before `to`; the last of them may reach beyond it. */
function readablePiece(
  out: Output,
  bytes: Uint8Array,
  start: number,
  to: number,
  end: number,
  last: boolean,
): number {
  out.room(6 * (to - start) + 8);
  const into = out.bytes;
  let at = out.at;
  let from = start;
  while (from < to) {
    const byte = bytes[from]!;
    if (byte < 128) {
      const escape = ESCAPES[byte]!;
      if (escape === 0) into[at++] = byte;
      else at = putEscape(into, at, byte, escape);
      from++;
      continue;
    }
    const size = characterSize(bytes, from, end);
    if (size < 0 && !last) break;
    if (size <= 0) at = putHex(into, at, byte);
    for (let next = from; next < from + size; next++) into[at++] = bytes[next]!;
    from += Math.max(1, size);
  }
  out.at = at;
  return from;
}

/** `\\xHH` in the JSON, which reads as `\xHH`. */
function putHex(to: Uint8Array, start: number, byte: number): number {
  let at = start;
  to[at++] = BACKSLASH;
  to[at++] = BACKSLASH;
  to[at++] = 120;
  to[at++] = UPPER_HEX[byte >> 4]!;
  to[at++] = UPPER_HEX[byte & 15]!;
  return at;
}

/** Bytes of the UTF-8 character at `at`; 0: it is none; -1: what there is of it is one's beginning. */
export function characterSize(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size === 0) return 0;
  // No overlong forms, no surrogates, nothing above U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let next = 1; next < size; next++) {
    if (at + next >= end) return -1;
    const byte = bytes[at + next]!;
    if (byte < (next === 1 ? low : 0x80) || byte > (next === 1 ? high : 0xbf)) return 0;
  }
  return size;
}

export function writeBase64Object(out: Output, bytes: Uint8Array, start: number, end: number): void {
  out.word(BASE64_START);
  writeBase64(out, bytes, start, end);
  out.word(BASE64_END);
}

/** Base64 without quotes. To go on with it later, `end - start` must be a multiple of three. */
export function writeBase64(out: Output, bytes: Uint8Array, start: number, end: number): void {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let from = start; from < end; from += BASE64_PIECE_BYTES) {
    const text = source.toString('base64', from, Math.min(end, from + BASE64_PIECE_BYTES));
    out.room(text.length);
    Buffer.from(out.bytes.buffer).write(text, out.at, 'latin1');
    out.at += text.length;
  }
}
