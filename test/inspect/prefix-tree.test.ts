import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePrefixes, PrefixTree } from '../../src/inspect/prefix-tree.js';
import type { ReportPrefix } from '../../src/inspect/report.js';
import { showText } from '../../src/inspect/report-text.js';
import { ascii } from '../support/rdb-hex.js';

function treeOf(keys: readonly (readonly [key: string, size: number])[], separator?: string): PrefixTree {
  const tree = new PrefixTree(separator);
  for (const [key, size] of keys) {
    // As in a window: other bytes around it.
    const bytes = ascii(`::${key}::`);
    tree.add(bytes, 2, bytes.length - 2, size);
  }
  return tree;
}

function flat(node: ReportPrefix): Record<string, [number, number]> {
  const below = node.children.map(flat);
  return Object.assign({ [showText(node.prefix)]: [node.keys, node.bytes] }, ...below) as Record<
    string,
    [number, number]
  >;
}

test('keys count for every prefix above them', () => {
  const { root, ...found } = treeOf([
    ['user:1:cart', 10],
    ['user:1:name', 20],
    ['user:2:name', 30],
    ['user:list', 40],
    ['plain', 50],
  ]).report(1);
  expect(found).toEqual({ separator: ':', separatorChosenBy: 'found' });
  expect(flat(root)).toEqual({ '': [5, 150], 'user:': [4, 100], 'user:1:': [2, 30], 'user:2:': [1, 30] });
  expect(root.rest).toEqual({ keys: 1, bytes: 50 });
  expect(root.children[0]!.rest).toEqual({ keys: 1, bytes: 40 });
});

describe('the separator', () => {
  test.each([
    [['a/b', 'c/d', 'e:f'], '/'],
    [['a.b.c', 'a.d'], '.'],
    [['abc', 'def'], null],
    [['key:', ':key'], null],
    [[], null],
  ] as const)('of %j is %j', (keys, expected) => {
    expect(treeOf(keys.map((key) => [key, 1])).report(1).separator).toBe(expected);
  });

  test('may be given, and be longer than a character', () => {
    const { root, separatorChosenBy } = treeOf(
      [
        ['a::b::c', 1],
        ['a:x', 1],
      ],
      '::',
    ).report(1);
    expect(separatorChosenBy).toBe('option');
    expect(Object.keys(flat(root))).toEqual(['', 'a::', 'a::b::']);
    expect(treeOf([['a:b', 1]], '').report(1)).toMatchObject({ separator: null, root: { children: [] } });
  });

  test('is decided on after many keys as after few', () => {
    const keys = Array.from({ length: 5000 }, (_, n) => [`user:${n % 10}:x`, 1] as const);
    expect(flat(treeOf(keys).report(1).root)['user:3:']).toEqual([500, 500]);
  });
});

test('children and rest add up, whatever the keys', () => {
  const part = fc.constantFrom('a', 'b', 'cc', '');
  const key = fc.array(part, { minLength: 1, maxLength: 10 }).map((parts) => parts.join(':'));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat(1000))), (keys) => {
      const { root } = treeOf(keys, ':').report(1);
      expect([root.keys, root.bytes]).toEqual([keys.length, keys.reduce((sum, [, size]) => sum + size, 0)]);
      const check = (node: ReportPrefix): void => {
        const below = node.children.reduce((sum, child) => sum + child.keys, 0);
        expect(node.rest.keys + below).toBe(node.keys);
        expect(node.rest.keys).toBeGreaterThanOrEqual(0);
        expect(node.rest.bytes).toBeGreaterThanOrEqual(0);
        const begins = keys.filter(([text]) => text.startsWith(showText(node.prefix)));
        expect(node.keys).toBe(begins.length);
        node.children.forEach(check);
      };
      check(root);
    }),
  );
});

test('memory is bounded: what is large stays, the rest is merged upwards', () => {
  const keys = Array.from(
    { length: 150_000 },
    (_, n) => [n % 3 === 0 ? `big:part:${n}` : `small:${n}:x`, 10] as const,
  );
  const tree = treeOf(keys, ':');
  expect(tree.counted().length).toBeLessThanOrEqual(60_000);
  const found = flat(tree.report(1).root);
  expect(found['big:part:']).toEqual([50_000, 500_000]);
  expect(found['small:']).toEqual([100_000, 1_000_000]);
});

test('what grew is named where it grew', () => {
  const before = treeOf(
    [
      ['a:b:1', 10],
      ['a:c:1', 10],
      ['d:1', 5],
      ['e:1', 7],
    ],
    ':',
  );
  const after = treeOf(
    [
      ['a:b:1', 10],
      ['a:b:2', 90],
      ['a:c:1', 10],
      ['e:1', 7],
      ['f:1', 3],
    ],
    ':',
  );
  expect(comparePrefixes(before, after, 10)).toEqual([
    { prefix: 'a:b:', keysBefore: 1, keysAfter: 2, bytesBefore: 10, bytesAfter: 100 },
    { prefix: 'd:', keysBefore: 1, keysAfter: 0, bytesBefore: 5, bytesAfter: 0 },
    { prefix: 'f:', keysBefore: 0, keysAfter: 1, bytesBefore: 0, bytesAfter: 3 },
  ]);
});
