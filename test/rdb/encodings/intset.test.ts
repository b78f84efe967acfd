import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkIntset, IntsetCursor } from '../../../src/rdb/encodings/intset.js';
import { fault, faultOf } from '../../support/rdb-error.js';
import { hex } from '../../support/rdb-hex.js';
import { intset } from '../../support/rdb-packed.js';
import { elementsOf } from '../../support/rdb-walk.js';

const walk = (bytes: Uint8Array): unknown[] => elementsOf(checkIntset, new IntsetCursor(), bytes);

test('what servers wrote', () => {
  expect(walk(hex('02 00 00 00 03 00 00 00 01 00 02 00 2c 01'))).toEqual(['1', '2', '300']);
  expect(walk(hex('04 00 00 00 02 00 00 00 01 00 00 00 a0 86 01 00'))).toEqual(['1', '100000']);
});

test('any ascending integers', () => {
  const member = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(fc.uniqueArray(member, { minLength: 1 }), (members) => {
      const ascending = members.toSorted((a, b) => (a < b ? -1 : 1));
      expect(walk(intset(ascending, 8))).toEqual(ascending.map(String));
    }),
  );
});

describe('hostile', () => {
  test.each<[string, Uint8Array, number, RegExp]>([
    ['shorter than its header', hex('02 00 00 00 00 00 00'), 0, /intset of 7 bytes/],
    ['of width 3', hex('03 00 00 00 01 00 00 00 01 00 00'), 0, /width 3/],
    ['of width 0', hex('00 00 00 00 01 00 00 00'), 0, /width 0/],
    ['without members', hex('02 00 00 00 00 00 00 00'), 4, /without members/],
    [
      'more members than bytes',
      hex('02 00 00 00 02 00 00 00 01 00'),
      4,
      /2 members of 2 bytes in a string of 10/,
    ],
    ['2^32 − 1 members', hex('08 00 00 00 ff ff ff ff 01 00 00 00 00 00 00 00'), 4, /4294967295 members/],
    ['bytes behind the last member', hex('02 00 00 00 01 00 00 00 01 00 00'), 4, /string of 11/],
    ['a member twice', intset([1, 1], 2), 10, /ascending/],
    ['descending', intset([1, 2, -1], 4), 16, /ascending/],
    ['descending beyond 2^53', intset([2n ** 62n + 1n, 2n ** 62n], 8), 16, /ascending/],
    ['unsigned order', intset([1, -1], 8), 16, /ascending/],
  ])('%s', (_, bytes, offset, message) => {
    expect(faultOf(() => checkIntset(bytes, 0, bytes.length))).toEqual(fault('RDB_CORRUPT', offset, message));
  });
});
