import { expect, test } from 'vitest';
import { ScriptCache } from '../../../src/convert/target-form/script-cache.js';
import { sha1Hex } from '../../../src/convert/target-form/sha1.js';
import { bytesOf } from '../../../src/keyspace/words.js';

const script = (at: number): Uint8Array => bytesOf(`return ${at}`);
const nameOf = (at: number): string => sha1Hex(script(at));

test('finds a body by its name in either case, as a copy', () => {
  const cache = new ScriptCache();
  const body = script(1);
  cache.add(body);
  body.fill(0);
  expect(cache.get(nameOf(1).toUpperCase())).toEqual(script(1));
  expect(cache.get(nameOf(2))).toBeUndefined();
  cache.clear();
  expect([cache.get(nameOf(1)), cache.size]).toEqual([undefined, 0]);
});

test('the ones used longest ago go first', () => {
  const cache = new ScriptCache({ maxScripts: 3, maxBytes: 1000 });
  for (const at of [1, 2, 3]) cache.add(script(at));
  cache.get(nameOf(1));
  cache.add(script(2));
  cache.add(script(4));
  expect([1, 2, 3, 4].map((at) => cache.get(nameOf(at)) !== undefined)).toEqual([true, true, false, true]);
});

test('holds no more bytes than it may', () => {
  const cache = new ScriptCache({ maxScripts: 100, maxBytes: 20 });
  for (const at of [1, 2, 3]) cache.add(script(at));
  expect([cache.size, cache.get(nameOf(1))]).toEqual([2, undefined]);
  cache.add(bytesOf('x'.repeat(21)));
  expect(cache.size).toBe(2);
});
