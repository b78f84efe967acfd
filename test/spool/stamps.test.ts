import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Stamps } from '../../src/spool/stamps.js';

test('the time of any byte is right within 20 ms', () => {
  const chunks = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 60 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(chunks, fc.nat(), (list, forget) => {
      const stamps = new Stamps();
      const truth: number[] = [];
      let now = 1_000_000;
      for (const [bytes, pause] of list) {
        now += pause;
        stamps.add(truth.length, now);
        for (let byte = 0; byte < bytes; byte++) truth.push(now);
      }
      const from = forget % truth.length;
      stamps.release(from);
      for (let at = from; at < truth.length; at++) {
        const error = truth[at]! - stamps.at(at);
        expect(error).toBeGreaterThanOrEqual(0);
        expect(error).toBeLessThan(20);
      }
    }),
  );
});

test('a very long row gets coarser, not longer', () => {
  const stamps = new Stamps();
  for (let mark = 0; mark < 300_000; mark++) stamps.add(mark, mark * 20);
  let worst = 0;
  for (let at = 0; at < 300_000; at += 101) worst = Math.max(worst, at * 20 - stamps.at(at));
  expect(worst).toBeLessThan(400);
});

test('of nothing nothing is known, and a clock that was set back is heeded', () => {
  const stamps = new Stamps();
  expect(stamps.at(5)).toBe(0);
  stamps.add(0, 5000);
  stamps.add(10, 1000);
  expect(stamps.at(12)).toBe(1000);
});
