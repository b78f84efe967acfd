/**
 * The equipment for cluster tests, tried without the product: clusters come up, slots move while everything is
 * written to, primaries fail, and what the clients were told is what is there.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterClient } from '../../scripts/lib/cluster-client.mjs';
import { firstKeyOf, slotOf, SLOTS, tagOf } from '../../scripts/lib/cluster-slots.mjs';
import { parseClusterNodes } from '../../scripts/lib/cluster-nodes.mjs';
import { type RunningCluster, startCluster } from '../../scripts/lib/cluster.mjs';
import { compareServers } from '../../scripts/lib/compare.mjs';
import { findServers, type RunningServer, startServer } from '../../scripts/servers.mjs';
import { runWriters } from '../../scripts/workload/writers.mjs';
import {
  clusterDifferences,
  ClusterPool,
  Clusters,
  CounterWriter,
  emptyCluster,
  movesAtomically,
  NEWEST_BINARIES,
  offsetsOf,
} from '../support/cluster.js';

describe('slots', () => {
  it('counts them as servers do', () => {
    expect([slotOf('123456789'), slotOf('{abc}x'), slotOf('foo{}{bar}')]).toEqual([
      0x31c3 % SLOTS,
      7638,
      8363,
    ]);
    expect(slotOf(Buffer.from('{user1000}.following'))).toBe(slotOf('user1000'));
    expect([0, 1, 8000, 16383].map((slot) => slotOf(`{${tagOf(slot)}}anything`))).toEqual([
      0, 1, 8000, 16383,
    ]);
  });

  it('knows where the first key stands', () => {
    const commands = [
      ['SET', 'k', 'v'],
      ['BITOP', 'AND', 'k', 'a', 'b'],
      ['EVAL', 'return 1', '1', 'k'],
      ['LMPOP', '2', 'k', 'a', 'LEFT'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'k', '>'],
      ['DEBUG', 'DIGEST-VALUE', 'k'],
    ];
    expect(commands.map(firstKeyOf)).toEqual(commands.map(() => 'k'));
    expect([['EVAL', 'return 1', '0'], ['PUBLISH', 'c', 'm'], ['MULTI']].map(firstKeyOf)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('reads CLUSTER NODES: slots on the way, nodes without address, hostnames', () => {
    const [mine, other, lost] = parseClusterNodes(
      [
        'aa :30001@40001 myself,master - 0 0 7 connected 0-9 12 [3->-bb] [20-<-bb]',
        'bb 10.0.0.2:30002@40002,host.name slave,fail? aa 0 0 7 disconnected',
        'cc :0@0 master,noaddr - 0 0 0 disconnected',
      ].join('\n'),
      'asked',
    );
    expect(mine).toMatchObject({
      host: 'asked',
      port: 30001,
      role: 'primary',
      isMyself: true,
      configEpoch: 7,
    });
    expect([mine?.slots, mine?.migrating, mine?.importing]).toEqual([
      [
        [0, 9],
        [12, 12],
      ],
      new Map([[3, 'bb']]),
      new Map([[20, 'bb']]),
    ]);
    expect(other).toMatchObject({
      host: '10.0.0.2',
      role: 'replica',
      primaryId: 'aa',
      isFailed: true,
      isLinked: false,
    });
    expect(lost).toMatchObject({ isHandshake: true });
  });
});

const oldest = (await findServers({ fetch: false })).find(({ family }) => family === 'redis');

describe.skipIf(oldest === undefined)(`a cluster of ${oldest?.id}`, () => {
  it('comes up, and moves a slot', async () => {
    const cluster = await startCluster(oldest!);
    try {
      const client = await cluster.client();
      const key = `{${tagOf(5)}}key`;
      await client.call('SET', key, 'value');
      await cluster.moveSlots([5], 0, 2);
      expect(client.ownerOf(5)?.port).toBe(cluster.shards[0]!.primary.port);
      expect(await client.text('GET', key)).toBe('value');
      expect(client.ownerOf(5)?.port).toBe(cluster.shards[2]!.primary.port);
    } finally {
      await cluster.stop();
    }
  });
});

describe.each(NEWEST_BINARIES.map((binary) => [binary.id, binary] as const))('%s', (_, binary) => {
  const clusters = new Clusters();
  let cluster: RunningCluster;
  let client: ClusterClient;
  let standalone: RunningServer;
  beforeAll(async () => {
    [cluster, standalone] = await Promise.all([clusters.start(binary, { replicas: 1 }), startServer(binary)]);
    client = await cluster.client();
  });
  afterAll(() => standalone.stop());

  it('is as it was ordered', async () => {
    const views = await cluster.topology();
    expect(cluster.shards.map(({ replicas }) => replicas.length)).toEqual([1, 1, 1]);
    expect(cluster.shards.map(({ primary }) => views.find(({ id }) => id === primary.id)?.slots)).toEqual([
      [[0, 5460]],
      [[5461, 10922]],
      [[10923, 16383]],
    ]);
    expect(cluster.nodes.map(({ url }) => url)).toContain(cluster.url);
    expect(client.primaries()).toHaveLength(3);
  });

  it('classic moves under load lose nothing, and clients find their way', async () => {
    await emptyCluster(client);
    const slots = Array.from({ length: 20 }, (_, i) => 5000 + i);
    const writer = new CounterWriter(client, { keys: 60, prefix: (i) => `{${tagOf(slots[i % 20]!)}}` });
    while (writer.commandsSoFar < 2000) await new Promise((resolve) => setTimeout(resolve, 10));
    const moved: number[] = [];
    await cluster.moveSlots(slots, 0, 1, {
      pauseMsPerKey: 5,
      keysPerCall: 2,
      onSlot: (slot) => void moved.push(slot),
    });
    const { commands, unknown, refused, lastError } = await writer.stop();
    expect({ unknown, refused, lastError }).toEqual({ unknown: 0, refused: 0, lastError: '' });
    expect(moved).toEqual(slots);
    expect(client.redirects).toBeGreaterThan(0);
    const counts = await client.pipeline(
      writer.keys.filter((key) => key.endsWith('count')).map((key) => ['GET', key]),
    );
    const texts = await client.pipeline(
      writer.keys.filter((key) => key.endsWith('text')).map((key) => ['GET', key]),
    );
    const pushes = await client.pipeline(
      writer.keys.filter((key) => key.endsWith('list')).map((key) => ['LLEN', key]),
    );
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
    const applied = [
      sum(counts.map(Number)),
      sum(pushes.map(Number)),
      sum(texts.map((text) => String(text).split(',').length - 1)),
    ];
    expect(sum(applied)).toBe(commands);
    expect(new Set((await client.scanAll()).map(String))).toEqual(new Set(writer.keys));
    await cluster.moveSlots(slots, 1, 0);
  });

  it('a move that is given up leaves everything where it was', async () => {
    await emptyCluster(client);
    const keys = Array.from({ length: 6 }, (_, i) => `{${tagOf(9)}}${i}`);
    await client.pipeline(keys.map((key) => ['SET', key, key]));
    const move = await cluster.startSlotMove(9, 0, 1);
    expect(await move.moveKeys(4)).toBe(4);
    const [view] = (await cluster.shards[0]!.primary.view()).filter(({ isMyself }) => isMyself);
    expect(view?.migrating).toEqual(new Map([[9, cluster.shards[1]!.primary.id]]));
    expect((await client.pipeline(keys.map((key) => ['GET', key]))).map(String)).toEqual(keys);
    await move.giveUp();
    expect(await cluster.shards[0]!.primary.call('CLUSTER', 'COUNTKEYSINSLOT', 9)).toBe(6);
    await cluster.untilAgreed();
  });

  it.skipIf(!movesAtomically(binary))('moves whole slots at once', async () => {
    await emptyCluster(client);
    await client.call('RPUSH', `{${tagOf(30)}}list`, 'a', 'b');
    const [job] = await cluster.migrateSlotsAtomically([[30, 40]], 0, 2);
    expect(job).toMatchObject({ state: 'success', slot_ranges: '30-40' });
    expect(await client.text('LRANGE', `{${tagOf(30)}}list`, 0, -1)).toEqual(['a', 'b']);
    await cluster.migrateSlotsAtomically([[30, 40]], 2, 0);
  });

  it('fails over, when asked to and when a primary is killed', async () => {
    await emptyCluster(client);
    const before = cluster.shards[0]!.primary;
    const writer = new CounterWriter(client, { keys: 30, ratePerSecond: 2000 });
    const heir = await cluster.failover(0);
    expect([heir === before, cluster.shards[0]!.primary === heir]).toEqual([false, true]);
    const killed = cluster.shards[1]!.primary;
    await cluster.failover(1, { kind: 'kill' });
    const { refused } = await writer.stop();
    expect(refused).toBe(0);
    expect(cluster.shards[1]!.primary).not.toBe(killed);
    await killed.server.restart();
    await cluster.untilAgreed();
    expect(cluster.shards[1]!.replicas).toEqual([killed]);
    expect(await client.text('INCR', 'still')).toBe(1);
    expect((await offsetsOf(client)).size).toBe(3);
  });

  it('gets a shard more and loses it again', async () => {
    const index = await cluster.addShard();
    expect(index).toBe(3);
    await cluster.moveSlots([0, 1, 2], 0, index);
    expect((await cluster.shards[index]!.primary.view()).find(({ isMyself }) => isMyself)?.slots).toEqual([
      [0, 2],
    ]);
    await cluster.moveSlots([0, 1, 2], index, 0);
    await cluster.removeNode(cluster.nodes.at(-1)!);
    expect(cluster.nodes).toHaveLength(6);
  });

  it('is written to at random, and compared with a copy on a single server', async () => {
    await emptyCluster(client);
    const writers = await runWriters(cluster, { seed: 11, writers: 2, faithful: true, expiryRaces: false });
    while (writers.commandsSoFar() < 10_000)
      await Promise.race([writers.done, new Promise((resolve) => setTimeout(resolve, 20))]);
    const { failure, byCommand } = await writers.stop();
    expect(failure).toBeUndefined();
    const crossing = [...byCommand].filter(([, { lastError }]) => lastError.includes('CROSSSLOT'));
    expect(crossing).toEqual([]);
    const single = await standalone.client();
    await copyAll(client, single);
    expect(await clusterDifferences(client, single, { functions: false, excused: isBrief })).toEqual([]);
    const mapKey = (db: number, key: Buffer): { db: number; key: Buffer } => ({ db: db + 3, key });
    expect((await compareServers(single, client, { mapKey, limit: 1 })).equal).toBe(false);
    await single.call('SET', 'more', 'x');
    const lasting = (await client.scanAll()).find((key) => !key.includes('brief:'));
    await single.call('DEL', lasting!);
    const { differences } = await compareServers(client, single, { functions: false, ttlToleranceMs: 60 });
    const found = differences.filter((one) => !isBrief(one));
    expect(found.map(({ what }) => what).toSorted()).toEqual(['extra', 'missing']);
    await single.close();
  });
});

/** What lives for milliseconds may end between the copy and the look. */
function isBrief({ key }: { readonly key: string | null }): boolean {
  return key?.includes('brief:') === true;
}

/** With the servers' own DUMP and RESTORE. */
async function copyAll(
  from: ClusterClient,
  to: { pipeline(commands: (string | number | Buffer)[][]): Promise<unknown[]> },
): Promise<void> {
  const keys = await from.scanAll();
  const dumps = await from.pipeline(keys.map((key) => ['DUMP', key]));
  const ttls = await from.pipeline(keys.map((key) => ['PEXPIRETIME', key]));
  const replies = await to.pipeline(
    keys.flatMap((key, i) =>
      Buffer.isBuffer(dumps[i])
        ? [['RESTORE', key, Math.max(0, Number(ttls[i])), dumps[i], 'ABSTTL', 'REPLACE']]
        : [],
    ),
  );
  expect(replies.filter((reply) => reply instanceof Error)).toEqual([]);
}

describe.skipIf(NEWEST_BINARIES.length === 0)('a pool', () => {
  const pool = new ClusterPool(new Clusters(), NEWEST_BINARIES.at(-1), { shards: 2 });

  it('lends a cluster again, empty, unless its slots have moved', async () => {
    const first = await pool.use(async (cluster, client) => {
      await client.call('SET', 'key', 'value');
      return cluster;
    });
    const second = await pool.use(async (cluster, client) => {
      expect(await client.scanAll()).toEqual([]);
      await cluster.moveSlots([3], 0, 1);
      return cluster;
    });
    const third = await pool.use((cluster) => Promise.resolve(cluster));
    expect([second === first, third === first]).toEqual([true, false]);
  });
});
