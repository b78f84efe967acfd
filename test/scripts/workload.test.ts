/** The random workload is what the live tests and the demo rest on: it must be repeatable, and really write everything. */
import { assert, integer, property } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstKeyOf, slotOf } from '../../scripts/lib/cluster-slots.mjs';
import { findServers, startServer } from '../../scripts/servers.mjs';
import type { RunningServer, ServerBinary } from '../../scripts/servers.mjs';
import { abilitiesOf, probeAbilities, versionAtLeast } from '../../scripts/workload/abilities.mjs';
import { stringPayload } from '../../scripts/workload/crc64.mjs';
import { fillEverything } from '../../scripts/workload/fill.mjs';
import { createRandom } from '../../scripts/workload/random.mjs';
import { tallyReplies } from '../../scripts/workload/tally.mjs';
import { createWorkload } from '../../scripts/workload/workload.mjs';
import { runWriters } from '../../scripts/workload/writers.mjs';

const COMMANDS = ['SET', 'INCR', 'LPUSH', 'SADD', 'ZADD', 'HSET', 'XADD', 'EVAL', 'SWAPDB', 'FLUSHDB'];
const abilities = abilitiesOf({ family: 'redis', version: '7.0.15', commands: COMMANDS });
const seeds = integer({ min: 1, max: 0xffff_ffff });

function workload(seed: number) {
  return createWorkload({ seed, abilities, nowMs: 1_700_000_000_000, dbs: [0, 3], flushDb: 5 });
}

describe('createWorkload', () => {
  it('makes the same commands from the same seed, and others from another', () => {
    assert(
      property(seeds, (seed) => {
        const [a, b, other] = [workload(seed), workload(seed), workload(seed + 1)];
        const batches = [a, b, other].map((one) => [one.nextBatch(60), one.nextBatch(60)]);
        expect(batches[0]).toEqual(batches[1]);
        expect(batches[0]).not.toEqual(batches[2]);
        expect(a.nextBlocking()).toEqual(b.nextBlocking());
      }),
      { numRuns: 30 },
    );
  });

  it('opens and closes transactions within a batch and leaves the connection on its database', () => {
    assert(
      property(seeds, (seed) => {
        const { db, commands } = workload(seed).nextBatch(500);
        let selected = db;
        let open = 0;
        const depths = new Set<number>();
        const flushed = new Set([5]);
        for (const [name, argument] of commands) {
          if (name === 'MULTI') open += 1;
          if (name === 'EXEC' || name === 'DISCARD') open -= 1;
          if (name === 'SELECT') selected = Number(argument);
          if (name === 'FLUSHDB') flushed.add(selected);
          depths.add(open);
        }
        expect([depths, [...flushed]]).toEqual([new Set([0, 1]), [5]]);
        expect([open, selected]).toEqual([0, db]);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps to one database where there is only one, and flushes it only when asked to', () => {
    const names = (layout: 'crossSlot' | 'cluster', flushes: boolean): ReadonlySet<string> => {
      const one = createWorkload({ seed: 3, abilities, layout, flushes, dbs: [0, 3] });
      const batches = Array.from({ length: 40 }, () => one.nextBatch(1000));
      expect(new Set(batches.map(({ db }) => db))).toEqual(new Set([0]));
      return new Set(one.counts.keys());
    };
    for (const layout of ['crossSlot', 'cluster'] as const) {
      const used = names(layout, false);
      expect(['SELECT', 'SWAPDB', 'MOVE', 'FLUSHDB'].filter((name) => used.has(name))).toEqual([]);
      expect(['MULTI', 'INCR', 'XADD', 'EVAL'].filter((name) => !used.has(name))).toEqual([]);
    }
    expect([names('crossSlot', true).has('FLUSHDB'), names('cluster', true).has('FLUSHDB')]).toEqual([
      true,
      false,
    ]);
  });

  it('for a cluster: a script or a transaction has all its keys in one slot, and half of the commands no tag', () => {
    assert(
      property(seeds, (seed) => {
        const { commands } = createWorkload({ seed, abilities, layout: 'cluster' }).nextBatch(500);
        const slots = new Set<number>();
        let isOpen = false;
        let widest = 0;
        let tagged = 0;
        for (const command of commands) {
          const key = firstKeyOf(command);
          const keys = command[0] === 'EVAL' ? command.slice(3, 3 + Number(command[2])) : [];
          widest = Math.max(widest, new Set(keys.map(slotOf)).size);
          if (command[0] === 'MULTI') isOpen = true;
          if (command[0] === 'EXEC' || command[0] === 'DISCARD') {
            widest = Math.max(widest, slots.size);
            isOpen = false;
            slots.clear();
          }
          if (key === undefined) continue;
          if (isOpen) slots.add(slotOf(key));
          if (String(key).startsWith('{t')) tagged++;
        }
        expect(widest).toBe(1);
        expect(tagged / commands.length).toBeGreaterThan(0.3);
        expect(tagged / commands.length).toBeLessThan(0.9);
      }),
      { numRuns: 30 },
    );
  });

  it('counts what it made', () => {
    const one = workload(7);
    const made = one.nextBatch(300).commands.filter(([name]) => name === 'SET').length;
    expect(made).toBeGreaterThan(0);
    expect(one.counts.get('SET')).toBe(made);
  });
});

describe('the parts', () => {
  it('compares versions by number and takes every Valkey for a Redis 7.2', () => {
    expect([
      versionAtLeast('7.10.0', '7.9'),
      versionAtLeast('6.2', '7.0'),
      versionAtLeast('7.0.0', '7.0'),
    ]).toEqual([true, false, true]);
    const valkey = abilitiesOf({ family: 'valkey', version: '9.1.2', commands: ['set'] });
    expect([valkey.since('7.2'), valkey.since('7.4'), valkey.has('SET'), valkey.has('SET', 'VADD')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('keeps its random numbers within their bounds', () => {
    assert(
      property(seeds, integer({ min: 1, max: 1000 }), (seed, below) => {
        const random = createRandom(seed);
        const numbers = Array.from({ length: 50 }, () => random.int(below));
        expect(numbers.every((n) => Number.isInteger(n) && n >= 0 && n < below)).toBe(true);
        expect(random.bytes(13)).toHaveLength(13);
      }),
    );
  });

  it('credits the commands of a transaction with its results, and a refused or discarded one with nothing', () => {
    const tally = new Map();
    const commands = [
      ['MULTI'],
      ['SET', 'a', '1'],
      ['LPUSH', 'a', 'x'],
      ['EXEC'],
      ['MULTI'],
      ['INCR', 'a'],
      ['DISCARD'],
    ];
    tallyReplies(tally, commands, [
      'OK',
      'QUEUED',
      'QUEUED',
      ['OK', new Error('WRONGTYPE')],
      'OK',
      'QUEUED',
      'OK',
    ]);
    expect(tally.get('SET')).toEqual({ sent: 1, errors: 0, lastError: '' });
    expect(tally.get('LPUSH')).toEqual({ sent: 1, errors: 1, lastError: 'WRONGTYPE' });
    expect(tally.has('INCR')).toBe(false);
  });
});

const binaries: readonly ServerBinary[] = await findServers({ fetch: false });
const newest = (['redis', 'valkey'] as const).flatMap((family) =>
  binaries.filter((one) => one.family === family).slice(-1),
);
const tested = [...new Set([...binaries.slice(0, 1), ...newest])];

it.skipIf(tested.length === 0)(
  'has real servers to run against (`node scripts/servers.mjs` fetches some)',
  () => {
    expect(new Set(tested.map(({ id }) => id)).size).toBe(tested.length);
  },
);

describe.each(tested.map((binary) => [binary.id, binary] as const))('%s', (_, binary) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer(binary);
  });
  afterAll(() => server.stop());

  it('takes every command of fillEverything, in four databases', async () => {
    const client = await server.client();
    const { errors, commands } = await fillEverything(client, { seed: 1 });
    expect(errors).toEqual([]);
    expect(commands).toBeGreaterThan(1000);
    const encodings = await Promise.all(
      [
        'string:embstr',
        'set:int64',
        'set:hashtable',
        'zset:skiplist',
        'hash:hashtable',
        'list:plain',
        'stream:nodes',
      ].map((key) => client.text('OBJECT', 'ENCODING', key)),
    );
    expect(encodings).toEqual([
      'embstr',
      'intset',
      'hashtable',
      'skiplist',
      'hashtable',
      'quicklist',
      'stream',
    ]);
    const keyspace: string = await client.text('INFO', 'keyspace');
    expect([...keyspace.matchAll(/^db(\d+):/gm)].map((match) => Number(match[1]))).toEqual([0, 1, 3, 9]);
    await client.call('RESTORE', 'restored', '0', stringPayload(Buffer.from('from a payload')));
    expect(await client.text('GET', 'restored')).toBe('from a payload');
    await client.close();
  });

  it('executes every command of the workload at least once without an error', async () => {
    const client = await server.client();
    const known = await probeAbilities(client);
    const expected = createWorkload({ seed: 1, abilities: known }).names;
    const writers = await runWriters(server, { seed: 20_240_517, writers: 2 });
    // FUNCTION DELETE and SWAPDB are the rarest, about one in 4,000 commands.
    while (writers.commandsSoFar() < 40_000)
      await Promise.race([writers.done, new Promise((resolve) => setTimeout(resolve, 50))]);
    const { byCommand, failure, errors, commands } = await writers.stop();
    expect(failure).toBeUndefined();
    expect(errors / commands).toBeLessThan(0.2);
    const never = expected.filter((name) => {
      const count = byCommand.get(name);
      return count === undefined || count.errors === count.sent;
    });
    expect(never).toEqual([]);
    await client.close();
  });
});
