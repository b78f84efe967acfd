import { expect, test } from 'vitest';
import { keySlot, SLOTS } from '../../src/keyspace/key-slot.js';
import { tagOfSlot } from '../../src/keyspace/slot-tag.js';
import { bytesOf } from '../../src/keyspace/words.js';

test('every slot has a short tag that leads to it', () => {
  for (let slot = 0; slot < SLOTS; slot++) {
    const tag = tagOfSlot(slot);
    expect(tag).toMatch(/^[0-9a-z]{1,4}$/);
    expect(keySlot(bytesOf(`__replicant:{${tag}}:x`))).toBe(slot);
  }
});

test('tags stay what they are: names of keys are made with them', () => {
  expect([0, 1, 12_739, 16_383].map((slot) => tagOfSlot(slot))).toEqual(['1bz', 'emj', 'za2', 'hia']);
});

test.each([-1, SLOTS, 1.5])('there is no slot %d', (slot) => {
  expect(() => tagOfSlot(slot)).toThrow(RangeError);
});
