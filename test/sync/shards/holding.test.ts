import { expect, test } from 'vitest';
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import { formatHolding, parseHolding } from '../../../src/sync/shards/holding.js';

test.each(['', '0-5460,5462', '0-99!100@48213!200-210,212@50000', '!7@0'])('text and back: %s', (text) => {
  expect(formatHolding(parseHolding(text))).toBe(text);
});

test('what it says', () => {
  const { slots, passed } = parseHolding('0-1!5-6@77');
  expect([...slots]).toEqual([0, 1]);
  expect(passed).toEqual([{ slots: SlotSet.of([[5, 6]]), before: 77 }]);
});

test.each(['x', '0-', '0!', '0!5', '0!5@', '0!5@-1', '16384', '0!16384@1'])('not ours: %s', (text) => {
  expect(() => parseHolding(text)).toThrow(/damaged/u);
});
