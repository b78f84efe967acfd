/**
 * A key that is alive on the source at every moment never dies on the target: however long the target stands
 * still, is full, or is being loaded, and whatever its clock says. Once the sync has caught up, and after a clean
 * stop, the true deadlines stand there; after kill -9 in any of these states the next start puts it all right.
 */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Argument, Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer, ServerBinary } from '../../../scripts/servers.mjs';
import { checkpointKey, parseCheckpoint, type Checkpoint } from '../../../src/checkpoint/record.js';
import {
  isHeldField,
  isHeldKey,
  trueFieldDeadline,
  trueKeyDeadline,
} from '../../../src/convert/held-time.js';
import { Client as EngineClient } from '../../../src/net/client.js';
import { parseEndpoint } from '../../../src/net/parse-endpoint.js';
import { ExpiryKeeper, whyExpired } from '../../../src/sync/expiry-keeper.js';
import {
  awaitCaughtUp,
  equalOrExplain,
  startTool,
  temporaryDirectory,
  type Tool,
} from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { binaryOf, type Run, type RunOptions, Servers, startRun, waitFor } from '../../support/live.js';
import { fullResync, REPLID, startScriptedPrimary } from '../../support/scripted-primary.js';
import { command, handMadeRdb } from '../../support/scripted-primary-rdb.js';

const servers = new Servers();
const VALKEY = binaryOf('valkey-9.1');
const REDIS = binaryOf('redis-8.0');
const BOTH = [VALKEY, REDIS].filter((binary) => binary !== undefined);
const HOUR = 3_600_000;
const JOB = 'expiry';

interface Stage {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly from: Client;
  readonly to: Client;
  /** In this process. */
  readonly run: (options?: RunOptions) => Run;
  /** As a process of its own. */
  readonly start: (margin: string) => Tool;
}

// Takes seconds, in which keys run out.
beforeAll(() => void program(), 60_000);

async function stage(one: ServerBinary, other: ServerBinary = one): Promise<Stage> {
  const [source, target] = await Promise.all([servers.start(one), servers.start(other)]);
  const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
  const stateDir = temporaryDirectory();
  return {
    ...{ source, target, from, to },
    run: (options = {}) => startRun(source, target, { name: JOB, stateDir, ...options }),
    start: (margin) =>
      startTool({
        ...{ source: source.url, target: target.url, stateDir, program: program() },
        args: ['--name', JOB, '--hold-margin', margin],
      }),
  };
}

async function checkpointOn(to: Client): Promise<Checkpoint | undefined> {
  const text: Buffer | null = await to.call('GET', checkpointKey(JOB));
  return text === null ? undefined : parseCheckpoint(text);
}

async function untilState(to: Client, state: Checkpoint['expiry']['state']): Promise<void> {
  await waitFor(`state ${state} in the checkpoint`, async () => {
    const checkpoint = await checkpointOn(to);
    return checkpoint?.state === 'streaming' && checkpoint.expiry.state === state;
  });
}

const deadlineOf = (client: Client, key: string): Promise<number> => client.call('PEXPIRETIME', key);

async function fieldDeadlineOf(client: Client, key: string): Promise<number> {
  const [at]: number[] = await client.call('HPEXPIRETIME', key, 'FIELDS', 1, 'field');
  return at ?? Number.NaN;
}

/** Someone who keeps a session, a counter and a field of a hash alive, and nothing else. */
interface Renewer {
  /** So often from now on. */
  more(times: number): Promise<void>;
  /** The last time with an hour. */
  stop(): Promise<void>;
}

const renewers: Renewer[] = [];
afterEach(async () => {
  await Promise.allSettled(renewers.splice(0).map((renewer) => renewer.stop()));
});

function renewals(ttlMs: number): Argument[][] {
  return [
    ['INCR', 'counter'],
    ['PEXPIRE', 'counter', ttlMs],
    ['PEXPIRE', 'session', ttlMs],
    ['HPEXPIRE', 'hash', ttlMs, 'FIELDS', 1, 'field'],
    ['HINCRBY', 'numbers', 'field', 1],
    ['HPEXPIRE', 'numbers', ttlMs, 'FIELDS', 1, 'field'],
  ];
}

async function renew(server: RunningServer, ttlMs: number): Promise<Renewer> {
  const client = await servers.client(server);
  await client.pipeline([
    ['SET', 'session', 'who it is', 'PX', ttlMs],
    ['HSET', 'hash', 'field', 'value', 'other', 'stays'],
    ['HSET', 'numbers', 'other', 1],
    ...renewals(ttlMs),
  ]);
  let times = 0;
  const over = new AbortController();
  const done = (async () => {
    for (; !over.signal.aborted; times++) {
      await client.pipeline(renewals(ttlMs));
      await new Promise((resolve) => setTimeout(resolve, ttlMs / 15));
    }
    await client.pipeline(renewals(HOUR));
  })();
  const renewer: Renewer = {
    more: async (count) => {
      const goal = times + count;
      await waitFor(`${count} renewals`, () => times >= goal, 60_000);
    },
    stop: async () => {
      over.abort();
      await done;
    },
  };
  renewers.push(renewer);
  return renewer;
}

const fullSyncs = ({ events }: Run): number =>
  events.filter(({ event }) => event === 'full-sync-start' || event === 'full-resync').length;

const TTL_MS = 1500;
/** Longer than the TTL. */
const LONG = 30;

describe.each(BOTH.map((binary) => [binary.id, binary] as const))('%s', (_, binary) => {
  test('a target that stands still for longer than the TTL', async () => {
    const { source, target, from, to, run } = await stage(binary);
    const renewer = await renew(source, TTL_MS);
    const sync = run();
    await sync.event('caught-up');
    target.pause();
    await renewer.more(LONG);
    target.resume();
    await renewer.more(2);
    await renewer.stop();
    await sync.caughtUpWith(from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(fullSyncs(sync)).toBe(1);
    await sync.stop();
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    expect(await to.text('GET', 'session')).toBe('who it is');
  });

  test('a target that is full for longer than the TTL', async () => {
    const { source, from, to, run } = await stage(binary);
    const renewer = await renew(source, TTL_MS);
    const sync = run();
    await sync.event('caught-up');
    await to.call('CONFIG', 'SET', 'maxmemory', 1);
    await sync.event('waiting');
    await renewer.more(LONG);
    await to.call('CONFIG', 'SET', 'maxmemory', 0);
    await renewer.stop();
    await sync.caughtUpWith(from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(fullSyncs(sync)).toBe(1);
    await sync.stop();
  });

  test('a full sync that takes longer than the TTL', { timeout: 60_000 }, async () => {
    const { source, target, from, to, run } = await stage(binary);
    for (let part = 0; part < 20; part++) {
      const keys = Array.from({ length: 1000 }, (__, at) => ['RPUSH', `list:${part}:${at}`, 'x'.repeat(500)]);
      await from.pipeline(keys);
    }
    const renewer = await renew(source, TTL_MS);
    const sync = run();
    await sync.until('some keys are there', () => sync.shard.keys > 100);
    // In short steps, until the load has taken longer than the TTL twice over.
    for (let step = 0; step < 6; step++) {
      target.pause();
      await renewer.more(LONG / 3);
      target.resume();
      await renewer.more(1);
    }
    await renewer.stop();
    await sync.caughtUpWith(from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(fullSyncs(sync)).toBe(1);
    await sync.stop();
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
  });

  test('caught up: far deadlines are true, near ones held, and rolling on', async () => {
    const { from, to, run } = await stage(binary);
    await from.pipeline([
      ['SET', 'far', 1, 'PX', HOUR],
      ['HSET', 'hash', 'field', 1, 'other', 2],
      ['HPEXPIRE', 'hash', HOUR, 'FIELDS', 1, 'field'],
      ['SET', 'near', 1, 'PX', 8000],
      ['HSET', 'near-hash', 'field', 1, 'other', 2],
      ['HPEXPIRE', 'near-hash', 8000, 'FIELDS', 1, 'field'],
    ]);
    const sync = run({ holdMarginMs: 2000 });
    await sync.event('caught-up');
    const same = async (key: string): Promise<boolean> =>
      (await deadlineOf(to, key)) === (await deadlineOf(from, key));
    const sameField = async (key: string): Promise<boolean> =>
      (await fieldDeadlineOf(to, key)) === (await fieldDeadlineOf(from, key));
    await sync.until('true deadlines', async () => (await same('far')) && (await same('near')));
    await sync.until(
      'of fields, too',
      async () => (await sameField('hash')) && (await sameField('near-hash')),
    );
    // What is written now.
    await from.pipeline([
      ['SET', 'far:2', 1, 'PX', HOUR],
      ['SET', 'near:2', 1, 'PX', 1500],
    ]);
    await sync.until('the new ones', async () => (await to.call('EXISTS', 'far:2', 'near:2')) === 2);
    expect(await same('far:2')).toBe(true);
    expect(isHeldKey(await deadlineOf(to, 'near:2'))).toBe(true);
    const [key, field] = [await deadlineOf(from, 'near'), await fieldDeadlineOf(from, 'near-hash')];
    await sync.until('they come near and are held', async () => isHeldKey(await deadlineOf(to, 'near')));
    await sync.until('the field', async () => isHeldField(await fieldDeadlineOf(to, 'near-hash')));
    expect(trueKeyDeadline(await deadlineOf(to, 'near'))).toBe(key);
    expect(trueFieldDeadline(await fieldDeadlineOf(to, 'near-hash'))).toBe(field);
    // The source removes them, and so do we.
    await sync.until('gone', async () => (await to.call('EXISTS', 'near', 'near:2')) === 0);
    await sync.until('the field is gone', async () => (await to.call('HLEN', 'near-hash')) === 1);
    expect(await from.call('EXISTS', 'near')).toBe(0);
    expect(await same('far')).toBe(true);
    await sync.stop();
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
  });

  test.each([300_000, 2000])('after a clean stop all are true, margin %i ms', async (holdMarginMs) => {
    const { from, to, run } = await stage(binary);
    const keys = Array.from({ length: 300 }, (__, at) => ['SET', `k:${at}`, at, 'PX', 20_000 + at * 2000]);
    await from.pipeline([
      ...keys,
      ['HSET', 'hash', 'field', 1],
      ['HPEXPIRE', 'hash', 60_000, 'FIELDS', 1, 'field'],
    ]);
    const sync = run({ holdMarginMs });
    await sync.caughtUpWith(from);
    await sync.stop();
    expect((await checkpointOn(to))?.expiry.state).toBe('released');
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    // And again, up to where it is caught up.
    await from.call('SET', 'more', 1, 'PX', 30_000);
    const again = run({ holdMarginMs, until: 'caught-up' });
    expect((await again.end()).fullSyncs).toBe(0);
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
  });

  test(
    'a target that stands still for longer than the margin: seen, and copied anew',
    { timeout: 60_000 },
    async () => {
      const { source, target, from, to, run } = await stage(binary);
      const renewer = await renew(source, 6000);
      const sync = run({ holdMarginMs: 2000 });
      await untilState(to, 'settled');
      await sync.until('a true deadline', async () => !isHeldKey(await deadlineOf(to, 'session')));
      target.pause();
      // Each is a fifteenth of the TTL.
      await renewer.more(25);
      target.resume();
      await sync.event('full-resync');
      expect(sync.log).toMatch(/keys have run out on the target while nobody held its deadlines back/u);
      await renewer.stop();
      await sync.caughtUpWith(from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      await sync.stop();
      expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    },
  );

  test(
    'renewed on the source, run out on the target while the program was dead',
    { timeout: 60_000 },
    async () => {
      const { from, to, start } = await stage(binary);
      await from.pipeline([
        ['SET', 'session', 'who it is', 'PX', 12_000],
        ['SET', 'counter', 7, 'PX', 12_000],
      ]);
      const first = start('1s');
      await untilState(to, 'settled');
      await waitFor(
        'true deadlines',
        async () => (await deadlineOf(to, 'counter')) === (await deadlineOf(from, 'counter')),
      );
      await first.kill();
      await from.pipeline([
        ['PEXPIRE', 'session', HOUR],
        ['PEXPIRE', 'counter', HOUR],
        ['INCR', 'counter'],
      ]);
      await waitFor(
        'the target lets them run out',
        async () => (await to.call('EXISTS', 'session', 'counter')) === 0,
      );
      const second = start('1s');
      await second.says(/keys have run out on the target .*: a new full copy is taken/u);
      await awaitCaughtUp(second, from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      expect(await to.text('GET', 'counter')).toBe('8');
      expect((await second.kill('SIGTERM')).code).toBe(0);
      expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    },
  );

  test.each(['being loaded', 'settled', 'released'] as const)(
    'killed while deadlines are %s',
    { timeout: 90_000 },
    async (state) => {
      const { source, from, to, start } = await stage(binary);
      for (let part = 0; part < 30; part++) {
        const keys = Array.from({ length: 500 }, (__, at) => [
          ...['SET', `k:${part}:${at}`, 'x'.repeat(30), 'PX', 30_000 + part * 1000 + at],
        ]);
        await from.pipeline(keys);
      }
      const renewer = await renew(source, 3000);
      // Released is what was held.
      const first = start(state === 'released' ? '90s' : '2s');
      if (state === 'being loaded') await waitFor('keys', async () => (await to.call('DBSIZE')) > 1000);
      else await untilState(to, 'settled');
      // The second signal is the one that counts.
      if (state === 'released') void first.kill('SIGTERM');
      if (state === 'released') await untilState(to, 'released');
      await first.kill();
      expect((await checkpointOn(to))?.owner).toBeDefined();
      await renewer.more(3);
      const second = start('2s');
      await renewer.stop();
      await awaitCaughtUp(second, from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      expect((await second.kill('SIGTERM')).code).toBe(0);
      expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    },
  );
});

describe.runIf(REDIS !== undefined)('restarts', () => {
  const binary = REDIS!;

  test('soon after a kill: nothing can have run out, whatever the counter says', async () => {
    const { from, to, run, start } = await stage(binary);
    await from.call('SET', 'far', 1, 'PX', HOUR);
    const first = start('5m');
    await untilState(to, 'settled');
    await first.kill();
    // A key of somebody else.
    await to.call('SET', 'other', 1, 'PX', 1);
    await waitFor('it runs out', async () => (await to.call('EXISTS', 'other')) === 0);
    const second = run();
    await second.caughtUpWith(from);
    expect((await second.stop()).fullSyncs).toBe(0);
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
  });

  test('true deadlines that come near are held from the start', async () => {
    const { from, to, run } = await stage(binary);
    await from.call('SET', 'session', 1, 'PX', 6000);
    const first = run({ holdMarginMs: 2000 });
    await first.event('caught-up');
    await first.stop();
    expect(await deadlineOf(to, 'session')).toBe(await deadlineOf(from, 'session'));
    const second = run({ holdMarginMs: 4000 });
    await second.until('held', async () => isHeldKey(await deadlineOf(to, 'session')));
    await from.call('PEXPIRE', 'session', HOUR);
    await second.caughtUpWith(from);
    expect((await second.stop()).fullSyncs).toBe(0);
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
  });

  test('past when its deadline was released, and renewed in what was never received', async () => {
    // The source's clock is behind by a minute: its keys live on though they are past here.
    const { to, target } = await stage(binary);
    const stream = command('SET', 'session', 'a', 'PXAT', Date.now() - 57_000);
    const base = 100;
    const primary = await startScriptedPrimary({
      offset: () => base + stream.length,
      replid: () => REPLID,
      answer: ([name]) => (name?.toUpperCase() === 'TIME' ? timeReply(-60_000) : undefined),
      links: [
        async (link) => {
          await fullResync(link, handMadeRdb(), base);
          await link.send(stream);
        },
      ],
    });
    try {
      const options = { name: 'past', stateDir: temporaryDirectory() };
      const first = startRun(primary, target, options);
      await first.event('caught-up');
      expect(isHeldKey(await deadlineOf(to, 'session'))).toBe(true);
      await first.stop();
      expect(await to.call('EXISTS', 'session')).toBe(0);
      const second = startRun(primary, target, options);
      expect((await second.event('full-resync')).message).toMatch(/keys may have run out/u);
      await second.event('full-sync-done');
      await second.stop();
    } finally {
      await primary.close();
    }
  });
});

describe.runIf(VALKEY !== undefined)('clocks apart', () => {
  test.each([
    ['7.2.0', -60_000],
    ['7.2.0', 60_000],
    ['6.2.0', -60_000],
    ['6.2.0', 60_000],
  ])('a source %s whose clock is off by %i ms', async (version, offMs) => {
    const { to, target } = await stage(VALKEY!);
    const sourceNow = (): number => Date.now() + offMs;
    const base = 100;
    const relative = version === '6.2.0' ? ['relative', 'option'] : [];
    const sent = Buffer.concat([
      command('SET', 'absolute', 'a', 'PXAT', sourceNow() + 5000),
      ...relative.slice(0, 1).map((key) => command('SETEX', key, 5, 'r')),
      ...relative.slice(1).map((key) => command('SET', key, 'o', 'EX', 5)),
      command('INCR', 'counter'),
      command('PEXPIREAT', 'counter', sourceNow() + 5000),
      command('HSET', 'hash', 'field', 1, 'other', 2),
      command('HPEXPIREAT', 'hash', sourceNow() + 5000, 'FIELDS', 1, 'field'),
    ]);
    let more: Buffer = Buffer.alloc(0);
    let play: () => void = () => {};
    const cue = new Promise<void>((resolve) => (play = resolve));
    const end = (): number => base + sent.length + more.length;
    const primary = await startScriptedPrimary({
      offset: end,
      replid: () => REPLID,
      answer: ([name]) => {
        if (name?.toUpperCase() === 'TIME') return timeReply(offMs);
        return name?.toUpperCase() === 'INFO' ? infoReply(version, end()) : undefined;
      },
      links: [
        async (link) => {
          await fullResync(link, handMadeRdb({ serverVersion: version }), base);
          await link.send(sent);
          await cue;
          await link.send(more);
        },
      ],
    });
    try {
      const run = startRun(primary, target);
      await run.event('caught-up');
      for (const key of ['absolute', 'counter', ...relative]) {
        const deadline = await deadlineOf(to, key);
        expect([key, isHeldKey(deadline)]).toEqual([key, true]);
        // By the source's clock; a minute is more than the questions and answers take.
        expect(Math.abs(trueKeyDeadline(deadline) - sourceNow() - 5000)).toBeLessThan(20_000);
      }
      // Renewed in time on the source, long after its time by the target's clock or long before.
      more = Buffer.concat([
        command('INCR', 'counter'),
        command('PEXPIREAT', 'counter', sourceNow() + 5000),
        command('HINCRBY', 'hash', 'field', 1),
        command('DEL', 'absolute'),
      ]);
      play();
      await run.until('all is there', () => run.shard.appliedOffset === end());
      expect(await to.text('GET', 'counter')).toBe('2');
      expect(await to.text('HGET', 'hash', 'field')).toBe('2');
      expect(await to.call('EXISTS', 'absolute')).toBe(0);
      await run.stop();
    } finally {
      await primary.close();
    }
  });
});

test.skipIf(REDIS === undefined)('where there are many keys to look at, they are held earlier', async () => {
  const server = await servers.start(REDIS!);
  const client = await servers.client(server);
  const target = parseEndpoint(server.url, 'target');
  const keeper = new ExpiryKeeper({
    connect: async () => [await EngineClient.connect(target, 'target')],
    ...{ job: JOB, connectionName: 'keeper', marginMs: 2000, sole: true, dbs: undefined },
    ...{ databases: 16, fields: true, wanted: undefined, wantedKind: undefined, clockOffsetMs: 0 },
    // A minute and a half, as long as six looks at all of them take.
    expectedKeys: 1_000_000,
    emit: () => {},
    events: { note: () => Promise.resolve(true), lapsed: () => {} },
  });
  await client.call('SET', 'near', 'x', 'PX', 60_000);
  await client.call('SET', 'far', 'x', 'PX', 600_000);
  const own = await EngineClient.connect(target, 'target');
  try {
    await keeper.load([own], true);
    await waitFor('it is held', async () => isHeldKey(await deadlineOf(client, 'near')));
    expect(isHeldKey(await deadlineOf(client, 'far'))).toBe(false);
  } finally {
    keeper.close();
    own.close();
  }
});

test('why keys may have run out', () => {
  const record = { mode: 'held', state: 'settled', runId: 'a', expiredKeys: 5, clearUntilMs: 100 } as const;
  const same = { runId: 'a', expiredKeys: 5 };
  expect(whyExpired({ ...record, state: 'held' }, 900, undefined)).toBeUndefined();
  expect(whyExpired({ ...record, mode: 'plain' }, 900, undefined)).toBeUndefined();
  expect(whyExpired(record, 100, undefined)).toBeUndefined();
  expect(whyExpired(record, 100, { runId: 'b', expiredKeys: 0 })).toBeUndefined();
  expect(whyExpired(record, 101, same)).toBeUndefined();
  expect(whyExpired(record, 101, { ...same, expiredKeys: 6 })).toMatch(/keys have run out/u);
  // CONFIG RESETSTAT.
  expect(whyExpired(record, 101, { ...same, expiredKeys: 0 })).toMatch(/keys have run out/u);
  expect(whyExpired(record, 101, { runId: 'b', expiredKeys: 5 })).toMatch(/restarted/u);
  expect(whyExpired(record, 101, undefined)).toMatch(/may have run out/u);
  expect(whyExpired({ ...record, runId: '' }, 101, same)).toMatch(/may have run out/u);
});

function timeReply(offMs: number): string {
  const now = Date.now() + offMs;
  const parts = [Math.floor(now / 1000), (now % 1000) * 1000].map(String);
  return `*2${parts.map((part) => `\r\n$${part.length}\r\n${part}`).join('')}`;
}

function infoReply(version: string, offset: number): string {
  const lines = [
    ...[`redis_version:${version}`, 'redis_mode:standalone', `run_id:${'5'.repeat(40)}`, 'role:master'],
    ...[`master_replid:${REPLID}`, `master_repl_offset:${offset}`, ''],
  ];
  const text = lines.join('\r\n');
  return `$${text.length}\r\n${text}`;
}
