/** Values that are out of the ordinary by size, and hints that travel beside the value. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import { differences, NEWEST, Pool, Servers, startRun, temporaryDirectory } from '../../support/live.js';

const MIB = 1024 * 1024;

describe.skipIf(NEWEST === undefined)('values', () => {
  const servers = new Servers();
  const pool = new Pool(servers, NEWEST);

  const large: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
    '0 bytes': (client) =>
      client.pipeline([
        ['SET', 'empty', ''],
        ['HSET', 'h', '', ''],
        ['RPUSH', 'l', ''],
        ['SET', '', 'no name'],
      ]),
    '64 MB that do not compress': (client) => client.call('SET', 'k', randomBytes(64 * MIB)),
    '64 MB that compress well': (client) => client.call('SET', 'k', Buffer.alloc(64 * MIB, 'abcdefgh')),
    'a hash of 300,000 fields': async (client) => {
      for (let at = 0; at < 300_000; at += 5000) {
        await client.call(
          'HSET',
          'h',
          ...Array.from({ length: 5000 }, (_, i) => [`field:${at + i}`, `value ${at + i}`]).flat(),
        );
      }
      await client.call('PEXPIRE', 'h', 1_000_000);
    },
    'a list of 40 MB': async (client) => {
      for (let at = 0; at < 40; at++) {
        await client.call(
          'RPUSH',
          'l',
          ...Array.from({ length: 1024 }, (_, i) => `${at}:${i}:`.padEnd(1024, 'x')),
        );
      }
    },
    'a set, a sorted set and a stream of many elements': async (client) => {
      for (let at = 0; at < 200_000; at += 5000) {
        const members = Array.from({ length: 5000 }, (_, i) => `member ${at + i}`);
        await client.call('SADD', 's', ...members);
        await client.call('ZADD', 'z', ...members.flatMap((member, i) => [(at + i) / 7, member]));
      }
      await client.pipeline(
        Array.from({ length: 60_000 }, (_, i) => ['XADD', 'x', `${i + 1}-1`, 'field', `value ${i}`]),
      );
      await client.pipeline([
        ['XGROUP', 'CREATE', 'x', 'g', '0'],
        ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 500, 'STREAMS', 'x', '>'],
      ]);
    },
  };

  test.each(Object.keys(large))(
    '%s, in the snapshot and in the stream',
    { timeout: 60_000 },
    async (name) => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await large[name]!(from);
          const run = startRun(source, target);
          await run.event('caught-up');
          // Not deep: the digests cover every element, and there are too many to ask for one by one.
          expect(await differences(from, to, { deep: false })).toEqual([]);
          await from.call('FLUSHALL');
          await large[name]!(from);
          await run.caughtUpWith(from);
          expect(await differences(from, to, { deep: false })).toEqual([]);
          expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
        }),
      );
    },
  );

  test('a command larger than what the spool may hold in memory', { timeout: 60_000 }, async () => {
    await pool.use((source, from) =>
      pool.use(async (target, to) => {
        const run = startRun(source, target, {
          stateDir: temporaryDirectory(),
          spoolMemoryBytes: 4 * MIB,
        });
        await run.event('caught-up');
        await from.pipeline([
          ['INCR', 'before'],
          ['SET', 'k', randomBytes(48 * MIB)],
          ['APPEND', 'k', Buffer.alloc(9 * MIB, 'abc')],
          ['INCR', 'after'],
        ]);
        await run.caughtUpWith(from);
        expect(await differences(from, to, { deep: false })).toEqual([]);
        expect(run.log).not.toMatch(/link-lost|full-resync/u);
        expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, partialResyncs: 0 });
      }),
    );
  });

  test.each([
    ['allkeys-lru', 'IDLETIME', ['IDLETIME', '5000'], 4990, 5100],
    ['allkeys-lfu', 'FREQ', ['FREQ', '120'], 110, 120],
  ] as const)('%s: OBJECT %s goes along', async (policy, subcommand, hint, low, high) => {
    const args = { 'maxmemory-policy': policy };
    const [source, target] = await Promise.all([
      servers.start(NEWEST!, { args }),
      servers.start(NEWEST!, { args }),
    ]);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    await from.pipeline([
      ['SET', 'a', 'value'],
      ['RPUSH', 'b', '1', '2'],
      ['SET', 'c', 'x'.repeat(300_000)],
    ]);
    const keys = ['a', 'b', 'c'];
    for (const key of keys) {
      const payload: Buffer = await from.call('DUMP', key);
      await from.call('RESTORE', `${key}:old`, 0, payload, ...hint);
    }
    const run = startRun(source, target, { until: 'caught-up' });
    await run.end();
    for (const key of keys) {
      const got: unknown = await to.call('OBJECT', subcommand, `${key}:old`);
      expect(got).toBeGreaterThanOrEqual(low);
      expect(got).toBeLessThanOrEqual(high);
    }
    expect(await differences(from, to)).toEqual([]);
  });

  test('keys that expire while they are copied are gone on both sides', async () => {
    await pool.use((source, from) =>
      pool.use(async (target, to) => {
        await from.call('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
        await from.pipeline([
          ...Array.from({ length: 500 }, (_, i) => ['SET', `soon:${i}`, 'x', 'PX', 1 + i]),
          ['SET', 'late', 'x', 'PX', 900_000],
        ]);
        const run = startRun(source, target);
        await run.event('caught-up');
        await from.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
        // And the checkpoint.
        await run.until('only the late one is left', async () => (await to.call('DBSIZE')) === 2);
        expect(await differences(from, to)).toEqual([]);
        await run.stop();
      }),
    );
  });
});
