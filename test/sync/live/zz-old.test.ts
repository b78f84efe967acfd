/**
 * A cluster as the target, and what befalls clusters: nodes that are full, stand still, forget scripts, close
 * connections, come back empty; a checkpoint that somebody deletes; a second program. Under load each time, with
 * commands that must not be lost or done twice.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { ClusterClient } from '../../../scripts/lib/cluster-client.mjs';
import type { ClusterNode, RunningCluster } from '../../../scripts/lib/cluster.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { checkpointKey, parseCheckpoint } from '../../../src/checkpoint/record.js';
import { parseClientList } from '../../../src/checkpoint/connections.js';
import {
  ClusterPool,
  Clusters,
  CounterWriter,
  NEWEST_BINARIES as NB,
  clusterDifferences,
} from '../../support/cluster.js';
import { awaitCaughtUp, startTool, temporaryDirectory, type Tool } from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { Pool, type Run, type RunOptions, Servers, startRun, waitFor } from '../../support/live.js';

import { BINARIES as ALL } from '../../support/live.js';
void NB; const NEWEST_BINARIES = [ALL[0]!];
const SEED = Number(process.env['REPLICANT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const SLOW = { timeout: 90_000 };
const LONG_WAIT_MS = 40_000;
const JOB = 'troubled';
const clusters = new Clusters();
const servers = new Servers();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Stage {
  readonly source: RunningServer;
  readonly cluster: RunningCluster;
  readonly from: Client;
  readonly to: ClusterClient;
  readonly counter: CounterWriter;
  readonly start: (options?: RunOptions) => Run;
}

// Takes seconds.
beforeAll(() => void program(), 60_000);

describe.skipIf(NEWEST_BINARIES.length === 0).each(NEWEST_BINARIES)(`$id, seed ${SEED}`, (binary) => {
  const sources = new Pool(servers, binary);
  const targets = new ClusterPool(clusters, binary);

  async function staged(action: (stage: Stage) => Promise<void>): Promise<void> {
    await sources.use((source, from) =>
      targets.use(async (cluster, to) => {
        await from.pipeline(Array.from({ length: 3000 }, (_, at) => ['RPUSH', `list:${at}`, at]));
        const counter = new CounterWriter(from, { keys: 100, ratePerSecond: 2000 });
        const stateDir = temporaryDirectory();
        const start = (options: RunOptions = {}): Run =>
          startRun(source, cluster.url, { name: JOB, targetIsCluster: true, stateDir, ...options });
        try {
          await action({ source, cluster, from, to, counter, start });
        } finally {
          await counter.stop();
        }
      }),
    );
  }

  /** Nothing was lost, nothing done twice, and there were so many full copies. */
  async function endsEqual(run: Run, { counter, from, to }: Stage, fullSyncs = 1): Promise<void> {
    expect((await counter.stop()).commands).toBeGreaterThan(100);
    await run.until('nothing is waited for', () => run.handle.status().waitingFor === null, LONG_WAIT_MS);
    await run.caughtUpWith(from);
    expect(await counter.differences(from, to)).toEqual([]);
    expect(await clusterDifferences(from, to)).toEqual([]);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs });
  }

  /** A node without the job's record, or the one that has it. */
  async function nodeOf({ cluster, to }: Stage, home: boolean): Promise<ClusterNode> {
    const slot = Number(await to.call('CLUSTER', 'KEYSLOT', checkpointKey(JOB)));
    const owner = to.ownerOf(slot);
    const shard = cluster.shards.find(({ primary }) => (primary.port === owner?.port) === home);
    if (shard === undefined) throw new Error('no such node');
    return shard.primary;
  }

  test.each([
    ['a node', false],
    ['the node with the record', true],
  ])('%s is out of memory, and later not', SLOW, async (_, home) => {
    await staged(async (stage) => {
      const node = await nodeOf(stage, home);
      const run = stage.start();
      await run.event('caught-up');
      const used = Number(/used_memory:(\d+)/u.exec(await node.text('INFO', 'memory'))?.[1]);
      await node.call('CONFIG', 'SET', 'maxmemory', Math.floor(used / 2));
      await run.until('it is waited for', () => /out of memory/u.test(run.handle.status().waitingFor ?? ''));
      await pause(1000);
      expect(run.shard.phase).toBe('streaming');
      await node.call('CONFIG', 'SET', 'maxmemory', 0);
      await endsEqual(run, stage);
    });
  });

  test('a node stands still for 5 s', SLOW, async () => {
    await staged(async (stage) => {
      const { server } = await nodeOf(stage, false);
      const run = stage.start();
      await run.event('caught-up');
      await pause(500);
      server.pause();
      await pause(5000);
      server.resume();
      await stage.cluster.untilAgreed();
      expect(run.shard.phase).toBe('streaming');
      await endsEqual(run, stage);
    });
  });

  test('scripts are forgotten, again and again', SLOW, async () => {
    await staged(async (stage) => {
      const run = stage.start();
      await run.event('caught-up');
      for (let round = 0; round < 5; round++) {
        await pause(300);
        await stage.to.everyPrimary((node) => node.call('SCRIPT', 'FLUSH'));
      }
      expect(run.log).toMatch(/forgotten the lane's script/u);
      await endsEqual(run, stage);
    });
  });

  test('connections are closed, again and again', SLOW, async () => {
    await staged(async (stage) => {
      const writers = await runWriters(stage.source, {
        ...{ seed: SEED, layout: 'crossSlot', faithful: true, ratePerSecond: 300, keyspace: 100 },
      });
      const run = stage.start();
      await run.event('caught-up');
      let closed = 0;
      for (let round = 0; round < 8; round++) {
        await pause(250);
        const killed = await stage.to.everyPrimary(async (node) => {
          const ours = parseClientList(await node.text('CLIENT', 'LIST'));
          return await node.pipeline(ours.map(({ id }) => ['CLIENT', 'KILL', 'ID', id!]));
        });
        closed += killed.flat().length;
      }
      expect(closed).toBeGreaterThan(8);
      expect((await writers.stop()).failure).toBeUndefined();
      await endsEqual(run, stage);
    });
  });

  test.each([
    ['a node', false],
    ['the node with the record', true],
  ])('%s comes back empty: that is said, and a new full copy taken', SLOW, async (_, home) => {
    await staged(async (stage) => {
      const node = await nodeOf(stage, home);
      const run = stage.start();
      await run.event('caught-up');
      await pause(500);
      await node.server.restart();
      await stage.cluster.untilAgreed();
      await run.until('a full copy', () => /a new full copy is taken/u.test(run.log), LONG_WAIT_MS);
      expect(run.log).toMatch(/has lost its record of what was applied|checkpoint is gone from the target/u);
      await run.event('caught-up', 2);
      await endsEqual(run, stage, 2);
    });
  });

  test('at least once: full sync, stream, stop and start', SLOW, async () => {
    await staged(async (stage) => {
      const { from, to, counter } = stage;
      const how = { consistency: 'at-least-once' } as const;
      const first = stage.start(how);
      await first.event('caught-up');
      await pause(500);
      expect(await first.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
      await pause(300);
      const second = stage.start(how);
      await second.until('it goes on', () => second.shard.phase === 'streaming');
      await pause(300);
      await counter.stop();
      await second.caughtUpWith(from);
      // A clean stop leaves nothing to be done again.
      expect(await counter.differences(from, to)).toEqual([]);
      expect(await clusterDifferences(from, to)).toEqual([]);
      expect(await second.stop()).toMatchObject({ ok: true, fullSyncs: 0 });
    });
  });

  test('at least once: what is torn off is done again, and nothing is lost', SLOW, async () => {
    await staged(async (stage) => {
      const { from, to, counter } = stage;
      const run = stage.start({ consistency: 'at-least-once' });
      await run.event('caught-up');
      for (let round = 0; round < 4; round++) {
        await pause(200);
        await from.pipeline(Array.from({ length: 200 }, (_, at) => ['SET', `text:${at}`, `${round} ${at}`]));
        await to.everyPrimary((node) => node.call('CLIENT', 'KILL', 'TYPE', 'normal'));
      }
      await counter.stop();
      await run.until('nothing is waited for', () => run.handle.status().waitingFor === null, LONG_WAIT_MS);
      await run.caughtUpWith(from);
      const texts = await to.pipeline(Array.from({ length: 200 }, (_, at) => ['GET', `text:${at}`]));
      expect(texts.map(String)).toEqual(Array.from({ length: 200 }, (_, at) => `3 ${at}`));
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
    });
  });

  test('a key that is renewed in time stays, while a node stands still for longer', SLOW, async () => {
    await staged(async (stage) => {
      const { from, to } = stage;
      const node = await nodeOf(stage, false);
      const keys = Array.from({ length: 30 }, (_, at) => `renewed:${at}`);
      const renew = keys.flatMap((key) => [
        ['INCR', key],
        ['PEXPIRE', key, 1500],
      ]);
      const renewals = new AbortController();
      const renewing = (async () => {
        const until = Date.now() + LONG_WAIT_MS;
        for (; !renewals.signal.aborted && Date.now() < until; await pause(100)) await from.pipeline(renew);
      })();
      const run = stage.start();
      await run.event('caught-up');
      node.server.pause();
      await pause(4000);
      node.server.resume();
      await stage.cluster.untilAgreed();
      await run.until('it goes on', () => run.handle.status().waitingFor === null, LONG_WAIT_MS);
      renewals.abort();
      await renewing;
      await from.pipeline(keys.map((key) => ['PERSIST', key]));
      await stage.counter.stop();
      await run.caughtUpWith(from);
      const ask = keys.map((key) => ['GET', key]);
      expect((await to.pipeline(ask)).map(String)).toEqual((await from.pipeline(ask)).map(String));
      await endsEqual(run, stage);
    });
  });

  test('somebody deletes the checkpoint: a new full copy, without ghosts', SLOW, async () => {
    await staged(async (stage) => {
      const { from, to } = stage;
      await from.call('SET', 'removed later', 1);
      const run = stage.start();
      await run.event('caught-up');
      expect(await to.call('DEL', checkpointKey(JOB))).toBe(1);
      await from.call('DEL', 'removed later');
      await run.until('a full copy', () => /a new full copy is taken/u.test(run.log), LONG_WAIT_MS);
      expect(run.log).toMatch(/the checkpoint is gone from the target|was changed by somebody else/u);
      await run.event('caught-up', 2);
      await endsEqual(run, stage, 2);
    });
  });

  test('a second program is told who has the job; one that stands still is put aside', SLOW, async () => {
    await staged(async (stage) => {
      const { source, cluster, from, to, counter } = stage;
      const start = (...args: string[]): Tool =>
        startTool({
          ...{ source: source.url, target: cluster.url, program: program() },
          ...{ stateDir: temporaryDirectory(), args: ['--name', JOB, ...args] },
        });
      const first = start();
      await first.says(/caught up/u, LONG_WAIT_MS);
      const second = start();
      expect((await second.exited).code).toBe(5);
      expect(second.log.join('\n')).toMatch(
        new RegExp(`job ${JOB} is held by pid ${first.pid} on host`, 'u'),
      );
      process.kill(first.pid, 'SIGSTOP');
      const third = start('--takeover-after', '4s');
      await third.says(/closed the connection of an older run of job/u, LONG_WAIT_MS);
      await third.says(
        /full sync started|going on at|asking the source|goes on where we were/u,
        LONG_WAIT_MS,
      );
      await pause(500);
      process.kill(first.pid, 'SIGCONT');
      expect((await first.exited).code).toBe(5);
      expect(first.log.join('\n')).toMatch(new RegExp(`was taken over by pid ${third.pid} on host`, 'u'));
      await counter.stop();
      await awaitCaughtUp(third, from, LONG_WAIT_MS);
      expect(await counter.differences(from, to)).toEqual([]);
      expect(await clusterDifferences(from, to)).toEqual([]);
      const record: Buffer = await waitFor('the record', () => to.call('GET', checkpointKey(JOB)));
      expect(parseCheckpoint(record).owner?.pid).toBe(third.pid);
      expect((await third.kill('SIGTERM')).code).toBe(0);
      expect(await clusterDifferences(from, to, { held: false })).toEqual([]);
    });
  });
});
