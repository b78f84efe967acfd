/** Targets on bad days: killed, restarted, paused, full, turned into replicas, too small. */
import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer, StartOptions } from '../../../scripts/servers.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import {
  binaryOf,
  checkpointOf,
  differences,
  FAITHFUL,
  keysOf,
  NEWEST,
  NO_FILTER,
  offsetOf,
  type Run,
  type RunOptions,
  Servers,
  startRun,
  syncsOf,
  temporaryDirectory,
  waitFor,
} from '../../support/live.js';
import { startProxy } from '../../support/proxy.js';
import { commands, handMadeRdb } from '../../support/scripted-primary-rdb.js';
import { fullResync, type LinkScript, REPLID, startScriptedPrimary } from '../../support/scripted-primary.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const SLOW = { timeout: 60_000 };

interface Stage {
  readonly run: Run;
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly from: Client;
  readonly to: Client;
}

interface State {
  /** Brings the target into the state, and out of it. */
  begin(to: Client, target: RunningServer): Promise<unknown>;
  end(to: Client): Promise<unknown>;
  readonly says: RegExp;
}

/** A string in a snapshot, with a deadline far away. */
function timedEntry(key: string, value: string): Buffer {
  const deadline = Buffer.alloc(8);
  deadline.writeBigInt64LE(BigInt(Date.now() + 10_000_000));
  return Buffer.concat([
    ...[Buffer.from([0xfc]), deadline, Buffer.from([0, key.length]), Buffer.from(key)],
    ...[Buffer.from([0x40 | (value.length >> 8), value.length & 0xff]), Buffer.from(value)],
  ]);
}

async function fill(client: Client, keys: number, size = 20): Promise<void> {
  const value = 'v'.repeat(size);
  await client.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `k:${i}`, `${i} ${value}`]));
}

describe.skipIf(NEWEST === undefined)(`a target on a bad day, seed ${SEED}`, () => {
  const servers = new Servers();

  test('killed and restarted without its data: a new full copy', SLOW, async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const from = await servers.client(source);
    await fillEverything(from, { seed: SEED });
    const writers = await runWriters(source, { seed: SEED, writers: 2, ...FAITHFUL });
    const run = startRun(source, target);
    await run.event('caught-up');
    await target.kill('SIGKILL');
    await run.event('target-lost');
    expect(run.handle.status()).toMatchObject({
      caughtUp: false,
      waitingFor: expect.stringMatching(/target/u),
    });
    await target.restart();
    await run.event('full-resync');
    await run.event('caught-up', 2);
    await writers.stop();
    await run.caughtUpWith(from);
    expect(await differences(from, await servers.client(target))).toEqual([]);
    expect(await syncsOf(from)).toMatchObject({ full: 2 });
    expect(run.handle.status()).toMatchObject({ caughtUp: true, waitingFor: null });
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 2 });
  });

  test(
    'killed and restarted with its data, again and again: no new copy, and nothing twice',
    SLOW,
    async () => {
      const source = await servers.start(NEWEST!);
      const target = await servers.start(NEWEST!, { args: { appendonly: 'yes', appendfsync: 'no' } });
      const from = await servers.client(source);
      await fillEverything(from, { seed: SEED });
      const run = startRun(source, target);
      await run.event('caught-up');
      const writers = await runWriters(source, { seed: SEED, writers: 2, ...FAITHFUL });
      const counter = await servers.client(source, { db: 12 });
      for (let kill = 1; kill <= 4; kill++) {
        const counted = counter.pipeline(Array.from({ length: 2000 }, () => ['INCR', 'exactly']));
        await run.until('some of it is here', () => run.shard.lagBytes > 0);
        await target.kill('SIGKILL');
        await counted;
        await run.event('target-lost', kill);
        await target.restart();
        await run.until('it goes on', () => run.handle.status().waitingFor === null);
      }
      await writers.stop();
      await run.caughtUpWith(from);
      const to = await servers.client(target);
      expect(await differences(from, to)).toEqual([]);
      await to.call('SELECT', 12);
      expect(await to.text('GET', 'exactly')).toBe('8000');
      // The source has not noticed any of it.
      expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
      expect(run.log).not.toMatch(/link-lost|full-resync/u);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, partialResyncs: 0 });
    },
  );

  describe('killed and restarted in the middle of the snapshot, keeping a part of it', () => {
    /** Comes back with what it had, a part of which the source has deleted meanwhile. */
    async function interrupted(
      stateDir: string | undefined,
    ): Promise<{ run: Run; from: Client; to: Client }> {
      const source = await servers.start(NEWEST!, { args: { 'rdb-key-save-delay': 500 } });
      const target = await servers.start(NEWEST!);
      const [from, before] = await Promise.all([servers.client(source), servers.client(target)]);
      await fill(from, 4000);
      const run = startRun(source, target, { stateDir });
      await run.until('a part is there', async () => {
        const loaded = (await checkpointOf(run, before))?.['loaded'];
        return typeof loaded === 'number' && loaded > 0 && Number(await before.call('DBSIZE')) > 300;
      });
      await before.call('SAVE');
      await target.kill('SIGKILL');
      await run.event('target-lost');
      await from.pipeline(Array.from({ length: 300 }, (_, i) => ['DEL', `k:${i}`]));
      await from.call('CONFIG', 'SET', 'rdb-key-save-delay', 0);
      await target.restart();
      await run.event('caught-up');
      await run.caughtUpWith(from);
      const to = await servers.client(target);
      expect(await keysOf(to)).toHaveLength(3700);
      expect(await differences(from, to)).toEqual([]);
      return { run, from, to };
    }

    test('with a spool on disk: the same snapshot is gone on with', SLOW, async () => {
      const { run, from, to } = await interrupted(temporaryDirectory());
      expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
      expect(run.log).not.toMatch(/link-lost|full-resync/u);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
      expect(await checkpointOf(run, to)).toMatchObject({ state: 'streaming' });
    });

    test('with one in memory: it is taken anew', SLOW, async () => {
      const { run } = await interrupted(undefined);
      expect(run.log).toMatch(
        /warn waiting 1 snapshot was taken and not loaded; as each costs the source a fork/u,
      );
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 2 });
    });
  });

  test.each(['exactly-once', 'at-least-once'] as const)(
    'behind a connection that is cut, %s: it goes on where it was, and is equal in the end',
    SLOW,
    async (consistency) => {
      const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      await fill(from, 500);
      const proxy = await startProxy(target.port);
      const far = { address: { kind: 'tcp', host: '127.0.0.1', port: proxy.port } } as const;
      const run = startRun(source, far, { consistency });
      await run.event('caught-up');
      const counter = from.pipeline(
        Array.from({ length: 2000 }, (_, i) => ['INCR', i % 2 ? 'exactly' : 'too']),
      );
      await proxy.cut();
      await counter;
      await run.event('target-lost');
      await run.caughtUpWith(from);
      // What was in flight may have come twice.
      const most = consistency === 'exactly-once' ? 1000 : 2000;
      for (const key of ['exactly', 'too']) {
        const count = Number(await to.text('GET', key));
        expect(count).toBeGreaterThanOrEqual(1000);
        expect(count).toBeLessThanOrEqual(most);
      }
      await from.call('DEL', 'exactly', 'too');
      await run.caughtUpWith(from);
      expect(await differences(from, to)).toEqual([]);
      expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, partialResyncs: 0 });
      await proxy.close();
    },
  );

  test(
    'whose checkpoint somebody has deleted: a new full copy, which ends with what the source has',
    SLOW,
    async () => {
      const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      await fill(from, 200);
      const run = startRun(source, target);
      await run.event('caught-up');
      await to.call('FLUSHALL');
      await from.call('SET', 'after', '1');
      await run.event('full-resync');
      await run.event('caught-up', 2);
      await run.caughtUpWith(from);
      expect(run.log).toMatch(/waiting the checkpoint is gone from the target: somebody emptied it/u);
      expect(await differences(from, to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 2 });
    },
  );

  test.each([
    ['a spool on disk', true],
    ['one in memory', false],
  ])(
    'full (maxmemory) during the full sync, with %s: it waits, and then goes on',
    SLOW,
    async (_, onDisk) => {
      const [source, target] = await Promise.all([
        servers.start(NEWEST!),
        servers.start(NEWEST!, { args: { maxmemory: '5mb', 'maxmemory-policy': 'noeviction' } }),
      ]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      await fill(from, 2000, 5000);
      const run = startRun(source, target, { stateDir: onDisk ? temporaryDirectory() : undefined });
      await run.until('it waits', () => run.handle.status().waitingFor !== null);
      expect(run.log).toMatch(/warn waiting the target is out of memory.*OOM.*key "?k:\d+.*raise maxmemory/u);
      expect(run.handle.status().waitingFor).toMatch(/target is out of memory/u);
      expect(run.handle.status().caughtUp).toBe(false);
      await from.call('SET', 'meanwhile', '1');
      await run.event('waiting', 3);
      await to.call('CONFIG', 'SET', 'maxmemory', 0);
      await run.event('caught-up');
      await run.caughtUpWith(from);
      expect(await differences(from, to)).toEqual([]);
      expect(run.handle.status().waitingFor).toBeNull();
      // Without a disk the snapshot is gone once it has been read.
      const most = onDisk ? 1 : run.handle.summary().fullSyncs;
      expect(await syncsOf(from)).toEqual({ full: most, partial: 0 });
      expect(run.log).not.toMatch(/link-lost/u);
      expect(await run.stop()).toMatchObject({ ok: true, skipped: [] });
    },
  );

  describe.each<[string, State]>([
    [
      'is out of memory',
      {
        begin: (to) => to.call('CONFIG', 'SET', 'maxmemory', '1mb'),
        end: (to) => to.call('CONFIG', 'SET', 'maxmemory', 0),
        says: /target is out of memory: APPEND of the stream .*"OOM .*key "log".*raise maxmemory/u,
      },
    ],
    [
      'has become a replica',
      {
        begin: (to) => to.call('REPLICAOF', '127.0.0.1', 1),
        end: (to) => to.call('REPLICAOF', 'NO', 'ONE'),
        says: /target is read-only: .*"READONLY .*it has become a replica/u,
      },
    ],
    [
      'has too few replicas',
      {
        begin: (to) => to.call('CONFIG', 'SET', 'min-replicas-to-write', 1),
        end: (to) => to.call('CONFIG', 'SET', 'min-replicas-to-write', 0),
        says: /too few replicas: .*"NOREPLICAS .*min-replicas-to-write/u,
      },
    ],
    [
      'can not save',
      {
        begin: async (to, target) => {
          // There is nowhere to save to.
          rmSync(target.dir, { recursive: true });
          await to.call('CONFIG', 'SET', 'save', '3600 1000000');
          await to.call('BGSAVE');
          await waitFor('the failed save', async () =>
            /rdb_last_bgsave_status:err/u.test(await to.text('INFO', 'persistence')),
          );
        },
        end: (to) => to.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no'),
        says: /it cannot save to disk: .*"MISCONF /u,
      },
    ],
    [
      'is busy with a script',
      {
        begin: async (to, target) => {
          await to.call('CONFIG', 'SET', 'busy-reply-threshold', 10);
          const other = await target.client();
          other
            .call('EVAL', 'while true do end', 0)
            .catch(() => {})
            .finally(() => void other.close());
          await waitFor('it is busy', () =>
            to.call('PING').then(
              () => false,
              () => true,
            ),
          );
        },
        end: (to) => to.call('SCRIPT', 'KILL'),
        says: /BUSY/u,
      },
    ],
  ])('that %s while it streams', (_, state) => {
    test.each(['stop', 'skip'] as const)('is waited for, --on-error %s or not', SLOW, async (onError) => {
      const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      const run = startRun(source, target, { onError });
      await run.event('caught-up');
      await from.pipeline([
        ['SET', 'log', 'a'],
        ['INCR', 'n'],
      ]);
      await run.caughtUpWith(from);
      await state.begin(to, target);
      await from.pipeline([
        ['APPEND', 'log', 'b'],
        ['INCR', 'n'],
        ...[['MULTI'], ['APPEND', 'log', 'c'], ['INCR', 'n'], ['EXEC']],
      ]);
      await run.event('waiting', 2);
      expect(run.log).toMatch(state.says);
      await run.until('the status says so', () => run.handle.status().waitingFor !== null);
      await from.call('APPEND', 'log', 'x'.repeat(1_000_000));
      const end = await offsetOf(from);
      // The source is read on meanwhile.
      await run.until('all is received', () => run.shard.receivedOffset >= end);
      expect(run.shard.appliedOffset).toBeLessThan(end);
      await state.end(to);
      await run.caughtUpWith(from);
      expect(await differences(from, to)).toEqual([]);
      expect(await to.text('GET', 'n')).toBe('3');
      expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
      expect(run.log).not.toMatch(/link-lost|full-resync|skipped/u);
      expect(run.handle.status()).toMatchObject({ waitingFor: null });
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, skipped: [] });
    });
  });

  test('that is loading its data is waited for', SLOW, async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const [from, before] = await Promise.all([servers.client(source), servers.client(target)]);
    await fill(from, 2000);
    const run = startRun(source, target);
    await run.event('caught-up');
    await run.caughtUpWith(from);
    await before.pipeline([
      ['CONFIG', 'SET', 'key-load-delay', 1000],
      ['CONFIG', 'SET', 'loading-process-events-interval-bytes', 1024],
      ['CONFIG', 'REWRITE'],
    ]);
    await before.call('SHUTDOWN', 'SAVE').catch(() => {});
    const restarting = target.restart();
    await run.event('target-lost');
    await from.call('INCR', 'exactly');
    await run.event('waiting');
    expect(run.log).toMatch(/waiting the target is not ready: .*loading/iu);
    await restarting;
    await run.caughtUpWith(from);
    const to = await servers.client(target);
    expect(await differences(from, to)).toEqual([]);
    expect(await to.text('GET', 'exactly')).toBe('1');
    expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
    await run.stop();
  });

  test.each<[string, (to: Client) => Promise<unknown>, RegExp]>([
    [
      'takes a right away (NOPERM)',
      (to) => to.call('ACL', 'SETUSER', 'default', '-incr'),
      /may not do that on the target: INCR of the stream .*"NOPERM/u,
    ],
    [
      'wants a password from now on (NOAUTH)',
      (to) =>
        to.pipeline([
          ['CONFIG', 'SET', 'requirepass', 'another'],
          ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'],
        ]),
      /NOAUTH.*REPLICANT_TARGET_PASSWORD/u,
    ],
  ])('that %s: exit code 5', SLOW, async (_, action, says) => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    const run = startRun(source, target, { onError: 'skip' });
    await run.event('caught-up');
    await action(to);
    await from.call('INCR', 'n');
    expect(await run.failure()).toMatchObject({ exitCode: 5, message: expect.stringMatching(says) });
    expect(run.handle.summary()).toMatchObject({ totals: { skipped: 0 } });
  });

  describe('that refuses a command', () => {
    const before = [['INCR', 'n'], ['MULTI'], ['INCR', 'n']];
    const after = [['INCR', 'n'], ['EXEC'], ['INCR', 'n']];

    async function ready(options: RunOptions, args: Required<StartOptions>['args'] = {}): Promise<Stage> {
      const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!, { args })]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      const run = startRun(source, target, options);
      await run.event('caught-up');
      return { run, source, target, from, to };
    }

    test.each<[string, string[], Required<StartOptions>['args'], RegExp]>([
      ['when it is carried out', ['RPUSH', 'odd', 'a'], {}, /WRONGTYPE/u],
      ['as it has none of this name', ['APPEND', 'odd', 'a'], { 'rename-command': 'APPEND ""' }, /APPEND/u],
    ])('%s, --on-error skip: only this one is left out, and counted', SLOW, async (_, refused, args, why) => {
      const { run, from, to } = await ready({ onError: 'skip' }, args);
      await to.call('SET', 'odd', 'a string');
      await from.pipeline([...before, refused, ...after]);
      await run.caughtUpWith(from);
      expect(await to.text('MGET', 'n', 'odd')).toEqual(['4', 'a string']);
      expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
      const summary = await run.stop();
      expect(summary).toMatchObject({ ok: false, fullSyncs: 1, totals: { skipped: 1 } });
      expect(summary.skipped).toEqual([
        expect.objectContaining({
          what: 'command',
          name: expect.stringContaining(refused[0]!),
          why: expect.stringMatching(why),
        }),
      ]);
    });

    test('that was made of several: they are sent again one by one', SLOW, async () => {
      const { run, from, to } = await ready({}, {});
      await to.call('ACL', 'SETUSER', 'default', '-mset');
      await from.pipeline(Array.from({ length: 300 }, (_, i) => ['SET', `k:${i}`, i]));
      await run.caughtUpWith(from);
      expect(run.log).toMatch(/sent again one command at a time/u);
      expect(await differences(from, to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, totals: { errors: 0, skipped: 0 } });
    });

    test(
      'that was made of several, when it is carried out: exit code 5, and all of them are lacking',
      SLOW,
      async () => {
        const { run, from, to } = await ready({}, {});
        await to.call('SET', 'odd', 'a string');
        const pushes = Array.from({ length: 20 }, (_, i) => ['RPUSH', 'odd', i]);
        await from.pipeline([['INCR', 'n'], ...pushes, ['INCR', 'n']]);
        expect(await run.failure()).toMatchObject({
          exitCode: 5,
          message: expect.stringMatching(/RPUSH of the stream was answered with "WRONGTYPE/u),
        });
        expect(await to.text('MGET', 'n', 'odd')).toEqual(['2', 'a string']);
      },
    );

    test('as it has none of this name, --on-unsupported fail: exit code 6', SLOW, async () => {
      const { run, from, to } = await ready({ onUnsupported: 'fail' }, { 'rename-command': 'APPEND ""' });
      await from.pipeline([['SET', 'odd', 'x'], ...before, ['APPEND', 'odd', 'a'], ...after]);
      expect(await run.failure()).toMatchObject({
        exitCode: 6,
        message: expect.stringMatching(/APPEND in the stream: .*no command APPEND.*--on-unsupported report/u),
      });
      expect([null, '1']).toContain(await to.text('GET', 'n'));
    });

    describe('when it is queued, as nobody has heard of it', () => {
      const one = commands('INCR n');
      const stream = Buffer.concat([
        commands('SELECT 0'),
        one,
        commands('NOSUCH odd a\nMULTI\nINCR n\nNOSUCH odd b\nINCR n\nEXEC'),
        one,
      ]);
      const link: LinkScript = async (sender) => {
        await fullResync(sender, handMadeRdb({ databases: { 0: { n: '0' } } }), 0);
        await sender.send(stream);
      };

      test('--on-error skip: the transaction is sent again without it', SLOW, async () => {
        const primary = await startScriptedPrimary({ links: [link] });
        const target = await servers.start(NEWEST!);
        const to = await servers.client(target);
        const run = startRun(primary, target, { onError: 'skip' });
        await run.until('all is applied', () => run.shard.appliedOffset === stream.length);
        expect(await to.text('GET', 'n')).toBe('4');
        expect(primary.links).toHaveLength(1);
        const summary = await run.stop();
        expect(summary).toMatchObject({ fullSyncs: 1, totals: { skipped: 2 } });
        expect(summary.skipped.map(({ name, why }) => [name, why])).toEqual([
          ['NOSUCH "odd"', expect.stringMatching(/unknown command/u)],
          ['NOSUCH "odd"', expect.stringMatching(/unknown command/u)],
        ]);
        await primary.close();
      });

      test(
        '--on-error stop: nothing of its transaction is done, and the next run can go on',
        SLOW,
        async () => {
          const again: LinkScript = async (sender) => {
            await sender.send('+CONTINUE\r\n', stream.subarray(Number(sender.asked.split(' ')[2]) - 1));
          };
          const primary = await startScriptedPrimary({ links: [link, again] });
          const target = await servers.start(NEWEST!);
          const to = await servers.client(target);
          const job = { name: 'refused' } as const;
          expect(await startRun(primary, target, job).failure()).toMatchObject({
            exitCode: 5,
            message: expect.stringMatching(
              /NOSUCH of the stream was answered with "ERR unknown command.*"odd"/u,
            ),
          });
          expect(['0', '1']).toContain(await to.text('GET', 'n'));
          const next = startRun(primary, target, { ...job, onError: 'skip' });
          await next.until('all is applied', () => next.shard.appliedOffset === stream.length);
          expect(await to.text('GET', 'n')).toBe('4');
          expect(await next.stop()).toMatchObject({ fullSyncs: 0, totals: { skipped: 2 } });
          await primary.close();
        },
      );
    });

    test(
      'when it is carried out, --on-error stop: the next run says what the target lacks',
      SLOW,
      async () => {
        const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
        const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
        const job = { name: 'refused' } as const;
        const run = startRun(source, target, job);
        await run.event('caught-up');
        await to.call('SET', 'odd', 'a string');
        await from.pipeline([...before, ['RPUSH', 'odd', 'a'], ...after]);
        expect(await run.failure()).toMatchObject({
          exitCode: 5,
          message: expect.stringMatching(/RPUSH of the stream was answered with "WRONGTYPE.*key "odd"/u),
        });
        expect(await startRun(source, target, job).failure()).toMatchObject({
          exitCode: 5,
          message: expect.stringMatching(
            /earlier run was ended by a refused command: RPUSH.*WRONGTYPE.*--on-error skip/u,
          ),
        });
        const next = startRun(source, target, { ...job, onError: 'skip' });
        await next.caughtUpWith(from);
        expect(await to.text('MGET', 'n', 'odd')).toEqual(['4', 'a string']);
        expect(next.log).toMatch(/going on without it/u);
        expect(await next.stop()).toMatchObject({ fullSyncs: 0 });
      },
    );
  });

  describe('that refuses the first part of what is in flight, and takes the rest', () => {
    /** Whatever `act` sends on one connection is refused at first: the end of that stands in line behind it. */
    async function refusesFirst(target: RunningServer, act: () => Promise<unknown>): Promise<void> {
      const [first, last] = await Promise.all([servers.client(target), servers.client(target)]);
      await first.call('CONFIG', 'SET', 'min-replicas-to-write', 1);
      target.pause();
      await act();
      const end = last.call('CONFIG', 'SET', 'min-replicas-to-write', 0);
      target.resume();
      await end;
    }

    const COUNT = 5000;
    const entries = Array.from({ length: COUNT }, (_, i) => timedEntry(`k:${i}`, `${i}`.padEnd(200)));
    const rdb = handMadeRdb({ extra: Buffer.concat(entries) });
    // What is refused is not much, so that the rest is carried out before anybody knows.
    const PIECES = [60_000, 20_000, 19_000, 0].map((left) => rdb.length - left);

    /** A snapshot in pieces; the second is refused in part, and up to piece number `between` they come before that is known. */
    async function snapshotRefused(stateDir: string | undefined, between: number): Promise<Run> {
      let allowed = 0;
      const primary = await startScriptedPrimary({
        links: [
          async (link) => {
            await link.send(`+FULLRESYNC ${REPLID} 0\r\n$${rdb.length}\r\n`);
            for (const [piece, end] of PIECES.entries()) {
              await waitFor('this piece', () => piece < allowed);
              await link.send(rdb.subarray(PIECES[piece - 1] ?? 0, end));
            }
          },
          (link) => link.send(`+FULLRESYNC ${REPLID} 0\r\n$${rdb.length}\r\n`, rdb),
        ],
      });
      const target = await servers.start(NEWEST!);
      const to = await servers.client(target);
      const run = startRun(primary, target, { stateDir });
      const read = (piece: number): Promise<void> =>
        run.until('it is read', () => run.shard.rdbBytes > PIECES[piece]! - 300);
      allowed = 1;
      await read(0);
      await run.until('and written', async () => Number(await to.call('DBSIZE')) > run.shard.keys);
      await refusesFirst(target, async () => {
        allowed = 2;
        await read(1);
        // Longer than what lies between two checkpoints of a snapshot.
        if (between < PIECES.length) await new Promise((resolve) => setTimeout(resolve, 1500));
        allowed = between;
        await read(between - 1);
      });
      allowed = PIECES.length;
      await run.event('caught-up');
      expect(run.log).toMatch(/NOREPLICAS/u);
      const keys = new Set(await keysOf(to));
      const missing = entries.map((_, i) => `k:${i}`).filter((key) => !keys.has(key));
      expect(missing).toEqual([]);
      expect(keys.size).toBe(COUNT);
      await run.stop();
      await primary.close();
      return run;
    }

    test('in a snapshot, with a checkpoint behind it: nothing is missing', SLOW, async () => {
      expect((await snapshotRefused(temporaryDirectory(), 3)).handle.summary()).toMatchObject({
        fullSyncs: 1,
      });
    });

    test('at the end of a snapshot: nothing is missing', SLOW, async () => {
      expect((await snapshotRefused(temporaryDirectory(), 4)).handle.summary()).toMatchObject({
        fullSyncs: 1,
      });
    });

    test('at the end of a snapshot that is held in memory: nothing is missing', SLOW, async () => {
      expect((await snapshotRefused(undefined, 4)).handle.summary()).toMatchObject({ ok: true });
    });

    test.each(['exactly-once', 'at-least-once'] as const)(
      'in the stream, %s: nothing is missing',
      SLOW,
      async (consistency) => {
        const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
        const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
        const run = startRun(source, target, { consistency });
        await run.event('caught-up');
        await refusesFirst(target, async () => {
          await fill(from, COUNT, 200);
          const end = await offsetOf(from);
          await run.until('all is received', () => run.shard.receivedOffset >= end);
        });
        await run.caughtUpWith(from);
        expect(run.log).toMatch(/NOREPLICAS/u);
        expect(await differences(from, to, { deep: false })).toEqual([]);
        expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
        await run.stop();
      },
    );
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
      const failed = await startRun(source, target, { onUnsupported: 'fail' }).failure();
      expect(failed).toMatchObject({
        exitCode: 6,
        message: expect.stringMatching(/can't take values of the module type vectorset.*key "vectors"/u),
      });
      expect(await to.text('PING')).toBe('PONG');
      const run = startRun(source, target, {
        onUnsupported: 'report',
        until: 'caught-up',
        targetNotEmpty: 'flush',
      });
      expect(await run.end()).toMatchObject({ totals: { skipped: 1 } });
      expect(await to.text('GET', 'k')).toBe('v');
    },
  );

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
    const writers = await runWriters(source, { seed: SEED, writers: 2, ratePerSecond: 10_000, ...FAITHFUL });
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

  describe('paused with more to write than is held', () => {
    const value = 'x'.repeat(100_000);
    const flood = Array.from({ length: 1000 }, (_, i) => ['SET', `big:${i}`, `${i}${value}`]);
    /** Rounds of the poll in which nothing has come. */
    const STILL = 20;

    async function paused(options: RunOptions): Promise<Stage & { readonly end: number }> {
      const [source, target] = await Promise.all([
        servers.start(NEWEST!, { args: { 'client-output-buffer-limit': 'replica 0 0 0' } }),
        servers.start(NEWEST!),
      ]);
      const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
      const run = startRun(source, target, options);
      await run.event('caught-up');
      target.pause();
      await from.pipeline(flood);
      return { run, from, to, source, target, end: await offsetOf(from) };
    }

    test('the spool takes all of it, and nothing is lost', SLOW, async () => {
      const { run, from, to, target, end } = await paused({ stateDir: temporaryDirectory() });
      await run.until('all is received', () => run.shard.receivedOffset >= end);
      expect(run.shard.appliedOffset).toBeLessThan(end);
      expect(run.shard.spoolBytes).toBeGreaterThan(end - run.shard.appliedOffset - 1);
      await run.until('it is no longer called caught up', () => !run.handle.status().caughtUp);
      target.resume();
      await run.caughtUpWith(from);
      expect(await differences(from, to, { deep: false })).toEqual([]);
      await run.until('its segments are gone', () => run.shard.spoolBytes < value.length);
      expect(await syncsOf(from)).toEqual({ full: 1, partial: 0 });
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
    });

    test.each([
      ['in memory', undefined],
      ['on disk', 30_000_000],
    ])(
      'a full spool %s: the source is not read on, which is said, and nothing is lost',
      SLOW,
      async (_, most) => {
        const { run, from, to, target, end } = await paused(
          most === undefined ? {} : { stateDir: temporaryDirectory(), spoolMaxBytes: most },
        );
        let [last, still] = [0, 0];
        await run.until('it has stopped reading', () => {
          const { receivedOffset } = run.shard;
          still = receivedOffset === last ? still + 1 : 0;
          last = receivedOffset;
          return last > 10_000_000 && still > STILL;
        });
        expect(last).toBeLessThan(end);
        const { log } = run;
        target.resume();
        await run.caughtUpWith(from);
        expect(await differences(from, to, { deep: false })).toEqual([]);
        expect(log).toMatch(
          /warn waiting the spool is nearly full .*when it is, the source will not be read on/u,
        );
        expect(log).toMatch(/warn waiting the spool is full .*reading from the source pauses/u);
        expect(run.log).toMatch(/the spool has room again/u);
        expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
      },
    );

    test('--spool-full stop: the run ends, and the next one goes on', SLOW, async () => {
      const shared = { name: 'full', stateDir: temporaryDirectory(), spoolMaxBytes: 30_000_000 } as const;
      const { run, from, to, source, target } = await paused({ ...shared, spoolFull: 'stop' });
      // It does not wait for a target that does not answer.
      expect(await run.failure()).toMatchObject({
        exitCode: 5,
        message: expect.stringMatching(/the spool is full \(29 MB\).*nothing is lost.*--spool-max/u),
      });
      expect(run.log).toMatch(/warn waiting the spool is nearly full .*the run will end/u);
      target.resume();
      const next = startRun(source, target, shared);
      await next.caughtUpWith(from);
      expect(await differences(from, to, { deep: false })).toEqual([]);
      expect(await next.stop()).toMatchObject({ ok: true });
    });
  });
});
