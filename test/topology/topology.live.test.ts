/** Real clusters: what stands there, where its parts are, and how that changes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningCluster, startCluster } from '../../scripts/lib/cluster.mjs';
import { Client } from '../../src/net/client.js';
import { type Endpoint, type Find, formatAddress } from '../../src/net/endpoint.js';
import { forgetAddresses } from '../../src/net/known-addresses.js';
import { locate } from '../../src/net/locate.js';
import { parseAddressMap } from '../../src/net/address-map.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { type ClusterMap, findShard, ownerOf } from '../../src/topology/cluster-map.js';
import { ownerIn, readMoving, readViews, settledOwner } from '../../src/topology/cluster-views.js';
import { discover } from '../../src/topology/discover.js';
import { readClusterMap } from '../../src/topology/read-cluster-map.js';
import { type TopologyState, TopologyWatch } from '../../src/topology/topology-watch.js';
import { freePort, HAS_OPENSSL, makeCertificates, readPem } from '../support/live-tls.js';
import { BINARIES, binaryOf, Servers, waitFor } from '../support/live.js';

/** With an id for each shard, or without. */
const SERIES = [
  ['redis-6.0', undefined],
  ['redis-7.0', undefined],
  ['redis-8.0', expect.stringMatching(/^[0-9a-f]{40}$/u)],
  ['valkey-8.0', expect.stringMatching(/^[0-9a-f]{40}$/u)],
  ['valkey-9.1', expect.stringMatching(/^[0-9a-f]{40}$/u)],
] as const;

async function mapOf(endpoint: Endpoint): Promise<ClusterMap> {
  const found = await discover(endpoint, 'source');
  if (found.kind !== 'cluster') throw new Error(`found ${found.kind}`);
  return found.map;
}

describe.each(SERIES)('%s', (series, shardId: unknown) => {
  const binary = binaryOf(series);
  describe.skipIf(binary === undefined)('a cluster', () => {
    let cluster: RunningCluster;
    let endpoint: Endpoint;
    const find = (what: Find): Endpoint => ({ ...endpoint, find: what });
    const whereIs = async (what: Find): Promise<string> =>
      formatAddress((await locate(find(what), 'source')).address);

    beforeAll(async () => {
      cluster = await startCluster(binary!, { shards: 3, replicas: 1 });
      endpoint = parseEndpoint(cluster.url, 'source');
    });
    afterAll(() => cluster.stop());

    test('is discovered with shards, nodes, slots and ids', async () => {
      const map = await mapOf(endpoint);
      expect(map.ok).toBe(true);
      expect(map.size).toBe(6);
      expect(map.epoch).toBeGreaterThan(0);
      expect(
        map.shards.map(({ primary, replicas }) => [primary?.id, ...replicas.map(({ id }) => id)]),
      ).toEqual(cluster.shards.map(({ primary, replicas }) => [primary.id, ...replicas.map(({ id }) => id)]));
      expect(map.shards.map(({ slots }) => slots.length)).toEqual([1, 1, 1]);
      expect(map.owner.every((index) => index >= 0)).toBe(true);
      for (const shard of map.shards) {
        expect(shard.primary).toMatchObject({ host: '127.0.0.1', healthy: true, linkUp: true });
        expect(shard.shardId).toEqual(shardId);
      }
    });

    test('slots, nodes and shards are located', async () => {
      const map = await mapOf(endpoint);
      const [first, , last] = cluster.shards;
      const at = ({ port }: { port: number }): string => `127.0.0.1:${port}`;
      expect(await whereIs({ kind: 'slot', slot: 0 })).toBe(at(first!.primary));
      expect(await whereIs({ kind: 'slot', slot: 16383 })).toBe(at(last!.primary));
      expect(await whereIs({ kind: 'node', nodeId: last!.replicas[0]!.id })).toBe(at(last!.replicas[0]!));
      const shard = {
        kind: 'shard',
        shardId: map.shards[2]!.shardId,
        nodeIds: [last!.replicas[0]!.id],
      } as const;
      expect(await whereIs({ ...shard, read: 'primary' })).toBe(at(last!.primary));
      expect(await whereIs({ ...shard, shardId: undefined, read: 'replica' })).toBe(at(last!.replicas[0]!));
      expect(await whereIs({ ...shard, read: 'prefer-replica' })).toBe(at(last!.replicas[0]!));
    });

    test('a connection follows the address map', async () => {
      const { port } = cluster.shards[0]!.primary;
      const addressMap = parseAddressMap([`127.0.0.1:${port}=localhost:${port}`]);
      const client = await Client.connect({ ...find({ kind: 'slot', slot: 0 }), addressMap }, 'source');
      expect(client.address).toBe(`localhost:${port}`);
      client.close();
    });

    test('moves of slots are told by the nodes that take part', async () => {
      const move = await cluster.startSlotMove(7, 0, 1);
      const map = await readClusterMap(endpoint, 'source');
      const [from, to] = [cluster.shards[0]!.primary.id, cluster.shards[1]!.primary.id];
      const moving = await readMoving(endpoint, map, 'source');
      expect(moving).toEqual([
        { slot: 7, state: 'migrating', from, to },
        { slot: 7, state: 'importing', from, to },
      ]);
      expect(settledOwner(await readViews(endpoint, map, 'source'), 7)).toBeUndefined();
      await move.finish();
      const settled = async (): Promise<string | undefined> =>
        settledOwner(await readViews(endpoint, map, 'source'), 7);
      await waitFor('the new owner is known', async () => (await settled()) === to);
      // A replica may hear of it later, and it may be the one that is asked.
      const known = async (): Promise<string | undefined> =>
        ownerIn(await readClusterMap(endpoint, 'source'), 7);
      await waitFor('whoever is asked knows it', async () => (await known()) === to);
      await cluster.moveSlots([7], 1, 0);
      await waitFor('the old owner is known', async () => (await settled()) === from);
    });

    test('failovers are seen, located and watched', async () => {
      forgetAddresses();
      const states: TopologyState[] = [];
      const watch = new TopologyWatch({
        endpoint,
        side: 'source',
        everyMs: 100,
        changed: (s) => states.push(s),
      });
      await waitFor('the first state', () => states.length > 0);
      const before = watch.state!.map;
      const shard = { shardId: before.shards[2]!.shardId, nodeIds: [cluster.shards[2]!.primary.id] };
      const successor = await cluster.failover(2);
      const primary = (): string | undefined => watch.state && ownerOf(watch.state.map, 16383)?.primary?.id;
      await waitFor('the watch sees it', () => primary() === successor.id);
      expect(await whereIs({ kind: 'slot', slot: 16383 })).toBe(`127.0.0.1:${successor.port}`);
      expect(await whereIs({ kind: 'shard', ...shard, read: 'primary' })).toBe(`127.0.0.1:${successor.port}`);
      expect((await watch.refresh())?.map.shards.length).toBe(3);

      // The first seed dies, too: what has been learnt is asked.
      await locate(find({ kind: 'slot', slot: 0 }), 'source');
      const heir = await cluster.failover(0, { kind: 'kill' });
      await waitFor(
        'the watch survives',
        () => watch.state && ownerOf(watch.state.map, 0)?.primary?.id === heir.id,
      );
      expect(await whereIs({ kind: 'slot', slot: 0 })).toBe(`127.0.0.1:${heir.port}`);
      const map = watch.state!.map;
      const wanted = { shardId: undefined, nodeIds: before.shards[0]!.nodeIds };
      expect(findShard(map, wanted)?.primary?.id).toBe(heir.id);
      const whole = { kind: 'shard', ...wanted, read: 'replica' } as const;
      await expect(whereIs(whole)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', retry: true });
      expect(await whereIs({ ...whole, read: 'prefer-replica' })).toBe(`127.0.0.1:${heir.port}`);
      await watch.close();
      const told = states.length;
      await cluster.failover(1);
      expect(states.length).toBe(told);
    });
  });
});

describe.skipIf(!HAS_OPENSSL)('over TLS', () => {
  const servers = new Servers();
  const SOME = SERIES.map(([series]) => series).filter((series) => binaryOf(series) !== undefined);

  test.each(SOME)(
    '%s: the TLS ports are found, and the certificate is for the name that was asked',
    async (series) => {
      const certificates = makeCertificates();
      try {
        const busBelow = 55_536;
        const tlsPort = await waitFor('a port', async () => {
          const port = await freePort();
          return port < busBelow && port;
        });
        const args = { 'cluster-enabled': 'yes', 'tls-cluster': 'yes', ...certificates.args(tlsPort, 'no') };
        const server = await servers.start(binaryOf(series)!, { args });
        const client = await servers.client(server);
        await client.call('CLUSTER', 'ADDSLOTS', ...Array.from({ length: 16384 }, (_, slot) => slot));
        await waitFor('all is well', async () => (await client.text('CLUSTER', 'INFO')).includes('state:ok'));
        const tls = { insecure: false, ca: readPem(certificates.ca) };
        const endpoint = { ...parseEndpoint(`rediss://localhost:${tlsPort}`, 'source'), tls };
        const found = await Client.connect({ ...endpoint, find: { kind: 'slot', slot: 5 } }, 'source');
        expect(found.address).toBe(`localhost:${tlsPort}`);
        found.close();
      } finally {
        certificates.remove();
      }
    },
  );
});

describe('one server', () => {
  const servers = new Servers();
  const binary = BINARIES.at(-1);

  test.skipIf(binary === undefined)('is standalone, and no cluster', async () => {
    const server = await servers.start(binary!, { password: 'secret' });
    const endpoint = parseEndpoint(`redis://:secret@127.0.0.1:${server.port}`, 'target');
    expect(await discover(endpoint, 'target')).toEqual({ kind: 'standalone' });
    await expect(locate({ ...endpoint, find: { kind: 'slot', slot: 1 } }, 'target')).rejects.toMatchObject({
      code: 'TARGET_PROTOCOL',
    });
    await expect(
      discover({ ...endpoint, find: { kind: 'sentinel', master: 'm' } }, 'target'),
    ).rejects.toMatchObject({ code: 'USAGE' });
    await expect(
      locate({ ...endpoint, find: { kind: 'sentinel', master: 'm' } }, 'target'),
    ).rejects.toMatchObject({ code: 'TARGET_PROTOCOL', message: expect.stringContaining('no Sentinel') });
    await expect(discover({ ...endpoint, password: 'wrong' }, 'target')).rejects.toMatchObject({
      code: 'TARGET_DENIED',
    });
  });

  test.skipIf(binary === undefined)('of several addresses the first that answers is taken', async () => {
    const server = await servers.start(binary!);
    const endpoint = parseEndpoint(`redis://127.0.0.1:1,127.0.0.1:${server.port}`, 'source');
    const client = await Client.connect(endpoint, 'source');
    expect(client.address).toBe(`127.0.0.1:${server.port}`);
    client.close();
    const dead = parseEndpoint('redis://127.0.0.1:1,127.0.0.1:2', 'source');
    await expect(Client.connect(dead, 'source')).rejects.toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      message: expect.stringMatching(/127\.0\.0\.1:1: .*127\.0\.0\.1:2: /u),
    });
  });

  test.skipIf(binary === undefined)('one that hangs is passed over within its deadline', async () => {
    const hung = await servers.start(binary!);
    const server = await servers.start(binary!);
    hung.pause();
    const started = Date.now();
    const endpoint = parseEndpoint(`redis://127.0.0.1:${hung.port},127.0.0.1:${server.port}`, 'source');
    expect((await locate(endpoint, 'source')).address).toMatchObject({ port: server.port });
    expect(Date.now() - started).toBeLessThan(5000);
    hung.resume();
  });

  test.skipIf(binary === undefined)('a watch of what is no cluster says so, and ends at once', async () => {
    const server = await servers.start(binary!);
    const endpoint = parseEndpoint(server.url, 'source');
    const errors: string[] = [];
    const failed = ({ message }: Error): void => void errors.push(message);
    const watch = new TopologyWatch({ endpoint, side: 'source', everyMs: 20, changed: () => {}, failed });
    await waitFor('two failures', () => errors.length >= 2);
    expect(errors[0]).toBe('this server is not a node of a cluster');
    await watch.close();
    await watch.close();
    expect(watch.state).toBeUndefined();
    expect(await watch.refresh()).toBeUndefined();
  });
});
