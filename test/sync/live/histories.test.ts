/**
 * What becomes of the source's history: a replica is promoted, a chain is hung elsewhere, a server comes back
 * with its data, with fewer, or without its backlog; while the program runs, between two runs, and with the
 * program killed at that moment. Where the history goes on nothing is copied again, and nothing is lost or done
 * twice; where it does not, that is said, and a new copy takes the old one's place without an empty moment.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer, ServerBinary, StartOptions } from '../../../scripts/servers.mjs';
import { checkpointKey } from '../../../src/checkpoint/record.js';
import {
  awaitCaughtUp,
  equalOrExplain,
  startCounting,
  startTool,
  temporaryDirectory,
} from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import {
  binaryOf,
  NEWEST,
  NO_FILTER,
  offsetOf,
  type Run,
  type RunOptions,
  Servers,
  startRun,
  waitFor,
} from '../../support/live.js';
import { command, handMadeRdb } from '../../support/scripted-primary-rdb.js';
import {
  fullResync,
  type LinkScript,
  MARK,
  OTHER_REPLID,
  REPLID,
  startScriptedPrimary,
} from '../../support/scripted-primary.js';

const SLOW = { timeout: 90_000 };
const servers = new Servers();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const FULL = /full-resync|full-sync-start/u;

interface Node {
  readonly server: RunningServer;
  readonly client: Client;
}

async function start(binary: ServerBinary, options?: StartOptions): Promise<Node> {
  const server = await servers.start(binary, options);
  return { server, client: await servers.client(server) };
}

async function isLinked({ client }: Node): Promise<void> {
  await waitFor('its link', async () =>
    /master_link_status:up/u.test(await client.text('INFO', 'replication')),
  );
}

/** Writes for a while. */
async function write({ server }: Node): Promise<void> {
  const counting = await startCounting(server);
  await pause(150);
  await counting.stop();
}

/** Both have the same offset, so that whoever is promoted lacks nothing. */
async function isLevel(one: Node, other: Node): Promise<void> {
  await waitFor('the replica has all', async () => {
    const [a, b] = await Promise.all([offsetOf(one.client), offsetOf(other.client)]);
    return a === b;
  });
}

async function promote(primary: Node, replica: Node): Promise<void> {
  await isLevel(primary, replica);
  await primary.server.kill();
  await replica.client.call('REPLICAOF', 'NO', 'ONE');
}

/** The state of a job on this machine, and the job. */
function job(): RunOptions & { readonly name: string } {
  return { name: `history-${++jobs}`, stateDir: temporaryDirectory() };
}
let jobs = 0;

async function expectEqual(source: Node, target: Node): Promise<void> {
  expect(await equalOrExplain(source.client, target.client)).toEqual([]);
}

async function endEqual(run: Run, source: Node, target: Node): Promise<ReturnType<Run['stop']>> {
  await run.caughtUpWith(source.client);
  await expectEqual(source, target);
  return await run.stop();
}

describe.each(['valkey-9.1', 'redis-8.0', 'redis-6.0'])('%s', (series) => {
  const binary = binaryOf(series)!;

  describe.skipIf(binary === undefined)('a replica is promoted', () => {
    async function chain(): Promise<{ primary: Node; replica: Node; target: Node }> {
      const [primary, target] = await Promise.all([start(binary), start(binary)]);
      const replica = await start(binary, { replicaOf: primary.server });
      await isLinked(replica);
      await write(primary);
      return { primary, replica, target };
    }

    test('while it runs', SLOW, async () => {
      const { primary, replica, target } = await chain();
      const run = startRun(replica.server, target.server, job());
      await run.event('caught-up');
      await write(primary);
      await promote(primary, replica);
      await run.event('partial-resync');
      await write(replica);
      expect(await endEqual(run, replica, target)).toMatchObject({ fullSyncs: 1, partialResyncs: 1 });
      expect(run.log).toMatch(/under a new replid/u);
    });

    test.each(['with its spool', 'without it'])('between two runs, %s', SLOW, async (which) => {
      const { primary, replica, target } = await chain();
      const options = job();
      const first = startRun(replica.server, target.server, options);
      await first.event('caught-up');
      await write(primary);
      await isLevel(primary, replica);
      await first.caughtUpWith(replica.client);
      await first.stop();
      await write(primary);
      await promote(primary, replica);
      await write(replica);
      const stateDir = which === 'without it' ? temporaryDirectory() : options.stateDir;
      const second = startRun(replica.server, target.server, { ...options, stateDir });
      expect(await endEqual(second, replica, target)).toMatchObject({ fullSyncs: 0, partialResyncs: 1 });
      expect(second.log).toMatch(/under a new replid/u);
      expect(second.log).not.toMatch(FULL);
    });

    test('and the program killed at once', SLOW, async () => {
      const { primary, replica, target } = await chain();
      const options = { source: replica.server.url, target: target.server.url, program: program() };
      const again = { ...options, stateDir: temporaryDirectory() };
      const first = startTool(again);
      await first.says(/caught up/u);
      await write(primary);
      await promote(primary, replica);
      const counting = await startCounting(replica.server);
      await first.says(/under a new replid/u);
      await first.kill();
      const second = startTool(again);
      await second.says(/going on at/u);
      await counting.stop();
      await awaitCaughtUp(second, replica.client);
      await expectEqual(replica, target);
      expect((await second.kill('SIGTERM')).code).toBe(0);
      expect(second.log.join('\n')).not.toMatch(/full copy|full sync/u);
    });
  });

  test.skipIf(binary === undefined)('a chained replica is hung below another primary', SLOW, async () => {
    const [primary, target] = await Promise.all([start(binary), start(binary)]);
    const [heir, source] = await Promise.all([
      start(binary, { replicaOf: primary.server }),
      start(binary, { replicaOf: primary.server }),
    ]);
    await Promise.all([isLinked(heir), isLinked(source)]);
    const run = startRun(source.server, target.server, job());
    await run.event('caught-up');
    await write(primary);
    await isLevel(primary, source);
    await promote(primary, heir);
    await source.client.call('REPLICAOF', '127.0.0.1', heir.server.port);
    await isLinked(source);
    await write(heir);
    await isLevel(heir, source);
    expect(await endEqual(run, source, target)).toMatchObject({ fullSyncs: 1 });
    expect(run.log).toMatch(/under a new replid/u);
  });

  describe.skipIf(binary === undefined || series === 'redis-6.0')('the source is restarted', () => {
    test('with its data, between two runs: goes on', SLOW, async () => {
      const [source, target] = await Promise.all([start(binary), start(binary)]);
      await write(source);
      const options = job();
      const first = startRun(source.server, target.server, options);
      await first.caughtUpWith(source.client);
      await first.stop();
      await source.client.call('SHUTDOWN', 'SAVE').catch(() => {});
      await source.server.restart();
      const back = { server: source.server, client: await servers.client(source.server) };
      await write(back);
      const second = startRun(source.server, target.server, options);
      expect(await endEqual(second, back, target)).toMatchObject({ fullSyncs: 0, partialResyncs: 1 });
    });

    test.each(['while it runs', 'between two runs'])(
      'with less than we have, %s: said, and put right',
      SLOW,
      async (when) => {
        const [source, target] = await Promise.all([start(binary), start(binary)]);
        const options = job();
        const first = startRun(source.server, target.server, options);
        await first.event('caught-up');
        await write(source);
        await source.client.call('SAVE');
        const rdb = join(source.server.dir, 'dump.rdb');
        copyFileSync(rdb, `${rdb}.old`);
        await write(source);
        await source.client.call('SET', 'ghost', 'lost by the source');
        await first.caughtUpWith(source.client);
        const between = when === 'between two runs';
        if (between) await first.stop();
        await source.server.kill();
        copyFileSync(`${rdb}.old`, rdb);
        await source.server.restart();
        const back = { server: source.server, client: await servers.client(source.server) };
        const run = between ? startRun(source.server, target.server, options) : first;
        await run.event('full-resync');
        await run.until('it is said', () => /come back with less than it had/u.test(run.log));
        await run.event('full-sync-done', between ? 1 : 2);
        expect(await endEqual(run, back, target)).toMatchObject({ fullSyncs: between ? 1 : 2 });
        expect(await target.client.call('EXISTS', 'ghost')).toBe(0);
      },
    );
  });
});

describe.skipIf(NEWEST === undefined)('the backlog is gone', () => {
  const SMALL = { args: { 'repl-backlog-size': 16_384 } };
  const STABLE = Array.from({ length: 500 }, (_, at) => `stable:${at}`);

  /** The source writes more than its backlog holds. */
  async function outrun({ client }: Node): Promise<void> {
    for (let part = 0; part < 20; part++) await client.call('SET', 'flood', 'x'.repeat(20_000 + part));
  }

  /** Asks for keys that are never gone on the source, until it is stopped; how often one was missing. */
  async function readAlways(
    { server }: Node,
    keys: readonly string[],
  ): Promise<() => Promise<[number, number]>> {
    const client = await server.client();
    let [rounds, missing] = [0, 0];
    const over = new AbortController();
    const reading = (async () => {
      for (; !over.signal.aborted; rounds++) {
        missing += keys.length - (await client.call('EXISTS', ...keys));
      }
      await client.close();
    })();
    return async () => {
      over.abort();
      await reading;
      return [rounds, missing];
    };
  }

  test('a new copy takes the old one’s place, and no reader sees an empty moment', SLOW, async () => {
    const [source, target] = await Promise.all([start(NEWEST!, SMALL), start(NEWEST!)]);
    const library = (name: string): string =>
      `#!lua name=${name}\nredis.register_function('${name}_f', function() return 1 end)`;
    await source.client.pipeline([
      ...STABLE.map((key) => ['SET', key, 'v']),
      ...Array.from({ length: 3000 }, (_, at) => ['SET', `ghost:${at}`, 'v']),
      ['FUNCTION', 'LOAD', library('stays')],
      ['FUNCTION', 'LOAD', library('goes')],
    ]);
    const options = job();
    const first = startRun(source.server, target.server, options);
    await first.caughtUpWith(source.client);
    await first.stop();
    await target.client.call('SET', checkpointKey('another-job'), '{}');
    await source.client.pipeline([
      ...Array.from({ length: 3000 }, (_, at) => ['DEL', `ghost:${at}`]),
      ...Array.from({ length: 3000 }, (_, at) => ['SET', `fresh:${at}`, 'v']),
      ['FUNCTION', 'DELETE', 'goes'],
    ]);
    await outrun(source);
    const stop = await readAlways(target, STABLE);
    const second = startRun(source.server, target.server, options);
    const { message } = await second.event('full-resync');
    expect(message).toMatch(/new full copy is taken, and what it does not have is then removed/u);
    await second.event('caught-up');
    const [rounds, missing] = await stop();
    expect(rounds).toBeGreaterThan(3);
    expect(missing).toBe(0);
    expect(await endEqual(second, source, target)).toMatchObject({ fullSyncs: 1 });
    expect(await target.client.text('GET', checkpointKey('another-job'))).toBe('{}');
    const libraries: string = JSON.stringify(await target.client.text('FUNCTION', 'LIST'));
    expect(libraries).toContain('stays');
    expect(libraries).not.toContain('goes');
  });

  test('what the filters leave out is left alone', SLOW, async () => {
    const [source, target] = await Promise.all([start(NEWEST!, SMALL), start(NEWEST!)]);
    const set = async ({ client }: Node, db: number, ...keys: string[]): Promise<void> => {
      await client.call('SELECT', db);
      await client.pipeline(keys.map((key) => ['SET', key, 'v']));
      await client.call('SELECT', 0);
    };
    await set(source, 3, 'user:1', 'user:ghost', 'other');
    await set(target, 3, 'user:of-the-target');
    await set(target, 7, 'other:of-the-target');
    const options = {
      ...job(),
      targetNotEmpty: 'merge',
      filter: { ...NO_FILTER, includeKeys: ['user:*'], includeDbs: [3] },
      dbMap: new Map([[3, 7]]),
    } as const;
    const first = startRun(source.server, target.server, options);
    await first.caughtUpWith(source.client);
    await first.stop();
    await source.client.call('SELECT', 3);
    await source.client.call('DEL', 'user:ghost');
    await source.client.call('SELECT', 0);
    await outrun(source);
    const second = startRun(source.server, target.server, { ...options, targetNotEmpty: 'mirror' });
    await second.event('full-resync');
    await second.caughtUpWith(source.client);
    await second.stop();
    const keys = async (db: number): Promise<readonly string[]> => {
      await target.client.call('SELECT', db);
      return (await target.client.text('KEYS', '*')).toSorted();
    };
    expect(await keys(3)).toEqual(['user:of-the-target']);
    expect(await keys(7)).toEqual(['other:of-the-target', 'user:1']);
  });

  test('merge: what the source has deleted meanwhile stays, and that is said', SLOW, async () => {
    const [source, target] = await Promise.all([start(NEWEST!, SMALL), start(NEWEST!)]);
    await source.client.pipeline(['kept', 'ghost'].map((key) => ['SET', key, 'v']));
    const options = { ...job(), targetNotEmpty: 'merge' } as const;
    const first = startRun(source.server, target.server, options);
    await first.caughtUpWith(source.client);
    await first.stop();
    await target.client.call('SET', 'of-the-target', 'v');
    await source.client.call('DEL', 'ghost');
    await outrun(source);
    const second = startRun(source.server, target.server, options);
    const { message } = await second.event('full-resync');
    expect(message).toMatch(/keys it has deleted meanwhile stay/u);
    await second.caughtUpWith(source.client);
    await second.stop();
    expect(await target.client.call('EXISTS', 'kept', 'flood', 'ghost', 'of-the-target')).toBe(4);
  });
});

test.skipIf(NEWEST === undefined)(
  'the source starts over while ghosts are removed: no key of the newer snapshot is taken for one',
  SLOW,
  async () => {
    const latter = Array.from({ length: 300 }, (_, at) => `latter:${at}`);
    const snapshots = [
      handMadeRdb({ databases: { 0: { former: '1' } } }),
      handMadeRdb({ databases: { 0: Object.fromEntries(latter.map((key) => [key, '1'])) } }),
    ];
    let cut: () => Promise<void> = async () => {};
    const primary = await startScriptedPrimary({
      links: [
        (link) => fullResync(link, snapshots[0]!, 1000),
        async (link) => {
          cut = () => link.cut();
          await fullResync(link, snapshots[0]!, 2000, OTHER_REPLID);
        },
        (link) => fullResync(link, snapshots[1]!, 3000),
      ],
      offset: () => (primary.links.length < 3 ? 0 : 3000),
    });
    const target = await start(NEWEST!);
    const options = job();
    const first = startRun(primary.url, target.server, options);
    await first.event('caught-up');
    await first.stop();
    await target.client.call('DEBUG', 'POPULATE', 500_000, 'ghost');
    const run = startRun(primary.url, target.server, options);
    run.handle.on(({ message }) => {
      if (/removing what the source does not have/u.test(message) && primary.links.length === 2) {
        target.server.pause();
        void cut();
      }
    });
    // The removal stands still until the newer snapshot is there.
    await run.event('full-resync', 2);
    target.server.resume();
    await run.event('full-sync-done');
    expect(await target.client.call('EXISTS', ...latter)).toBe(latter.length);
    await run.event('caught-up');
    expect(await target.client.call('EXISTS', ...latter)).toBe(latter.length);
    expect(await target.client.text('KEYS', '[^_l]*')).toEqual([]);
    await run.stop();
    await primary.close();
  },
);

describe.skipIf(NEWEST === undefined)('while the target is being connected', () => {
  const ASKING = /asking the source to go on/u;
  const before = handMadeRdb({ databases: { 0: { former: '1' } } });

  /** A job that has a checkpoint at 1000 and lost its spool; its target freezes when the source is asked. */
  async function frozen(second: LinkScript): Promise<{ run: Run; target: Node; close: () => Promise<void> }> {
    const primary = await startScriptedPrimary({
      links: [(link) => fullResync(link, before, 1000), second],
      offset: () => 1000,
      replid: () => REPLID,
    });
    const target = await start(NEWEST!);
    const options = job();
    const first = startRun(primary.url, target.server, options);
    await first.event('caught-up');
    await first.stop();
    const run = startRun(primary.url, target.server, { ...options, stateDir: temporaryDirectory() });
    run.handle.on(({ message }) => {
      if (ASKING.test(message)) target.server.pause();
    });
    return { run, target, close: () => primary.close() };
  }

  test('the source starts over: its new history counts from its beginning', SLOW, async () => {
    const after = handMadeRdb({ databases: { 0: { latter: '1' } } });
    const write = command('INCR', 'n');
    let target: Node | undefined;
    const set = await frozen(async (link) => {
      // Where the old history ended there is a command of the new one, too.
      const base = 1000 - 4 * write.length;
      await link.send(`+FULLRESYNC ${OTHER_REPLID} ${base}\r\n`, `$EOF:${MARK}\r\n`, after, MARK);
      await link.send(...Array.from({ length: 50 }, () => write));
      target?.server.resume();
    });
    ({ target } = set);
    const { run } = set;
    await run.event('full-resync');
    target.server.resume();
    await run.until('all is there', async () => (await target?.client.text('GET', 'n')) === '50');
    expect(await target.client.text('KEYS', '[a-z]*')).toEqual(expect.arrayContaining(['latter', 'n']));
    expect(await target.client.call('EXISTS', 'former')).toBe(0);
    await run.stop();
    await set.close();
  });

  test('it is stopped: and ends', SLOW, async () => {
    const { run, target, close } = await frozen(async (link) => link.send('+CONTINUE\r\n'));
    await run.until('it is asking', () => ASKING.test(run.log));
    run.handle.stop();
    target.server.resume();
    expect(await run.end()).toMatchObject({ ok: true });
    await close();
  });
});

describe.skipIf(NEWEST === undefined)('--resume-from', () => {
  test('goes on at a place of one’s own, once: given again, the checkpoint counts', SLOW, async () => {
    const [source, target] = await Promise.all([start(NEWEST!), start(NEWEST!)]);
    const first = startRun(source.server, target.server, job());
    await first.event('caught-up');
    await write(source);
    await source.client.call('SET', 'n', '5');
    await first.caughtUpWith(source.client);
    const { replid, appliedOffset } = first.shard;
    await first.stop();
    await source.client.call('INCR', 'n');
    await write(source);
    // Another job, which knows nothing of the first.
    const options = { ...job(), resumeFrom: { replid, offset: appliedOffset, db: 0 } };
    const second = startRun(source.server, target.server, options);
    expect(await endEqual(second, source, target)).toMatchObject({ fullSyncs: 0, partialResyncs: 1 });
    await source.client.call('INCR', 'n');
    const third = startRun(source.server, target.server, options);
    expect(await endEqual(third, source, target)).toMatchObject({ fullSyncs: 0 });
    expect(await target.client.text('GET', 'n')).toBe('7');
  });

  test('a place that the source has no more: a new full copy, said', SLOW, async () => {
    const [source, target] = await Promise.all([start(NEWEST!), start(NEWEST!)]);
    await write(source);
    await target.client.call('SET', 'ghost', 'v');
    const resumeFrom = { replid: 'f'.repeat(40), offset: 17, db: 0 };
    const run = startRun(source.server, target.server, { ...job(), resumeFrom });
    await run.event('full-resync');
    expect(await endEqual(run, source, target)).toMatchObject({ fullSyncs: 1 });
  });
});
