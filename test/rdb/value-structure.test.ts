import { describe, expect, test } from 'vitest';
import { decodeValue, type RdbValue } from '../../src/rdb/value.js';
import { readStructure } from '../../src/rdb/value-structure.js';
import { corpusNames, readExpected, readSnapshot } from '../support/rdb-corpus.js';
import { fault, faultOf } from '../support/rdb-error.js';
import { hex, readable } from '../support/rdb-hex.js';

function sizeOf(value: RdbValue): number {
  if (value.kind === 'string') return 1;
  if (value.kind === 'list') return value.items.length;
  if (value.kind === 'set' || value.kind === 'zset') return value.members.length;
  if (value.kind === 'hash') return value.fields.length;
  return value.kind === 'stream' ? value.entries.length : 0;
}

function sum(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, part) => total + part.length, 0);
}

function bytesOf(value: RdbValue): number {
  if (value.kind === 'string') return value.bytes.length;
  if (value.kind === 'list') return sum(value.items);
  if (value.kind === 'set') return sum(value.members);
  if (value.kind === 'zset') return sum(value.members.map(({ member }) => member));
  return value.kind === 'hash' ? sum(value.fields.flatMap((pair) => [pair.field, pair.value])) : 0;
}

describe.each(corpusNames())('%s', (name) => {
  const snapshot = readSnapshot(name);

  test('counts and sizes are those of the decoded values', () => {
    for (const { type, dialect, value } of snapshot.entries) {
      const structure = readStructure(type, dialect, value, 0, value.length);
      const decoded = decodeValue(type, dialect, value, 0, value.length);
      expect(structure.kind).toBe(decoded.kind);
      expect(structure.elements).toBe(sizeOf(decoded));
      const boxed = structure.containers.reduce((total, box) => total + box.elements, 0);
      const inBoxes = structure.containers.length > 0;
      expect(inBoxes ? boxed : structure.elementBytes).toBe(inBoxes ? sizeOf(decoded) : bytesOf(decoded));
      const groups = decoded.kind === 'stream' ? decoded.groups : [];
      expect(structure.groups).toBe(groups.length);
      expect(structure.consumers).toBe(groups.reduce((total, group) => total + group.consumers.length, 0));
      expect(structure.pending).toBe(groups.reduce((total, group) => total + group.pending.length, 0));
    }
  });

  test('collections have the encoding the server named', () => {
    const expected = new Map(readExpected(name).map((line) => [JSON.stringify([line.db, line.key]), line]));
    for (const { db, key, type, dialect, value } of snapshot.entries) {
      const { kind, encoding } = readStructure(type, dialect, value, 0, value.length);
      // Of strings and lists of one node the server tells what it makes of them in memory, of streams
      // (5.0) that it doesn't know.
      if (kind !== 'set' && kind !== 'zset' && kind !== 'hash') continue;
      expect(encoding).toBe(expected.get(JSON.stringify([db, readable(key)]))!.serverEncoding);
    }
  });
});

test('the nodes of a quicklist', () => {
  const bytes = hex('02 | 01 03 61 62 63 | 02 0d 0d 00 00 00 02 00 81 65 02 81 66 02 ff');
  expect(readStructure(18, 'redis', bytes, 0, bytes.length)).toEqual({
    kind: 'list',
    encoding: 'quicklist',
    elements: 3,
    elementBytes: 0,
    containers: [
      { form: 'plain', elements: 1, bytes: 3, fileBytes: 4 },
      { form: 'listpack', elements: 2, bytes: 13, fileBytes: 14 },
    ],
    groups: 0,
    consumers: 0,
    pending: 0,
  });
});

test('what is stored compressed counts with its full size', () => {
  const bytes = hex('01 c3 09 1e 01 61 61 e0 11 00 01 61 61');
  expect(readStructure(2, 'redis', bytes, 0, bytes.length)).toMatchObject({ elements: 1, elementBytes: 30 });
});

test('a value that ends early', () => {
  expect(faultOf(() => readStructure(4, 'redis', hex('02 01 61 01 62 01'), 0, 6))).toEqual(
    fault('RDB_TRUNCATED', 6, /ends in the/),
  );
  expect(faultOf(() => readStructure(5, 'redis', hex('01 01 61 00'), 0, 4))).toEqual(
    fault('RDB_TRUNCATED', 3, /ends in the/),
  );
});

test('a damaged container', () => {
  expect(faultOf(() => readStructure(16, 'redis', hex('07 07000000 0100 ff'), 0, 8))).toEqual(
    fault('RDB_CORRUPT', 5, /claims 1 elements/),
  );
});
