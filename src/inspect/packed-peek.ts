/**
 * What the header of a packed container says, without decompressing more than that, and the length of its
 * longest element. Nothing is checked beyond staying inside the bytes: a damaged container gives a number,
 * never an error (the decoder is there to find damage).
 */
import { STR_LZF } from '../rdb/primitives.js';
import { checkZipmap, ZipmapCursor } from '../rdb/encodings/zipmap.js';
import { Scratch } from '../rdb/encodings/scratch.js';
import type { ContainerName } from '../rdb/decode/packed-walker.js';
import { digits } from './value-walker.js';

const HEAD_BYTES = 12;
const head = new Uint8Array(HEAD_BYTES);

/** The first bytes of a str's text: its own, or decompressed into a block that the next call reuses. */
export function peekText(form: number, bytes: Uint8Array, at: number, fileBytes: number): Uint8Array {
  const end = at + fileBytes;
  if (form !== STR_LZF) return bytes.subarray(at, Math.min(end, at + HEAD_BYTES));
  let from = at;
  let to = 0;
  while (from < end && to < HEAD_BYTES) {
    const control = bytes[from++]!;
    if (control < 32) {
      for (let left = control; left >= 0 && to < HEAD_BYTES && from < end; left--)
        head[to++] = bytes[from++]!;
      continue;
    }
    let length = control >> 5;
    if (length === 7) length += bytes[from++]!;
    let source = to - (((control & 31) << 8) | bytes[from++]!) - 1;
    if (!(source >= 0)) break;
    for (let left = length + 2; left > 0 && to < HEAD_BYTES; left--) head[to++] = head[source++]!;
  }
  return head.subarray(0, to);
}

/** How many elements the header of a container claims; -1 when it leaves that open. */
export function claimedElements(container: ContainerName, text: Uint8Array): number {
  if (container === 'zipmap') return text[0]! < 254 ? text[0]! * 2 : -1;
  const at = container === 'ziplist' ? 8 : 4;
  if (text.length < at + 2) return 0;
  const low = text[at]! | (text[at + 1]! << 8);
  if (container === 'intset') return text.length < 8 ? low : low + (text[6]! | (text[7]! << 8)) * 65_536;
  return low === 65_535 ? -1 : low;
}

/** What a walk over a whole container finds. */
export class PackedSpan {
  elements = 0;
  longest = 0;
}

const span = new PackedSpan();
const scratch = new Scratch();
const zipmap = new ZipmapCursor();

/** Elements and the longest of them, in the container text[start, end). The result is reused. */
export function measurePacked(
  container: ContainerName,
  text: Uint8Array,
  start: number,
  end: number,
): PackedSpan {
  span.elements = 0;
  span.longest = 0;
  if (container === 'listpack') walkListpack(text, start + 6, end - 1);
  else if (container === 'ziplist') walkZiplist(text, start + 10, end - 1);
  else if (container === 'intset') walkIntset(text, start, end);
  else walkZipmap(text, start, end);
  return span;
}

function walkListpack(text: Uint8Array, start: number, last: number): void {
  let longest = 0;
  let elements = 0;
  let at = start;
  while (at < last) {
    const first = text[at]!;
    let length: number;
    let size: number;
    if (first < 0x80) {
      length = first < 10 ? 1 : first < 100 ? 2 : 3;
      size = 1;
    } else if (first < 0xc0) {
      length = first & 0x3f;
      size = 1 + length;
    } else if (first < 0xe0) {
      length = digits(((((first & 0x1f) << 8) | text[at + 1]!) << 19) >> 19);
      size = 2;
    } else if (first < 0xf0) {
      length = ((first & 0x0f) << 8) | text[at + 1]!;
      size = 2 + length;
    } else if (first === 0xf0) {
      length = u32(text, at + 1);
      size = 5 + length;
    } else if (first < 0xf5) {
      size = first === 0xf4 ? 9 : first - 0xf1 + 3;
      length = integerDigits(text, at + 1, size - 1);
    } else {
      break;
    }
    if (length > longest) longest = length;
    elements++;
    at += size + (size < 0x80 ? 1 : size < 0x4000 ? 2 : size < 0x20_0000 ? 3 : size < 0x1000_0000 ? 4 : 5);
  }
  span.longest = longest;
  span.elements = elements;
}

function walkZiplist(text: Uint8Array, start: number, last: number): void {
  let at = start;
  while (at < last) {
    at += text[at] === 0xfe ? 5 : 1;
    const first = text[at]!;
    let length: number;
    if (first < 0x40) {
      length = first;
      at += 1 + length;
    } else if (first < 0x80) {
      length = ((first & 0x3f) << 8) | text[at + 1]!;
      at += 2 + length;
    } else if (first < 0xc0) {
      length = u32be(text, at + 1);
      at += 5 + length;
    } else if (first > 0xf0 && first < 0xfe) {
      length = first - 0xf1 < 10 ? 1 : 2;
      at += 1;
    } else {
      const size = first === 0xc0 ? 2 : first === 0xd0 ? 4 : first === 0xe0 ? 8 : first === 0xf0 ? 3 : 1;
      length = integerDigits(text, at + 1, size);
      at += 1 + size;
    }
    if (length > span.longest) span.longest = length;
    span.elements++;
  }
}

/** Ascending: the longest is the first or the last. */
function walkIntset(text: Uint8Array, start: number, end: number): void {
  const width = text[start] ?? 0;
  if (end - start < 8 + width || width === 0) return;
  span.elements = Math.floor((end - start - 8) / width);
  span.longest = Math.max(integerDigits(text, start + 8, width), integerDigits(text, end - width, width));
}

function walkZipmap(text: Uint8Array, start: number, end: number): void {
  span.elements = checkZipmap(text, start, end);
  zipmap.reset(text, start, end);
  while (zipmap.next()) {
    scratch.clear();
    span.longest = Math.max(span.longest, zipmap.text(scratch).length);
  }
}

function u32(text: Uint8Array, at: number): number {
  return (text[at]! | (text[at + 1]! << 8) | (text[at + 2]! << 16) | (text[at + 3]! << 24)) >>> 0;
}

function u32be(text: Uint8Array, at: number): number {
  return ((text[at]! << 24) | (text[at + 1]! << 16) | (text[at + 2]! << 8) | text[at + 3]!) >>> 0;
}

/** How many characters the decimal text of a signed little-endian integer has. */
function integerDigits(text: Uint8Array, at: number, size: number): number {
  let value = 0n;
  if (size <= 4) {
    let narrow = 0;
    for (let index = size - 1; index >= 0; index--) narrow = (narrow << 8) | text[at + index]!;
    const unused = 32 - 8 * size;
    return digits((narrow << unused) >> unused);
  }
  for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(text[at + index] ?? 0);
  return String(BigInt.asIntN(8 * size, value)).length;
}
