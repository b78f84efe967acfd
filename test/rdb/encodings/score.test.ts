import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseScore } from '../../../src/rdb/encodings/score.js';
import { fault, faultOf } from '../../support/rdb-error.js';
import { ascii, embedded } from '../../support/rdb-hex.js';

function parse(text: string): number {
  const bytes = ascii(text);
  return parseScore(embedded(bytes), 5, 5 + bytes.length);
}

test.each<[string, number]>([
  ['0', 0],
  ['-0', -0],
  ['7', 7],
  ['-12', -12],
  ['2.5', 2.5],
  ['-0.5', -0.5],
  ['.5', 0.5],
  ['5.', 5],
  ['+1', 1],
  ['1e5', 1e5],
  ['-1E-300', -1e-300],
  ['3.1415926535897931', Math.PI],
  ['0.10000000000000001', 0.1],
  ['-9.2233720368547758e+18', -(2 ** 63)],
  ['123456789012345', 123_456_789_012_345],
  ['inf', Infinity],
  ['-inf', -Infinity],
  ['+Infinity', Infinity],
])('%s', (text, expected) => {
  expect(parse(text)).toBe(expected);
});

test('every double, as %.17g has it and as the shortest text', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (score) => {
      expect(parse((Object.is(score, -0) ? '-' : '') + score.toExponential(16))).toBe(score);
      expect(parse(Object.is(score, -0) ? '-0' : String(score))).toBe(score);
    }),
  );
});

test('short decimals are rounded as any other', () => {
  fc.assert(
    fc.property(fc.integer({ min: -999_999_999, max: 999_999_999 }), fc.nat(6), (mantissa, places) => {
      const text = (mantissa / 10 ** places).toFixed(places);
      expect(parse(text)).toBe(Number(text));
    }),
  );
});

test.each([
  '',
  '-',
  '.',
  'nan',
  '-nan',
  '1x',
  ' 1',
  '1 ',
  '1..2',
  '1.2.3',
  '--1',
  '0x10',
  '1e',
  '1e+',
  'infi',
  'é',
])('not a score: "%s"', (text) => {
  const bytes = ascii(text);
  expect(faultOf(() => parseScore(bytes, 0, bytes.length))).toEqual(
    fault('RDB_CORRUPT', 0, /is not a score/),
  );
});

test('nor is a very long text', () => {
  const bytes = ascii('1'.repeat(500));
  expect(faultOf(() => parseScore(bytes, 0, bytes.length))).toEqual(
    fault('RDB_CORRUPT', 0, /500 characters/),
  );
});
