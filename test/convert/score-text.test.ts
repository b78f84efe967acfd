import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { scoreText } from '../../src/convert/score-text.js';

test.each([
  [0, '0'],
  [-0, '-0'],
  [1.5, '1.5'],
  [0.1, '0.1'],
  [Infinity, 'inf'],
  [-Infinity, '-inf'],
  [5e-324, '5e-324'],
  [1e21, '1e+21'],
  [3479099956230698, '3479099956230698'],
])('%d → %s', (score, expected) => {
  expect(scoreText(score)).toBe(expected);
});

test('finite scores come back to the bit', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (score) => {
      expect(Object.is(Number(scoreText(score)), score)).toBe(true);
    }),
  );
});
