/** Which keys of the target are the job's. */
import { expect, test } from 'vitest';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { createKeyMap } from '../../src/keyspace/key-map.js';
import { keySlot } from '../../src/keyspace/key-slot.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { SYNC_DEFAULTS } from '../../src/sync/defaults.js';
import { targetKeys } from '../../src/sync/target-keys.js';

const ALL = createKeyFilter(SYNC_DEFAULTS.filter);
const SOME = createKeyFilter({ ...SYNC_DEFAULTS.filter, includeKeys: ['old:*'] });
const NO_MAP = createDbMap(new Map());
const slotOf = (key: string): number => keySlot(bytesOf(key));

test('all, when nothing is said', () => {
  expect(targetKeys(ALL, NO_MAP, undefined)).toBeUndefined();
});

test('those of slots that are owned, as of now', () => {
  const owned = new Set([slotOf('a')]);
  const ours = targetKeys(ALL, NO_MAP, undefined, (slot) => owned.has(slot))!;
  expect(ours(0, bytesOf('a'))).toBe(true);
  expect(ours(0, bytesOf('x{a}'))).toBe(true);
  expect(ours(0, bytesOf('b'))).toBe(false);
  owned.add(slotOf('b'));
  expect(ours(0, bytesOf('b'))).toBe(true);
});

test('under a filter both must hold', () => {
  const ours = targetKeys(SOME, NO_MAP, undefined, (slot) => slot === slotOf('old:1'))!;
  expect(ours(0, bytesOf('old:1'))).toBe(true);
  expect(ours(0, bytesOf('old:2'))).toBe(false);
  expect(ours(0, bytesOf('{old:1}'))).toBe(false);
});

test('of a key that was renamed the slot of its name on the source counts', () => {
  const keyMap = createKeyMap([{ from: bytesOf('old:'), to: bytesOf('new:') }]);
  const ours = targetKeys(SOME, NO_MAP, keyMap, (slot) => slot === slotOf('old:1'))!;
  expect(ours(0, bytesOf('new:1'))).toBe(true);
  expect(ours(0, bytesOf('new:2'))).toBe(false);
  expect(ours(0, bytesOf('old:1'))).toBe(false);
});

test('under prefixes: of which database a key is, by its name there', () => {
  const to = new Map([1, 2, 3].map((db) => [db, 0]));
  const dbMap = createDbMap(
    to,
    new Map([
      [1, bytesOf('one:')],
      [2, bytesOf('two:')],
      [3, bytesOf('one:b:')],
    ]),
  );
  const keyMap = createKeyMap([{ from: bytesOf('old:'), to: bytesOf('new:') }]);
  const filter = createKeyFilter({ ...SYNC_DEFAULTS.filter, includeKeys: ['old:*', 'b:*'], excludeDbs: [0] });
  const ours = targetKeys(filter, dbMap, keyMap)!;
  const keys = ['one:new:1', 'one:old:1', 'new:1', 'two:b:1', 'one:b:1', 'one:b:new:1', 'three:b:1'];
  const of = (...dbs: number[]): boolean[] => keys.map((key) => ours(0, bytesOf(key), dbs));
  expect(keys.map((key) => ours(0, bytesOf(key)))).toEqual([true, false, false, true, true, true, false]);
  expect(of(1)).toEqual([true, false, false, false, true, false, false]);
  expect(of(2)).toEqual([false, false, false, true, false, false, false]);
  // It could be of database 1 by its name, but counts as that of the longer prefix.
  expect(of(3)).toEqual([false, false, false, false, false, true, false]);
  expect(ours(1, bytesOf('one:new:1'))).toBe(false);
  expect(ours(4, bytesOf('new:1'))).toBe(true);
});

test('what stands beside is nobody\u2019s', () => {
  const ours = targetKeys(ALL, createDbMap(new Map(), new Map([[0, bytesOf('p:')]])), undefined)!;
  expect(['p:1', 'p:', 'p', 'q:1'].map((key) => ours(0, bytesOf(key)))).toEqual([true, true, false, false]);
  expect(ours(1, bytesOf('q:1'))).toBe(true);
});
