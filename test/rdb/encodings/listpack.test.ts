import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkListpack, ListpackCursor } from '../../../src/rdb/encodings/listpack.js';
import { fault, faultOf } from '../../support/rdb-error.js';
import { hex, patched } from '../../support/rdb-hex.js';
import { listpack } from '../../support/rdb-packed.js';
import { elementsOf } from '../../support/rdb-walk.js';

const walk = (bytes: Uint8Array): unknown[] => elementsOf(checkListpack, new ListpackCursor(), bytes);

describe('elements, one by one', () => {
  test.each<[string, string, string]>([
    ['"a"', '81 61 02', 'a'],
    ['the empty string', '80 01', ''],
    ['0', '00 01', '0'],
    ['127', '7f 01', '127'],
    ['-1', 'df ff 02', '-1'],
    ['300', 'c1 2c 02', '300'],
    ['-4096', 'd0 00 02', '-4096'],
    ['4095', 'cf ff 02', '4095'],
    ['-32768', 'f1 00 80 03', '-32768'],
    ['-40000', 'f2 c0 63 ff 04', '-40000'],
    ['-2147483648', 'f3 00 00 00 80 05', '-2147483648'],
    ['5000000000', 'f4 00 f2 05 2a 01 00 00 00 09', '5000000000'],
    ['the smallest i64', 'f4 00 00 00 00 00 00 00 80 09', '-9223372036854775808'],
    ['the largest i64', 'f4 ff ff ff ff ff ff ff 7f 09', '9223372036854775807'],
    ['an integer not in its shortest form', 'f3 05 00 00 00 05', '5'],
    ['a string not in its shortest form', 'f0 01 00 00 00 61 06', 'a'],
    ['a 70-byte string', `e0 46 ${'78'.repeat(70)} 48`, 'x'.repeat(70)],
    ['a 126-byte string: backlen of two bytes', `e0 7e ${'78'.repeat(126)} 01 80`, 'x'.repeat(126)],
  ])('%s', (_, element, expected) => {
    const size = 7 + hex(element).length;
    expect(walk(hex(`${size.toString(16).padStart(2, '0')} 00 00 00 01 00 ${element} ff`))).toEqual([
      expected,
    ]);
  });

  test('a 20000-byte string', () => {
    const text = 'q'.repeat(20_000);
    expect(walk(listpack(['p', text, 'z']))).toEqual(['p', text, 'z']);
  });
});

test('without elements', () => {
  expect(walk(hex('07 00 00 00 00 00 ff'))).toEqual([]);
});

test('a count of 65535 means: walk', () => {
  expect(walk(listpack(['a', 1], 65_535))).toEqual(['a', '1']);
});

test('whatever was put in comes out', () => {
  const element = fc.oneof(
    fc.string({ unit: 'binary-ascii' }),
    fc.string({ unit: 'binary-ascii', minLength: 60, maxLength: 200 }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.integer({ min: -70_000, max: 70_000 }),
  );
  fc.assert(
    fc.property(fc.array(element, { maxLength: 30 }), (elements) => {
      expect(walk(listpack(elements))).toEqual(elements.map(String));
    }),
  );
});

describe('hostile', () => {
  const good = hex('0d 00 00 00 02 00 | 81 61 02 | c1 2c 02 | ff');

  test.each<[string, Uint8Array, number, RegExp]>([
    ['shorter than its header', hex('06 00 00 00 00 00'), 0, /listpack of 6 bytes/],
    ['claims fewer bytes than there are', patched(good, { 0: 0x0c }), 0, /claims 12 bytes in a string of 13/],
    ['claims more bytes than there are', patched(good, { 3: 0x80 }), 0, /claims 2147483661 bytes/],
    ['no terminator', patched(good, { 12: 0x00 }), 12, /without its terminator/],
    ['claims more elements', patched(good, { 4: 3 }), 4, /claims 3 elements and has 2/],
    ['claims fewer elements', patched(good, { 4: 1 }), 4, /claims 1 elements and has 2/],
    ['a terminator in the middle', patched(good, { 9: 0xff }), 9, /0xff where a listpack element/],
    ['an unknown encoding', patched(good, { 9: 0xf5 }), 9, /0xf5 where a listpack element/],
    ['a string beyond the end', patched(good, { 9: 0x84 }), 9, /goes beyond/],
    ['a string that ends on the terminator', patched(good, { 9: 0x82 }), 9, /goes beyond/],
    ['a string of 4 GB', hex('0d 00 00 00 01 00 f0 ff ff ff ff 05 ff'), 6, /goes beyond/],
    ['a length that is cut off', hex('09 00 00 00 01 00 f0 ff ff'), 6, /goes beyond|0xff where/],
    ['a 12-bit length that is cut off', hex('08 00 00 00 01 00 e0 ff'), 6, /goes beyond/],
    ['an integer that is cut off', hex('09 00 00 00 01 00 f4 00 ff'), 6, /goes beyond/],
    ['a wrong backlen', patched(good, { 8: 3 }), 6, /element of 2 bytes with another length/],
  ])('%s', (_, bytes, offset, message) => {
    expect(faultOf(() => checkListpack(bytes, 0, bytes.length))).toEqual(
      fault('RDB_CORRUPT', offset, message),
    );
  });

  test.each<[string, string]>([
    ['first byte with its top bit', '81 80'],
    ['second byte without its top bit', '01 00'],
    ['wrong number', '01 81'],
  ])('a backlen of two bytes: %s', (_, backlen) => {
    const bytes = hex(`89 00 00 00 01 00 e0 7e ${'78'.repeat(126)} ${backlen} ff`);
    expect(faultOf(() => checkListpack(bytes, 0, bytes.length))).toEqual(
      fault('RDB_CORRUPT', 6, /another length/),
    );
  });

  test('any damaged byte is noticed or changes only values, never leads outside', () => {
    const bytes = listpack(['abc', 5, -300, 'x'.repeat(100), 70_000, 2n ** 40n]);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const damaged = patched(bytes, { [at]: value });
        const found = faultOf(() => checkListpack(damaged, 0, damaged.length));
        expect(found === undefined ? walk(damaged).length : found.code).toBe(
          found === undefined ? 6 : 'RDB_CORRUPT',
        );
      }),
    );
  });
});
