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
