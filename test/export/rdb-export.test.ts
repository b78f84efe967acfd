/** The export to RDB on files: what is chosen, moved, put together, told. Judged by our own decoder. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeRdb, type RdbKey } from '../../src/rdb/encode/encode-rdb.js';
import { RdbFileWriter } from '../../src/rdb/encode/file-writer.js';
import { exitCodeOf, type Loss } from '../../src/export/rdb-report.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import { parseServerName } from '../../src/rdb/server-support.js';
import { readRdbFile, type ReadFile } from '../support/rdb-read.js';
import { corpusNames } from '../support/rdb-corpus.js';
import { corpusFile, exportRdb, temporaryFolder } from '../support/rdb-export.js';
import { ascii } from '../support/rdb-hex.js';
import { listpack } from '../support/rdb-packed.js';
import { expectSame } from '../support/same.js';
import { NO_FILTER } from '../support/no-filter.js';
import { plainValue } from '../support/rdb-plain.js';

const path = temporaryFolder();
const SMALL = { ...DEFAULT_LIMITS, inlineBytes: 64, inlineStreamBytes: 64 };
const [SEVEN, NINE] = [corpusFile('redis-7.2.6'), corpusFile('valkey-9.1.2')];

function string(key: string, value: string, more: Partial<RdbKey> = {}): RdbKey {
  return { key: ascii(key), value: { kind: 'string', bytes: ascii(value) }, ...more };
}

function list(key: string, items: number, size: number): RdbKey {
  return {
    key: ascii(key),
    value: {
      kind: 'list',
      items: Array.from({ length: items }, (_, at) => ascii(`${at}`.padEnd(size, '.'))),
    },
  };
}

function write(
  name: string,
  keys: readonly RdbKey[],
  server = 'redis-7.0',
  aux: Record<string, string> = {},
): string {
  const file = path(name);
  writeFileSync(file, encodeRdb(keys, { server: parseServerName(server), aux }));
  return file;
}

function keysOf(file: ReadFile): string[] {
  return file.keys.map(({ db, key }) => `${db} ${key}`).toSorted();
}

function valuesOf(file: ReadFile): Record<string, unknown> {
  return Object.fromEntries(file.keys.map(({ db, key, value }) => [`${db} ${key}`, plainValue(value)]));
}

describe('without a server named', () => {
  test.each(corpusNames())('%s comes out as it was', async (name) => {
    const out = path(`same-${name}.rdb`);
    const summary = await exportRdb([corpusFile(name)], out);
    const [before, after] = [readRdbFile(corpusFile(name)), readRdbFile(out)];
    expectSame(after.keys, before.keys);
    expect([after.format, after.functions, after.hints]).toEqual([
      before.format,
      before.functions,
      before.hints,
    ]);
    expect(after.checksum).toBe('ok');
    expect(summary).toMatchObject({
      keys: before.keys.length,
      converted: 0,
      filtered: 0,
      losses: [],
      format: before.format,
    });
    expect(summary.files).toEqual([
      { path: out, slots: undefined, keys: before.keys.length, bytes: readFileSync(out).length },
    ]);
    expect(exitCodeOf(summary)).toBe(0);
  });

  test('the same with values that come in pieces, to stdout, from a compressed file', async () => {
    const zipped = path('zipped');
    writeFileSync(zipped, gzipSync(readFileSync(NINE)));
    for (const slow of [true, false]) {
      const chunks: Uint8Array[] = [];
      const take = (bytes: Uint8Array): void => void chunks.push(bytes.slice());
      const stdout = { slow, writeSync: take, write: (bytes: Uint8Array) => Promise.resolve(take(bytes)) };
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await exportRdb([zipped], undefined, { limits: SMALL }, { stdout });
      const out = path(`stdout-${slow}.rdb`);
      writeFileSync(out, Buffer.concat(chunks));
      expectSame(readRdbFile(out).keys, readRdbFile(NINE).keys);
      expect(readRdbFile(out).checksum).toBe('ok');
    }
  });

  test('positions in a replication stream are not kept', async () => {
    const aux = {
      'redis-ver': '7.0.1',
      'repl-id': 'x',
      'repl-offset': '7',
      'aof-base': '1',
      'used-mem': '5',
      mine: 'z',
    };
    const from = write('aux.rdb', [string('a', 'b')], 'redis-7.0', aux);
    await exportRdb([from], path('aux-out.rdb'));
    expect(readRdbFile(path('aux-out.rdb')).aux).toEqual({ 'redis-ver': '7.0.1', mine: 'z' });
  });
});

describe('filters', () => {
  const now = 4_000_000_000_000;
  let file = '';
  beforeAll(() => {
    const keys = [
      string('user:1', 'x'.repeat(500)),
      string('user:2', 'y', { expiresAtMs: now + 5000 }),
      string('tmp:1', 'z', { expiresAtMs: now + 500_000, db: 2 }),
      list('list', 50, 30),
    ];
    file = write('filters.rdb', keys, 'redis-7.0', { ctime: String(now / 1000) });
  });

  test.each([
    ['globs', { filter: { ...NO_FILTER, includeKeys: ['user:*'], excludeKeys: ['*2'] } }, ['0 user:1']],
    ['databases', { filter: { ...NO_FILTER, excludeDbs: [0] } }, ['2 tmp:1']],
    ['kinds', { filter: { ...NO_FILTER, includeKinds: ['list' as const] } }, ['0 list']],
    ['a pattern', { selection: { includePattern: /^(user|tmp):\d/g } }, ['0 user:1', '0 user:2', '2 tmp:1']],
    ['a pattern against', { selection: { excludePattern: /:/ } }, ['0 list']],
    ['a TTL', { selection: { ttl: { is: 'present' as const } } }, ['0 user:2', '2 tmp:1']],
    ['no TTL', { selection: { ttl: { is: 'absent' as const } } }, ['0 list', '0 user:1']],
    ['a TTL of less than', { selection: { ttl: { is: 'less-than' as const, ms: 10_000 } } }, ['0 user:2']],
    ['a least size', { selection: { minBytes: 100 } }, ['0 list', '0 user:1']],
    ['a greatest size', { selection: { maxBytes: 100 } }, ['0 user:2', '2 tmp:1']],
    ['a range of sizes', { selection: { minBytes: 100, maxBytes: 600 } }, ['0 user:1']],
  ])('by %s', async (name, options, expected) => {
    for (const limits of [DEFAULT_LIMITS, SMALL]) {
      const out = path('filtered.rdb');
      // oxlint-disable-next-line no-await-in-loop -- one file
      const summary = await exportRdb([file], out, { ...options, limits });
      expect([name, keysOf(readRdbFile(out))]).toEqual([name, expected]);
      expect(summary.filtered).toBe(4 - expected.length);
    }
  });

  test('what was put aside for its size comes out whole, also converted', async () => {
    const options = {
      limits: SMALL,
      selection: { minBytes: 10 },
      filter: { ...NO_FILTER, excludeKinds: ['module' as const] },
    };
    await exportRdb([SEVEN], path('aside.rdb'), { ...options, server: parseServerName('redis-6.2') });
    await exportRdb([SEVEN], path('direct.rdb'), {
      ...options,
      limits: DEFAULT_LIMITS,
      server: parseServerName('redis-6.2'),
    });
    const aside = valuesOf(readRdbFile(path('aside.rdb')));
    expect(Object.keys(aside).length).toBeGreaterThan(50);
    expectSame(aside, valuesOf(readRdbFile(path('direct.rdb'))));
  });
});

describe('several inputs', () => {
  let [a, b, c] = ['', '', ''];
  beforeAll(() => {
    a = write('a.rdb', [string('k', 'a'), string('only a', '1'), string('k', 'a3', { db: 3 })]);
    b = write('b.rdb', [string('k', 'b'), string('only b', '1'), list('long', 20, 20)]);
    c = write('c.rdb', [string('k', 'c'), list('long', 20, 10)]);
  });

  test.each([
    ['first', 'a', '0'.padEnd(20, '.')],
    ['last', 'c', '0'.padEnd(10, '.')],
  ] as const)('the %s one wins', async (duplicates, k, first) => {
    for (const limits of [DEFAULT_LIMITS, SMALL]) {
      const out = path('merged.rdb');
      // oxlint-disable-next-line no-await-in-loop -- one file
      const summary = await exportRdb([a, b, c], out, { duplicates, limits });
      const read = readRdbFile(out);
      expect(keysOf(read)).toEqual(['0 k', '0 long', '0 only a', '0 only b', '3 k']);
      expect(valuesOf(read)).toMatchObject({ '0 k': k, '3 k': 'a3' });
      expect(read.keys.find(({ key }) => key === 'long')?.value).toMatchObject({
        items: { 0: ascii(first) },
      });
      expect(summary.duplicates).toBe(3);
      expect(summary.inputs.map(({ keys }) => keys).reduce((sum, keys) => sum + keys)).toBe(5);
    }
  });

  test('or it is an error, and nothing is left', async () => {
    const out = path('refused.rdb');
    await expect(exportRdb([a, b], out)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/in several inputs/),
      place: { at: b, db: 0, key: '"k"' },
    });
    expect(readdirSync(path('')).filter((name) => name.startsWith('refused'))).toEqual([]);
  });

  test('two databases put into one', async () => {
    const out = path('databases.rdb');
    const dbMap = new Map([[3, 0]]);
    await expect(exportRdb([a], out, { dbMap })).rejects.toThrow(/comes twice in this input/);
    await expect(exportRdb([a], out, { dbMap, duplicates: 'last' })).rejects.toThrow(/can't be told/);
    await exportRdb([a], out, { dbMap, duplicates: 'first' });
    expect(valuesOf(readRdbFile(out))).toEqual({ '0 k': 'a', '0 only a': '1' });
    await exportRdb([a], out, { dbMap: new Map([[3, 7]]) });
    expect(keysOf(readRdbFile(out))).toEqual(['0 k', '0 only a', '7 k']);
  });

  test('an older one fits into a newer format, not the other way round', async () => {
    const old = write('old.rdb', [string('old', '1')], 'redis-5.0');
    await exportRdb([SEVEN, old], path('fits.rdb'));
    expect(readRdbFile(path('fits.rdb')).format).toBe('REDIS0011');
    await exportRdb([NINE, old], path('fits.rdb'));
    expect(readRdbFile(path('fits.rdb')).format).toBe('VALKEY080');
    await expect(exportRdb([old, SEVEN], path('fits.rdb'))).rejects.toThrow(/REDIS0011.*REDIS0009/);
    await exportRdb([old, SEVEN, NINE], path('named.rdb'), {
      duplicates: 'first',
      server: parseServerName('redis-8.0'),
    });
    expect(readRdbFile(path('named.rdb')).format).toBe('REDIS0012');
  });

  test('function libraries once, different ones by the same rule', async () => {
    const library = (name: string, source: string): string => {
      const file = path(name);
      const chunks: Uint8Array[] = [];
      const writer = new RdbFileWriter((bytes) => void chunks.push(bytes.slice()), {
        dialect: 'redis',
        version: 10,
      });
      writer.functionLibrary(ascii(source));
      writer.end();
      writeFileSync(file, Buffer.concat(chunks));
      return file;
    };
    const one = library('f1.rdb', '#!lua name=x\nreturn 1');
    const same = library('f2.rdb', '#!lua name=x\nreturn 1');
    const two = library('f3.rdb', '#!lua name=x\nreturn 2');
    const out = path('functions.rdb');
    await exportRdb([one, same], out);
    expect(readRdbFile(out).functions).toEqual(['#!lua name=x\nreturn 1']);
    await expect(exportRdb([one, two], out)).rejects.toThrow(/function library x is not the same/);
    await exportRdb([one, two], out, { duplicates: 'last' });
    expect(readRdbFile(out).functions).toEqual(['#!lua name=x\nreturn 2']);
    const summary = await exportRdb([one], out, { server: parseServerName('redis-6.2') });
    expect(summary.losses).toMatchObject([{ what: 'dropped', type: 'function', key: 'x' }]);
    expect([exitCodeOf(summary), readRdbFile(out).functions]).toEqual([3, []]);
  });
});

describe('losses', () => {
  test('are told one by one, counted, and written down', async () => {
    const losses: Loss[] = [];
    const report = path('report.ndjson');
    const options = { server: parseServerName('redis-4.0'), report };
    const summary = await exportRdb([NINE], path('lossy.rdb'), options, {
      onLoss: (loss) => void losses.push(loss),
    });
    const lines = readFileSync(report, 'utf8').trim().split('\n');
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(losses)));
    expect(losses.length).toBe(summary.dropped + summary.changed);
    const streams = readRdbFile(NINE).keys.filter(({ value }) => value.kind === 'stream');
    expect(losses.filter(({ type }) => type === 'stream').map(({ what }) => what)).toEqual(
      streams.map(() => 'dropped'),
    );
    const timed = losses.filter(({ key }) => /hash:ttl/.test(key ?? ''));
    expect(timed.length).toBe(4);
    expect(timed[0]).toMatchObject({
      what: 'changed',
      type: 'hash',
      why: expect.stringMatching(/^\d+ × TTLs of hash fields left out/),
    });
    expect(exitCodeOf(summary)).toBe(3);
    expect(summary.format).toBe('REDIS0008');
  });

  test('there are none between Redis 7.4 and Valkey 9, and back', async () => {
    const [there, back] = [path('there.rdb'), path('back.rdb')];
    const only = { ...NO_FILTER, excludeKinds: ['module' as const] };
    const first = await exportRdb([corpusFile('redis-8.0.6')], there, {
      server: parseServerName('valkey-9.1'),
      filter: only,
    });
    const second = await exportRdb([there], back, { server: parseServerName('redis-8.0') });
    expect([exitCodeOf(first), exitCodeOf(second)]).toEqual([0, 0]);
    const before = readRdbFile(corpusFile('redis-8.0.6')).keys.filter(({ value }) => value.kind !== 'module');
    const plain = ({ db, key, expiresAtMs, value }: (typeof before)[number]): unknown => ({
      db,
      key,
      expiresAtMs,
      value: plainValue(value),
    });
    expectSame(readRdbFile(back).keys.map(plain), before.map(plain));
  });
});

describe('damage', () => {
  let good: Uint8Array;
  const damagedAt = (marker: string, change: (bytes: Uint8Array, at: number) => void): string => {
    const bytes = Uint8Array.from(good);
    change(bytes, Buffer.from(bytes).indexOf(marker));
    writeFileSync(path('damaged.rdb'), bytes);
    return path('damaged.rdb');
  };
  beforeAll(() => {
    good = readFileSync(write('good.rdb', [string('a', '1'), list('long', 40, 30), string('b', '2')]));
  });

  test('a wrong checksum is told when everything is written', async () => {
    const file = damagedAt('long', (bytes, at) => (bytes[at] = 76));
    const out = path('checksum.rdb');
    await expect(exportRdb([file], out)).rejects.toMatchObject({
      code: 'RDB_CORRUPT',
      message: expect.stringMatching(/checksum is wrong/),
      place: { at: file },
    });
    expect(keysOf(readRdbFile(out))).toEqual(['0 Long', '0 a', '0 b']);
    expect(exitCodeOf(await exportRdb([file], out, { checksum: false }))).toBe(0);
    const skipped = await exportRdb([file], out, { onError: 'skip' });
    expect([skipped.damaged, exitCodeOf(skipped)]).toEqual([1, 3]);
  });

  test('a truncated file leaves nothing, or what is whole', async () => {
    for (const limits of [DEFAULT_LIMITS, SMALL]) {
      const file = path('short.rdb');
      writeFileSync(file, good.subarray(0, Buffer.from(good).indexOf('20....') + 10));
      const out = path('short-out.rdb');
      /* oxlint-disable no-await-in-loop -- one file */
      await expect(exportRdb([file], out, { limits })).rejects.toMatchObject({ code: 'RDB_TRUNCATED' });
      expect([existsSync(out), existsSync(`${out}.part`)]).toEqual([false, false]);
      const summary = await exportRdb([file], path('short-kept.rdb'), { limits, onError: 'skip' });
      /* oxlint-enable no-await-in-loop */
      expect(keysOf(readRdbFile(path('short-kept.rdb')))).toEqual(['0 a']);
      expect(readRdbFile(path('short-kept.rdb')).checksum).toBe('ok');
      expect([summary.damaged, summary.keys]).toEqual([1, 1]);
    }
  });

  test('a damaged value is left out, however far it had come', async () => {
    // A quicklist whose second node is no listpack; converting it finds out in the middle.
    const from = path('nodes.rdb');
    const chunks: Uint8Array[] = [];
    const writer = new RdbFileWriter((bytes) => void chunks.push(bytes.slice()), {
      dialect: 'redis',
      version: 10,
    });
    const record = (key: string): Parameters<RdbFileWriter['entry']>[1] => ({
      keyBytes: ascii(key),
      keyStart: 0,
      keyEnd: key.length,
      expiresAtMs: -1,
      idleSeconds: -1,
      lfuFrequency: -1,
    });
    const pack = listpack(['x'.repeat(95)]);
    const node = Uint8Array.of(2, 0x40, pack.length, ...pack);
    writer.entry(0, record('a'), 0, Uint8Array.of(1, 97), 0, 2);
    writer.entry(
      0,
      record('bad'),
      18,
      Uint8Array.of(3, ...node, ...node, 2, 4, 1, 2, 3, 4),
      0,
      2 * node.length + 7,
    );
    writer.entry(0, record('z'), 0, Uint8Array.of(1, 97), 0, 2);
    writer.end();
    writeFileSync(from, Buffer.concat(chunks));
    for (const limits of [DEFAULT_LIMITS, SMALL]) {
      const out = path('nodes-out.rdb');
      /* oxlint-disable no-await-in-loop -- one file */
      await expect(
        exportRdb([from], out, { limits, server: parseServerName('redis-6.2') }),
      ).rejects.toMatchObject({
        code: 'RDB_CORRUPT',
        place: { at: from, key: '"bad"', db: 0 },
      });
      const summary = await exportRdb([from], out, {
        limits,
        server: parseServerName('redis-6.2'),
        onError: 'skip',
      });
      /* oxlint-enable no-await-in-loop */
      expect([keysOf(readRdbFile(out)), readRdbFile(out).checksum]).toEqual([['0 a', '0 z'], 'ok']);
      expect(summary).toMatchObject({ keys: 2, damaged: 1 });
    }
  });

  test('an AOF with commands is refused', async () => {
    const aof = path('with-tail.aof');
    writeFileSync(aof, Buffer.concat([good, Buffer.from('*1\r\n$4\r\nPING\r\n')]));
    await expect(exportRdb([aof], path('aof.rdb'))).rejects.toMatchObject({ code: 'RDB_UNSUPPORTED' });
    expect(existsSync(path('aof.rdb'))).toBe(false);
  });
});
