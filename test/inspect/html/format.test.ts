import { expect, test } from 'vitest';
import {
  exactBytes,
  formatBytes,
  formatCount,
  formatPower,
  formatSeconds,
  formatShare,
  formatTime,
} from '../../../src/inspect/html/format.js';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [612_804_992, '612.8 MB'],
  [-1, '0 B'],
  [NaN, '0 B'],
])('%d bytes', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('counts and exact numbers', () => {
  expect([formatCount(950), formatCount(1234), formatCount(2_184_310)]).toEqual(['950', '1.2 k', '2.2 M']);
  expect(exactBytes(1_234_567)).toBe('1,234,567 bytes');
});

test('powers of two', () => {
  expect([1, 32, 1024, 131_072, 2 ** 21, 2 ** 40, 1500].map(formatPower)).toEqual([
    ...['1 B', '32 B', '1 KiB', '128 KiB', '2 MiB', '1 TiB', '1.5 kB'],
  ]);
});

test('shares', () => {
  const shares = [formatShare(0, 10), formatShare(1, 0), formatShare(1, 1e6), formatShare(3, 100)];
  expect([...shares, formatShare(995, 10_000), formatShare(1, 1)]).toEqual([
    ...['0 %', '0 %', '< 0.1 %', '3.0 %', '10 %', '100 %'],
  ]);
});

test('times', () => {
  expect([0, 59, 60, 90, 5400, 86_400, 86_400 * 2.5, 86_400 * 400].map(formatSeconds)).toEqual([
    ...['0 s', '59 s', '1 min', '1.5 min', '1.5 h', '1 d', '2.5 d', '1.1 y'],
  ]);
  expect(formatTime(Date.UTC(2025, 10, 20, 15, 47))).toBe('2025-11-20 15:47 UTC');
  expect(formatTime(9e15)).toBe('9000000000000000 ms');
});
