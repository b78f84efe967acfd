/** Targets on bad days: killed, restarted, paused, full, turned into replicas, too small. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { binaryOf, CALM, differences, NEWEST, NO_FILTER, Servers, startRun } from '../../support/live.js';
import { startProxy } from '../../support/proxy.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const SLOW = { timeout: 60_000 };

async function fill(client: Client, keys: number, size = 20): Promise<void> {
  const value = 'v'.repeat(size);
  await client.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `k:${i}`, `${i} ${value}`]));
}

describe.skipIf(NEWEST === undefined)(`a target on a bad day, seed ${SEED}`, () => {
  const servers = new Servers();

  test('killed and restarted while it is written to: it recovers by itself', SLOW, async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const from = await servers.client(source);
    await fillEverything(from, { seed: SEED });
    const writers = await runWriters(source, { seed: SEED, writers: 2, ...CALM });
    const run = startRun(source, target);
    await run.event('caught-up');
    await target.kill('SIGKILL');
    await run.event('target-lost');
    expect(run.handle.status().caughtUp).toBe(false);
    await target.restart();
    await run.event('full-resync');
    await run.event('caught-up', 2);
    await writers.stop();
    await run.caughtUpWith(from);
    expect(await differences(from, await servers.client(target))).toEqual([]);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 2 });
  });

  test('killed and restarted in the middle of the snapshot, keeping a part of it', SLOW, async () => {
    const source = await servers.start(NEWEST!, { args: { 'rdb-key-save-delay': 500 } });
    const target = await servers.start(NEWEST!);
    const [from, before] = await Promise.all([servers.client(source), servers.client(target)]);
    await fill(from, 4000);
    const run = startRun(source, target);
    await run.until('a part is there', async () => Number(await before.call('DBSIZE')) > 300);
    // It comes back with what it had, part of which the source deletes meanwhile.
    await before.call('SAVE');
    await target.kill('SIGKILL');
    await run.event('target-lost');
    await from.pipeline(Array.from({ length: 300 }, (_, i) => ['DEL', `k:${i}`]));
    await from.call('CONFIG', 'SET', 'rdb-key-save-delay', 0);
    await target.restart();
    await run.event('caught-up');
    await run.caughtUpWith(from);
    const to = await servers.client(target);
    expect(await to.call('DBSIZE')).toBe(3700);
    expect(await differences(from, to)).toEqual([]);
    await run.stop();
  });

  test('behind a connection that is cut: a new copy, equal in the end', SLOW, async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    await fill(from, 500);
    const proxy = await startProxy(target.port);
    const run = startRun(source, { address: { kind: 'tcp', host: '127.0.0.1', port: proxy.port } });
    await run.event('caught-up');
    const counter = from.pipeline(Array.from({ length: 2000 }, () => ['INCR', 'exactly']));
    await proxy.cut();
    await counter;
    await run.event('full-resync');
    await run.event('caught-up', 2);
    await run.caughtUpWith(from);
    expect(await to.text('GET', 'exactly')).toBe('2000');
    expect(await differences(from, to)).toEqual([]);
    await run.stop();
    await proxy.close();
  });

  test('full (maxmemory): exit code 5, naming the key', SLOW, async () => {
    const [source, target] = await Promise.all([
      servers.start(NEWEST!),
      servers.start(NEWEST!, { args: { maxmemory: '5mb', 'maxmemory-policy': 'noeviction' } }),
    ]);
    const from = await servers.client(source);
    await fill(from, 2000, 5000);
    const failed = await startRun(source, target).failure();
    expect(failed.exitCode).toBe(5);
    expect(failed.message).toMatch(/target is out of memory.*OOM.*key "?k:\d+.*raise maxmemory/u);
  });

  test('full while it streams', SLOW, async () => {
    const [source, target] = await Promise.all([
      servers.start(NEWEST!),
      servers.start(NEWEST!, { args: { 'maxmemory-policy': 'noeviction' } }),
    ]);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    const run = startRun(source, target, { onError: 'skip' });
    await run.event('caught-up');
    await to.call('CONFIG', 'SET', 'maxmemory', '1mb');
    await from.call('SET', 'one:too:many', 'x'.repeat(100_000));
    const failed = await run.failure();
    expect(failed.exitCode).toBe(5);
    expect(failed.message).toMatch(/target is out of memory: SET of the stream .*one:too:many/u);
  });

  test('that stays away: a stop ends the waiting', async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const run = startRun(source, target);
    await run.event('caught-up');
    await target.kill('SIGKILL');
    await run.event('target-lost', 2);
    expect(await run.stop()).toMatchObject({ reason: 'stopped' });
    expect(run.log).toMatch(/can't reach the target.*ECONNREFUSED.*is the server running/u);
  });

  const [modern, old] = [binaryOf('redis-8.0'), binaryOf('redis-6.0')];

  test.skipIf(modern === undefined || old === undefined)(
    'too old for a module value, which would end it: it lives on',
    SLOW,
    async () => {
      const [source, target] = await Promise.all([servers.start(modern!), servers.start(old!)]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      await from.pipeline([
        ['VADD', 'vectors', 'VALUES', 2, 1, 2, 'a'],
        ['SET', 'k', 'v'],
      ]);
      const failed = await startRun(source, target).failure();
      expect(failed).toMatchObject({
        exitCode: 6,
        message: expect.stringMatching(/no place for .*MODULE_2.*key "vectors"/u),
      });
      expect(await to.text('PING')).toBe('PONG');
      const run = startRun(source, target, { onError: 'skip', until: 'caught-up', targetNotEmpty: 'flush' });
      expect(await run.end()).toMatchObject({ totals: { skipped: 1 } });
      expect(await to.text('GET', 'k')).toBe('v');
    },
  );

  test('turned into a replica: exit code 5', async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    const run = startRun(source, target);
    await run.event('caught-up');
    await to.call('REPLICAOF', '127.0.0.1', 1);
    await from.call('SET', 'k', 'v');
    const failed = await run.failure();
    expect(failed).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/target is read-only.*READONLY.*use its primary/u),
    });
  });

  test('a replica from the start: exit code 5', async () => {
    const [source, primary] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const target = await servers.start(NEWEST!, { replicaOf: primary });
    const failed = await startRun(source, target).failure();
    expect(failed).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/replica of another server/u),
    });
  });

  test('with fewer databases: refused before anything is written, unless the keys go elsewhere', async () => {
    const [source, target] = await Promise.all([
      servers.start(NEWEST!),
      servers.start(NEWEST!, { args: { databases: 4 } }),
    ]);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    await from.pipeline([
      ['SET', 'k', 'v'],
      ['SELECT', 9],
      ['SET', 'k', '9'],
      ['SELECT', 0],
    ]);
    const failed = await startRun(source, target).failure();
    expect(failed).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/4 databases.*no db 9.*--map-db 9=N/u),
    });
    expect(await to.call('DBSIZE')).toBe(0);
    const run = startRun(source, target, {
      dbMap: new Map([[9, 2]]),
      filter: { ...NO_FILTER, excludeDbs: [8] },
    });
    await run.event('caught-up');
    await from.pipeline([
      ['SELECT', 8],
      ['SET', 'k', '8'],
      ['SELECT', 9],
      ['APPEND', 'k', '!'],
      ['SELECT', 0],
    ]);
    await run.until('it is there', async () => {
      await to.call('SELECT', 2);
      return (await to.text('GET', 'k')) === '9!';
    });
    await from.pipeline([
      ['SELECT', 7],
      ['SET', 'k', '7'],
      ['SELECT', 0],
    ]);
    expect(await run.failure()).toMatchObject({ exitCode: 5, message: expect.stringMatching(/no db 7/u) });
  });

  test('paused for seconds under load: it catches up', SLOW, async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    await fillEverything(from, { seed: SEED });
    const run = startRun(source, target);
    await run.event('caught-up');
    const writers = await runWriters(source, { seed: SEED, writers: 2, ratePerSecond: 10_000, ...CALM });
    target.pause();
    await run.until('it lags for seconds', () => run.shard.lagSeconds > 4);
    expect(run.shard.lagBytes).toBeGreaterThan(0);
    target.resume();
    await writers.stop();
    await run.caughtUpWith(from);
    await run.until('no lag', () => run.shard.lagBytes === 0);
    expect(await differences(from, to)).toEqual([]);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
  });

  test(
    'paused with more in flight than is held: the source is not read on, and nothing is lost',
    SLOW,
    async () => {
      const [source, target] = await Promise.all([
        servers.start(NEWEST!, { args: { 'client-output-buffer-limit': 'replica 0 0 0' } }),
        servers.start(NEWEST!),
      ]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      const run = startRun(source, target);
      await run.event('caught-up');
      target.pause();
      const value = 'x'.repeat(100_000);
      await from.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `big:${i}`, `${i}${value}`]));
      const end = Number(/master_repl_offset:(\d+)/u.exec(await from.text('INFO', 'replication'))?.[1]);
      let [last, still] = [0, 0];
      await run.until('it has stopped reading', () => {
        const { receivedOffset } = run.shard;
        still = receivedOffset === last ? still + 1 : 0;
        last = receivedOffset;
        return last > 10_000_000 && still > 20;
      });
      expect(last).toBeLessThan(end);
      target.resume();
      await run.caughtUpWith(from);
      expect(await differences(from, to, { deep: false })).toEqual([]);
      await run.stop();
    },
  );
});
