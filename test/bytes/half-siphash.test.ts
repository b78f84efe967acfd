/** The published vectors of HalfSipHash-2-4 with 64 bits: secret 00 … 07, input 00 … n-1. */
import { expect, test } from 'vitest';
import { HalfSipHash } from '../../src/bytes/half-siphash.js';

const VECTORS: readonly (readonly [length: number, hash: string])[] = [
  [4, 'd5e78a175be52ea1'],
  [5, 'cb9d7c3f2f3db580'],
  [6, 'ce3e91358aa2bc25'],
  [7, 'ff202728b07bc684'],
  [8, 'edfee820bce4858c'],
  [9, '5b51cccc13888307'],
  [10, '95b0469f06a6f2ee'],
  [15, '217d0bcb4e81c902'],
  [16, '7336aad25f7bf3b5'],
  [63, '2ea63c71bf326087'],
];

const counting = Uint8Array.from({ length: 80 }, (_, at) => at);

test.each(VECTORS)('%i bytes', (length, expected) => {
  const hash = new HalfSipHash(counting.subarray(0, 8));
  const prefix = new DataView(counting.buffer).getInt32(0, true);
  hash.hash(prefix, counting, 4, length);
  const found = new DataView(new ArrayBuffer(8));
  found.setInt32(0, hash.a, true);
  found.setInt32(4, hash.b, true);
  expect(Buffer.from(found.buffer).toString('hex')).toBe(expected);
});

test('where the bytes stand does not matter', () => {
  const hash = new HalfSipHash(counting.subarray(3, 11));
  const shifted = new Uint8Array(30).fill(9);
  shifted.set(counting.subarray(20, 31), 7);
  hash.hash(-1, counting, 20, 31);
  const { a, b } = hash;
  hash.hash(-1, shifted, 7, 18);
  expect([hash.a, hash.b]).toEqual([a, b]);
});
