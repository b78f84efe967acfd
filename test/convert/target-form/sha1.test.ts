import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha1Hex } from '../../../src/convert/target-form/sha1.js';

test('agrees with another implementation', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(sha1Hex(bytes)).toBe(createHash('sha1').update(bytes).digest('hex'));
    }),
  );
});

test.each([0, 55, 56, 63, 64, 119, 120, 1_000_000])('%i bytes', (length) => {
  const bytes = new Uint8Array(length).fill(0x61);
  expect(sha1Hex(bytes)).toBe(createHash('sha1').update(bytes).digest('hex'));
});
