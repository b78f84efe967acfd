/** Snapshots cut into the shards of a cluster; which slot a key belongs to is judged by a real cluster node. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startServer } from '../../scripts/servers.mjs';
import { encodeRdb, type RdbKey } from '../../src/rdb/encode/encode-rdb.js';
import { exitCodeOf } from '../../src/export/rdb-report.js';
import { equalShards, parseNodesConf, parseShardCount, slotTable } from '../../src/export/slot-split.js';
import { parseServerName } from '../../src/rdb/server-support.js';
import { keySlot } from '../../src/keyspace/key-slot.js';
import { BINARIES } from '../support/live.js';
import { NO_FILTER } from '../support/no-filter.js';
import { corpusFile, exportRdb, temporaryFolder } from '../support/rdb-export.js';
import { ascii } from '../support/rdb-hex.js';
import { readRdbFile } from '../support/rdb-read.js';

const path = temporaryFolder();
const only0 = { filter: { ...NO_FILTER, includeDbs: [0] } };
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string];

const NODES = `${A} 10.0.0.1:7001@17001,one.example myself,master - 0 0 1 connected 0-5460 5500 [5461->-${B}]
${B} 10.0.0.2:7002@17002 master - 0 1700000000000 2 connected 5461-5499 5501-10922
${C} [::1]:7003@17003 master,fail - 0 1700000000000 3 connected 10923-16383
${'d'.repeat(40)} 10.0.0.4:7004@17004 slave ${A} 0 1700000000000 1 connected
${'e'.repeat(40)} 10.0.0.5:7005@17005 master - 0 1700000000000 0 connected
vars currentEpoch 6 lastVoteEpoch 0
`;

describe('nodes.conf', () => {
  test('the primaries with slots, slots on the move with who has them', () => {
    expect(parseNodesConf(NODES, 'nodes.conf')).toEqual([
      {
        name: '10.0.0.1-7001',
        ranges: [
          [0, 5460],
          [5500, 5500],
        ],
      },
      {
        name: '10.0.0.2-7002',
        ranges: [
          [5461, 5499],
          [5501, 10_922],
        ],
      },
      { name: '___1_-7003', ranges: [[10_923, 16_383]] },
    ]);
  });

  test('nodes without an address of their own are named by their id', () => {
    const same = NODES.replaceAll('10.0.0.2:7002@17002', '10.0.0.1:7001@17001').replace(
      '[::1]:7003@17003',
      ':7003@0',
    );
    expect(parseNodesConf(same, 'x').map(({ name }) => name)).toEqual([A, B, C]);
  });

  test.each([
    ['', /no primary/],
    ['hello world', /line 1 is not a node/],
    [NODES.replace('0-5460', '0-16384'), /line 1/],
    [NODES.replace('5460 5500', '5461 x'), /line 1/],
  ])('%j is refused', (text, message) => {
    expect(() => parseNodesConf(text, 'f')).toThrow(message);
  });

  test('a slot belongs to one node', () => {
    const shards = parseNodesConf(NODES.replace('0-5460', '0-5461'), 'f');
    expect(() => slotTable(shards)).toThrow(/slot 5461 belongs to two nodes/);
  });
});

describe('equal ranges', () => {
  test.each([1, 2, 3, 7, 16, 1000])('%i of them cover every slot once', (count) => {
    const shards = equalShards(count);
    const table = slotTable(shards);
    expect([...new Set(table)].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, at) => at),
    );
    const sizes = shards.map(({ ranges: [range] }) => range![1] - range![0] + 1);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    expect(new Set(shards.map(({ name }) => name.length)).size).toBe(1);
  });

  test('a sensible number of them', () => {
    expect([parseShardCount('3'), parseShardCount('nodes.conf'), parseShardCount('./3')]).toEqual([
      3,
      undefined,
      undefined,
    ]);
    expect(() => parseShardCount('0')).toThrow(/from 1 to 1000/);
    expect(() => parseShardCount('1001')).toThrow(/from 1 to 1000/);
  });
});

test('slots follow the hash tag', () => {
  const slot = (text: string): number => keySlot(ascii(`..${text}.`), 2, 2 + text.length);
  expect(slot('123456789')).toBe(0x31c3 & 16383);
  expect(slot('a{user}b')).toBe(slot('user'));
  expect(slot('{}x')).not.toBe(slot('x'));
  expect(slot('a{x}{y}')).toBe(slot('x'));
});

describe('files', () => {
  const from = corpusFile('redis-7.0.15');
  const all = readRdbFile(from).keys.filter(({ db }) => db === 0);

  test('one per range, every key in the right one', async () => {
    const out = path('ranges.rdb');
    const summary = await exportRdb([from], out, { ...only0, split: '3' });
    expect(summary.files.map((file) => file.path)).toEqual(
      ['1', '2', '3'].map((name) => path(`ranges-${name}.rdb`)),
    );
    const parts = summary.files.map((file) => readRdbFile(file.path!));
    expect(parts.map(({ checksum }) => checksum)).toEqual(['ok', 'ok', 'ok']);
    summary.files.forEach(({ slots, keys }, at) => {
      const [[first, last]] = slots as [[number, number]];
      const found = parts[at]!.keys.map(({ key }) => keySlot(ascii(key)));
      expect(found.length).toBe(keys);
      expect(found.filter((slot) => slot < first || slot > last)).toEqual([]);
    });
    expect(parts.flatMap(({ keys }) => keys.map(({ key }) => key)).toSorted()).toEqual(
      all.map(({ key }) => key).toSorted(),
    );
    await expect(exportRdb([from], out, { ...only0, split: '3' })).rejects.toThrow(/there already/);
    await exportRdb([from], out, { ...only0, split: '3', force: true });
  });

  test('one per node, also into a folder', async () => {
    const conf = path('nodes.conf');
    writeFileSync(conf, NODES);
    mkdirSync(path('shards'));
    const summary = await exportRdb([from], path('shards'), { ...only0, split: conf });
    expect(summary.files.map((file) => file.path)).toEqual(
      ['10.0.0.1-7001', '10.0.0.2-7002', '___1_-7003'].map((name) => path(`shards/${name}.rdb`)),
    );
    expect(summary.keys).toBe(all.length);
  });

  test('keys whose slot nobody has are told', async () => {
    const conf = path('half.conf');
    writeFileSync(conf, NODES.replace(' 10923-16383', ''));
    const summary = await exportRdb([from], path('half.rdb'), { ...only0, split: conf });
    const missing = all.filter(({ key }) => keySlot(ascii(key)) > 10_922);
    expect(summary.dropped).toBe(missing.length);
    expect(summary.losses[0]?.why).toMatch(/no node has its slot, 1\d{4}/);
    expect(exitCodeOf(summary)).toBe(3);
  });

  test('a cluster has one database, unless it is one of Valkey 9', async () => {
    const out = path('databases.rdb');
    await expect(exportRdb([from], out, { split: '2' })).rejects.toMatchObject({
      code: 'USAGE',
      place: { db: 3 },
    });
    expect(existsSync(path('databases-1.rdb'))).toBe(false);
    const summary = await exportRdb([from], out, { split: '2', server: parseServerName('valkey-9.1') });
    expect(summary.keys).toBe(readRdbFile(from).keys.length);
  });

  test('several files need a name', async () => {
    await expect(exportRdb([from], undefined, { split: '2' })).rejects.toThrow(/needs -o/);
    await expect(exportRdb([from], path('x.rdb'), { split: path('none.conf') })).rejects.toThrow(/ENOENT/);
  });
});

const NODE = BINARIES.filter(({ family }) => family === 'redis').at(-1) ?? BINARIES.at(-1);

test.skipIf(NODE === undefined)('a cluster node takes its part and says so of each key', async () => {
  const source = path('tags.rdb');
  const keys: RdbKey[] = Array.from({ length: 300 }, (_, at) => ({
    key: ascii(at % 3 === 0 ? `{tag${at % 20}}:${at}` : `key:${at}`),
    value: { kind: 'string', bytes: ascii('v') },
  }));
  writeFileSync(source, encodeRdb(keys));
  const { files } = await exportRdb([source], path('tags-out.rdb'), { split: '2' });
  const server = await startServer(NODE!, { loadRdb: files[1]!.path!, args: { 'cluster-enabled': 'yes' } });
  try {
    const client = await server.client();
    expect(await client.call('DBSIZE')).toBe(files[1]!.keys);
    const slots: number[] = await Promise.all(keys.map(({ key }) => client.call('CLUSTER', 'KEYSLOT', key)));
    expect(slots).toEqual(keys.map(({ key }) => keySlot(key)));
    expect(slots.filter((slot) => slot > 8191).length).toBe(files[1]!.keys);
    await client.close();
  } finally {
    await server.stop();
  }
});
