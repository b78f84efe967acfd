import { describe, expect, test } from 'vitest';
import type { LaneClaim } from '../../../src/checkpoint/record.js';
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import {
  claimsFor,
  countOf,
  isLost,
  isOutdated,
  loadingClaims,
  progressOf,
} from '../../../src/target/cluster/lane-claim.js';
import type { LaneText } from '../../../src/target/cluster/lane-text.js';

const claim = (changes: Partial<LaneClaim>): LaneClaim => ({
  ...{ tag: 'a', generation: '1-x', node: 'n1', slots: '0-9', from: 100, done: 0 },
  ...changes,
});
const textOf = (changes: Partial<LaneText>): LaneText => ({
  ...{ snapshot: 's', generation: '1-x', offset: 100, done: 0, db: 0 },
  ...changes,
});

function placesOf(
  claims: readonly LaneClaim[],
  texts: Readonly<Record<string, LaneText>>,
  slots: number[],
): string[] {
  const progress = progressOf(claims, new Map(Object.entries(texts)), 's');
  return slots.map((slot) => `${progress.offsetOf(slot)}+${progress.doneOf(slot)}`);
}

describe('how far each slot has come', () => {
  test.each<[what: string, text: Partial<LaneText>, place: string]>([
    ['what the claim says, when the text is older', { offset: 99 }, '100+0'],
    ['what the text says', { offset: 150, done: 2 }, '150+2'],
    ['further into a unit', { offset: 100, done: 1 }, '100+1'],
    ['a text of another generation says nothing', { offset: 150, generation: '2-x' }, '100+0'],
    ['nor one of another snapshot', { offset: 150, snapshot: 't' }, '100+0'],
  ])('%s', (_, text, place) => {
    expect(placesOf([claim({})], { a: textOf(text) }, [0, 9, 10])).toEqual([place, place, '-1+0']);
  });

  test('each lane has its own', () => {
    const claims = [claim({}), claim({ tag: 'b', slots: '10-19', from: 120 })];
    const texts = { a: textOf({ offset: 200 }), b: textOf({ offset: 110 }) };
    expect(placesOf(claims, texts, [5, 15])).toEqual(['200+0', '120+0']);
    const progress = progressOf(claims, new Map(Object.entries(texts)), 's');
    expect([progress.least, progress.furthest]).toEqual([120, 200]);
  });

  test('before and behind a place', () => {
    const progress = progressOf([claim({})], new Map([['a', textOf({ offset: 150, done: 2 })]]), 's');
    expect([140, 150, 160].map((offset) => progress.covers(3, offset, 0))).toEqual([true, true, false]);
    expect([0, 1, 2, 3].map((index) => progress.covers(3, 150, index))).toEqual([true, true, false, false]);
    expect(progress.covers(10, 0, 0)).toBe(false);
  });
});

describe('claims of a new generation', () => {
  const lane = { tag: 'c', generation: '2-y', node: 'n2' };

  test('of slots that have come to the same place there is one', () => {
    expect(claimsFor(lane, SlotSet.parse('0-5,100')!, undefined, 70)).toEqual([
      { ...lane, slots: '0-5,100', from: 70, done: 0 },
    ]);
  });

  test('slots that came together from another lane keep how its unit is counted', () => {
    const claims = [claim({}), claim({ tag: 'b', slots: '10-19', from: 120 })];
    const progress = progressOf(claims, new Map([['a', textOf({ offset: 150, done: 2 })]]), 's');
    const made = claimsFor(lane, SlotSet.parse('8-11')!, progress, 100);
    expect(made).toEqual([
      { ...lane, slots: '8-9', from: 150, done: 2, of: '0-9' },
      { ...lane, slots: '10-11', from: 120, done: 0 },
    ]);
    const again = progressOf(made, new Map(), 's');
    expect(again.groupOf(8)?.counted.format()).toBe('0-9');
    expect(again.groupsAt(150)).toHaveLength(1);
    // Gone on from there, the lane counts all its slots.
    const further = progressOf(
      made,
      new Map([['c', textOf({ generation: '2-y', offset: 150, done: 3 })]]),
      's',
    );
    expect(further.groupOf(8)?.counted.format()).toBe('8-11');
    expect([further.offsetOf(10), further.doneOf(10)]).toEqual([150, 3]);
  });

  test('none is before the place from which all is done', () => {
    const progress = progressOf([claim({})], new Map(), 's');
    expect(claimsFor(lane, SlotSet.parse('9-10')!, progress, 130)).toEqual([
      { ...lane, slots: '9-10', from: 130, done: 0 },
    ]);
  });

  test('while a snapshot is loaded they are not those of the stream', () => {
    const [loading] = loadingClaims([claim({})], 7);
    expect(loading).toEqual(claim({ generation: '1-xl', from: 7 }));
    expect(countOf(loading!.generation)).toBe(1);
  });
});

describe('what has been lost', () => {
  test.each([
    ['7-0f', 7],
    ['12', 0],
    ['-x', 0],
    ['x-1', 0],
    ['1234567890-x', 0],
  ])('generation %s is number %i', (generation, count) => {
    expect(countOf(generation)).toBe(count);
  });

  test.each<[what: string, text: Partial<LaneText>, outdated: boolean]>([
    ['the claims’ own', {}, false],
    ['older', { generation: '0-z' }, false],
    ['newer', { generation: '2-z' }, true],
    ['newer, of another snapshot', { generation: '2-z', snapshot: 't' }, false],
  ])('a text of a generation that is %s', (_, text, outdated) => {
    expect(isOutdated([claim({})], [textOf(text)], 's')).toBe(outdated);
  });

  test.each<[what: string, text: Partial<LaneText> | undefined, node: string | undefined, lost: boolean]>([
    ['it has its text', {}, 'n2', false],
    ['it has none', undefined, 'n1', true],
    ['it has not come to its first text', { generation: '0-z' }, 'n1', false],
    ['nor will it, as another node has its place', { generation: '0-z' }, 'n2', true],
    ['nor will it, as nobody has its place', { generation: '0-z' }, undefined, true],
  ])('a lane: %s', (_, text, node, lost) => {
    const texts = new Map(text === undefined ? [] : [['a', textOf(text)] as const]);
    expect(isLost([claim({})], texts, (one) => one === node)).toBe(lost);
  });
});
