/**
 * One LZ4 block: sequences of `token, [literal length …], literals, offset u16 LE, [match length …]`, the last
 * one ending with its literals. The only file that knows lz4js, which checks nothing: so each block is
 * walked first, and given to it only when every length and offset holds.
 */
import { decompressBlock } from 'lz4js';
import { ReplicantError } from '../errors.js';

const MIN_MATCH = 4;
const LONG = 15;

export interface Lz4Block {
  readonly from: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Writes the block's bytes to `into` from `at` on and returns the position behind them. Matches may reach
 * back to into[0]; nothing is written beyond `limit`.
 */
export function decodeLz4Block(block: Lz4Block, into: Uint8Array, at: number, limit: number): number {
  const end = checkBlock(block, at, limit);
  const written = decompressBlock(block.from, into, block.start, block.end - block.start, at);
  if (written !== end) throw new ReplicantError('INTERNAL', 'an LZ4 block came out in another size');
  return end;
}

/** Where the block's bytes will end. */
function checkBlock({ from, start, end }: Lz4Block, into: number, limit: number): number {
  let at = start;
  let out = into;
  const length = (first: number): number => {
    let sum = first;
    if (first < LONG) return sum;
    let byte = 255;
    while (byte === 255) {
      if (at >= end) throw damaged('a length without an end');
      byte = from[at++]!;
      sum += byte;
    }
    return sum;
  };
  for (;;) {
    if (at >= end) throw damaged('no last literals');
    const token = from[at++]!;
    const literals = length(token >> 4);
    at += literals;
    out += literals;
    if (at > end) throw damaged('literals beyond the end');
    if (out > limit) throw damaged('more bytes than a block may have');
    if (at === end) return out;
    if (at + 2 > end) throw damaged('half an offset');
    const offset = from[at]! | (from[at + 1]! << 8);
    at += 2;
    if (offset === 0 || offset > out) throw damaged(`an offset of ${offset}`);
    out += length(token & LONG) + MIN_MATCH;
    if (out > limit) throw damaged('more bytes than a block may have');
  }
}

function damaged(what: string): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', `the LZ4 data are damaged: a block with ${what}`);
}
