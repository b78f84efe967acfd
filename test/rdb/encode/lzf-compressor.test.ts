import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LzfCompressor } from '../../../src/rdb/encode/lzf-compressor.js';
import { decompressLzf } from '../../../src/rdb/encodings/lzf.js';
import { expectSame } from '../../support/same.js';
import { ascii } from '../../support/rdb-hex.js';

const repetitive = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 400 })), {
    maxLength: 12,
  })
  .map((parts) =>
    Uint8Array.from(
      parts.flatMap(([piece, times]) => Array.from({ length: times }, () => [...piece]).flat()),
    ),
  );

test('what it compresses comes back', () => {
  // One compressor for all: what it remembers of one input must not leak into the next.
  const compressor = new LzfCompressor();
  let compressed = 0;
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 500 }), repetitive), (input) => {
      const packed = compressor.compress(input, input.length - 4);
      if (packed === undefined) return;
      compressed++;
      expect(packed.length).toBeLessThanOrEqual(input.length - 4);
      expectSame(decompressLzf(packed.slice(), 0, packed.length, input.length), input);
    }),
    { numRuns: 2000 },
  );
  expect(compressed).toBeGreaterThan(300);
});

test('gives up when nothing is saved', () => {
  expect(
    new LzfCompressor().compress(
      Uint8Array.from({ length: 256 }, (_, at) => at),
      252,
    ),
  ).toBeUndefined();
  expect(new LzfCompressor().compress(ascii('abc'), 100)).toBeUndefined();
});

test('finds what repeats far back, up to 8192 bytes', () => {
  const word = ascii('some words that come twice, and are long enough to matter: 0123456789');
  const random = (length: number): Uint8Array =>
    Uint8Array.from({ length }, (_, at) => (Math.imul(at + 1, 2_654_435_761) >>> 24) ^ ((at * 7) & 255));
  const apart = (distance: number): Uint8Array => {
    const out = new Uint8Array(distance + word.length);
    out.set(random(distance));
    out.set(word);
    out.set(word, distance);
    return out;
  };
  const size = (input: Uint8Array): number => {
    const packed = new LzfCompressor().compress(input, input.length * 2)!;
    expect(decompressLzf(packed, 0, packed.length, input.length)).toEqual(input);
    return packed.length;
  };
  // Literals cost one byte in 32; the second word is found only within reach.
  expect(size(apart(8192))).toBeLessThan(size(apart(8260)) - word.length / 2);
});

test('long runs become few bytes', () => {
  const packed = new LzfCompressor().compress(new Uint8Array(100_000).fill(7), 99_000)!;
  expect(packed.length).toBeLessThan(1200);
  expect(decompressLzf(packed, 0, packed.length, 100_000)).toEqual(new Uint8Array(100_000).fill(7));
});
