/**
 * A cluster as the source: its shards are followed at once, each in its own stream, while slots move between them,
 * nodes fail over, and the program dies. What the target holds in the end is what the shards hold together.
 */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { ClusterClient } from '../../../scripts/lib/cluster-client.mjs';
import type { ClusterNode, RunningCluster } from '../../../scripts/lib/cluster.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { tagOfSlot } from '../../../src/keyspace/slot-tag.js';
import { parseAddressMap } from '../../../src/net/address-map.js';
import type { Endpoint } from '../../../src/net/endpoint.js';
import { parseEndpoint } from '../../../src/net/parse-endpoint.js';
import { SYNC_DEFAULTS } from '../../../src/sync/defaults.js';
import type { SyncHandle } from '../../../src/sync/handle.js';
import type { SyncOptions } from '../../../src/sync/options.js';
import { startJob } from '../../../src/sync/start-job.js';
import {
  Clusters,
  clusterDifferences,
  CounterWriter,
  movesAtomically,
  NEWEST_BINARIES,
  offsetsOf,
} from '../../support/cluster.js';
import { killLoop, startTool, type Tool } from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { BINARIES, NEWEST, Servers, temporaryDirectory, waitFor } from '../../support/live.js';

const SLOW = { timeout: 120_000 };
const SEED = Number(process.env['REPLICANT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const servers = new Servers();
const clusters = new Clusters();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let jobs = 0;
const running = new Set<Job>();

afterEach(async () => {
  await Promise.all([...running].map((job) => job.end()));
});

/** A sync in this process. */
class Job {
  readonly handle: SyncHandle;
  readonly log: string[] = [];
  readonly name: string;

  constructor(
    source: RunningCluster,
    target: { readonly url: string },
    { addressMap, ...options }: Partial<SyncOptions> & Pick<Endpoint, 'addressMap'> = {},
  ) {
    this.name = options.name ?? `cluster-source-${++jobs}`;
    this.handle = startJob({
      ...SYNC_DEFAULTS,
      ...{ spoolMaxBytes: 1024 * 1024 * 1024, stateDir: temporaryDirectory() },
      cluster: { readFrom: 'primary', parallelSnapshots: 1 },
      ...options,
      name: this.name,
      source: { ...parseEndpoint(source.url, 'source'), addressMap },
      target: parseEndpoint(target.url, 'target'),
    });
    this.handle.on(({ level, message }) => {
      this.log.push(`${level} ${message}`);
      if (process.env['REPLICANT_TRACE'] !== undefined) process.stderr.write(`${level} ${message}\n`);
    });
    this.handle.done.catch((error: unknown) => this.log.push(`failed: ${String(error)}`));
    running.add(this);
  }

  async end(): Promise<void> {
    running.delete(this);
    this.handle.stop();
    await this.handle.done.catch(() => {});
  }

  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    try {
      await waitFor(what, condition, timeoutMs);
    } catch (error) {
      throw new Error(`${this.log.slice(-40).join('\n')}\n${JSON.stringify(this.handle.status(), null, 1)}`, {
        cause: error,
      });
    }
  }

  async caughtUp(): Promise<void> {
    await this.until('caught up', () => this.handle.status().caughtUp);
  }

  /** All that the source has written by now is there. */
  async reached(source: ClusterClient): Promise<void> {
    const offsets = await offsetsOf(source);
    await this.until('everything to be applied', () => {
      const rows = this.handle.status().shards;
      return [...offsets].every(([at, offset]) =>
        rows.some((row) => row.source === at && row.appliedOffset >= offset),
      );
    });
  }

  said(pattern: RegExp): number {
    return this.log.filter((line) => pattern.test(line)).length;
  }
}

/** Keys in these slots, and writers that count in them. */
function counterIn(client: ClusterClient, slots: readonly number[], ratePerSecond = 3000): CounterWriter {
  return new CounterWriter(client, {
    keys: slots.length,
    prefix: (index) => `{${tagOfSlot(slots[index]!)}}counted:`,
    ratePerSecond,
  });
}

function range(from: number, to: number, step = 1): number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, at) => from + at * step);
}

async function fill(client: ClusterClient, keys: number): Promise<void> {
  for (let at = 0; at < keys; at += 1000)
    await client.pipeline(
      range(at, Math.min(keys, at + 1000)).map((i) => ['RPUSH', `list:${i}`, `value ${i}`, i]),
    );
}

/** How many follow this node as replicas. */
async function linksOf(node: ClusterNode): Promise<number> {
  return Number(/connected_slaves:(\d+)/u.exec(await node.text('INFO', 'replication'))?.[1]);
}

interface Ends {
  readonly cluster: RunningCluster;
  readonly target: RunningServer;
  readonly from: ClusterClient;
  readonly to: Client;
}

async function endEqual(job: Job, { from, to }: Ends, counters: readonly CounterWriter[]): Promise<void> {
  for (const counter of counters) expect((await counter.stop()).commands).toBeGreaterThan(100);
  await from.refresh();
  await job.until('nothing to wait for', () => job.handle.status().waitingFor === null);
  await job.reached(from);
  for (const counter of counters) expect(await counter.differences(from, to)).toEqual([]);
  expect(await clusterDifferences(from, to)).toEqual([]);
}

describe.skipIf(NEWEST_BINARIES.length === 0).each(NEWEST_BINARIES)(`$id, seed ${SEED}`, (binary) => {
  async function ends(options: { shards?: number; replicas?: number } = {}): Promise<Ends> {
    const [cluster, target] = await Promise.all([clusters.start(binary, options), servers.start(binary)]);
    return { cluster, target, from: await cluster.client(), to: await servers.client(target) };
  }

  test('full sync and stream', SLOW, async () => {
    const all = await ends();
    const { cluster, target, from, to } = all;
    await fill(from, 20_000);
    const counter = counterIn(from, range(0, 16_384, 300));
    const job = new Job(cluster, target);
    await job.caughtUp();
    expect(job.handle.status().shards).toHaveLength(3);
    const writers = await runWriters(cluster, {
      seed: SEED,
      faithful: true,
      layout: 'cluster',
      ratePerSecond: 1500,
      keyspace: 300,
    });
    await pause(3000);
    expect((await writers.stop()).failure).toBeUndefined();
    await endEqual(job, all, [counter]);
    job.handle.stop();
    expect(await job.handle.done).toMatchObject({ ok: true, reason: 'stopped', fullSyncs: 3 });
    expect(await clusterDifferences(from, to, { held: false })).toEqual([]);
  });

  test('reads from the replicas where asked to, and the primaries are left alone', SLOW, async () => {
    const { cluster, target, from, to } = await ends({ replicas: 1 });
    await fill(from, 5000);
    const counter = counterIn(from, range(0, 16_384, 300));
    const job = new Job(cluster, target, { cluster: { readFrom: 'replica', parallelSnapshots: 1 } });
    await job.caughtUp();
    for (const { primary, replicas } of cluster.shards) {
      expect(await linksOf(primary)).toBe(1);
      expect(await linksOf(replicas[0]!)).toBe(1);
    }
    await pause(1500);
    expect((await counter.stop()).commands).toBeGreaterThan(100);
    await job.until('the counters', async () => (await counter.differences(from, to)).length === 0);
    expect(await clusterDifferences(from, to)).toEqual([]);
    job.handle.stop();
    expect(await job.handle.done).toMatchObject({ ok: true, reason: 'stopped', fullSyncs: 3 });
  });

  test('nodes that tell hostnames which only the address map knows', SLOW, async () => {
    const { cluster, target, from, to } = await ends();
    await fill(from, 5000);
    for (const [index, { primary }] of cluster.shards.entries()) {
      await primary.call('CONFIG', 'SET', 'cluster-announce-hostname', `node-${index}.internal`);
      await primary.call('CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'hostname');
    }
    const told = async (node: ClusterNode): Promise<boolean> =>
      (await node.text('CLUSTER', 'NODES')).match(/node-\d\.internal/gu)?.length === cluster.shards.length;
    for (const { primary } of cluster.shards) await waitFor('the names to be known', () => told(primary));
    const addressMap = parseAddressMap(cluster.shards.map((_, index) => `node-${index}.internal=127.0.0.1`));
    const job = new Job(cluster, target, { until: 'caught-up', addressMap });
    expect(await job.handle.done).toMatchObject({ ok: true, reason: 'caught-up', fullSyncs: 3 });
    // The comparison has no map.
    for (const { primary } of cluster.shards)
      await primary.call('CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'ip');
    expect(await clusterDifferences(from, to, { held: false })).toEqual([]);
  });

  test('--until caught-up', SLOW, async () => {
    const { cluster, target, from, to } = await ends();
    await fill(from, 5000);
    const job = new Job(cluster, target, { until: 'caught-up' });
    expect(await job.handle.done).toMatchObject({ ok: true, reason: 'caught-up', fullSyncs: 3 });
    expect(await clusterDifferences(from, to, { held: false })).toEqual([]);
  });

  test('many slots move, key by key, under load', SLOW, async () => {
    const all = await ends();
    const { cluster, target, from } = all;
    await fill(from, 20_000);
    const counters = [counterIn(from, range(0, 60)), counterIn(from, range(6000, 16_384, 500), 1000)];
    const job = new Job(cluster, target);
    await job.caughtUp();
    await cluster.moveSlots(range(0, 60), 0, 1);
    await cluster.moveSlots(range(0, 30), 1, 2);
    await cluster.moveSlots(range(0, 15), 2, 0);
    await pause(500);
    await endEqual(job, all, counters);
    expect(job.handle.summary()).toMatchObject({ fullSyncs: 3 });
  });

  test('slots move during the full sync', SLOW, async () => {
    const all = await ends();
    const { cluster, target, from } = all;
    await fill(from, 60_000);
    const counters = [counterIn(from, range(0, 60)), counterIn(from, range(6000, 16_384, 500), 1000)];
    const moved = cluster.moveSlots(range(0, 60), 0, 1, { pauseMsPerKey: 2, pauseMsPerSlot: 20 });
    await pause(100);
    const job = new Job(cluster, target);
    await moved;
    await cluster.moveSlots(range(0, 20), 1, 2);
    await job.caughtUp();
    await endEqual(job, all, counters);
    expect(job.handle.summary()).toMatchObject({ fullSyncs: 3 });
  });

  test('a move is given up, and tried again', SLOW, async () => {
    const all = await ends();
    const { cluster, target, from } = all;
    const counter = counterIn(from, range(0, 20));
    const job = new Job(cluster, target);
    await job.caughtUp();
    for (const slot of range(0, 3)) {
      const move = await cluster.startSlotMove(slot, 0, 1);
      await move.moveKeys(2);
      await pause(300);
      await move.giveUp();
    }
    await cluster.moveSlots(range(0, 3), 0, 1);
    await endEqual(job, all, [counter]);
    expect(job.handle.summary()).toMatchObject({ fullSyncs: 3 });
  });

  test.skipIf(!movesAtomically(binary))('slots move as a whole, under load', SLOW, async () => {
    const all = await ends();
    const { cluster, target, from } = all;
    await fill(from, 20_000);
    const counters = [counterIn(from, range(0, 200, 5)), counterIn(from, range(6000, 16_384, 500), 1000)];
    const job = new Job(cluster, target);
    await job.caughtUp();
    await cluster.migrateSlotsAtomically([[0, 199]], 0, 1);
    await cluster.migrateSlotsAtomically([[0, 99]], 1, 2);
    await cluster.migrateSlotsAtomically([[50, 99]], 2, 0);
    await pause(500);
    await endEqual(job, all, counters);
    expect(job.handle.summary()).toMatchObject({ fullSyncs: 3 });
  });

  test('what one node is told counts for its slots alone: FLUSHALL, functions', SLOW, async () => {
    const all = await ends();
    const { cluster, target, from, to } = all;
    await fill(from, 5000);
    const job = new Job(cluster, target);
    await job.caughtUp();
    const [first] = cluster.shards;
    await first!.primary.call('FLUSHALL');
    await fill(from, 1000);
    const library = '#!lua name=lib\nredis.register_function("f", function() return 1 end)';
    for (const { primary } of cluster.shards) await primary.call('FUNCTION', 'LOAD', library);
    for (const { primary } of cluster.shards) await primary.call('FUNCTION', 'DELETE', 'lib');
    for (const { primary } of cluster.shards) await primary.call('FUNCTION', 'LOAD', library);
    const counter = counterIn(from, range(0, 16_384, 300));
    await pause(500);
    await endEqual(job, all, [counter]);
    expect(await to.text('FCALL', 'f', '0')).toBe(1);
    expect(await to.text('DBSIZE')).toBeGreaterThan(3000);
  });

  test('nodes fail over under load', SLOW, async () => {
    const all = await ends({ replicas: 1 });
    const { cluster, target, from } = all;
    await fill(from, 5000);
    const counter = counterIn(from, range(0, 16_384, 300));
    const job = new Job(cluster, target);
    await job.caughtUp();
    await cluster.failover(0, { kind: 'graceful' });
    await pause(500);
    await cluster.failover(1, { kind: 'kill' });
    await pause(1000);
    await endEqual(job, all, [counter]);
    expect(job.handle.status().shards).toHaveLength(3);
  });

  test('a node is added and filled; another is emptied and removed', SLOW, async () => {
    const all = await ends();
    const { cluster, target, from } = all;
    await fill(from, 5000);
    const counter = counterIn(from, range(0, 16_384, 300));
    const job = new Job(cluster, target);
    await job.caughtUp();
    const added = await cluster.addShard();
    await cluster.moveSlots(range(0, 200), 0, added);
    await job.until('the new shard to be followed', () => job.handle.status().shards.length === 4);
    // A whole shard's slots take long to move one by one.
    const emptied = movesAtomically(binary) ? 2 : added;
    const { primary } = cluster.shards[emptied]!;
    if (movesAtomically(binary)) await cluster.migrateSlotsAtomically([[10_923, 16_383]], emptied, 1);
    else await cluster.moveSlots(range(0, 200), emptied, 1);
    await cluster.removeNode(primary);
    await job.until('the emptied shard to be done', () => job.handle.status().shards.length === 3);
    await endEqual(job, all, [counter]);
    expect(job.said(/s[34] has left the cluster/u)).toBe(1);
  });
});

describe.skipIf(NEWEST === undefined)(`the program, seed ${SEED}`, () => {
  const binary = NEWEST!;

  // Takes seconds.
  beforeAll(() => void program(), 60_000);

  test('is killed and started again, while slots move', SLOW, async () => {
    const [cluster, target] = await Promise.all([clusters.start(binary), servers.start(binary)]);
    const [from, to] = await Promise.all([cluster.client(), servers.client(target)]);
    await fill(from, 20_000);
    const counters = [counterIn(from, range(0, 60), 1500), counterIn(from, range(6000, 16_384, 500), 1000)];
    const stateDir = temporaryDirectory();
    const start = (): Tool =>
      startTool({
        ...{ source: cluster.url, target: target.url, stateDir, program: program() },
        args: ['--name', 'killed'],
      });
    const over = new AbortController();
    const moves = (async () => {
      for (let round = 0; !over.signal.aborted; round++)
        await cluster.moveSlots(range(0, 60), round % 2, 1 - (round % 2), { pauseMsPerSlot: 20 });
    })();
    const { tool } = await killLoop({ start, seed: SEED, kills: 12, minMs: 300, maxMs: 2500 });
    over.abort();
    await moves;
    for (const counter of counters) await counter.stop();
    await from.refresh();
    const offsets = await offsetsOf(from);
    await waitFor(
      'everything to be applied',
      () => {
        if (tool.stopped) throw new Error(tool.log.slice(-40).join('\n'));
        const rows = tool.status()?.shards ?? [];
        return [...offsets].every(([at, offset]) =>
          rows.some((row) => row.source === at && row.appliedOffset >= offset),
        );
      },
      60_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${tool.log.slice(-40).join('\n')}`);
    });
    for (const counter of counters) expect(await counter.differences(from, to)).toEqual([]);
    expect(await clusterDifferences(from, to)).toEqual([]);
    expect(await tool.kill('SIGTERM')).toMatchObject({ code: 0 });
  });

  test('runs in several processes, each with some of the shards', SLOW, async () => {
    const [cluster, target] = await Promise.all([clusters.start(binary), servers.start(binary)]);
    const [from, to] = await Promise.all([cluster.client(), servers.client(target)]);
    await fill(from, 5000);
    const counter = counterIn(from, range(0, 60));
    const tools = range(0, 2).map((index) =>
      startTool({
        ...{ source: cluster.url, target: target.url, stateDir: temporaryDirectory(), program: program() },
        args: ['--name', 'shared', '--shard-index', String(index), '--shard-count', '2'],
      }),
    );
    for (const tool of tools) await tool.says(/caught up/u);
    await cluster.moveSlots(range(0, 30), 0, 1);
    await cluster.moveSlots(range(0, 15), 1, 2);
    await counter.stop();
    await from.refresh();
    const offsets = await offsetsOf(from);
    await waitFor(
      'everything to be applied',
      () => {
        const rows = tools.flatMap((tool) => tool.status()?.shards ?? []);
        return [...offsets].every(([at, offset]) =>
          rows.some((row) => row.source === at && row.appliedOffset >= offset),
        );
      },
      60_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${tools.flatMap((tool) => tool.log.slice(-30)).join('\n')}`);
    });
    expect(await counter.differences(from, to)).toEqual([]);
    expect(await clusterDifferences(from, to)).toEqual([]);
    for (const tool of tools) expect(await tool.kill('SIGTERM')).toMatchObject({ code: 0 });
  });
});

test.skipIf(BINARIES.length === 0)('there are servers', () => {
  expect(BINARIES.length).toBeGreaterThan(0);
});
