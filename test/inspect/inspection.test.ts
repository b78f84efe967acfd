import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runInspect, type InspectRunOptions } from '../../src/inspect/run-inspect.js';
import type { InspectReport } from '../../src/inspect/report.js';
import { corpusNames, readExpected, readSnapshot } from '../support/rdb-corpus.js';
import { NO_FILTER } from '../support/live.js';

const FOLDER = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));

async function inspect(name: string, options: Partial<InspectRunOptions> = {}): Promise<InspectReport> {
  const run = runInspect({
    source: `${FOLDER}${name}.rdb`,
    input: {},
    filter: NO_FILTER,
    filterWords: [],
    top: 20,
    sampleEvery: 1,
    separator: undefined,
    server: undefined,
    allocator: 'found',
    account: 'allocated',
    nowMs: 1_800_000_000_000,
    checksum: true,
    onError: 'stop',
    ...options,
  });
  return (await run.done).report;
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);

describe.each(corpusNames())('%s', (name) => {
  test('every part of the report tells of the same keys', async () => {
    const report = await inspect(name);
    const { entries } = readSnapshot(name);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    const { keys, bytes, tableBytes } = report.totals;
    expect(keys).toBe(entries.length);
    expect(report.totals.keysWithTtl).toBe(entries.filter(({ expiresAtMs }) => expiresAtMs >= 0).length);
    for (const parts of [report.types, report.encodings, report.sizes]) {
      expect(sum<{ keys: number }>(parts, (part) => part.keys)).toBe(keys);
      expect(sum<{ bytes: number }>(parts, (part) => part.bytes) / (bytes - tableBytes)).toBeCloseTo(1, 3);
    }
    expect(sum(report.databases, (part) => part.keys)).toBe(keys);
    expect(sum(report.databases, (part) => part.bytes) / bytes).toBeCloseTo(1, 3);
    expect(report.prefixes.root.keys).toBe(keys);
    expect(sum(report.slots.groups, (group) => group.keys)).toBe(keys);
    expect(report.ttl.withTtl.keys + report.ttl.withoutTtl.keys).toBe(keys);
    expect(sum(report.ttl.ranges, (range) => range.keys) + report.ttl.expired.keys).toBe(
      report.ttl.withTtl.keys,
    );
    expect(report.biggest.byBytes).toHaveLength(20);
    expect(report.biggest.byBytes[0]!.bytes).toBe(report.totals.size.max);
  });

  test('types are those the server named, and so many elements', async () => {
    const report = await inspect(name, { top: 1000 });
    const expected = new Map<string, number>();
    for (const { type } of readExpected(name)) {
      const kind = type === 'vectorset' ? 'module' : type;
      expected.set(kind, (expected.get(kind) ?? 0) + 1);
    }
    expect(new Map(report.types.map(({ type, keys }) => [type, keys]))).toEqual(expected);
    const elements = new Map(
      report.biggest.byElements.map((key) => [`${key.db} ${JSON.stringify(key.key)}`, key.elements]),
    );
    for (const line of readExpected(name)) {
      if (line.type === 'string' || line.type === 'vectorset' || line.value.length < 2) continue;
      expect([line.key, elements.get(`${line.db} ${JSON.stringify(line.key)}`)]).toEqual([
        line.key,
        line.value.length,
      ]);
    }
  });
});

test('who wrote the file, and when', async () => {
  const { source, model } = await inspect('valkey-8.1.1');
  expect(source).toMatchObject({ dialect: 'redis', rdbVersion: 11, server: 'valkey 8.1.1', checksum: 'ok' });
  expect(model).toEqual({
    server: 'valkey 8.1',
    chosenBy: 'file',
    allocator: 'system',
    account: 'allocated',
  });
  const old = await inspect('redis-2.8.24');
  expect(old.model).toMatchObject({ server: 'redis 2.6', chosenBy: 'assumed' });
  expect(old.ttl.referenceMs).toBe(1_800_000_000_000);
  const other = await inspect('redis-7.2.6', {
    server: { family: 'valkey', major: 9, minor: 1 },
    allocator: 'bundled',
  });
  expect(other.model).toMatchObject({ server: 'valkey 9.1', chosenBy: 'option', allocator: 'bundled' });
});

test('idle times and counters where there are any', async () => {
  const [lru, lfu, plain] = await Promise.all(
    ['lru', 'lfu', 'plain'].map((end) => inspect(`redis-7.0.15-${end}`)),
  );
  expect(lru!.idle).toMatchObject({ keys: 134 });
  expect([lru!.frequency, lfu!.idle, plain!.idle, plain!.frequency]).toEqual([null, null, null, null]);
  expect(lfu!.frequency).toMatchObject({ keys: 134 });
  expect(lfu!.frequency!.hottest[0]!.lfuFrequency).toBeGreaterThanOrEqual(
    lfu!.frequency!.hottest[5]!.lfuFrequency!,
  );
  expect(plain!.source.checksum).toBe('disabled');
});

test('functions and modules', async () => {
  const report = await inspect('redis-8.0.6');
  expect(report.functions).toEqual([{ name: 'lib1', engine: 'lua', bytes: expect.any(Number) }]);
  expect(report.modules).toMatchObject([{ name: 'vectorset', keys: 2 }]);
});

test('a filter leaves out the others everywhere', async () => {
  const report = await inspect('redis-7.2.6', {
    filter: { ...NO_FILTER, includeKeys: ['*hash:*'], includeDbs: [3] },
    filterWords: ['--include-key *hash:*', '--include-db 3'],
  });
  expect(report.types.map(({ type }) => type)).toEqual(['hash']);
  expect(report.databases.map(({ db }) => db)).toEqual([3]);
  expect(report.filters).toHaveLength(2);
  expect(report.biggest.byBytes.every(({ key }) => JSON.stringify(key).includes('hash:'))).toBe(true);
});

test('a sample is scaled up', async () => {
  const whole = await inspect('redis-7.2.6');
  const sample = await inspect('redis-7.2.6', { sampleEvery: 4 });
  expect(sample.sampling.keysMeasured).toBeGreaterThan(10);
  expect(sample.sampling.keysMeasured).toBeLessThan(80);
  expect(sample.totals.keys).toBe(sample.sampling.keysMeasured * 4);
  expect(Math.abs(sample.totals.keys / whole.totals.keys - 1)).toBeLessThan(0.6);
});

test('a wrong checksum ends it, unless nobody asks', async () => {
  await expect(
    inspect('redis-7.2.6', { source: `${FOLDER}redis-7.2.6.expected.ndjson` }),
  ).rejects.toMatchObject({
    exitCode: 6,
  });
  const report = await inspect('redis-7.2.6', { checksum: false });
  expect(report.source.checksum).toBe('unchecked');
});
