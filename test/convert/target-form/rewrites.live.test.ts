/**
 * Random commands run on a server that knows them, and their rewritten form on one that does not: afterwards
 * both hold the same. Targets older than any server here are played by Redis 6.0: it runs what was made for
 * them.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Client, ReplyError } from '../../../scripts/lib/client.mjs';
import { compareServers, type Difference } from '../../../scripts/lib/compare.mjs';
import type { TargetContext } from '../../../src/convert/target-form/rule.js';
import { toTargetForm } from '../../../src/convert/target-form/to-target-form.js';
import { parseServerName } from '../../../src/rdb/server-support.js';
import { capabilitiesOf } from '../../../src/target/capabilities.js';
import { binaryOf, ServerPool } from '../../support/server-pool.js';
import { type Abilities, arbCommands, type Step } from './arbitrary-commands.js';
import { argsOf, context } from './support.js';

/** Source, its abilities, the target that is meant, the server that plays it. */
const PAIRS: readonly (readonly [source: string, target: string, player: string])[] = [
  ['redis-8.0', 'redis-2.8', 'redis-6.0'],
  ['redis-8.0', 'redis-3.2', 'redis-6.0'],
  ['redis-8.0', 'redis-4.0', 'redis-6.0'],
  ['redis-8.0', 'redis-5.0', 'redis-6.0'],
  ['redis-8.0', 'redis-6.0', 'redis-6.0'],
  ['redis-8.0', 'redis-7.0', 'redis-7.0'],
  ['redis-8.0', 'redis-7.4', 'redis-8.0'],
  ['redis-8.0', 'valkey-8.1', 'valkey-8.1'],
  ['redis-8.0', 'valkey-9.1', 'valkey-9.1'],
  ['valkey-9.1', 'redis-6.0', 'redis-6.0'],
  ['valkey-9.1', 'redis-7.0', 'redis-7.0'],
  ['valkey-9.1', 'redis-7.4', 'redis-8.0'],
  ['valkey-9.1', 'redis-8.0', 'redis-8.0'],
  ['valkey-9.1', 'valkey-8.0', 'valkey-8.0'],
  ['redis-7.0', 'redis-6.0', 'redis-6.0'],
  ['valkey-8.1', 'redis-8.0', 'redis-8.0'],
];

const pool = new ServerPool();

function abilitiesOf(series: string, target: string): Abilities {
  const [family, version] = series.split('-') as [string, string];
  const number = Number(version);
  const { has } = capabilitiesOf(parseServerName(target));
  const valkey = family === 'valkey';
  return {
    valkey,
    fieldTtl: valkey ? number >= 9 : number >= 8,
    conditions: valkey && number >= 8.1,
    msetex: valkey && number >= 9.1,
    streams: has('XADD'),
    geo: has('GEORADIUS'),
  };
}

/** Runs the step on the source; true when it changed something, so that the stream would have it. */
async function happens(client: Client, step: Step): Promise<boolean> {
  const count = ['INFO', 'persistence'];
  const [before, reply, after] = await client.pipeline([count, step, count]);
  return !(reply instanceof ReplyError) && changes(before) !== changes(after);
}

function changes(reply: unknown): string {
  return /rdb_changes_since_last_save:(\d+)/.exec(String(reply))![1]!;
}

async function runRewritten(client: Client, step: Step, to: TargetContext): Promise<void> {
  const args = argsOf(step);
  const form = toTargetForm(args, to);
  const commands = form === null ? [args] : form.commands;
  const replies = await client.pipeline(commands);
  const errors = replies.filter((reply) => reply instanceof ReplyError).map(({ message }) => message);
  if (errors.length > 0) throw new Error(`${step.join(' ')}: ${errors.join('; ')}`);
}

/** What the target can't hold, and nothing else. */
function mattersOn(to: TargetContext): (difference: Difference) => boolean {
  return ({ what }) => what !== 'field-ttl' || to.can.fieldTtl;
}

describe.each(PAIRS)('%s to %s (on %s)', (source, target, player) => {
  const from = binaryOf(source);
  const on = binaryOf(player);

  test.skipIf(from === undefined || on === undefined)(
    'same keys, values and deadlines',
    async () => {
      const a = await pool.client(await pool.start(from!));
      const b = await pool.client(await pool.start(on!));
      const abilities = abilitiesOf(source, target);
      const used = new Set<string>();
      await fc.assert(
        fc.asyncProperty(arbCommands(abilities), async (steps) => {
          const to = context(target, source);
          await Promise.all([a.call('FLUSHALL'), b.call('FLUSHALL')]);
          for (const step of steps) {
            // oxlint-disable-next-line no-await-in-loop -- in order
            if (!(await happens(a, step))) continue;
            used.add(String(step[0]));
            // oxlint-disable-next-line no-await-in-loop -- in order
            await runRewritten(b, step, to);
          }
          const { differences } = await compareServers(a, b, { dbs: 2, deep: true, ttlToleranceMs: 1 });
          expect(differences.filter(mattersOn(to))).toEqual([]);
        }),
        { numRuns: 25 },
      );
      expect(used.size).toBeGreaterThan(5);
    },
    60_000,
  );
});

describe('scripts keep deadlines to the millisecond', () => {
  const newest = binaryOf('redis-8.0') ?? binaryOf('valkey-9.1') ?? binaryOf('redis-7.0');

  test.skipIf(newest === undefined)('SET KEEPTTL and COPY', async () => {
    const client = await pool.client(await pool.start(newest!));
    const to = context('redis-4.0');
    const held = 2 ** 52 + 1_900_000_000_123;
    for (const at of [1_999_999_999_999, held]) {
      // oxlint-disable no-await-in-loop -- in order
      await client.call('SET', 'k', 'old', 'PXAT', at);
      await runRewritten(client, ['SET', 'k', 'new', 'KEEPTTL'], to);
      await runRewritten(client, ['COPY', 'k', 'c', 'DB', 1, 'REPLACE'], to);
      expect([await client.text('GET', 'k'), await client.call('PEXPIRETIME', 'k')]).toEqual(['new', at]);
      await client.call('SELECT', 1);
      expect([await client.text('GET', 'c'), await client.call('PEXPIRETIME', 'c')]).toEqual(['new', at]);
      await client.call('SELECT', 0);
      // oxlint-enable no-await-in-loop
    }
  });
});

describe('what Redis 8.2 does to streams, on a server before it', () => {
  const player = binaryOf('redis-8.0') ?? binaryOf('valkey-9.1') ?? binaryOf('redis-7.0');
  const to = context('redis-8.0', 'redis-8.6');

  /** Entries 1-0 to 5-0; group g has 1-0 to 4-0 pending, group h 1-0 and 2-0. */
  async function stream(): Promise<Client> {
    const client = await pool.client(await pool.start(player!));
    await client.pipeline([
      ...[1, 2, 3, 4, 5].map((at) => ['XADD', 'x', `${at}-0`, 'f', 'v']),
      ...['g', 'h'].map((group) => ['XGROUP', 'CREATE', 'x', group, '0']),
      ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 4, 'STREAMS', 'x', '>'],
      ['XREADGROUP', 'GROUP', 'h', 'c', 'COUNT', 2, 'STREAMS', 'x', '>'],
    ]);
    return client;
  }

  async function state(client: Client): Promise<string[]> {
    const ids = async (...args: (string | number)[]): Promise<string> =>
      (await client.text(...args)).map(([id]: [string]) => id.split('-')[0]).join('');
    return [
      await ids('XRANGE', 'x', '-', '+'),
      await ids('XPENDING', 'x', 'g', '-', '+', 9),
      await ids('XPENDING', 'x', 'h', '-', '+', 9),
    ];
  }

  test.skipIf(player === undefined).each([
    ['XDELEX x KEEPREF IDS 2 1-0 3-0', ['245', '1234', '12']],
    ['XDELEX x DELREF IDS 2 1-0 3-0', ['245', '24', '2']],
    ['XACKDEL x h IDS 2 1-0 3-0', ['2345', '1234', '2']],
    ['XACKDEL x h DELREF IDS 2 1-0 3-0', ['2345', '234', '2']],
    ['XTRIM x MAXLEN = 3 DELREF', ['345', '34', '']],
    ['XTRIM x MINID = 2 KEEPREF', ['2345', '1234', '12']],
    ['XADD x DELREF MINID = 3 6-0 f v', ['3456', '34', '']],
    ['XADD x ACKED MAXLEN = 3 IDMP p i 6-0 f v', ['123456', '1234', '12']],
  ])('%s', async (text, expected) => {
    const client = await stream();
    expect(await state(client)).toEqual(['12345', '1234', '12']);
    await runRewritten(client, text.split(' '), to);
    expect(await state(client)).toEqual(expected);
    // Trimming leaves no trace; deleting does.
    const info = String(await client.text('XINFO', 'STREAM', 'x'));
    expect(info.includes('max-deleted-entry-id,0-0')).toBe(!/DEL(?:EX)? /.test(text.replace('DELREF', '')));
  });
});
