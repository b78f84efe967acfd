/** Real Sentinels: the primary they name, how that changes, and what is said when they don't know. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningSentinels, startSentinels } from '../../scripts/lib/sentinel.mjs';
import type { RunningServer } from '../../scripts/servers.mjs';
import { formatError } from '../../src/errors.js';
import { type Address, type Endpoint, formatAddress, formatEndpoint } from '../../src/net/endpoint.js';
import { Client } from '../../src/net/client.js';
import { forgetAddresses } from '../../src/net/known-addresses.js';
import { locate } from '../../src/net/locate.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { discover } from '../../src/topology/discover.js';
import { SentinelWatch } from '../../src/topology/sentinel-watch.js';
import { binaryOf, Servers, waitFor } from '../support/live.js';

const tcp = (port: number): Address => ({ kind: 'tcp', host: '127.0.0.1', port });

describe.each(['redis-6.0', 'redis-8.0', 'valkey-9.1'])('%s', (series) => {
  const binary = binaryOf(series);
  describe.skipIf(binary === undefined)('Sentinels', () => {
    const servers = new Servers();
    let primary: RunningServer;
    let replica: RunningServer;
    let sentinels: RunningSentinels;
    let endpoint: Endpoint;

    beforeAll(async () => {
      const password = 'of-the-servers';
      primary = await servers.start(binary!, { password, args: { masterauth: password } });
      replica = await servers.start(binary!, { password, replicaOf: { port: primary.port, password } });
      const client = await servers.client(replica);
      await waitFor('the replica is attached', async () => (await client.text('ROLE'))[3] === 'connected');
      sentinels = await startSentinels(binary!, { primary, downAfterMs: 500 });
      endpoint = parseEndpoint(
        `redis://:${password}@127.0.0.1:${sentinels.servers[0]!.port}?master=mymaster`,
        'source',
      );
    });
    afterAll(() => sentinels.stop());

    test('are discovered, with the only name they know', async () => {
      const { find: _find, ...nameless } = endpoint;
      expect(await discover(nameless, 'source')).toEqual({ kind: 'sentinel', master: 'mymaster', endpoint });
      expect(await discover(endpoint, 'source')).toEqual({ kind: 'sentinel', master: 'mymaster', endpoint });
      await sentinels.call('SENTINEL', 'MONITOR', 'other', '127.0.0.1', primary.port, 2);
      await expect(discover(nameless, 'source')).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(/mymaster.*other|other.*mymaster/u),
      });
      await sentinels.call('SENTINEL', 'REMOVE', 'other');
    });

    test('a name they do not know', async () => {
      const wrong = { ...endpoint, find: { kind: 'sentinel', master: 'nobody' } } as const;
      const message = expect.stringContaining('mymaster');
      await expect(discover(wrong, 'source')).rejects.toMatchObject({ code: 'USAGE', message });
      await expect(locate(wrong, 'source')).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', message });
    });

    test('who is named must be a primary', async () => {
      await sentinels.call('SENTINEL', 'MONITOR', 'stale', '127.0.0.1', replica.port, 2);
      await expect(
        locate({ ...endpoint, find: { kind: 'sentinel', master: 'stale' } }, 'source'),
      ).rejects.toMatchObject({
        code: 'SOURCE_UNREACHABLE',
        message: `the Sentinels name 127.0.0.1:${replica.port} as primary of stale, which says it is a replica`,
      });
      await sentinels.call('SENTINEL', 'REMOVE', 'stale');
    });

    test('a failover is told once, and followed when the first Sentinel is dead', async () => {
      forgetAddresses();
      const all: string[] = [];
      const named = (place: Address): void => {
        if (all.at(-1) !== formatAddress(place)) all.push(formatAddress(place));
      };
      const watch = new SentinelWatch({ endpoint, side: 'source', everyMs: 200, named });
      await waitFor('the first answer', () => watch.primary);
      expect(watch.primary).toEqual(tcp(primary.port));
      const client = await Client.connect(endpoint, 'source');
      expect(client.address).toBe(`127.0.0.1:${primary.port}`);
      client.close();

      await sentinels.servers[0]!.kill();
      await primary.kill();
      await waitFor('the switch', () => all.length > 1, 40_000);
      const after = await waitFor('the new primary', () => locate(endpoint, 'source').catch(() => undefined));
      expect(after.address).toEqual(tcp(replica.port));
      expect(formatEndpoint(after)).toBe(`127.0.0.1:${replica.port}`);
      await sentinels.untilMovedFrom(primary.port);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(all).toEqual([`127.0.0.1:${primary.port}`, `127.0.0.1:${replica.port}`]);
      await watch.close();
    });
  });
});

const newest = binaryOf('valkey-9.1') ?? binaryOf('redis-8.0');

describe.skipIf(newest === undefined)('Sentinels with a password', () => {
  const servers = new Servers();

  test('it is that of the servers, and is never told', async () => {
    const password = 'hush-hush';
    const primary = await servers.start(newest!, { password });
    const sentinels = await startSentinels(newest!, { primary, count: 1, quorum: 1, password });
    try {
      const { port } = sentinels.servers[0]!;
      const endpoint = parseEndpoint(`redis://:${password}@127.0.0.1:${port}?master=mymaster`, 'target');
      expect((await locate(endpoint, 'target')).address).toEqual(tcp(primary.port));
      expect(await discover(endpoint, 'target')).toMatchObject({ kind: 'sentinel', master: 'mymaster' });
      const wrong = { ...endpoint, password: 'wrong-secret' };
      for (const refused of [locate, discover]) {
        const error: unknown = await refused(wrong, 'target').catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'TARGET_DENIED' });
        expect(formatError(error)).not.toContain('wrong-secret');
      }
    } finally {
      await sentinels.stop();
    }
  });
});
