import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkZiplist, ZiplistCursor } from '../../../src/rdb/encodings/ziplist.js';
import { fault, faultOf } from '../../support/rdb-error.js';
import { hex, patched } from '../../support/rdb-hex.js';
import { ziplist } from '../../support/rdb-packed.js';
import { elementsOf } from '../../support/rdb-walk.js';

const walk = (bytes: Uint8Array): unknown[] => elementsOf(checkZiplist, new ZiplistCursor(), bytes);

/** A quicklist node of 3.2.13, decompressed. */
const INTEGERS = hex(
  `7e 00 00 00 34 00 00 00 0b 00 | 00 01 61 | 03 f2 | 02 fd | 02 fe 0d | 03 fe ff | 03 c0 2c 01 |
   04 f0 c0 63 ff | 05 f0 a0 86 01 | 05 f0 80 84 1e | 05 e0 00 f2 05 2a 01 00 00 00 | 0a 40 46 ${'78'.repeat(70)} | ff`,
);

test('what servers wrote', () => {
  expect(walk(INTEGERS)).toEqual(
    'a 1 12 13 -1 300 -40000 100000 2000000 5000000000'.split(' ').concat('x'.repeat(70)),
  );
  expect(
    walk(
      hex(
        '21 00 00 00 1b 00 00 00 06 00 00 01 63 03 04 2d 69 6e 66 06 01 61 03 f2 02 01 62 03 03 32 2e 35 ff',
      ),
    ),
  ).toEqual(['c', '-inf', 'a', '1', 'b', '2.5']);
});

test('without entries', () => {
  expect(walk(hex('0b 00 00 00 0a 00 00 00 00 00 ff'))).toEqual([]);
});

test('a small prevlen in the long form', () => {
  expect(walk(hex('15 00 00 00 0d 00 00 00 02 00 | 00 01 61 | fe 03 00 00 00 01 62 | ff'))).toEqual([
    'a',
    'b',
  ]);
});

test('a count of 65535 means: walk', () => {
  expect(walk(ziplist(['a', 1], 65_535))).toEqual(['a', '1']);
});

test('a 32-bit length is big-endian', () => {
  const text = 'q'.repeat(20_000);
  const bytes = ziplist(['p', text, 'z']);
  expect(bytes.slice(14, 19)).toEqual(hex('80 00 00 4e 20'));
  expect(walk(bytes)).toEqual(['p', text, 'z']);
});

test('whatever was put in comes out', () => {
  const element = fc.oneof(
    fc.string({ unit: 'binary-ascii' }),
    fc.string({ unit: 'binary-ascii', minLength: 240, maxLength: 300 }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.integer({ min: -70_000, max: 70_000 }),
  );
  fc.assert(
    fc.property(fc.array(element, { maxLength: 30 }), (elements) => {
      expect(walk(ziplist(elements))).toEqual(elements.map(String));
    }),
  );
});

describe('hostile', () => {
  const good = hex('12 00 00 00 0d 00 00 00 02 00 | 00 01 61 | 03 c0 2c 01 | ff');

  test.each<[string, Uint8Array, number, RegExp]>([
    ['shorter than its header', hex('0a 00 00 00 0a 00 00 00 00 00'), 0, /ziplist of 10 bytes/],
    ['claims other bytes than there are', patched(good, { 0: 0x13 }), 0, /claims 19 bytes in a string of 18/],
    ['no terminator', patched(good, { 17: 0 }), 17, /without its terminator/],
    ['a last entry elsewhere', patched(good, { 4: 0x0a }), 4, /last entry is at 13, not at 10/],
    ['a last entry outside', patched(good, { 7: 0x7f }), 4, /not at 2130706445/],
    ['claims more entries', patched(good, { 8: 3 }), 8, /claims 3 entries and has 2/],
    ['claims fewer entries', patched(good, { 8: 1 }), 8, /claims 1 entries and has 2/],
    [
      'a first entry with something before it',
      patched(good, { 10: 1 }),
      10,
      /says 1 bytes are before it, but there are 0/,
    ],
    ['a wrong prevlen', patched(good, { 13: 4 }), 13, /says 4 bytes are before it, but there are 3/],
    ['a terminator in the middle', patched(good, { 13: 0xff }), 13, /ends before its last byte/],
    ['an encoding that is none (c1)', patched(good, { 14: 0xc1 }), 14, /0xc1 where a ziplist encoding/],
    ['an encoding that is none (ff)', patched(good, { 14: 0xff }), 14, /0xff where a ziplist encoding/],
    ['an entry longer than the rest', patched(good, { 14: 0x3f }), 13, /goes beyond/],
    ['an entry that ends on the terminator', patched(good, { 14: 0x03 }), 13, /goes beyond/],
    ['an integer that is cut off', patched(good, { 14: 0xe0 }), 13, /goes beyond/],
    ['a string of 4 GB', hex('12 00 00 00 0a 00 00 00 01 00 | 00 80 ff ff ff ff 00 ff'), 10, /goes beyond/],
    ['a 14-bit length that is cut off', hex('0d 00 00 00 0a 00 00 00 01 00 | 00 40 ff'), 10, /goes beyond/],
    ['a prevlen that is cut off', hex('0e 00 00 00 0a 00 00 00 01 00 | fe 00 00 ff'), 10, /goes beyond/],
    ['a prevlen with nothing behind it', hex('0c 00 00 00 0a 00 00 00 01 00 | 00 ff'), 10, /goes beyond/],
  ])('%s', (_, bytes, offset, message) => {
    expect(faultOf(() => checkZiplist(bytes, 0, bytes.length))).toEqual(
      fault('RDB_CORRUPT', offset, message),
    );
  });

  test('any damaged byte is noticed or changes only values, never leads outside', () => {
    fc.assert(
      fc.property(fc.nat(INTEGERS.length - 1), fc.nat(255), (at, value) => {
        const damaged = patched(INTEGERS, { [at]: value });
        const found = faultOf(() => checkZiplist(damaged, 0, damaged.length));
        expect(found === undefined ? walk(damaged).length : found.code).toBe(
          found === undefined ? 11 : 'RDB_CORRUPT',
        );
      }),
    );
  });
});
