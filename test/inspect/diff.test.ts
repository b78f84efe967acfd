import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { DiffReport } from '../../src/inspect/diff-report.js';
import { runDiff, type DiffOptions, type DiffSource } from '../../src/inspect/run-diff.js';
import { NamingPass } from '../../src/inspect/diff-pass.js';
import { KeyChoice } from '../../src/inspect/key-choice.js';
import { encodeRdb, type RdbKey } from '../../src/rdb/encode/encode-rdb.js';
import type { RdbValue } from '../../src/rdb/value.js';
import { NO_FILTER } from '../support/live.js';
import { ascii } from '../support/rdb-hex.js';
import { entryOf } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'replicant-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CORPUS = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));

type Where = string | { readonly stdin: string };

const sourceOf = (where: Where): DiffSource =>
  typeof where === 'string'
    ? { spec: where, options: {} }
    : { spec: '-', options: { stdin: createReadStream(where.stdin) } };

function diff(before: Where, after: Where, options: Partial<DiffOptions> = {}): Promise<DiffReport> {
  return runDiff({
    before: sourceOf(before),
    after: sourceOf(after),
    filter: NO_FILTER,
    filterWords: [],
    limit: 100,
    separator: undefined,
    server: undefined,
    allocator: 'system',
    account: 'allocated',
    consumerTimes: false,
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

const lists = ['added', 'removed', 'changed'] as const;

test('in slices, and from what is read only once, the same is found as by a plain comparison', async () => {
  await fc.assert(
    fc.asyncProperty(names, names, fc.nat(), async (first, second, salt) => {
      const make = (all: readonly number[], salted: number): RdbKey[] =>
        all.map((n) => key(`k:${n}`, string(n % 5 === 0 ? `v${salted}` : 'v')));
      const before = write('p1.rdb', make(first, 0));
      const after = write('p2.rdb', make(second, salt % 2));
      const whole = await diff(before, after, { limit: 1000 });
      const both = second.filter((n) => first.includes(n));
      const changed = salt % 2 === 0 ? [] : both.filter((n) => n % 5 === 0);
      const named = (report: DiffReport): unknown[] =>
        lists.map((list) => report[list].map((one) => one.key));
      const keysOf = (all: readonly number[]): string[] => all.map((n) => `k:${n}`);
      expect(named(whole)).toEqual([
        keysOf(second.filter((n) => !first.includes(n))),
        keysOf(first.filter((n) => !second.includes(n))),
        keysOf(changed),
      ]);
      expect(whole.counts).toMatchObject({
        added: second.length - both.length,
        removed: first.length - both.length,
        changed: changed.length,
        same: both.length - changed.length,
      });
      const others = [
        await diff(before, after, { limit: 1000, mostRecords: 1 }),
        await diff({ stdin: before }, after, { limit: 1000 }),
        await diff(before, { stdin: after }, { limit: 1000 }),
      ];
      for (const other of others) {
        const labels = {
          before: { ...other.before, label: before },
          after: { ...other.after, label: after },
        };
        expect({ ...other, ...labels }).toEqual(whole);
      }
      const few = await diff(before, after, { limit: 3 });
      expect(lists.map((list) => few[list])).toEqual(lists.map((list) => whole[list].slice(0, 3)));
    }),
    { numRuns: 20 },
  );
});

test('more keys than stay in memory', async () => {
  const count = 160_000;
  const make = (from: number, changed: number): RdbKey[] =>
    Array.from({ length: count }, (_, n) => key(`k:${n + from}`, string(n + from === changed ? 'x' : 'v')));
  const before = write('spilled1.rdb', make(0, -1));
  const after = write('spilled2.rdb', make(10, 70_007));
  const report = await diff(before, after, { limit: 20 });
  expect(report.counts).toMatchObject({ added: 10, removed: 10, changed: 1, same: count - 11 });
  expect(report.added.map((one) => one.key)).toEqual(Array.from({ length: 10 }, (_, n) => `k:${count + n}`));
  expect(report.removed.map((one) => one.key)).toEqual(Array.from({ length: 10 }, (_, n) => `k:${n}`));
  expect(report.changed.map((one) => one.key)).toEqual(['k:70007']);
  expect(await diff({ stdin: before }, after, { limit: 20 })).toMatchObject({
    removed: report.removed,
    counts: report.counts,
  });
});

test('a file that changes meanwhile is noticed', () => {
  const found = [{ ordinal: 1, keyA: 1, keyB: 2, how: 0 }];
  let enough = 0;
  const pass = new NamingPass(new KeyChoice(NO_FILTER), { server: undefined }, found, () => enough++);
  pass.entry(entryOf(0, Uint8Array.of(1, 65), { key: 'first' }));
  expect([pass.named.size, enough]).toEqual([0, 0]);
  pass.entry(entryOf(0, Uint8Array.of(1, 65), { key: 'second' }));
  expect([pass.complete, enough]).toEqual([false, 1]);
});

test('what consumers of a stream do counts only when asked for', async () => {
  const stream = (seenTimeMs: number, deliveryCount: number): RdbValue => ({
    kind: 'stream',
    entries: [{ id: { ms: 1n, seq: 1n }, fields: [ascii('a'), ascii('b')] }],
    meta: {
      length: 1,
      lastId: { ms: 1n, seq: 1n },
      firstId: { ms: 1n, seq: 1n },
      maxDeletedId: { ms: 0n, seq: 0n },
      entriesAdded: 1n,
      exact: true,
    },
    groups: [
      {
        name: ascii('group'),
        lastId: { ms: 1n, seq: 1n },
        entriesRead: 1n,
        consumers: [{ name: ascii('consumer'), seenTimeMs, activeTimeMs: seenTimeMs }],
        pending: [{ id: { ms: 1n, seq: 1n }, consumer: ascii('consumer'), deliveryTimeMs: 5, deliveryCount }],
      },
    ],
  });
  const before = write('s1.rdb', [key('s', stream(1000, 1))]);
  const seen = write('s2.rdb', [key('s', stream(2000, 1))]);
  const delivered = write('s3.rdb', [key('s', stream(1000, 2))]);
  const equal = async (after: string, consumerTimes: boolean): Promise<boolean> =>
    (await diff(before, after, { consumerTimes })).equal;
  expect([await equal(seen, false), await equal(seen, true)]).toEqual([true, false]);
  expect([await equal(before, true), await equal(delivered, false)]).toEqual([true, false]);
});

test('sizes are those of the server and the allocator that are named', async () => {
  const path = write('model.rdb', [key('some:key', string('x'.repeat(60)))]);
  const bytes = async (options: Partial<DiffOptions>): Promise<number> =>
    (await diff(path, path, options)).before.bytes;
  const written = await bytes({});
  const bundled = await bytes({ allocator: 'bundled' });
  const valkey = await bytes({ server: { family: 'valkey', major: 9, minor: 1 } });
  expect(new Set([written, bundled, valkey]).size).toBe(3);
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
