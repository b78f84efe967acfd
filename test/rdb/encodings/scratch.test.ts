import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Scratch } from '../../../src/rdb/encodings/scratch.js';
import { readable } from '../../support/rdb-hex.js';

test.each([
  0,
  7,
  -1,
  10,
  99,
  -100,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 31,
  2 ** 53 - 1,
  -(2n ** 63n),
  2n ** 63n - 1n,
])('the text of %s', (value) => {
  expect(readable(new Scratch().integer(value))).toBe(String(value));
});

test('what was taken since the last clear stays as it is, however much that is', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 50 }), (values) => {
      const scratch = new Scratch();
      scratch.clear();
      const many = Array.from({ length: 200 }, () => values).flat();
      const texts = many.map((value) => scratch.integer(value));
      expect(texts.map(readable)).toEqual(many.map(String));
    }),
    { numRuns: 20 },
  );
});

test('memory is taken in any size', () => {
  const scratch = new Scratch();
  const taken = [0, 1, 16_384, 16_385, 1_000_000, 60_000, 16_384, 16_384, 16_384, 16_383, 2].map(
    (size, at) => {
      const bytes = scratch.take(size);
      expect(bytes.length).toBe(size);
      return bytes.fill(at);
    },
  );
  taken.forEach((bytes, at) => expect(bytes.every((byte) => byte === at)).toBe(true));
});
