import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stepRates, type Counters, type RateState } from '../../src/observe/rates.js';

const at = (value: number): Counters => ({ bytes: value, rdbBytes: value, keys: value, commands: value });

test('no rate from one sample, the plain rate from two', () => {
  const first = stepRates(undefined, at(100), 0);
  expect(first.rates).toBeUndefined();
  expect(stepRates(first, at(600), 500).rates).toEqual(at(1000));
});

test('time that stands still or goes back changes nothing', () => {
  const first = stepRates(undefined, at(100), 1000);
  expect(stepRates(first, at(600), 1000)).toBe(first);
  expect(stepRates(first, at(600), 900)).toBe(first);
});

test('a counter that starts anew counts as no progress', () => {
  expect(stepRates(stepRates(undefined, at(100), 0), at(5), 1000).rates?.bytes).toBe(0);
});

test('after a change the rate moves two thirds of the way within three seconds, however it is sampled', () => {
  const samples = fc.array(fc.integer({ min: 1, max: 2999 }), { maxLength: 20 });
  fc.assert(
    fc.property(samples, (times) => {
      let state: RateState = stepRates(stepRates(undefined, at(0), -1000), at(0), 0);
      for (const ms of [...new Set([...times, 3000])].toSorted((a, b) => a - b))
        state = stepRates(state, at(ms), ms);
      expect(state.rates?.bytes).toBeCloseTo(1000 * (1 - Math.exp(-1)), 6);
    }),
  );
});
