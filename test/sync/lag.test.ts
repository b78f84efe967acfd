import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LagMeter } from '../../src/sync/lag.js';

test('how long ago the source stood where the target stands now', () => {
  const lag = new LagMeter();
  expect([lag.sourceOffset, lag.seconds(5000, 0)]).toEqual([-1, 0]);
  lag.sample(1000, 10);
  lag.sample(2000, 20);
  lag.sample(3000, 20);
  lag.sample(4000, 30);
  expect(lag.sourceOffset).toBe(30);
  const at = (applied: number): number => lag.seconds(5000, applied);
  expect([at(-1), at(9), at(10), at(19), at(20), at(29), at(30)]).toEqual([4, 4, 3, 3, 1, 1, 0]);
});

test('a new history that starts lower makes the old samples worthless', () => {
  const lag = new LagMeter();
  lag.sample(1000, 1000);
  lag.sample(2000, 5);
  expect([lag.sourceOffset, lag.seconds(3000, 0), lag.seconds(3000, 5)]).toEqual([5, 1, 0]);
  expect(lag.sourceOffset).toBe(5);
  lag.forget();
  expect(lag.sourceOffset).toBe(-1);
});

test('a clock that was set back gives no negative lag', () => {
  const lag = new LagMeter();
  lag.sample(10_000, 7);
  expect(lag.seconds(3000, 0)).toBe(0);
});

test('however long it runs, old lags stay measurable, if coarser', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 8000 }), fc.nat(999), (count, share) => {
      const lag = new LagMeter();
      for (let index = 1; index <= count; index++) lag.sample(index * 1000, index);
      const applied = Math.floor((share / 1000) * count);
      const real = count - applied - 1;
      const seconds = lag.seconds(count * 1000, applied);
      expect(seconds).toBeLessThanOrEqual(real);
      expect(seconds).toBeGreaterThanOrEqual(real - count / 200);
      // Caught up to the last second, it is fine again.
      for (let index = count + 1; index <= count + 10; index++) lag.sample(index * 1000, index);
      lag.seconds(count * 1000, count + 3);
      for (let index = count + 11; index <= count + 20; index++) lag.sample(index * 1000, index);
      expect(lag.seconds((count + 20) * 1000, count + 12)).toBe(7);
      expect(lag.sourceOffset).toBe(count + 20);
    }),
    { numRuns: 40 },
  );
});
