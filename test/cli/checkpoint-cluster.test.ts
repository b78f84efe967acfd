/** `replicant checkpoint` with a cluster: jobs on all nodes, and all that belongs to them. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterClient } from '../../scripts/lib/cluster-client.mjs';
import type { RunningCluster } from '../../scripts/lib/cluster.mjs';
import { connectionName } from '../../src/checkpoint/connections.js';
import { type Checkpoint, checkpointKey, formatCheckpoint } from '../../src/checkpoint/record.js';
import { main } from '../../src/cli/program.js';
import { keySlot } from '../../src/keyspace/key-slot.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { laneKey } from '../../src/target/cluster/lane-text.js';
import { checkpoint, owner } from '../checkpoint/support.js';
import { Clusters, NEWEST_BINARIES } from '../support/cluster.js';
import { harness, type Harness } from './harness.js';

const noEngine = {
  startSync: () => {
    throw new Error('nothing is synced here');
  },
};

describe.each(NEWEST_BINARIES)('$id', (binary) => {
  const clusters = new Clusters();
  let cluster: RunningCluster;
  let client: ClusterClient;

  beforeAll(async () => {
    cluster = await clusters.start(binary, { password: 'secret' });
    client = await cluster.client();
  }, 60_000);

  afterEach(async () => {
    await client.everyPrimary((node) => node.call('FLUSHALL'));
  });

  async function put(parts: Partial<Checkpoint> = {}): Promise<void> {
    const given = checkpoint({ owner: undefined, ...parts });
    await client.call('SET', checkpointKey(given.job), formatCheckpoint(given));
  }

  async function keys(): Promise<string[]> {
    return (await client.scanAll()).map((key) => key.toString('latin1')).toSorted();
  }

  async function on(action: string, ...more: string[]): Promise<Harness & { code: number }> {
    const process = harness(noEngine, { env: { REPLICANT_TARGET_PASSWORD: 'secret' } });
    const code = await main(['checkpoint', action, cluster.url, ...more], process.deps);
    expect(process.listening()).toBe(0);
    return Object.assign(process, { code });
  }

  const lanes = ['0', '5', 'b'].map((tag, at) => ({
    ...{
      tag,
      generation: '3-00ff',
      node: 'n',
      slots: ['0-5460', '5461-10922', '10923-16383'][at]!,
      from: 1407,
    },
    done: at,
  }));

  test('the jobs of all nodes are shown', async () => {
    const jobs = ['a', 'b', 'c', 'd', 'e'];
    for (const job of jobs) await put({ job });
    const { code, stdout } = await on('show', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).checkpoints.map(({ job }: { job: string }) => job)).toEqual(jobs);
    const one = await on('show', '--name', 'd', '--json');
    expect(JSON.parse(one.stdout).checkpoints).toHaveLength(1);
    expect((await on('show', '--name', 'f')).stderr).toContain('there is no checkpoint of job f');
  });

  test('lanes and slots in words', async () => {
    await put({ lanes });
    await put({ job: 'many.s1', slots: '0-5460' });
    await put({ job: 'many.s2', slots: Array.from({ length: 20 }, (_, at) => 6000 + 2 * at).join(',') });
    const { stdout } = await on('show', '--name', 'orders');
    expect(stdout).toContain('node      n: slots 0-5460 (5461) from offset 1407, tag 0, generation 3-00ff\n');
    expect(stdout).toContain('from offset 1407 and 2 commands, tag b');
    const shards = await on('show', '--name', 'many');
    expect(shards.code).toBe(0);
    expect(shards.stdout).toContain('job       many.s1\n');
    expect(shards.stdout).toContain('slots     0-5460 (5461)\n\njob       many.s2\n');
    expect(shards.stdout).toContain('slots     6000,6002,6004,6006,6008,6010,6012,6014,… (20)\n');
    const table = await on('show');
    const [head, ...rows] = table.stdout.trimEnd().split('\n');
    expect(head).toMatch(/owner +slots$/u);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatch(/ 0-5460 \(5461\)$/u);
  });

  test('all that belongs to a job goes, and nothing else', async () => {
    await put({ lanes });
    await put({ job: 'other' });
    await put({ job: 'many.s1', slots: '0-5460', lanes });
    await put({ job: 'many.s2', slots: '5461-16383' });
    const theirs = [
      ...['0', '5', 'b', 'old'].map((tag) => laneKey(tag, 'orders')),
      ...['x', 'x', 'y'].map((tag, at) => `__replicant:{${tag}}:carry:orders${at === 0 ? '' : `:${at}`}`),
    ];
    const shards = [
      ...['0', '5'].map((tag) => laneKey(tag, 'many.s1')),
      '__replicant:{many}:shards',
      '__replicant:{many}:wants',
      '__replicant:{many}:claims',
    ];
    const stay = [laneKey('0', 'other'), laneKey('0', 'orders.x'), '__replicant:{x}:carry:orders2', 'user:1'];
    for (const key of [...theirs, ...shards, ...stay]) await client.call('SET', key, 'x');
    const { code, stdout } = await on('clear', '--name', 'orders', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, { ok: true, cleared: ['orders'] }]);
    const many = ['many.s1', 'many.s2'].map(checkpointKey);
    expect(await keys()).toEqual([...shards, ...many, ...stay, checkpointKey('other')].toSorted());
    const both = await on('clear', '--name', 'many', '--json');
    expect(JSON.parse(both.stdout)).toEqual({ ok: true, cleared: ['many.s1', 'many.s2'] });
    expect(await keys()).toEqual([...stay, checkpointKey('other')].toSorted());
    expect((await on('clear', '--all')).code).toBe(0);
    expect(await keys()).toEqual(['user:1']);
    expect((await on('clear', '--name', 'orders')).code).toBe(5);
  });

  test('what an interrupted clear has left can be cleared by name', async () => {
    await client.call('SET', laneKey('0', 'orders'), 'x');
    expect((await on('show', '--name', 'orders')).code).toBe(5);
    expect((await on('clear', '--name', 'orders')).code).toBe(0);
    expect(await keys()).toEqual([]);
  });

  test('an owner that is connected to any of the nodes holds its job', async () => {
    await put({ owner: owner('a') });
    for (const { primary } of cluster.shards) {
      const connection = await primary.client();
      await connection.call('CLIENT', 'SETNAME', connectionName('orders', owner('a').id));
      const { code, stderr } = await on('clear', '--name', 'orders');
      expect([code, stderr]).toEqual([5, expect.stringContaining('is held by')]);
      await connection.close();
    }
    expect(await keys()).toHaveLength(1);
  });

  test('a checkpoint whose slot is on its way', async () => {
    await put();
    const slot = keySlot(bytesOf(checkpointKey('orders')));
    const place = client.ownerOf(slot)!;
    const from = cluster.shards.findIndex(({ primary }) => primary.port === place.port);
    const move = await cluster.startSlotMove(slot, from, (from + 1) % 3);
    try {
      await move.moveKeys(10);
      const { code, stdout } = await on('show', '--json');
      expect([code, JSON.parse(stdout).checkpoints]).toEqual([
        0,
        [expect.objectContaining({ job: 'orders' })],
      ]);
      expect((await on('clear', '--all')).code).toBe(0);
      expect((await on('show', '--name', 'orders')).code).toBe(5);
    } finally {
      await move.giveUp();
    }
  }, 30_000);
});
