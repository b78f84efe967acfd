/** Restores: what the target may hold, what is carried, and what is said when it does not work out. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { openFileInput } from '../../src/io/input.js';
import { runRestore } from '../../src/restore/run-restore.js';
import { binaryOf, NO_FILTER, Servers } from '../support/live.js';
import { restore } from './support.js';

const servers = new Servers();
/** With TTLs of hash fields. */
const binary = binaryOf('redis-8.0');
const corpus = fileURLToPath(new URL('../../fixtures/corpus/redis-7.0.15.rdb', import.meta.url));

async function start(): Promise<{
  url: string;
  client: Client;
  file: (name: string, text: string) => Promise<string>;
}> {
  const server = await servers.start(binary!);
  return {
    url: server.url,
    client: await servers.client(server),
    file: async (name, text) => {
      const path = join(server.dir, name);
      await writeFile(path, text);
      return path;
    },
  };
}

describe.skipIf(binary === undefined)('a target that holds keys', () => {
  test('is left alone, emptied or written over, as asked', async () => {
    const { url, client } = await start();
    await client.call('SET', 'mine', '1');
    await expect(restore(corpus, url)).rejects.toMatchObject({ code: 'TARGET_NOT_EMPTY' });
    expect(await client.call('DBSIZE')).toBe(1);
    await restore(corpus, url, { targetNotEmpty: 'merge' });
    const merged = Number(await client.call('DBSIZE'));
    expect(await client.text('GET', 'mine')).toBe('1');
    await restore(corpus, url, { targetNotEmpty: 'flush' });
    expect(await client.call('DBSIZE')).toBe(merged - 1);
  });
});

describe.skipIf(binary === undefined)('filters and maps', () => {
  test('for a snapshot', async () => {
    const { url, client } = await start();
    const filter = { ...NO_FILTER, includeDbs: [0], includeKinds: ['hash' as const] };
    const { summary } = await restore(corpus, url, { filter, dbMap: new Map([[0, 7]]) });
    expect(summary.filteredKeys).toBeGreaterThan(0);
    await client.call('SELECT', 7);
    expect(await client.call('DBSIZE')).toBe(summary.keys);
    expect(summary.keys).toBeGreaterThan(2);
  });

  test('for NDJSON', async () => {
    const { url, client, file } = await start();
    const line = (db: number, key: string): string =>
      `{"db":${db},"key":"${key}","type":"list","value":["x"]}\n`;
    const path = await file('a.ndjson', line(0, 'a') + line(1, 'b') + line(1, 'c'));
    const filter = { ...NO_FILTER, excludeKeys: ['c'], includeDbs: [1] };
    const { summary } = await restore(path, url, { filter, dbMap: new Map([[1, 0]]) });
    expect(summary).toMatchObject({ keys: 1, filteredKeys: 2 });
    expect(await client.call('KEYS', '*')).toHaveLength(1);
  });
});

describe.skipIf(binary === undefined)('NDJSON', () => {
  const good = '{"db":0,"key":"a","type":"string","value":"1"}\n';

  test.each([
    ['{"db":0,"key":"b","type":"string","value":5}', 'value is neither a string'],
    ['{"db":0,"key":"b","type":"zset","value":[["m","x"]]}', 'is not a score'],
    ['{"db":0,"key":"b","type":"hash","value":[["f"]]}', 'has 1 parts'],
    ['{"db":0,"key":"b","type":"thing","value":[]}', 'there is no type'],
    ['{"db":0,"key":"b","type":"list","value":["x"],"incomplete":true}', 'not complete'],
    ['{"db":0,"key":"b","type":"stream","value":{"entries":[]}}', 'lastId'],
    ['{"db":0,"key":"b","type":"list","value":["x"', 'ends in the middle'],
  ])('%s', async (line, problem) => {
    const { url, client, file } = await start();
    const path = await file('a.ndjson', `${good}${line}\n${good.replace('"a"', '"c"')}`);
    await expect(restore(path, url)).rejects.toMatchObject({
      exitCode: 6,
      message: expect.stringContaining(problem),
      place: { at: `${path}, line 2`, db: 0, key: '"b"' },
    });
    const { summary } = await restore(path, url, { onError: 'skip', targetNotEmpty: 'flush' });
    expect(summary).toMatchObject({ ok: false, keys: 2, skipped: [{ what: 'key', name: '"b"', offset: 2 }] });
    expect(await client.call('DBSIZE')).toBe(2);
  });

  test('a line that is no JSON, and one without its end', async () => {
    const { url, file } = await start();
    const path = await file('a.ndjson', `${good}nonsense\n`);
    await expect(restore(path, url)).rejects.toMatchObject({ place: { at: `${path}, line 2` } });
    const cut = await file('b.ndjson', `${good}{"db":0,"key":"b","ty`);
    await expect(restore(cut, url, { targetNotEmpty: 'flush' })).rejects.toMatchObject({
      place: { at: `${cut}, line 2`, db: 0, key: '"b"' },
    });
  });

  test('values too large to be held go as commands', async () => {
    const { url, client, file } = await start();
    const fields = Array.from({ length: 100_000 }, (_, at) => `["field:${at}","value of field ${at}"]`).join(
      ',',
    );
    const expiries = Array.from(
      { length: 1000 },
      (_, at) => `["field:${at}",${4_000_000_000_000 + (at >> 3)}]`,
    ).join(',');
    const entries = Array.from(
      { length: 40_000 },
      (_, at) => `{"id":"${at + 1}-0","fields":[["f","${'x'.repeat(1000)}"]]}`,
    ).join(',');
    const lines = [
      `{"db":0,"key":"h","type":"hash","value":[${fields}],"fieldExpiresAt":[${expiries}]}`,
      `{"db":2,"key":"z","type":"zset","expiresAt":4000000000000,"value":[${Array.from({ length: 100_000 }, (_, at) => `["m${at}","${at}.5"]`).join(',')}]}`,
      `{"db":2,"key":"l","type":"list","value":[${Array.from({ length: 100_000 }, (_, at) => `"item ${at}"`).join(',')}]}`,
      `{"db":0,"key":"s","type":"stream","value":{"entries":[${entries}],"length":40000,"lastId":"40000-0","groups":[{"name":"g","lastId":"5-0","entriesRead":5,"consumers":[{"name":"c","seenTime":1,"activeTime":1}],"pending":[{"id":"5-0","consumer":"c","deliveryTime":1,"deliveryCount":2}]}]}}`,
      `{"db":0,"key":"t","type":"string","value":"${'é"'.replace('"', '\\"').repeat(2_000_000)}"}`,
    ];
    const path = await file('a.ndjson', lines.join('\n'));
    const { summary } = await restore(path, url);
    expect(summary).toMatchObject({ ok: true, keys: 5 });
    expect(await client.call('HLEN', 'h')).toBe(100_000);
    expect(await client.text('HGET', 'h', 'field:99999')).toBe('value of field 99999');
    const asked = ['HPEXPIRETIME', 'h', 'FIELDS', 3, 'field:0', 'field:999', 'field:1000'] as const;
    expect(await client.call(...asked)).toEqual([4_000_000_000_000, 4_000_000_000_124, -1]);
    expect(await client.call('XLEN', 's')).toBe(40_000);
    expect(await client.call('STRLEN', 't')).toBe(6_000_000);
    await client.call('SELECT', 2);
    expect(await client.call('ZCARD', 'z')).toBe(100_000);
    expect(await client.call('PEXPIRETIME', 'z')).toBe(4_000_000_000_000);
    expect(await client.call('LLEN', 'l')).toBe(100_000);
  });
});

describe.skipIf(binary === undefined)('what goes wrong', () => {
  test('a database that the target does not have', async () => {
    const { url, file } = await start();
    const path = await file('a.ndjson', '{"db":99,"key":"a","type":"string","value":"1"}\n');
    await expect(restore(path, url)).rejects.toMatchObject({
      code: 'TARGET_REFUSED',
      place: { at: `${path}, line 1`, db: 99 },
    });
  });

  test('a target that is full', async () => {
    const { url, client } = await start();
    await client.call('CONFIG', 'SET', 'maxmemory', '1');
    await expect(restore(corpus, url)).rejects.toMatchObject({
      code: 'TARGET_BUSY',
      message: expect.stringContaining('out of memory'),
      place: { at: corpus },
    });
  });

  test('nobody there', async () => {
    await expect(restore(corpus, 'redis://127.0.0.1:1')).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
    });
  });

  test('a file that is not what it is said to be leaves the target as it is', async () => {
    const { url, client, file } = await start();
    await client.call('SET', 'mine', '1');
    const path = await file('a.rdb', 'nonsense');
    for (const format of ['auto', 'rdb', 'aof', 'resp'] as const) {
      await expect(restore(path, url, { format, targetNotEmpty: 'flush' })).rejects.toMatchObject({
        exitCode: 6,
      });
    }
    expect(await client.text('GET', 'mine')).toBe('1');
  });

  test('stopped half-way', async () => {
    const { url } = await start();
    const run = runRestore(
      {
        source: corpus,
        format: 'auto',
        target: parseEndpoint(url, 'target'),
        targetNotEmpty: 'fail',
        onError: 'stop',
        filter: NO_FILTER,
        dbMap: new Map(),
        checksum: true,
        truncatedTail: 'fail',
        toTime: undefined,
      },
      { open: openFileInput, emit: () => {} },
    );
    run.stop();
    await expect(run.done).rejects.toMatchObject({ code: 'INCOMPLETE' });
    expect(run.summary().ok).toBe(false);
  });
});
