import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatDuration } from '../../src/observe/units.js';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [12_345_678, '12.3 MB'],
  [5e15, '5.0 PB'],
  [5e18, '5000.0 PB'],
  [-1, '0 B'],
  [Number.NaN, '0 B'],
])('%d bytes', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0'],
  [999.4, '999'],
  [999.6, '1.0 k'],
  [1_234_567, '1.2 M'],
])('a count of %d', (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test.each([
  [0, '0s'],
  [0.44, '0.4s'],
  [9.94, '9.9s'],
  [9.96, '10s'],
  [59.4, '59s'],
  [59.6, '1m 0s'],
  [192, '3m 12s'],
  [3599.6, '1h 0m'],
  [7500, '2h 5m'],
  [86_399, '1d 0h'],
  [273_600, '3d 4h'],
  [-3, '0s'],
])('%d seconds', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test('no amount is ever written with 1000 or 60 of the smaller unit', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (value) => {
      expect(formatBytes(value)).toMatch(/^\d{1,3}(\.\d)? [kMGTP]?B$/);
      expect(formatDuration(value)).not.toMatch(/\b(60[sm]|24h)/);
    }),
  );
});
