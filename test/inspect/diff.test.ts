import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { DiffReport } from '../../src/inspect/diff-report.js';
import { runDiff, type DiffOptions } from '../../src/inspect/run-diff.js';
import { encodeRdb, type RdbKey } from '../../src/rdb/encode/encode-rdb.js';
import type { RdbValue } from '../../src/rdb/value.js';
import { NO_FILTER } from '../support/live.js';
import { ascii } from '../support/rdb-hex.js';

const folder = mkdtempSync(join(tmpdir(), 'replicant-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CORPUS = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));

function diff(before: string, after: string, options: Partial<DiffOptions> = {}): Promise<DiffReport> {
  return runDiff({
    before,
    after,
    input: {},
    filter: NO_FILTER,
    filterWords: [],
    limit: 100,
    separator: undefined,
    checksum: true,
    ...options,
  }).done;
}

function write(name: string, keys: readonly RdbKey[], server: 'old' | 'new' = 'new'): string {
  const path = join(folder, name);
  const version = server === 'old' ? ([2, 8, 0] as const) : ([7, 0, 0] as const);
  writeFileSync(path, encodeRdb(keys, { server: { family: 'redis', version } }));
  return path;
}

const string = (text: string): RdbValue => ({ kind: 'string', bytes: ascii(text) });
const key = (name: string, value: RdbValue, more: Partial<RdbKey> = {}): RdbKey => ({
  key: ascii(name),
  value,
  ...more,
});

const hash = (...pairs: readonly (readonly [string, string])[]): RdbValue => ({
  kind: 'hash',
  fields: pairs.map(([field, value]) => ({ field: ascii(field), value: ascii(value), expiresAtMs: -1 })),
});

test('added, removed, and changed in each way', async () => {
  const before = write('a.rdb', [
    key('same', string('x')),
    key('gone', string('x')),
    key('user:1', string('x')),
    key('ttl', string('x')),
    key('kind', string('x')),
    key('both', string('x'), { expiresAtMs: 4e12 }),
    key('order', hash(['a', '1'], ['b', '2'])),
    key('moved', string('x')),
  ]);
  const after = write('b.rdb', [
    key('order', hash(['b', '2'], ['a', '1'])),
    key('same', string('x')),
    key('user:1', string('y')),
    key('user:2', string('new')),
    key('ttl', string('x'), { expiresAtMs: 4e12 }),
    key('kind', hash(['a', '1'])),
    key('both', string('y'), { expiresAtMs: 4e12 + 1 }),
    key('moved', string('x'), { db: 1 }),
  ]);
  const report = await diff(before, after);
  expect(report.counts).toEqual({
    added: 2,
    removed: 2,
    changed: 4,
    changedValue: 2,
    changedType: 1,
    changedTtl: 2,
    same: 2,
  });
  expect(report.equal).toBe(false);
  expect(report.added.map(({ db, key: name }) => [db, name])).toEqual([
    [0, 'user:2'],
    [1, 'moved'],
  ]);
  expect(report.removed.map(({ db, key: name, type }) => [db, name, type])).toEqual([
    [0, 'gone', 'string'],
    [0, 'moved', 'string'],
  ]);
  expect(new Map(report.changed.map(({ key: name, what }) => [name, what]))).toEqual(
    new Map([
      ['user:1', ['value']],
      ['ttl', ['ttl']],
      ['kind', ['type']],
      ['both', ['value', 'ttl']],
    ]),
  );
  expect(report.prefixes).toMatchObject([{ prefix: 'user:', keysBefore: 1, keysAfter: 2 }]);
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

test('a file and itself, and the same stored by another version', async () => {
  const values = [
    key('h', hash(['a', '1'], ['b', '22'])),
    key('l', { kind: 'list', items: ['1', 'two'].map(ascii) }),
    key('s', { kind: 'set', members: ['1', '2', '333'].map(ascii) }),
    key('z', {
      kind: 'zset',
      members: [
        { member: ascii('m'), score: 1.5 },
        { member: ascii('n'), score: -0 },
      ],
    }),
  ];
  const report = await diff(write('old.rdb', values, 'old'), write('new.rdb', values, 'new'));
  expect([report.equal, report.counts.same]).toEqual([true, 4]);
  const same = await diff(`${CORPUS}redis-8.0.6.rdb`, `${CORPUS}redis-8.0.6.rdb`);
  expect([same.equal, same.counts.same, same.prefixes]).toEqual([true, 140, []]);
});

test('limits shorten the lists, not the counts', async () => {
  const names = Array.from({ length: 30 }, (_, n) => `k${n}`);
  const before = write(
    'many.rdb',
    names.map((name) => key(name, string('x'))),
  );
  const after = write('none.rdb', [key('other', string('x'))]);
  const report = await diff(before, after, { limit: 7 });
  expect([report.counts.removed, report.removed.length]).toEqual([30, 7]);
  const none = await diff(before, after, { limit: 0 });
  expect([none.counts.removed, none.removed, none.added]).toEqual([30, [], []]);
});

test('a filter decides what is compared', async () => {
  const before = write('f1.rdb', [key('a:1', string('x')), key('b:1', string('x'))]);
  const after = write('f2.rdb', [key('a:1', string('x')), key('b:1', string('y'))]);
  const report = await diff(before, after, { filter: { ...NO_FILTER, includeKeys: ['a:*'] } });
  expect([report.equal, report.counts.same]).toEqual([true, 1]);
});

const names = fc.uniqueArray(fc.nat(2000), { maxLength: 120 });

test('in parts it finds the same as in one, and as a plain comparison', async () => {
  await fc.assert(
    fc.asyncProperty(names, names, fc.nat(), async (first, second, salt) => {
      const make = (all: readonly number[], salted: number): RdbKey[] =>
        all.map((n) => key(`k:${n}`, string(n % 5 === 0 ? `v${salted}` : 'v')));
      const before = write('p1.rdb', make(first, 0));
      const after = write('p2.rdb', make(second, salt % 2));
      const whole = await diff(before, after, { limit: 1000 });
      const parts = await diff(before, after, { limit: 1000, mostKeys: 16 });
      const both = first.filter((n) => second.includes(n));
      const changed = salt % 2 === 0 ? [] : both.filter((n) => n % 5 === 0);
      expect(whole.counts).toMatchObject({
        added: second.length - both.length,
        removed: first.length - both.length,
        changed: changed.length,
        same: both.length - changed.length,
      });
      expect(parts.counts).toEqual(whole.counts);
      for (const list of ['added', 'removed', 'changed'] as const) {
        const sorted = (report: DiffReport): unknown[] =>
          report[list].map(({ key: name }) => JSON.stringify(name)).toSorted();
        expect(sorted(parts)).toEqual(sorted(whole));
        expect(whole[list]).toHaveLength(whole.counts[list]);
      }
      expect(parts.prefixes).toEqual(whole.prefixes);
      expect([parts.before, parts.after]).toEqual([whole.before, whole.after]);
    }),
    { numRuns: 25 },
  );
});

test('a value too large to be held is compared like any other', async () => {
  const many = (extra: string): RdbValue => ({
    kind: 'hash',
    fields: Array.from({ length: 120_000 }, (_, n) => ({
      field: ascii(`field:${n}`),
      value: ascii(n === 77_777 ? extra : `value:${n}`),
      expiresAtMs: -1,
    })),
  });
  const before = write('large1.rdb', [key('big', many('a')), key('str', string('x'.repeat(3_000_000)))]);
  const after = write('large2.rdb', [key('big', many('b')), key('str', string('x'.repeat(3_000_000)))]);
  const report = await diff(before, after);
  expect(report.counts).toMatchObject({ changed: 1, same: 1 });
  expect(report.changed).toMatchObject([{ key: 'big', what: ['value'] }]);
  expect(report.changed[0]!.bytes).toBeGreaterThan(120_000 * 60);
  expect((await diff(before, before)).equal).toBe(true);
});
