import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { XxHash32, xxHash32 } from '../../src/io/xxhash32.js';

test.each([
  ['', 0x02cc5d05],
  ['a', 0x550d7456],
  ['abc', 0x32d153ff],
  ['Nobody inspects the spammish repetition', 0xe2293b2f],
])('%j', (text, sum) => {
  expect(xxHash32(Buffer.from(text))).toBe(sum);
});

test('in pieces of any size it is the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(200)), (bytes, cuts) => {
      const hash = new XxHash32();
      const places = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
      for (let at = 1; at < places.length; at++) hash.update(bytes, places[at - 1], places[at]);
      expect(hash.digest()).toBe(xxHash32(bytes));
    }),
  );
});
