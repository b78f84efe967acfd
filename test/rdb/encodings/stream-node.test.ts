import { describe, expect, test } from 'vitest';
import { StreamNodeWalker } from '../../../src/rdb/encodings/stream-node.js';
import type { StreamId } from '../../../src/rdb/value-visitor.js';
import { STREAM_NODE } from '../../support/rdb-captured.js';
import { fault, faultOf } from '../../support/rdb-error.js';
import { embedded, hex, readable } from '../../support/rdb-hex.js';
import { type Element, listpack } from '../../support/rdb-packed.js';

const MASTER: StreamId = { ms: 1000n, seq: 0n };

function walk(node: Uint8Array, master: StreamId = MASTER, after?: StreamId): unknown[] {
  const told: unknown[] = [];
  const walker = new StreamNodeWalker();
  walker.walk(master, after, embedded(node), 5, 5 + node.length, (id, fields) => {
    told.push([`${id.ms}-${id.seq}`, ...fields.map(readable)]);
  });
  expect(walker.live).toBe(told.length);
  return told;
}

test('what a server wrote', () => {
  expect(walk(hex(STREAM_NODE))).toEqual([
    ['1000-0', 'temp', '20', 'hum', '50'],
    ['1005-0', 'other', 'x'],
    ['1006-0', 'temp', '-5', 'hum', '300'],
  ]);
});

test('field names that are integers hold for all entries', () => {
  const elements = [2, 0, 2, 7, -8, 0, 2, 0, 0, 'a', 5, 5, 2, 1, 0, 'b', 6, 5];
  expect(walk(listpack(elements))).toEqual([
    ['1000-0', '7', 'a', '-8', '5'],
    ['1001-0', '7', 'b', '-8', '6'],
  ]);
});

test('deltas may be negative, and wrap around', () => {
  const elements = [2, 0, 0, 0, 2, 0, 0, 3, 2, 1, -9, 3];
  expect(walk(listpack(elements), { ms: 5n, seq: 9n })).toEqual([['5-9'], ['6-0']]);
  const wrapping = [1, 0, 0, 0, 2, -1n, -(2n ** 63n), 3];
  expect(walk(listpack(wrapping), { ms: 0n, seq: 1n })).toEqual([[`${2n ** 64n - 1n}-${2n ** 63n + 1n}`]]);
});

test('a node of nothing but deleted entries', () => {
  expect(walk(listpack([0, 1, 1, 'f', 0, 3, 0, 0, 'v', 4]))).toEqual([]);
});

test('the last live id is returned', () => {
  const node = hex(STREAM_NODE);
  const walker = new StreamNodeWalker();
  const last = walker.walk(MASTER, undefined, node, 0, node.length, () => undefined);
  expect(last).toEqual({ ms: 1006n, seq: 0n });
});

describe('hostile', () => {
  const cases: readonly (readonly [string, readonly Element[], number | undefined, RegExp])[] = [
    ['without elements', [], 0, /without elements/],
    ['ends in the master entry', [1, 0, 1, 'f'], undefined, /ends inside an entry/],
    ['more master fields than elements', [1, 0, 1_000_000_000, 'f', 0], undefined, /ends inside an entry/],
    ['a count that is text', ['x', 0, 0, 0], 7, /number of live entries is a string/],
    ['a negative count', [1, -1, 0, 0], 8, /number of deleted entries is -1/],
    ['a count beyond 2^53', [2n ** 60n, 0, 0, 0], 6, /number of live entries is 1152921504606846976/],
    ['no end of the master entry', [1, 0, 0, 5, 2, 0, 0, 3], 12, /does not end with 0/],
    ['ends inside an entry', [1, 0, 0, 0, 2, 0], undefined, /ends inside an entry/],
    ['fewer entries than claimed', [2, 0, 0, 0, 2, 0, 0, 3], undefined, /ends inside an entry/],
    ['more entries than claimed', [1, 0, 0, 0, 2, 0, 0, 3, 2, 1, 0, 3], 22, /elements behind the last entry/],
    ['a deleted entry too many', [1, 0, 0, 0, 3, 0, 0, 3], 14, /claims 1 live and 0 deleted/],
    ['a wrong size (same fields)', [1, 0, 0, 0, 2, 0, 0, 4], 20, /entry of 3 elements that claims 4/],
    [
      'a wrong size (own fields)',
      [1, 0, 0, 0, 0, 0, 0, 1, 'f', 'v', 5],
      28,
      /entry of 6 elements that claims 5/,
    ],
    ['ids out of order', [2, 0, 0, 0, 2, 5, 0, 3, 2, 4, 0, 3], 22, /stream entry 1004-0 after 1005-0/],
    ['an id twice', [2, 0, 0, 0, 2, 5, 0, 3, 2, 5, 0, 3], 22, /stream entry 1005-0 after 1005-0/],
    ['an id that is text', [1, 0, 0, 0, 2, 'x', 0, 3], 17, /id of an entry is a string/],
  ];

  test.each(cases)('%s', (_, elements, offset, message) => {
    const node = listpack(elements);
    const run = (): unknown =>
      new StreamNodeWalker().walk(MASTER, undefined, node, 0, node.length, () => undefined);
    expect(faultOf(run)).toEqual(fault('RDB_CORRUPT', offset ?? node.length - 1, message));
  });

  test('an entry that comes before the node before', () => {
    expect(() => walk(hex(STREAM_NODE), MASTER, { ms: 1000n, seq: 0n })).toThrow(/1000-0 after 1000-0/);
  });
});
