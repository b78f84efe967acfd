/**
 * Good days, on every server version there is: everything a server can hold, a random workload while the
 * copy is taken and after it, and then both sides must be the same. The seed is printed; REPLICANT_TEST_SEED
 * repeats a run.
 */
import { describe, expect, test } from 'vitest';
import type { Difference } from '../../../scripts/lib/compare.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import {
  binaryOf,
  FAITHFUL,
  differences,
  isAtLeast,
  Servers,
  startRun,
  waitFor,
} from '../../support/live.js';

const SERIES = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-8.0', 'valkey-8.1', 'valkey-9.1'] as const;
const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
/** Enough for every kind of command to come, several times. */
const COMMANDS = 12_000;

test('the seed of this run', ({ annotate }) => {
  expect(SEED).toBeGreaterThan(0);
  console.log(`REPLICANT_TEST_SEED=${SEED}`);
  return annotate(`REPLICANT_TEST_SEED=${SEED}`).then(() => {});
});

/**
 * What these versions do not tell their replicas, so that a real one differs just as much: 6.0 that a reader
 * got nothing, those before 7.4 how many entries a group has read.
 */
function untold(series: string): (difference: Difference) => boolean {
  return ({ what, a }) => {
    if (what !== 'stream' || a === null) return false;
    if (series === 'redis-6.0') return /consumers\..*"pel-count":0/u.test(a);
    return series === 'redis-7.0' && a.includes('entries-read');
  };
}

describe.each(SERIES)('%s to itself', (series) => {
  const binary = binaryOf(series);
  const servers = new Servers();

  describe.skipIf(binary === undefined)('with a workload', () => {
    const diskless = binary !== undefined && isAtLeast(binary, '2.8.18') ? ['yes', 'no'] : ['no'];

    test.each(diskless)('repl-diskless-sync %s', { timeout: 60_000 }, async (setting) => {
      const [source, target] = await Promise.all([
        servers.start(binary!, { args: { 'repl-diskless-sync': setting } }),
        servers.start(binary!),
      ]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      expect(await fillEverything(from, { seed: SEED })).toMatchObject({ errors: [] });
      const writers = await runWriters(source, { seed: SEED, writers: 3, ...FAITHFUL });
      const run = startRun(source, target);
      await run.event('caught-up');
      const at = writers.commandsSoFar();
      await run.until('enough was written', () => writers.commandsSoFar() > at + COMMANDS);
      const { failure } = await writers.stop();
      expect(failure).toBeUndefined();
      await run.caughtUpWith(from);
      // Keys go on expiring, so that the source is never quite silent.
      await run.until('no lag', () => run.shard.lagBytes === 0 && run.shard.lagSeconds === 0);
      expect(run.handle.status().caughtUp).toBe(true);
      // 6.0 sends relative times: what the target makes of them is off by the way there.
      const ttlToleranceMs = series === 'redis-6.0' ? 2000 : 60;
      expect(await differences(from, to, { ttlToleranceMs, excused: untold(series) })).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, reason: 'stopped', fullSyncs: 1, skipped: [] });
      await Promise.all([source.stop(), target.stop()]);
    });
  });
});

describe('a source that is a replica itself', () => {
  const binary = binaryOf('redis-7.0') ?? binaryOf('valkey-8.1');
  const servers = new Servers();

  test.skipIf(binary === undefined)('is followed through it, from a database other than 0', async () => {
    const primary = await servers.start(binary!);
    const source = await servers.start(binary!, { replicaOf: primary });
    const target = await servers.start(binary!);
    const [top, from, to] = await Promise.all(
      [primary, source, target].map((server) => servers.client(server)),
    );
    await waitFor('the chain', async () =>
      /master_link_status:up/u.test(await from!.text('INFO', 'replication')),
    );
    await fillEverything(top!, { seed: SEED });
    // From now on the stream stands in database 9, and says so only to those who were there.
    await top!.pipeline([
      ['SELECT', 9],
      ['SET', 'k', 'v0'],
    ]);
    await waitFor('the replica has it', async () => {
      await from!.call('SELECT', 9);
      return (await from!.text('GET', 'k')) === 'v0';
    });
    await from!.call('SELECT', 0);
    const run = startRun(source, target);
    await run.event('caught-up');
    await top!.pipeline([
      ['INCR', 'counter'],
      ['APPEND', 'k', '+1'],
    ]);
    await waitFor(
      'the replica has it too',
      async () => (await from!.text('DEBUG', 'DIGEST')) === (await top!.text('DEBUG', 'DIGEST')),
    );
    await run.caughtUpWith(from!);
    expect(await differences(from!, to!)).toEqual([]);
    await run.stop();
  });
});
