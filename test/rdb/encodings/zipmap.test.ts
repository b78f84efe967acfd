import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkZipmap, ZipmapCursor } from '../../../src/rdb/encodings/zipmap.js';
import { fault, faultOf } from '../../support/rdb-error.js';
import { hex } from '../../support/rdb-hex.js';
import { zipmap } from '../../support/rdb-packed.js';
import { elementsOf } from '../../support/rdb-walk.js';

const walk = (bytes: Uint8Array): unknown[] => elementsOf(checkZipmap, new ZipmapCursor(), bytes);

test('what all servers accept', () => {
  expect(walk(hex('01 | 01 66 | 01 00 76 | ff'))).toEqual(['f', 'v']);
});

test('without fields', () => {
  expect(walk(hex('00 ff'))).toEqual([]);
});

test('unused bytes behind a value may have any content', () => {
  expect(walk(hex('02 | 01 66 | 01 02 76 ff ff | 01 67 | 00 00 | ff'))).toEqual(['f', 'v', 'g', '']);
});

test('a count of 254 means: walk', () => {
  expect(walk(hex('fe | 01 66 | 01 00 76 | ff'))).toEqual(['f', 'v']);
});

test('whatever was put in comes out', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary-ascii' }),
    fc.string({ unit: 'binary-ascii', minLength: 250, maxLength: 260 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 300 }), fc.nat(3), (pairs, free) => {
      expect(walk(zipmap(pairs.flat(), free))).toEqual(pairs.flat());
    }),
    { numRuns: 50 },
  );
});

describe('hostile', () => {
  test.each<[string, Uint8Array, number, RegExp]>([
    ['one byte', hex('ff'), 0, /zipmap of 1 bytes/],
    ['no terminator', hex('01 01 66 01 00 76 00'), 6, /without its terminator/],
    ['claims more fields', hex('02 01 66 01 00 76 ff'), 0, /claims 2 fields and has 1/],
    ['a terminator in the middle', hex('01 01 66 01 00 76 ff ff'), 6, /ends before its last byte/],
    ['a field beyond the end', hex('01 05 66 01 00 76 ff'), 1, /field goes beyond/],
    ['a field without a value', hex('01 01 66 ff'), 1, /field goes beyond/],
    ['a value beyond the end', hex('01 01 66 02 00 76 ff'), 3, /value goes beyond/],
    ['a value length without its free byte', hex('01 01 66 00 ff'), 3, /value goes beyond/],
    ['unused bytes beyond the end', hex('01 01 66 01 01 76 ff'), 3, /value goes beyond/],
    ['a terminator for a value', hex('01 01 66 ff 00 76 ff'), 3, /ends before its last byte/],
    ['a long length that is cut off', hex('01 fe 00 01 ff'), 1, /length goes beyond/],
    ['a field of 4 GB', hex('01 fe ff ff ff ff 00 ff'), 1, /field goes beyond/],
    [
      'a short length in the long form',
      hex('01 fe 01 00 00 00 66 01 00 76 ff'),
      1,
      /length of 1 in the long form/,
    ],
  ])('%s', (_, bytes, offset, message) => {
    expect(faultOf(() => checkZipmap(bytes, 0, bytes.length))).toEqual(fault('RDB_CORRUPT', offset, message));
  });
});
