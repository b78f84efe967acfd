/**
 * RESTORE in the stream: random keys of one server, dumped there, and restored on another after the rewriting:
 * both hold the same. Older targets are played by Redis 6.0, which takes what they take.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Client, ReplyError } from '../../../scripts/lib/client.mjs';
import { compareServers } from '../../../scripts/lib/compare.mjs';
import type { TargetContext } from '../../../src/convert/target-form/rule.js';
import { toTargetForm } from '../../../src/convert/target-form/to-target-form.js';
import { parseServerName } from '../../../src/rdb/server-support.js';
import { capabilitiesOf } from '../../../src/target/capabilities.js';
import { binaryOf, ServerPool } from '../../support/server-pool.js';
import { arbCommands } from './arbitrary-commands.js';
import { argsOf, context, type Word } from './support.js';

const SOURCES = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-8.1', 'valkey-9.1'];
/** The target that is meant, and the server that plays it. */
const TARGETS: readonly (readonly [target: string, player: string])[] = [
  ['redis-2.8', 'redis-6.0'],
  ['redis-3.2', 'redis-6.0'],
  ['redis-5.0', 'redis-6.0'],
  ['redis-6.0', 'redis-6.0'],
  ['redis-7.0', 'redis-7.0'],
  ['redis-8.0', 'redis-8.0'],
  ['valkey-8.0', 'valkey-8.0'],
  ['valkey-9.1', 'valkey-9.1'],
];
const PAIRS = SOURCES.flatMap((source) =>
  TARGETS.map(([target, player]) => [source, target, player] as const),
);

const pool = new ServerPool();

async function restoresOf(source: Client): Promise<Word[][]> {
  const keys: Buffer[] = await source.call('KEYS', '*');
  const replies = await source.pipeline(
    keys.flatMap((key) => [
      ['DUMP', key],
      ['PTTL', key],
    ]),
  );
  return keys.map((key, at) => {
    const [dump, left] = replies.slice(2 * at) as [Uint8Array, number];
    return ['RESTORE', key, left < 0 ? 0 : Date.now() + left, dump, 'REPLACE', 'ABSTTL'];
  });
}

async function restore(client: Client, words: readonly Word[], to: TargetContext): Promise<void> {
  const args = argsOf(words);
  const form = toTargetForm(args, to);
  if (form !== null && form.commands.length === 0) throw new Error(`left out: ${form.report}`);
  const replies = await client.pipeline(form === null ? [args] : form.commands);
  const errors = replies.filter((reply) => reply instanceof ReplyError);
  expect(errors.map(({ message }) => message)).toEqual([]);
}

describe.each(PAIRS)('%s to %s (on %s)', (source, target, player) => {
  const from = binaryOf(source);
  const on = binaryOf(player);
  const { has } = capabilitiesOf(parseServerName(target));
  const abilities = {
    valkey: source.startsWith('valkey'),
    fieldTtl: source === 'redis-8.0' || source === 'valkey-9.1',
    ...{
      conditions: false,
      msetex: false,
      streams: has('XADD'),
      geo: source !== 'redis-6.0' && has('GEORADIUS'),
    },
  };

  test.skipIf(from === undefined || on === undefined)(
    'same keys, values and deadlines',
    async () => {
      const a = await pool.client(await pool.start(from!));
      const b = await pool.client(await pool.start(on!));
      const to = context(target, source);
      await fc.assert(
        fc.asyncProperty(arbCommands(abilities), async (steps) => {
          await Promise.all([a.call('FLUSHALL'), b.call('FLUSHALL')]);
          await a.pipeline(steps.filter((step) => !step.includes('DB')));
          // Also what is no longer packed.
          await a.call(
            'RPUSH',
            'long',
            ...Array.from({ length: 400 }, (_, at) => `item ${at} ${'x'.repeat(at % 90)}`),
          );
          await a.call('ZADD', 'many', ...Array.from({ length: 300 }, (_, at) => [at / 7, `m${at}`]).flat());
          for (const words of await restoresOf(a)) {
            // oxlint-disable-next-line no-await-in-loop -- in order
            await restore(b, words, to);
          }
          const { differences } = await compareServers(a, b, { dbs: 1, deep: true, ttlToleranceMs: 50 });
          expect(differences.filter(({ what }) => what !== 'field-ttl' || to.can.fieldTtl)).toEqual([]);
        }),
        { numRuns: 8 },
      );
    },
    60_000,
  );
});

test('a payload whose checksum is zero gets one', async () => {
  const binary = binaryOf('redis-6.0') ?? binaryOf('redis-8.0');
  if (binary === undefined) return;
  const client = await pool.client(await pool.start(binary));
  await client.call('SET', 'k', 'v');
  const dump: Uint8Array = await client.call('DUMP', 'k');
  dump.fill(0, dump.length - 8);
  await restore(client, ['RESTORE', 'k2', 0, dump, 'REPLACE'], context('redis-8.10', 'redis-8.10'));
  expect(await client.text('GET', 'k2')).toBe('v');
});

test.skipIf(binaryOf('redis-8.0') === undefined || binaryOf('redis-7.0') === undefined)(
  'functions of a newer server',
  async () => {
    const from = await pool.client(await pool.start(binaryOf('redis-8.0')!));
    const to = await pool.client(await pool.start(binaryOf('redis-7.0')!));
    const code =
      "#!lua name=lib\nredis.register_function('f', function(keys) return redis.call('GET', keys[1]) end)";
    await from.call('FUNCTION', 'LOAD', code);
    const dump: Uint8Array = await from.call('FUNCTION', 'DUMP');
    await expect(to.call('FUNCTION', 'RESTORE', dump)).rejects.toThrow(/version or checksum/);
    await restore(to, ['FUNCTION', 'RESTORE', dump, 'FLUSH'], context('redis-7.0', 'redis-8.0'));
    expect(String(await to.text('FUNCTION', 'LIST'))).toContain('lib');
  },
);
