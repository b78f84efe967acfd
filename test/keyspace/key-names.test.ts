import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyMap, parsePrefix, parsePrefixRule } from '../../src/keyspace/key-map.js';
import { type KeyNames, keyNames, sourcesOfKey } from '../../src/keyspace/key-names.js';
import { bytesOf, joinBytes } from '../../src/keyspace/words.js';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function namesOf(
  to: readonly (readonly [number, number])[],
  front: readonly (readonly [number, string])[],
  rules: readonly string[] = [],
): KeyNames {
  const dbMap = createDbMap(new Map(to), new Map(front.map(([db, prefix]) => [db, bytesOf(prefix)])));
  return keyNames(dbMap, createKeyMap(rules.map((rule) => parsePrefixRule(rule))));
}

function nameOf(names: KeyNames, db: number, key: string): string {
  return text(names.of(db)?.map(bytesOf(key)) ?? bytesOf(key));
}

test('without prefixes every database has the same map, or none', () => {
  expect(namesOf([[1, 0]], []).active).toBe(false);
  expect(namesOf([[1, 0]], [], ['a=a']).of(1)).toBeUndefined();
  const names = namesOf([[1, 0]], [], ['a=b']);
  expect([names.active, names.of(0) === names.of(1), nameOf(names, 7, 'a1')]).toEqual([true, true, 'b1']);
});

test('the key prefixes work first, then the prefix of the database stands in front', () => {
  const names = namesOf([[3, 0]], [[3, 'three:']], ['old:=new:', 'gone:=', 'same:=same:']);
  const keys = ['old:1', 'gone:', 'same:1', 'other', ''];
  expect(keys.map((key) => nameOf(names, 3, key))).toEqual([
    ...['three:new:1', 'three:', 'three:same:1', 'three:other', 'three:'],
  ]);
  expect(keys.map((key) => nameOf(names, 0, key))).toEqual(['new:1', '', 'same:1', 'other', '']);
});

test('whose a key is: of several the one with the longest prefix comes first', () => {
  const front = [
    [1, 'a:'],
    [2, 'a:b:'],
  ] as const;
  const names = namesOf(
    [
      [1, 0],
      [2, 0],
    ],
    front,
  );
  const sources = (db: number, key: string): string[] =>
    sourcesOfKey(names, db, bytesOf(key)).map((one) => `${one.db} ${text(one.key)}`);
  expect(sources(0, 'a:b:c')).toEqual(['2 c', '1 b:c', '0 a:b:c']);
  expect(sources(0, 'a:c')).toEqual(['1 c', '0 a:c']);
  expect(sources(0, 'c')).toEqual(['0 c']);
  expect([sources(1, 'c'), sources(5, 'c')]).toEqual([[], ['5 c']]);
});

const word = fc.string({ unit: fc.constantFrom('a', 'b', ':'), maxLength: 4 });
const prefix = fc.string({ unit: fc.constantFrom('a', 'b', ':'), minLength: 1, maxLength: 3 });
const db = fc.integer({ min: 0, max: 3 });
const rules = fc.uniqueArray(
  fc.tuple(word, word).filter(([from, to]) => from + to !== ''),
  {
    selector: ([from]) => from,
    maxLength: 3,
  },
);
const setting = fc.record({
  to: fc.array(fc.tuple(db, db), { maxLength: 3 }),
  front: fc.array(fc.tuple(db, prefix), { maxLength: 3 }),
  rules,
});
const WORDS = [
  '',
  'a',
  'b',
  ':',
  'aa',
  'ab',
  'a:',
  'ba',
  'b:',
  ':a',
  'aba',
  'ab:',
  'a:a',
  'a:b',
  'b:a',
  'aab',
];

test('from the source to the target and back: all sources of a name, and nothing else', () => {
  fc.assert(
    fc.property(setting, word, ({ to, front, rules: list }, key) => {
      const dbMap = createDbMap(new Map(to), new Map(front.map(([of, name]) => [of, bytesOf(name)])));
      const keyMap = createKeyMap(list.map(([old, now]) => ({ from: bytesOf(old), to: bytesOf(now) })));
      const names = keyNames(dbMap, keyMap);
      for (const of of [0, 1, 2, 3]) {
        const there = nameOf(names, of, key);
        const front1 = dbMap.prefixOf(of) ?? new Uint8Array(0);
        expect(there).toBe(text(joinBytes(front1, keyMap.map(bytesOf(key)) ?? bytesOf(key))));
        const sources = sourcesOfKey(names, dbMap.toTarget(of), bytesOf(there));
        expect(sources.map((one) => `${one.db} ${text(one.key)}`)).toContain(`${of} ${key}`);
      }
      for (const target of [0, 1, 2, 3]) {
        for (const source of sourcesOfKey(names, target, bytesOf(key))) {
          expect(dbMap.toTarget(source.db)).toBe(target);
          expect(nameOf(names, source.db, text(source.key))).toBe(key);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('two databases that are not told to collide never give one name to two keys', () => {
  fc.assert(
    fc.property(setting, ({ to, front }) => {
      const dbMap = createDbMap(new Map(to), new Map(front.map(([of, name]) => [of, bytesOf(name)])));
      const told = new Set(dbMap.collisions().flatMap(({ sources }) => sources));
      const names = keyNames(dbMap, undefined);
      const apart = [0, 1, 2, 3].filter((of) => !told.has(of));
      const all = apart.flatMap((of) =>
        WORDS.map((key) => `${dbMap.toTarget(of)} ${nameOf(names, of, key)}`),
      );
      expect(new Set(all).size).toBe(all.length);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['three:', 'three:'],
  ['a=b', 'a=b'],
  ['\\x41\\x2C\\\\\\=', 'A,\\='],
  ['a\\', undefined],
  ['\\q', undefined],
])('a prefix by itself: %s', (given, expected) => {
  const prefix1 = parsePrefix(given);
  expect(prefix1 === undefined ? undefined : text(prefix1)).toBe(expected);
});
