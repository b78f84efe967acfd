import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Output } from '../../src/export/output.js';
import { formatScore, writeScore } from '../../src/export/score.js';
import { MemoryTarget } from '../support/text-export.js';

function written(score: number): string {
  const target = new MemoryTarget();
  const out = new Output(target);
  writeScore(out, score);
  out.endSync();
  return target.bytes.toString();
}

test.each([
  [0, '0'],
  [-0, '-0'],
  [1.5, '1.5'],
  [-2.25, '-2.25'],
  [0.1, '0.1'],
  [0.001, '0.001'],
  [-0.5, '-0.5'],
  [1000.01, '1000.01'],
  [123.45, '123.45'],
  [1.1234567890123457, '1.1234567890123457'],
  [4294967296, '4294967296'],
  [9007199254740992, '9007199254740992'],
  [1e17, '1e+17'],
  [-1.2345678901234568e20, '-1.2345678901234568e+20'],
  [1e-7, '1e-7'],
  [5e-324, '5e-324'],
  [Infinity, 'inf'],
  [-Infinity, '-inf'],
])('%d is %s', (score, text) => {
  expect(written(score)).toBe(text);
});

const scores = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer({ min: -1e9, max: 1e9 }).map((n) => n / 1000),
  fc.integer({ min: -1e6, max: 1e6 }).map((n) => n / 10_000),
);

test('it reads back to the same double, and the short way is the long way', () => {
  fc.assert(
    fc.property(scores, (score) => {
      const text = written(score);
      expect(text).toBe(formatScore(score));
      if (!Number.isFinite(score)) return;
      expect(Object.is(Number(text), score)).toBe(true);
      // Below that, and but for the sign of zero, JavaScript prints doubles in the same way.
      const plain = Math.abs(score) < 1e17 && !Object.is(score, -0);
      expect(plain ? text : '').toBe(plain ? String(score) : '');
    }),
    { numRuns: 2000 },
  );
});
