/** Sentinels, tried without the product: they find one another, and fail over when asked to and when they must. */
import { afterAll, describe, expect, it } from 'vitest';
import { startSentinels } from '../../scripts/lib/sentinel.mjs';
import { type RunningServer, startServer } from '../../scripts/servers.mjs';
import { NEWEST_BINARIES } from '../support/cluster.js';

describe.each(NEWEST_BINARIES.map((binary) => [binary.id, binary] as const))('%s', (_, binary) => {
  const stops: (() => Promise<void>)[] = [];
  afterAll(() => Promise.all(stops.map((stop) => stop())));

  async function start(replicaOf?: RunningServer): Promise<RunningServer> {
    const server = await startServer(binary, replicaOf === undefined ? {} : { replicaOf });
    stops.push(() => server.stop());
    return server;
  }

  it('sentinels name the primary, and the next one after a failover', async () => {
    const primary = await start();
    const replica = await start(primary);
    await expect.poll(() => roleOf(replica)).toContain('connected');
    const sentinels = await startSentinels(binary, { name: 'main', primary });
    stops.push(() => sentinels.stop());
    expect(sentinels.urls).toHaveLength(3);
    expect(await sentinels.primary()).toEqual({ host: '127.0.0.1', port: primary.port });
    expect(await sentinels.failover()).toMatchObject({ port: replica.port });
    expect(await roleOf(replica)).toContain('master');
    await replica.kill();
    expect(await sentinels.untilMovedFrom(replica.port)).toMatchObject({ port: primary.port });
    expect(await roleOf(primary)).toContain('master');
  }, 20_000);
});

async function roleOf(server: RunningServer): Promise<string[]> {
  const client = await server.client();
  const role: unknown[] = await client.text('ROLE').finally(() => client.close());
  return role.map(String);
}
