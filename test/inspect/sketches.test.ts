import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteCounter, hashOf } from '../../src/inspect/byte-counter.js';
import { QuantileSketch } from '../../src/inspect/quantiles.js';
import { RangeHistogram, SizeHistogram } from '../../src/inspect/ranges.js';
import { TopList } from '../../src/inspect/top-list.js';
import { ascii } from '../support/rdb-hex.js';

test('quantiles are within 1 % of a value that stands there', () => {
  const values = fc.array(fc.integer({ min: 1, max: 2 ** 40 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(values, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (all, q) => {
      const sketch = new QuantileSketch();
      for (const value of all) sketch.add(value);
      const exact = all.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(q * all.length) - 1)]!;
      expect(Math.abs(sketch.quantile(q) / exact - 1)).toBeLessThan(0.011 + 0.5 / exact);
      const { min, max, mean } = sketch.report();
      expect([min, max]).toEqual([Math.min(...all), Math.max(...all)]);
      expect(mean).toBeCloseTo(all.reduce((sum, value) => sum + value, 0) / all.length, -1);
    }),
  );
});

test('nothing has no quantiles', () => {
  expect(new QuantileSketch().report()).toEqual({ min: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 });
});

test('a top list is the head of the sorted list', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer({ min: 0, max: 12 }), (all, limit) => {
      const top = new TopList<number>(limit);
      for (const value of all) if (top.admits(value)) top.add(value, value);
      expect(top.items()).toEqual(all.toSorted((a, b) => b - a).slice(0, limit));
    }),
  );
});

test('histograms keep all that they are given', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 45 })), (all) => {
      const ranges = new RangeHistogram([0, 10, 1000]);
      const powers = new SizeHistogram();
      for (const value of all) {
        ranges.add(value, value);
        powers.add(value);
      }
      for (const report of [ranges.report(1), powers.report(1)]) {
        expect(report.reduce((sum, { keys }) => sum + keys, 0)).toBe(all.length);
        expect(report.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(
          all.reduce((sum, value) => sum + value, 0),
        );
      }
    }),
  );
});

describe('counting parts of keys', () => {
  const add = (counter: ByteCounter, part: string, size: number): void => {
    const bytes = ascii(part);
    counter.add(hashOf(bytes, 0, bytes.length), bytes, 0, bytes.length, 0, size);
  };

  test('is exact while there is room', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.stringMatching(/^[ab]{0,4}$/u), fc.nat(100))), (all) => {
        const counter = new ByteCounter(100);
        for (const [part, size] of all) add(counter, part, size);
        const expected = new Map<string, number>();
        for (const [part, size] of all) expected.set(part, (expected.get(part) ?? 0) + size);
        const found = counter.all().map(({ part, bytes }) => [Buffer.from(part).toString(), bytes] as const);
        expect(new Map(found)).toEqual(expected);
        expect(counter.pruned).toBe(false);
      }),
    );
  });

  test('keeps what is large and stays within its bounds', () => {
    const counter = new ByteCounter(100);
    for (let n = 0; n < 20_000; n++) {
      add(counter, `small${n}`, 1);
      if (n % 10 === 0) add(counter, 'large', 50);
    }
    expect(counter.all().length).toBeLessThanOrEqual(100);
    expect(counter.pruned).toBe(true);
    expect(counter.all().find(({ part }) => part.length === 5)).toMatchObject({ keys: 2000, bytes: 100_000 });
  });
});
