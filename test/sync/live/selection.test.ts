/** Only a part is carried: the target then holds exactly that part, and nothing else. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { Difference } from '../../../scripts/lib/compare.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { createRandom, freshSeed, type Random } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import {
  differences,
  FAITHFUL,
  keysOf,
  NEWEST,
  NO_FILTER,
  Pool,
  type RunOptions,
  Servers,
  startRun,
} from '../../support/live.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const COMMANDS = 6000;

/** Removes what the filters leave out, so that what remains can be compared whole. */
async function removeKeys(
  client: Client,
  db: number,
  unwanted: (key: string, type: string) => boolean,
): Promise<void> {
  await client.call('SELECT', db);
  const keys: Buffer[] = await client.call('KEYS', '*');
  for (const key of keys) {
    if (unwanted(key.toString('latin1'), await client.text('TYPE', key))) await client.call('DEL', key);
  }
  await client.call('SELECT', 0);
}

/** A transaction or two, several keys at once, every type; keys of `i…` and `o…`, never mixed but where it can be split. */
function randomBatch(random: Random): (string | number)[][] {
  const side = (): string => random.pick(['i', 'o']);
  const key = (kind: string, of = side()): string => `${of}:${kind}:${random.int(12)}`;
  const value = (): string => `v${random.int(1000)}`;
  const one = (): (string | number)[] => {
    const of = side();
    switch (random.int(14)) {
      case 0:
        return ['SET', key('s'), value()];
      case 1:
        return ['MSET', key('s'), value(), key('s'), value(), key('s'), value()];
      case 2:
        return ['INCR', key('n')];
      case 3:
        return ['RPUSH', key('l'), value(), value()];
      case 4:
        return ['LPOP', key('l')];
      case 5:
        return ['HSET', key('h'), value(), value()];
      case 6:
        return ['SADD', key('t'), value()];
      case 7:
        return ['ZADD', key('z'), random.int(100), value()];
      case 8:
        return ['XADD', key('x'), '*', 'f', value()];
      case 9:
        return ['DEL', key('s'), key('l'), key('h')];
      case 10:
        return ['RENAME', key('s', of), key('s', of)];
      case 11:
        return ['SUNIONSTORE', key('t', of), key('t', of), key('t', of)];
      case 12:
        return ['EXPIRE', key('h'), 1000];
      default:
        return ['PUBLISH', 'channel', value()];
    }
  };
  const commands = Array.from({ length: 1 + random.int(4) }, one);
  return random.chance(0.3) ? [['MULTI'], ...commands, ['EXEC']] : commands;
}

describe.skipIf(NEWEST === undefined)(`a part, seed ${SEED}`, () => {
  const servers = new Servers();
  const pool = new Pool(servers, NEWEST);

  /** Runs until everything has been carried; `reduce` leaves on the source only what was to be carried. */
  async function underLoad(
    options: RunOptions,
    reduce: (source: Client) => Promise<void>,
  ): Promise<{ readonly types: readonly string[]; readonly differences: readonly Difference[] }> {
    return await pool.use((source, from) =>
      pool.use(async (target, to) => {
        await batches(from);
        const run = startRun(source, target, options);
        await run.event('caught-up');
        await batches(from);
        await run.caughtUpWith(from);
        expect(await run.stop()).toMatchObject({ ok: true, skipped: [] });
        await reduce(from);
        const keys = await keysOf(to);
        const types = await Promise.all(keys.map((key): Promise<string> => to.text('TYPE', key)));
        return { types: [...new Set(types)].toSorted(), differences: await differences(from, to) };
      }),
    );
  }

  const random = createRandom(SEED);
  const batches = async (client: Client): Promise<void> => {
    for (let index = 0; index < 400; index++) await client.pipeline(randomBatch(random));
  };
  const functionless = async (from: Client): Promise<void> => {
    await from.call('FUNCTION', 'FLUSH');
  };

  test('keys by glob', async () => {
    const filter = { ...NO_FILTER, includeKeys: ['i:*'], excludeKeys: ['i:[lh]:[03]'] };
    const carried = await underLoad({ filter }, async (from) => {
      await removeKeys(from, 0, (key) => !key.startsWith('i:') || /^i:[lh]:[03]$/u.test(key));
    });
    expect(carried).toEqual({ types: ['hash', 'list', 'set', 'stream', 'string', 'zset'], differences: [] });
  });

  test('types', async () => {
    const filter = { ...NO_FILTER, includeKinds: ['hash', 'list', 'stream'] as const };
    const carried = await underLoad({ filter }, async (from) => {
      await removeKeys(from, 0, (_, type) => !['hash', 'list', 'stream'].includes(type));
    });
    expect(carried).toEqual({ types: ['hash', 'list', 'stream'], differences: [] });
  });

  test('types left out', async () => {
    const filter = { ...NO_FILTER, excludeKinds: ['string', 'set'] as const };
    const carried = await underLoad({ filter }, async (from) => {
      await removeKeys(from, 0, (_, type) => ['string', 'set'].includes(type));
    });
    expect(carried).toEqual({ types: ['hash', 'list', 'stream', 'zset'], differences: [] });
  });

  test('everything but the keys of one kind, under the whole workload', { timeout: 60_000 }, async () => {
    await pool.use((source, from) =>
      pool.use(async (target, to) => {
        await fillEverything(from, { seed: SEED });
        const writers = await runWriters(source, { seed: SEED, writers: 2, ...FAITHFUL });
        const run = startRun(source, target, { filter: { ...NO_FILTER, excludeKeys: ['own:*'] } });
        await run.event('caught-up');
        await run.until('enough was written', () => writers.commandsSoFar() > COMMANDS);
        await writers.stop();
        await run.caughtUpWith(from);
        await run.stop();
        for (const db of [0, 1, 3, 9]) await removeKeys(from, db, (key) => key.startsWith('own:'));
        expect(run.handle.summary().skipped).toEqual([]);
        expect(await differences(from, to)).toEqual([]);
      }),
    );
  });

  test('some databases, put into others, under the whole workload', { timeout: 60_000 }, async () => {
    await pool.use((source, from) =>
      pool.use(async (target, to) => {
        await fillEverything(from, { seed: SEED });
        const shared = { writers: 1, ...FAITHFUL, blocking: false } as const;
        const writers = [
          await runWriters(source, { ...shared, seed: SEED, dbs: [0, 1], flushDb: 2 }),
          await runWriters(source, { ...shared, seed: SEED + 1, dbs: [3, 9], flushDb: 7 }),
        ];
        const run = startRun(source, target, {
          filter: { ...NO_FILTER, includeDbs: [0, 1, 2] },
          dbMap: new Map([
            [0, 5],
            [1, 0],
          ]),
        });
        await run.event('caught-up');
        const count = (): number => writers.reduce((sum, one) => sum + one.commandsSoFar(), 0);
        await run.until('enough was written', () => count() > COMMANDS);
        await Promise.all(writers.map((one) => one.stop()));
        await run.caughtUpWith(from);
        await run.stop();
        expect(run.handle.summary().skipped).toEqual([]);
        // Back to the source's numbers.
        await to.pipeline([
          ['SWAPDB', 1, 0],
          ['SWAPDB', 5, 0],
        ]);
        for (const db of [3, 7, 9]) await from.pipeline([['SELECT', db], ['FLUSHDB'], ['SELECT', 0]]);
        expect(await differences(from, to)).toEqual([]);
      }),
    );
  });

  describe('a target that holds keys', () => {
    const prepare = async (from: Client, to: Client): Promise<void> => {
      await functionless(from);
      await from.pipeline([
        ['SET', 'both', 'new'],
        ['SET', 'fresh', '1'],
        ['SELECT', 2],
        ['SET', 'x', '1'],
        ['SELECT', 0],
      ]);
      await to.pipeline([
        ['RPUSH', 'both', 'old'],
        ['SET', 'mine', '1'],
        ['SELECT', 3],
        ['SET', 'mine', '3'],
        ['SELECT', 0],
      ]);
    };

    test('fail: exit code 5, and nothing is touched', async () => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await prepare(from, to);
          const before: string = await to.text('DEBUG', 'DIGEST');
          const failed = await startRun(source, target).failure();
          expect(failed).toMatchObject({ exitCode: 5, code: 'TARGET_NOT_EMPTY' });
          expect(failed.message).toMatch(/holds 3 keys.*--target-not-empty merge/u);
          expect(await to.text('DEBUG', 'DIGEST')).toBe(before);
        }),
      );
    });

    test('fail looks only at databases that would be written', async () => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await prepare(from, to);
          const run = startRun(source, target, {
            until: 'caught-up',
            filter: { ...NO_FILTER, includeDbs: [2] },
          });
          expect(await run.end()).toMatchObject({ ok: true });
          expect(await to.text('GET', 'mine')).toBe('1');
        }),
      );
    });

    test('merge: its own keys stay, the same names are replaced', async () => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await prepare(from, to);
          const run = startRun(source, target, { until: 'caught-up', targetNotEmpty: 'merge' });
          expect(await run.end()).toMatchObject({ ok: true });
          expect(await to.text('MGET', 'both', 'fresh', 'mine')).toEqual(['new', '1', '1']);
          await to.pipeline([
            ['DEL', 'mine'],
            ['SELECT', 3],
            ['DEL', 'mine'],
            ['SELECT', 0],
          ]);
          expect(await differences(from, to)).toEqual([]);
        }),
      );
    });

    test('mirror: what the source does not have is gone in the end, and not before', async () => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await prepare(from, to);
          // Somebody else's job, which is none of ours.
          await to.call('SET', '__replicant:{other}:checkpoint', 'theirs');
          await to.call(
            'FUNCTION',
            'LOAD',
            "#!lua name=old\nredis.register_function('old', function() return 1 end)",
          );
          const run = startRun(source, target, { until: 'caught-up', targetNotEmpty: 'mirror' });
          expect(await run.end()).toMatchObject({ ok: true });
          expect(run.log).toMatch(/note removed 2 of \d+ keys and 1 function libraries/u);
          expect(await to.text('GET', '__replicant:{other}:checkpoint')).toBe('theirs');
          await to.call('DEL', '__replicant:{other}:checkpoint');
          expect(await differences(from, to)).toEqual([]);
        }),
      );
    });

    test('mirror removes only what the filters let it write', async () => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await prepare(from, to);
          await from.call('SET', 'in:1', '1');
          await to.pipeline([
            ['SET', 'in:gone', '1'],
            ['RPUSH', 'in:list', '1'],
            ['SELECT', 2],
            ['SET', 'in:elsewhere', '1'],
            ['SELECT', 0],
          ]);
          const run = startRun(source, target, {
            until: 'caught-up',
            targetNotEmpty: 'mirror',
            filter: { ...NO_FILTER, includeKeys: ['in:*'], includeKinds: ['string'], includeDbs: [0] },
          });
          expect(await run.end()).toMatchObject({ ok: true });
          expect(await keysOf(to)).toEqual(['both', 'in:1', 'in:list', 'mine']);
          await to.call('SELECT', 2);
          expect(await keysOf(to)).toEqual(['in:elsewhere']);
          await to.call('SELECT', 3);
          expect(await keysOf(to)).toEqual(['mine']);
          await to.call('SELECT', 0);
        }),
      );
    });

    test('keys of ours only: the target counts as empty', async () => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await from.call('SET', 'k', 'v');
          await to.call('SET', '__replicant:{other}:checkpoint', 'theirs');
          const run = startRun(source, target, { until: 'caught-up' });
          expect(await run.end()).toMatchObject({ ok: true });
          expect(await keysOf(to)).toEqual(['k']);
        }),
      );
    });

    test('flush: they are deleted first, and that is said', async () => {
      await pool.use((source, from) =>
        pool.use(async (target, to) => {
          await prepare(from, to);
          await to.call(
            'FUNCTION',
            'LOAD',
            "#!lua name=old\nredis.register_function('old', function() return 1 end)",
          );
          const run = startRun(source, target, { until: 'caught-up', targetNotEmpty: 'flush' });
          expect(await run.end()).toMatchObject({ ok: true });
          expect(run.log).toMatch(/warn note deleting the target's 3 keys/u);
          expect(await differences(from, to)).toEqual([]);
        }),
      );
    });
  });
});
