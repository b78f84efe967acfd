/** Append-only files of real servers, loaded into another of the same version. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import { fillEverything } from '../../scripts/workload/fill.mjs';
import { binaryOf, differences, isAtLeast, type Servers as Pool, Servers, waitFor } from '../support/live.js';
import { resp } from '../io/support.js';
import { restore } from './support.js';

const servers = new Servers();

async function withAof(
  series: string,
  args: Parameters<Pool['start']>[1] = {},
): Promise<{ url: string; client: Client; path: string; folder: string }> {
  const binary = binaryOf(series)!;
  const server = await servers.start(binary, {
    args: { appendonly: 'yes', appendfsync: 'always', ...args.args },
  });
  const path = join(server.dir, isAtLeast(binary, '7.0') ? 'appendonlydir' : 'appendonly.aof');
  return { url: server.url, client: await servers.client(server), path, folder: server.dir };
}

async function rewritten(client: Client): Promise<void> {
  await client.call('BGREWRITEAOF');
  await waitFor(
    'the rewrite',
    async () =>
      /aof_rewrite_in_progress:0[^]*aof_last_bgrewrite_status:ok[^]*/.test(
        await client.text('INFO', 'persistence'),
      ) && /aof_rewrite_scheduled:0/.test(await client.text('INFO', 'persistence')),
  );
}

const changes: readonly (readonly (string | number)[])[] = [
  ['SELECT', 5],
  ['SET', 'later', 'x', 'EX', 1000],
  ['MULTI'],
  ['INCR', 'a'],
  ['RPUSH', 'l', 'x', 'y'],
  ['EXEC'],
  ['SELECT', 0],
  ['HSET', 'h', 'f', 'v'],
  ['PEXPIRE', 'h', 500_000],
];

const cases = [
  ['redis-6.0', 'a snapshot and commands in one file', 'yes', true],
  ['redis-6.0', 'commands only', 'no', false],
  ['redis-7.0', 'several files', 'yes', true],
  ['redis-8.0', 'several files', 'yes', true],
  ['valkey-8.1', 'several files, the base of commands', 'no', true],
  ['valkey-9.1', 'several files', 'yes', true],
] as const;

describe.each(cases)('%s, %s', (series, _, preamble, rewrite) => {
  test.skipIf(binaryOf(series) === undefined)('comes out the same', async () => {
    const { client, path } = await withAof(series, {
      args: {
        'aof-use-rdb-preamble': preamble,
        ...(series === 'redis-6.0' ? {} : { 'aof-timestamp-enabled': 'yes' }),
      },
    });
    expect(await fillEverything(client, { seed: 11 })).toMatchObject({ errors: [] });
    if (rewrite) await rewritten(client);
    for (const command of changes) await client.call(...command);
    const target = await servers.start(binaryOf(series)!);
    const to = await servers.client(target);
    const { summary } = await restore(path, target);
    expect(summary).toMatchObject({ ok: true, format: 'aof' });
    expect(summary.bytesRead).toBeGreaterThanOrEqual(summary.totalBytes!);
    const left = (await differences(client, to)).filter(({ what }) => what !== 'stream');
    expect(left).toEqual([]);
  });
});

describe.skipIf(binaryOf('redis-7.0') === undefined)('by hand', () => {
  async function target(): Promise<{
    url: string;
    client: Client;
    file: (text: string, name?: string) => Promise<string>;
  }> {
    const server = await servers.start(binaryOf('redis-7.0')!);
    return {
      url: server.url,
      client: await servers.client(server),
      file: async (text, name = 'test.aof') => {
        const path = join(server.dir, name);
        await writeFile(path, text);
        return path;
      },
    };
  }

  const whole = resp('SELECT', '1') + resp('SET', 'a', '1');
  const open = resp('MULTI') + resp('SET', 'a', '2') + resp('SET', 'b', '2');

  test('a transaction that is cut off leaves nothing behind', async () => {
    const { url, client, file } = await target();
    const path = await file(whole + open);
    await expect(restore(path, url)).rejects.toMatchObject({
      code: 'RDB_TRUNCATED',
      place: { at: path, offset: whole.length },
    });
    await client.call('FLUSHALL');
    const { summary, events } = await restore(path, url, { truncatedTail: 'keep' });
    expect(summary.ok).toBe(true);
    expect(events.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await client.call('SELECT', 1);
    expect(await client.text('GET', 'a')).toBe('1');
    expect(await client.call('EXISTS', 'b')).toBe(0);
  });

  test('up to a moment', async () => {
    const { url, client, file } = await target();
    const path = await file(`#TS:100\r\n${whole}#TS:200\r\n${resp('SET', 'a', '2')}`);
    await restore(path, url, { toTime: 199 });
    await client.call('SELECT', 1);
    expect(await client.text('GET', 'a')).toBe('1');
  });

  test('relative times of old files count from when they were written', async () => {
    const { url, client, file } = await target();
    const seconds = Math.floor(Date.now() / 1000) - 600;
    const path = await file(
      `#TS:${seconds}\r\n${resp('SET', 'a', '1', 'EX', '1000')}${resp('SET', 'b', '1', 'EX', '500')}`,
    );
    await restore(path, url);
    expect(await client.call('TTL', 'a')).toBeLessThanOrEqual(400);
    expect(await client.call('EXISTS', 'b')).toBe(0);
  });

  test('a file of commands is taken as it is', async () => {
    const { url, client, file } = await target();
    const path = await file(resp('SET', 'a', '1', 'EX', '1000'), 'commands.resp');
    const { summary } = await restore(path, url);
    expect(summary).toMatchObject({ format: 'resp', commands: 1 });
    expect(await client.call('TTL', 'a')).toBeGreaterThan(990);
  });

  test('a command that is refused is named with file, offset, database and key', async () => {
    const { url, file } = await target();
    const text = whole + resp('LPUSH', 'a', 'x');
    const path = await file(text);
    await expect(restore(path, url)).rejects.toMatchObject({
      code: 'TARGET_REFUSED',
      place: { at: path, offset: whole.length, db: 1, key: '"a"' },
    });
    const { summary } = await restore(path, url, { onError: 'skip', targetNotEmpty: 'flush' });
    expect(summary.skipped).toMatchObject([{ what: 'command', db: 1, offset: whole.length }]);
  });

  test('filters, and databases that go elsewhere', async () => {
    const { url, client, file } = await target();
    const path = await file(whole + resp('SET', 'other', '1') + resp('FLUSHDB') + resp('SET', 'a', '3'));
    const filter = {
      includeKeys: ['a'],
      excludeKeys: [],
      includeDbs: [],
      excludeDbs: [],
      includeKinds: [],
      excludeKinds: [],
    };
    await restore(path, url, { filter, dbMap: new Map([[1, 4]]) });
    await client.call('SELECT', 4);
    expect(await client.call('DBSIZE')).toBe(1);
    expect(await client.text('GET', 'a')).toBe('3');
  });
});
