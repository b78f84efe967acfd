import { describe, expect, test } from 'vitest';
import { allocator, ALLOCATORS } from '../../src/inspect/allocator.js';

describe('size classes', () => {
  test.each([
    ['bundled', [0, 8, 8, 16, 24, 40, 64, 80, 128, 160, 320, 5120, 327_680]],
    ['system', [0, 8, 8, 16, 32, 48, 64, 80, 128, 160, 320, 5120, 327_680]],
    ['system-5.3.1', [0, 8, 8, 16, 32, 48, 64, 80, 128, 160, 320, 5120, 266_240]],
  ] as const)('%s', (name, classes) => {
    const requests = [0, 1, 8, 9, 24, 40, 64, 65, 128, 129, 257, 4097, 262_154];
    expect(requests.map((bytes) => allocator(name).sizeOf(bytes))).toEqual(classes);
  });

  test.each(ALLOCATORS)('%s never gives less than was asked for, nor much more', (name) => {
    const sizeOf = (bytes: number): number => allocator(name).sizeOf(bytes);
    for (let bytes = 1; bytes < 100_000; bytes += 1 + (bytes >> 5)) {
      expect(sizeOf(bytes)).toBeGreaterThanOrEqual(bytes);
      expect(sizeOf(bytes)).toBeLessThanOrEqual(bytes * 1.25 + 15);
      expect(sizeOf(sizeOf(bytes))).toBe(sizeOf(bytes));
    }
  });
});
