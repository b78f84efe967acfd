import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlotSet } from '../../src/keyspace/slot-set.js';

const slot = fc.integer({ min: 0, max: 16383 });
const slots = fc.array(fc.oneof(slot, fc.integer({ min: 0, max: 40 })), { maxLength: 60 });

function setOf(members: Iterable<number>): SlotSet {
  const set = new SlotSet();
  for (const member of members) set.add(member);
  return set;
}

test('it is the set of what was added and not deleted', () => {
  fc.assert(
    fc.property(slots, slots, (added, deleted) => {
      const model = new Set(added);
      const set = setOf(added);
      for (const one of deleted) {
        model.delete(one);
        set.delete(one);
      }
      const members = [...model].toSorted((a, b) => a - b);
      expect([...set]).toEqual(members);
      expect(set.size).toBe(model.size);
      expect(SlotSet.parse(set.format())?.equals(set)).toBe(true);
      expect(set.clone().format()).toBe(set.format());
      expect(set.overlaps(setOf(deleted))).toBe(false);
    }),
  );
});

test('its text has as few ranges as there can be', () => {
  expect(setOf([]).format()).toBe('');
  expect(setOf([5, 0, 1, 2, 16383, 16382]).format()).toBe('0-2,5,16382-16383');
  expect(SlotSet.of([[0, 16383]]).format()).toBe('0-16383');
  expect(SlotSet.of([[0, 16383]]).size).toBe(16384);
});

test('sets overlap when they have a slot in common', () => {
  expect(setOf([1, 9]).overlaps(setOf([8, 9]))).toBe(true);
  expect(setOf([1, 9]).overlaps(setOf([8, 10]))).toBe(false);
});

test('slots that do not exist are not members', () => {
  const set = setOf([-1, 16384, 20000]);
  expect([set.size, set.has(-1), set.has(16384), set.format()]).toEqual([0, false, false, '']);
});

test.each(['x', '1-', '-1', '3-1', '16384', '0-16384', '1,,2', '1, 2', ','])('refuses %j', (text) => {
  expect(SlotSet.parse(text)).toBeUndefined();
});
