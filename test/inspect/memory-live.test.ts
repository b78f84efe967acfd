/**
 * The memory model against real servers. Each comparison ends in a table on the console, by type and server:
 *
 *   corpus    the snapshot of that version loaded, every key asked for MEMORY USAGE key SAMPLES 0
 *   growth    what used_memory grows by, per key, when copies of a value are restored
 *   bench     what used_memory grows by when a bench set is loaded (where its file has been made)
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import type { RunningServer, ServerBinary } from '../../scripts/servers.mjs';
import type { AllocatorName } from '../../src/inspect/allocator.js';
import { MemoryMeter } from '../../src/inspect/memory-model.js';
import { serverProfile, type Account, type ServerProfile } from '../../src/inspect/server-profile.js';
import { BINARIES, binaryOf, isAtLeast, Servers } from '../support/live.js';
import { entryOf, measureEach, measureFile } from './support.js';

const TOLERANCE = 0.1;
const FIXTURES = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));
const BENCH = fileURLToPath(new URL('../../.cache/bench/', import.meta.url));
const servers = new Servers();
const lines: string[] = [];
afterAll(() => console.log(['memory model, ours against the server:', ...lines.toSorted()].join('\n')));

/** The corpus was written with lower limits than the default: with these nothing is packed on load. */
function unpacked(binary: ServerBinary): Record<string, number> {
  return {
    'hash-max-ziplist-entries': 64,
    'zset-max-ziplist-entries': 64,
    'set-max-intset-entries': 64,
    ...(binary.family === 'valkey' || isAtLeast(binary, '7.2.0') ? { 'set-max-listpack-entries': 64 } : {}),
  };
}

async function infoField(client: Client, field: string): Promise<string> {
  const info: string = await client.text('INFO', 'memory');
  return new RegExp(`^${field}:(.*?)\\r?$`, 'mu').exec(info)?.[1] ?? '';
}

async function profileFor(binary: ServerBinary, client: Client, account: Account): Promise<ServerProfile> {
  const [major, minor] = binary.version.split('.').map(Number);
  const named = await infoField(client, 'mem_allocator');
  const allocator: AllocatorName = named.startsWith('jemalloc-5.3.1') ? 'system-5.3.1' : 'system';
  return serverProfile({ family: binary.family, major: major!, minor: minor! }, { account, allocator });
}

const percent = (ours: number, theirs: number): string => `${((ours / theirs - 1) * 100).toFixed(1)} %`;

async function quiet(client: Client): Promise<number> {
  let before = Number(await infoField(client, 'used_memory'));
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    const now = Number(await infoField(client, 'used_memory'));
    if (Math.abs(now - before) < 64) return now;
    before = now;
  }
}

const withCorpus = BINARIES.filter(({ id }) => existsSync(`${FIXTURES}${id}.rdb`));

test('there are servers to compare with', () => {
  expect(withCorpus.map(({ id }) => id)).not.toEqual([]);
});

describe.each(withCorpus)('$id', (binary) => {
  test('MEMORY USAGE of the corpus, by type', async () => {
    const file = `${FIXTURES}${binary.id}.rdb`;
    const server = await servers.start(binary, { loadRdb: file, args: unpacked(binary) });
    const client = await servers.client(server);
    const profile = await profileFor(binary, client, 'memory-usage');
    const sums = new Map<string, [ours: number, theirs: number, keys: number]>();
    const otherEncodings: string[] = [];
    let db = -1;
    for (const { kind, key, bytes, db: itsDb, encoding } of measureFile(file, profile).keys) {
      if (itsDb !== db) await client.call('SELECT', (db = itsDb));
      const theirs = Number(await client.call('MEMORY', 'USAGE', key, 'SAMPLES', 0));
      const theirEncoding: string = await client.text('OBJECT', 'ENCODING', key);
      if (theirEncoding !== (kind === 'module' ? 'raw' : encoding))
        otherEncodings.push(`${kind} ${encoding} ${theirEncoding}`);
      const sum = sums.get(kind) ?? [0, 0, 0];
      sums.set(kind, [sum[0] + bytes, sum[1] + theirs, sum[2] + 1]);
    }
    expect(otherEncodings).toEqual([]);
    expect(sums.size).toBeGreaterThanOrEqual(6);
    const row = [...sums].map(([kind, [ours, theirs]]) => `${kind} ${percent(ours, theirs)}`);
    lines.push(`  MEMORY USAGE of the corpus   ${binary.id.padEnd(14)} ${row.join(' · ')}`);
    const off = [...sums].filter(([, [ours, theirs]]) => Math.abs(ours / theirs - 1) > TOLERANCE);
    expect(off).toEqual([]);
    await server.stop();
  });
});

// ---- growth of used_memory ---------------------------------------------------------------------------

const COPIES = 200;
const COPIES_OF_SMALL = 2000;
const SMALL_BYTES = 1000;
const many = (count: number, make: (i: number) => string[]): string[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat();
const KEY = 'src:key1';

type Make = () => (readonly (string | number)[])[];

const VALUES: Readonly<Record<string, Make>> = {
  'hash listpack': () => [['HSET', KEY, ...many(20, (i) => [`field${i}`, `value${i}`])]],
  'hash table': () => [['HSET', KEY, ...many(1000, (i) => [`field${i}`, `value${i}`])]],
  'hash of long values': () => [['HSET', KEY, ...many(600, (i) => [`field${i}`, 'v'.repeat(150)])]],
  intset: () => [['SADD', KEY, ...many(50, (i) => [String(i * 1000)])]],
  'set table': () => [['SADD', KEY, ...many(1000, (i) => [`member${i}`])]],
  'zset listpack': () => [['ZADD', KEY, ...many(20, (i) => [String(i), `m${i}`])]],
  skiplist: () => [['ZADD', KEY, ...many(1000, (i) => [String(i), `member${i}`])]],
  'small list': () => [['RPUSH', KEY, ...many(20, (i) => [`item${i}`])]],
  'large list': () => [['RPUSH', KEY, ...many(4000, (i) => [`item${i}`])]],
  'stream of a node': () =>
    Array.from({ length: 8 }, (_, i) => ['XADD', KEY, `${i + 1}-0`, 'a', '1', 'b', '2']),
  'stream of 20 nodes': () =>
    Array.from({ length: 2000 }, (_, i) => [
      'XADD',
      KEY,
      `${1_700_000_000_000 + i * 7}-0`,
      'a',
      '1',
      'b',
      '2',
    ]),
  'stream with groups': () => [
    ...Array.from({ length: 500 }, (_, i) => ['XADD', KEY, `${1_700_000_000_000 + i * 7}-0`, 'a', '1']),
    ['XGROUP', 'CREATE', KEY, 'workers', '0'],
    ['XREADGROUP', 'GROUP', 'workers', 'one', 'COUNT', 200, 'STREAMS', KEY, '>'],
    ['XREADGROUP', 'GROUP', 'workers', 'two', 'COUNT', 200, 'STREAMS', KEY, '>'],
  ],
  'fields with TTL': () => [
    ['HSET', KEY, ...many(1000, (i) => [`field${i}`, `value${i}`])],
    ...Array.from({ length: 1000 }, (_, i) => ['HEXPIRE', KEY, 100_000 + i, 'FIELDS', 1, `field${i}`]),
  ],
};

/** The middle one of three, as a server now and then lets go of a buffer. */
async function growthOf(client: Client, dump: Buffer): Promise<number> {
  const all = [
    await onceGrowth(client, dump),
    await onceGrowth(client, dump),
    await onceGrowth(client, dump),
  ];
  return all.toSorted((a, b) => a - b)[1]!;
}

async function onceGrowth(client: Client, dump: Buffer): Promise<number> {
  const copies = dump.length < SMALL_BYTES ? COPIES_OF_SMALL : COPIES;
  const names = Array.from({ length: copies }, (_, i) => `k:${String(i).padStart(6, '0')}`);
  const before = await quiet(client);
  await client.pipeline(names.map((name) => ['RESTORE', name, 0, dump]));
  const after = await quiet(client);
  await client.pipeline(names.map((name) => ['DEL', name]));
  return (after - before) / copies;
}

async function filled(server: RunningServer): Promise<Client> {
  const client = await servers.client(server);
  // A table so large that a few hundred keys do not make it grow.
  await client.pipeline(Array.from({ length: 40_000 }, (_, i) => ['SET', `filler:${i}`, 'x']));
  return client;
}

describe.each(BINARIES)('$id', (binary) => {
  test('used_memory grows by what the model says, whatever the value', async () => {
    const server = await servers.start(binary, { args: unpacked(binary) });
    const client = await filled(server);
    const meter = new MemoryMeter(await profileFor(binary, client, 'allocated'));
    const dialect = binary.family === 'valkey' && isAtLeast(binary, '9.0.0') ? 'valkey' : 'redis';
    const row: string[] = [];
    const off: [string, number][] = [];
    // The first one makes the server get buffers that it keeps.
    for (const name of ['hash table', ...Object.keys(VALUES)]) {
      const replies = await client.pipeline(VALUES[name]!());
      const refused = replies.some((reply) => reply instanceof Error);
      const dump = refused ? undefined : Buffer.from(await client.call('DUMP', KEY));
      await client.call('DEL', KEY);
      if (dump === undefined) continue;
      const growth = await growthOf(client, dump);
      meter.measure(entryOf(dump[0]!, dump.subarray(1, -10), { key: 'k:000001', dialect }));
      row.push(`${name} ${percent(meter.bytes, growth)}`);
      off.push([name, meter.bytes / growth - 1]);
    }
    lines.push(`  growth of used_memory        ${binary.id.padEnd(14)} ${row.slice(1).join(' · ')}`);
    expect(off.length).toBeGreaterThan(Object.keys(VALUES).length - 1);
    expect(off.slice(1).filter(([, share]) => Math.abs(share) > TOLERANCE)).toEqual([]);
    await server.stop();
  });
});

// ---- bench sets --------------------------------------------------------------------------------------

const BENCH_SETS = ['S', 'M', 'B'].map((name) => ({ name, file: `${BENCH}${name}-1-redis-7.0.15.rdb` }));
const LOADERS = ['redis-7.0', 'valkey-9.1'].map(binaryOf).filter((binary) => binary !== undefined);

describe.each(BENCH_SETS)('bench set $name', ({ name, file }) => {
  test.skipIf(!existsSync(file) || LOADERS.length === 0)(
    'used_memory once it is loaded',
    async () => {
      const bytes = readFileSync(file);
      for (const binary of LOADERS) {
        const empty = await servers.start(binary);
        const idle = Number(await infoField(await servers.client(empty), 'used_memory'));
        await empty.stop();
        const server = await servers.start(binary, { loadRdb: file, startTimeoutMs: 120_000 });
        const client = await servers.client(server);
        const growth = Number(await infoField(client, 'used_memory')) - idle;
        const profile = await profileFor(binary, client, 'allocated');
        await server.stop();
        const ours = measureEach(bytes, profile, () => {});
        const total = ours.bytes + ours.tableBytes;
        lines.push(
          `  bench set ${name}                  ${binary.id.padEnd(14)} ${percent(total, growth)} of ${Math.round(growth / 1e6)} MB`,
        );
        expect(Math.abs(total / growth - 1)).toBeLessThan(TOLERANCE);
      }
    },
    180_000,
  );
});
