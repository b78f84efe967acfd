/** Sources on bad days: still loading, killed, restarted, cutting us off, or not of the kind that can be used. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import {
  differences,
  FAITHFUL,
  keysOf,
  NEWEST,
  NO_FILTER,
  Servers,
  startRun,
  waitFor,
} from '../../support/live.js';
import { startProxy } from '../../support/proxy.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const SLOW = { timeout: 60_000 };

async function fill(client: Client, keys: number, prefix = 'k'): Promise<void> {
  await client.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `${prefix}:${i}`, `value ${i}`]));
}

describe.skipIf(NEWEST === undefined)(`a source on a bad day, seed ${SEED}`, () => {
  const servers = new Servers();

  test('that is still loading is waited for', SLOW, async () => {
    const source = await servers.start(NEWEST!);
    const target = await servers.start(NEWEST!);
    let from = await servers.client(source);
    await fill(from, 2000);
    await from.call('SAVE');
    // Two seconds of it, during which it answers LOADING.
    await from.call('CONFIG', 'SET', 'key-load-delay', 1000);
    await from.call('CONFIG', 'SET', 'loading-process-events-interval-bytes', 1024);
    await from.call('CONFIG', 'REWRITE');
    const restarting = source.restart();
    const run = await waitFor('a run that finds it loading', async () => {
      const attempt = startRun(source, target);
      try {
        await attempt.event('waiting');
        return attempt;
      } catch {
        return undefined;
      }
    });
    expect(run.log).toMatch(/waiting .*(loading|LOADING)/u);
    await run.event('caught-up');
    await restarting;
    from = await servers.client(source);
    expect(await differences(from, await servers.client(target))).toEqual([]);
    await run.stop();
  });

  test(
    'killed and restarted while it streams: a new full copy, announced, and the target is equal',
    SLOW,
    async () => {
      const source = await servers.start(NEWEST!);
      const target = await servers.start(NEWEST!);
      const to = await servers.client(target);
      const before = await servers.client(source);
      await fillEverything(before, { seed: SEED });
      await before.call('SAVE');
      const run = startRun(source, target);
      await run.event('caught-up');
      await fill(before, 300, 'lost');
      await run.until('they have come through', async () => (await to.call('EXISTS', 'lost:299')) === 1);
      await source.kill('SIGKILL');
      await run.event('link-lost');
      await source.restart();
      const from = await servers.client(source);
      await run.event('full-resync');
      await run.event('caught-up', 2);
      await from.call('SET', 'after', '1');
      await run.caughtUpWith(from);
      expect(await to.call('EXISTS', 'lost:299')).toBe(0);
      expect(await differences(from, to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 2 });
    },
  );

  test('killed and restarted in the middle of its snapshot', SLOW, async () => {
    const source = await servers.start(NEWEST!, { args: { 'rdb-key-save-delay': 500 } });
    const target = await servers.start(NEWEST!);
    const to = await servers.client(target);
    const before = await servers.client(source);
    await fill(before, 3000);
    await before.call('CONFIG', 'SET', 'rdb-key-save-delay', 0);
    await before.call('SAVE');
    await before.call('CONFIG', 'SET', 'rdb-key-save-delay', 500);
    await fill(before, 1000, 'unsaved');
    const run = startRun(source, target);
    await run.until('a part of the snapshot is here', () => run.shard.keys > 100);
    await source.kill('SIGKILL');
    await run.event('link-lost');
    await source.restart();
    const from = await servers.client(source);
    await from.call('CONFIG', 'SET', 'rdb-key-save-delay', 0);
    await run.event('caught-up');
    await run.caughtUpWith(from);
    expect(await keysOf(to)).toHaveLength(3000);
    expect(await differences(from, to)).toEqual([]);
    await run.stop();
  });

  test(
    'that cuts its replicas off again and again: partial resyncs only, and nothing is lost',
    SLOW,
    async () => {
      const source = await servers.start(NEWEST!, { args: { 'repl-backlog-size': '64mb' } });
      const target = await servers.start(NEWEST!);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      await fillEverything(from, { seed: SEED });
      const run = startRun(source, target);
      await run.event('caught-up');
      const writers = await runWriters(source, { seed: SEED, writers: 2, ...FAITHFUL });
      // In a database that the workload does not swap with others.
      const counter = await servers.client(source, { db: 12 });
      let counted = 0;
      for (let cut = 1; cut <= 12; cut++) {
        await counter.pipeline(Array.from({ length: 50 }, () => ['INCR', 'exactly']));
        counted += 50;
        await from.call('CLIENT', 'KILL', 'TYPE', 'replica');
        await run.event('partial-resync', cut);
      }
      await writers.stop();
      await run.caughtUpWith(from);
      await to.call('SELECT', 12);
      expect(await to.text('GET', 'exactly')).toBe(String(counted));
      expect(await differences(from, to)).toEqual([]);
      const summary = await run.stop();
      expect(summary).toMatchObject({ ok: true, fullSyncs: 1 });
      expect(summary.partialResyncs).toBeGreaterThanOrEqual(12);
    },
  );

  test('whose backlog is too short for the break: a new full copy, and no ghosts', SLOW, async () => {
    const source = await servers.start(NEWEST!, { args: { 'repl-backlog-size': 16_384 } });
    const target = await servers.start(NEWEST!);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    await fill(from, 50, 'ghost');
    const proxy = await startProxy(source.port);
    const run = startRun({ address: { kind: 'tcp', host: '127.0.0.1', port: proxy.port } }, target);
    await run.event('caught-up');
    proxy.refuse(true);
    await proxy.cut();
    await run.event('link-lost');
    await from.pipeline([['FLUSHALL'], ['SET', 'big', 'x'.repeat(3_000_000)], ['SET', 'k', 'v']]);
    proxy.refuse(false);
    await run.event('full-resync');
    await run.event('caught-up', 2);
    await run.caughtUpWith(from);
    expect(await differences(from, to)).toEqual([]);
    await run.stop();
    await proxy.close();
  });

  test('behind a connection that is cut at random places', SLOW, async () => {
    const source = await servers.start(NEWEST!, { args: { 'repl-backlog-size': '64mb' } });
    const target = await servers.start(NEWEST!);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    await fillEverything(from, { seed: SEED });
    const proxy = await startProxy(source.port);
    const run = startRun({ address: { kind: 'tcp', host: '127.0.0.1', port: proxy.port } }, target);
    await run.event('caught-up');
    const writers = await runWriters(source, { seed: SEED + 7, writers: 2, ...FAITHFUL });
    for (let cut = 1; cut <= 8; cut++) {
      // Somewhere in the middle of whatever comes next.
      await proxy.cutAfter(1 + ((SEED * cut) % 50_000));
      await run.event('partial-resync', cut);
    }
    proxy.unlimited();
    await writers.stop();
    await run.caughtUpWith(from);
    expect(await differences(from, to)).toEqual([]);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
    await proxy.close();
  });

  test('a replica that is promoted goes on under a new replid', SLOW, async () => {
    const primary = await servers.start(NEWEST!);
    const source = await servers.start(NEWEST!, { replicaOf: primary });
    const target = await servers.start(NEWEST!);
    const [top, from, to] = await Promise.all([
      servers.client(primary),
      servers.client(source),
      servers.client(target),
    ]);
    await waitFor('the chain', async () =>
      /master_link_status:up/u.test(await from.text('INFO', 'replication')),
    );
    await fill(top, 200);
    await waitFor('the replica has it', async () => (await from.call('DBSIZE')) === 200);
    const run = startRun(source, target);
    await run.event('caught-up');
    await primary.kill('SIGKILL');
    await from.call('REPLICAOF', 'NO', 'ONE');
    await run.event('partial-resync');
    await from.call('SET', 'after', '1');
    await run.caughtUpWith(from);
    expect(await differences(from, to)).toEqual([]);
    expect(run.log).toMatch(/under a new replid/u);
    expect(await run.stop()).toMatchObject({ fullSyncs: 1 });
  });

  test('a replica without its primary is waited for', async () => {
    const primary = await servers.start(NEWEST!);
    const source = await servers.start(NEWEST!, {
      replicaOf: { port: 1 },
      args: { 'replica-serve-stale-data': 'yes' },
    });
    const target = await servers.start(NEWEST!);
    const from = await servers.client(source);
    await (await servers.client(primary)).call('SET', 'k', 'v');
    const run = startRun(source, target);
    await run.event('waiting');
    expect(run.log).toMatch(/replica without a link to its primary/u);
    await from.call('REPLICAOF', '127.0.0.1', primary.port);
    await run.event('caught-up');
    const to = await servers.client(target);
    await run.until('it is there', async () => (await to.text('GET', 'k')) === 'v');
    await run.stop();
  });

  test('shut down and restarted with its data: goes on where we were, under a new replid', SLOW, async () => {
    const source = await servers.start(NEWEST!);
    const target = await servers.start(NEWEST!);
    const [before, to] = await Promise.all([servers.client(source), servers.client(target)]);
    await fill(before, 200);
    const run = startRun(source, target);
    await run.event('caught-up');
    await before.pipeline([
      ['INCR', 'exactly'],
      ['SELECT', 5],
      ['INCR', 'exactly'],
    ]);
    await run.caughtUpWith(before);
    await before.call('SHUTDOWN', 'SAVE').catch(() => {});
    await run.event('link-lost');
    await source.restart();
    const from = await servers.client(source);
    await run.until('it goes on', () => /partial-resync|full-resync/u.test(run.log));
    await from.pipeline([
      ['INCR', 'exactly'],
      ['SELECT', 5],
      ['INCR', 'exactly'],
    ]);
    await run.caughtUpWith(from);
    expect(await differences(from, to)).toEqual([]);
    await to.call('SELECT', 5);
    expect(await to.text('GET', 'exactly')).toBe('2');
    expect(run.log).toMatch(/under a new replid/u);
    expect(await run.stop()).toMatchObject({ fullSyncs: 1, partialResyncs: 1 });
  });

  test('that never rests: --until caught-up still ends', SLOW, async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const from = await servers.client(source);
    await fillEverything(from, { seed: SEED });
    const writers = await runWriters(source, { seed: SEED, writers: 2, ratePerSecond: 20_000, ...FAITHFUL });
    const run = startRun(source, target, { until: 'caught-up' });
    const summary = await run.end();
    await writers.stop();
    expect(summary).toMatchObject({ ok: true, reason: 'caught-up' });
    expect(summary.totals.commands).toBeGreaterThan(0);
  });

  test('with PSYNC under another name, or under none', async () => {
    const renamed = { 'rename-command': ['PSYNC XPSYNC', 'SYNC ""'] };
    const [source, target] = await Promise.all([
      servers.start(NEWEST!, { args: renamed }),
      servers.start(NEWEST!),
    ]);
    const from = await servers.client(source);
    await from.call('SET', 'k', 'v');
    const failed = await startRun(source, target).failure();
    expect(failed).toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/neither PSYNC nor SYNC.*--psync-command/u),
    });
    const run = startRun(source, target, { psyncCommand: 'XPSYNC', until: 'caught-up' });
    expect(await run.end()).toMatchObject({ ok: true });
    expect(await differences(from, await servers.client(target))).toEqual([]);
  });

  test(
    'that flushes while only some keys are carried: what is not carried stays on the target',
    SLOW,
    async () => {
      const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      const mine = Array.from({ length: 3000 }, (_, i) => ['SET', `in:${i}`, 'x']);
      await from.pipeline(mine);
      await to.call('SET', 'out:1', 'of the target');
      const run = startRun(source, target, {
        targetNotEmpty: 'merge',
        filter: { ...NO_FILTER, includeKeys: ['in:*'], includeKinds: ['string'] },
      });
      await run.event('caught-up');
      // Around each flush there are commands that must come before or after it; one stands in a transaction.
      await from.pipeline([
        ...[['SET', 'in:before', '1'], ['FLUSHALL'], ['SET', 'in:after', '1'], ['INCR', 'in:n']],
        ...[['MULTI'], ['INCR', 'in:n'], ['FLUSHDB', 'ASYNC'], ['INCR', 'in:m'], ['EXEC']],
        ...[
          ['RPUSH', 'in:list', 'a'],
          ['INCR', 'in:m'],
        ],
      ]);
      await run.caughtUpWith(from);
      expect(await to.text('GET', 'out:1')).toBe('of the target');
      await to.call('DEL', 'out:1');
      await from.call('DEL', 'in:list');
      expect(await differences(from, to)).toEqual([]);
      expect(await to.text('GET', 'in:m')).toBe('2');
      expect(await run.stop()).toMatchObject({ ok: true, skipped: [] });
    },
  );

  test('a cluster node is refused with clear words', async () => {
    const target = await servers.start(NEWEST!);
    const node = await servers.start(NEWEST!, { args: { 'cluster-enabled': 'yes' } });
    const failed = await startRun(node, target).failure();
    expect(failed).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/source is a cluster node, which sync can't use yet/u),
    });
    const failedTarget = await startRun(target, node).failure();
    expect(failedTarget).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/target is a cluster node/u),
    });
  });
});
