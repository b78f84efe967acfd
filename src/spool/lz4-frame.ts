/**
 * One record's bytes as one LZ4 frame (layout: `io/lz4-source.ts`): content size, one block of at most 256 KiB,
 * content checksum. The block's bytes come from lz4js.
 *
 * The format wants the last match of a block to begin at least 12 bytes before its end, and decoders in use rely
 * on it; lz4js goes up to 10. So it is not shown the last two bytes, and these are then added to the literals
 * with which every block ends.
 */
import { compressBlock } from 'lz4js';
import { decodeLz4Block } from '../io/lz4-block.js';
import { xxHash32 } from '../io/xxhash32.js';

const HEADER_BYTES = 15;
const BLOCK_AT = HEADER_BYTES + 4;
/** End mark and content checksum. */
const TRAILER_BYTES = 8;
/** Version 1, independent blocks, content size, content checksum. */
const FLAGS = 0x6c;
/** Blocks of at most 256 KiB. */
const SIZES = 0x50;
const HIDDEN_BYTES = 2;
const MIN_BYTES = 64;
const LONG = 15;
/** By how much a block may be longer than its bytes, and everything around it. */
const SPARE_BYTES = 4096;

const hashTable = new Uint32Array(1 << 16);
let scratch: Uint8Array = new Uint8Array(0);

/** The frame, valid until the next call; undefined when it would be longer than `most`. */
export function encodeLz4Frame(plain: Uint8Array, most: number): Uint8Array | undefined {
  if (plain.length < MIN_BYTES) return undefined;
  if (scratch.length < plain.length + SPARE_BYTES) scratch = new Uint8Array(plain.length + SPARE_BYTES);
  const block = scratch.subarray(BLOCK_AT);
  hashTable.fill(0);
  const made = compressBlock(plain, block, 0, plain.length - HIDDEN_BYTES, hashTable);
  if (made === 0 || BLOCK_AT + made + HIDDEN_BYTES + TRAILER_BYTES > most) return undefined;
  const size = addLiterals(block, made, plain);
  const end = BLOCK_AT + size;
  const view = new DataView(scratch.buffer);
  putHeader(view, plain.length);
  view.setUint32(HEADER_BYTES, size, true);
  view.setUint32(end, 0, true);
  view.setUint32(end + 4, xxHash32(plain), true);
  return scratch.subarray(0, end + TRAILER_BYTES);
}

/** Makes the last sequence of block[0, end), which has literals only, one that goes to the end of `plain`. */
function addLiterals(block: Uint8Array, end: number, plain: Uint8Array): number {
  const { at, literals } = lastSequence(block, end);
  const count = literals + HIDDEN_BYTES;
  let to = at;
  block[to++] = Math.min(count, LONG) << 4;
  if (count >= LONG) {
    let rest = count - LONG;
    for (; rest >= 255; rest -= 255) block[to++] = 255;
    block[to++] = rest;
  }
  block.set(plain.subarray(plain.length - count), to);
  return to + count;
}

function lastSequence(block: Uint8Array, end: number): { readonly at: number; readonly literals: number } {
  for (let next = 0; ;) {
    const at = next;
    const token = block[next++]!;
    let literals = token >> 4;
    if (literals === LONG) {
      let byte = 255;
      while (byte === 255) literals += byte = block[next++]!;
    }
    next += literals;
    if (next >= end) return { at, literals };
    next += 2;
    if ((token & LONG) === LONG) while (block[next++] === 255);
  }
}

function putHeader(view: DataView, contentBytes: number): void {
  view.setUint32(0, 0x184d2204, true);
  view.setUint8(4, FLAGS);
  view.setUint8(5, SIZES);
  view.setUint32(6, contentBytes, true);
  view.setUint32(10, 0, true);
  view.setUint8(14, (xxHash32(scratch, 4, 14) >>> 8) & 0xff);
}

/** Decodes a frame as it is written above to the start of `into`; throws when it is not one of `plain` bytes. */
export function decodeLz4Frame(frame: Uint8Array, into: Uint8Array, plain: number): void {
  if (frame.length < BLOCK_AT + TRAILER_BYTES) throw new RangeError('an LZ4 frame that is too short');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const end = frame.length - TRAILER_BYTES;
  const known =
    view.getUint16(4, true) === (FLAGS | (SIZES << 8)) &&
    view.getUint32(6, true) === plain &&
    view.getUint32(HEADER_BYTES, true) === end - BLOCK_AT &&
    view.getUint32(end, true) === 0;
  if (!known || plain > into.length) throw new RangeError('an LZ4 frame of another kind or size');
  const size = decodeLz4Block({ from: frame, start: BLOCK_AT, end }, into, 0, plain);
  if (size !== plain || view.getUint32(end + 4, true) !== xxHash32(into, 0, plain)) {
    throw new RangeError('an LZ4 frame with a wrong size or checksum');
  }
}
