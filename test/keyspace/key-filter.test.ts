import { describe, expect, test } from 'vitest';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { filterOptions } from './support.js';

describe('createKeyFilter', () => {
  test('nothing asked for: inactive, everything passes', () => {
    const filter = createKeyFilter(filterOptions({}));
    expect([filter.active, filter.keysActive, filter.dbsActive, filter.kindsActive]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(filter.matchesKey(bytesOf('x'))).toBe(true);
    expect(filter.matchesDb(7)).toBe(true);
    expect(filter.matchesKind('hash')).toBe(true);
  });

  test.each([
    [['a*'], [], 'ab', true],
    [['a*'], [], 'b', false],
    [['a*', 'b*'], [], 'b', true],
    [[], ['a*'], 'ab', false],
    [[], ['a*'], 'b', true],
    [['a*'], ['ab*'], 'abc', false],
    [['a*'], ['ab*'], 'ac', true],
  ] as const)('include %j exclude %j: %s is %s', (includeKeys, excludeKeys, key, expected) => {
    const filter = createKeyFilter(filterOptions({ includeKeys, excludeKeys }));
    expect(filter.active && filter.keysActive).toBe(true);
    expect(filter.matchesKey(bytesOf(key))).toBe(expected);
    expect(filter.matchesKey(bytesOf(`<${key}>`), 1, key.length + 1)).toBe(expected);
  });

  test('globs and regular expressions stand beside each other', () => {
    const filter = createKeyFilter(
      filterOptions({
        includeKeys: ['a*'],
        includeKeyRegexes: ['^b\\d$'],
        excludeKeyRegexes: ['x$', '(?i)NO'],
      }),
    );
    expect(filter.keysActive).toBe(true);
    expect(['a', 'b1', 'b11', 'ax', 'ano', 'c'].map((key) => filter.matchesKey(bytesOf(key)))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(createKeyFilter(filterOptions({ excludeKeyRegexes: ['x'] })).matchesKey(bytesOf('a'))).toBe(true);
  });

  test('commands alone', () => {
    const filter = createKeyFilter(filterOptions({ excludeCommands: ['PUBLISH'] }));
    expect([filter.active, filter.commandsActive, filter.keysActive]).toEqual([true, true, false]);
    expect(filter.matchesKey(bytesOf('any'))).toBe(true);
    expect(createKeyFilter(filterOptions({})).matchesCommand([bytesOf('PUBLISH')])).toBe(true);
  });

  test('databases and kinds', () => {
    const filter = createKeyFilter(
      filterOptions({ includeDbs: [1, 2], excludeDbs: [2], excludeKinds: ['stream'] }),
    );
    expect([0, 1, 2].map((db) => filter.matchesDb(db))).toEqual([false, true, false]);
    expect(filter.matchesKind('stream')).toBe(false);
    expect(filter.matchesKind('set')).toBe(true);
    expect([filter.keysActive, filter.dbsActive, filter.kindsActive]).toEqual([false, true, true]);
    expect(filter.matchesKey(bytesOf('any'))).toBe(true);
  });
});
