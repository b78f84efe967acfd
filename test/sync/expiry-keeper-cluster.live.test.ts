/** Deadlines held back on all nodes of a real cluster, released at the end, also while slots move. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterClient } from '../../scripts/lib/cluster-client.mjs';
import type { RunningCluster } from '../../scripts/lib/cluster.mjs';
import {
  type Checkpoint,
  checkpointKey,
  type ExpiryRecord,
  formatCheckpoint,
} from '../../src/checkpoint/record.js';
import { KEY_HOLD_MS } from '../../src/convert/held-deadline.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { ExpiryKeeper, type ExpiryKeeperOptions } from '../../src/sync/expiry-keeper.js';
import { connectPrimaries } from '../../src/target/connect-primaries.js';
import { checkpoint, owner } from '../checkpoint/support.js';
import { Clusters, NEWEST_BINARIES } from '../support/cluster.js';
import { waitFor } from '../support/live.js';

const KEYS = Array.from({ length: 300 }, (_, at) => `k:${at}`);
const MINUTE = 60_000;

describe.each(NEWEST_BINARIES)('$id', (binary) => {
  const clusters = new Clusters();
  let cluster: RunningCluster;
  let client: ClusterClient;
  const keepers: ExpiryKeeper[] = [];

  beforeAll(async () => {
    cluster = await clusters.start(binary);
    client = await cluster.client();
  }, 60_000);

  afterEach(async () => {
    for (const keeper of keepers.splice(0)) keeper.close();
    await client.everyPrimary((node) => node.call('FLUSHALL'));
  });

  function keep(more: Partial<ExpiryKeeperOptions> = {}): {
    keeper: ExpiryKeeper;
    notes: ExpiryRecord[];
    lapses: string[];
    said: string[];
  } {
    const notes: ExpiryRecord[] = [];
    const lapses: string[] = [];
    const said: string[] = [];
    const keeper = new ExpiryKeeper({
      connect: () => connectPrimaries(parseEndpoint(cluster.url, 'target')),
      ...{ job: 'orders', connectionName: 'keeper', marginMs: 2000, sole: true, dbs: undefined },
      ...{ databases: 1, fields: false, wanted: undefined, wantedKind: undefined, clockOffsetMs: 0 },
      // A minute and a half, as long as six looks at all of them take.
      expectedKeys: 1_000_000,
      emit: (_level, _event, message) => said.push(message),
      events: {
        note: (record) => {
          notes.push(record);
          return Promise.resolve(true);
        },
        lapsed: (why) => lapses.push(why),
      },
      ...more,
    });
    keepers.push(keeper);
    return { keeper, notes, lapses, said };
  }

  async function load(keeper: ExpiryKeeper): Promise<void> {
    const clients = await connectPrimaries(parseEndpoint(cluster.url, 'target'));
    await keeper.load(clients, false);
    for (const one of clients) one.close();
  }

  async function lefts(): Promise<number[]> {
    const replies = await client.pipeline(KEYS.map((key) => ['PTTL', key]));
    return replies.map(Number);
  }

  const allHeld = async (): Promise<boolean> => (await lefts()).every((left) => left > KEY_HOLD_MS / 2);
  const allTrue = async (): Promise<boolean> => (await lefts()).every((left) => left > 0 && left <= MINUTE);

  test('what comes near is held on every node, and released at the end', async () => {
    await client.pipeline(KEYS.map((key) => ['SET', key, 'v', 'PX', MINUTE]));
    const { keeper, notes, lapses } = keep();
    await load(keeper);
    await waitFor('all are held', allHeld);
    await waitFor('it is noted', () => notes.length > 0);
    expect(notes.at(-1)).toMatchObject({ mode: 'held', state: 'settled' });
    expect(notes.at(-1)!.runId.split(',')).toHaveLength(3);
    const record = await keeper.release();
    expect(record).toMatchObject({ state: 'released', runId: notes.at(-1)!.runId });
    expect(await allTrue()).toBe(true);
    expect(lapses).toEqual([]);
  }, 30_000);

  test('also while slots move to and fro', async () => {
    await client.pipeline(KEYS.map((key) => ['SET', key, 'v', 'PX', MINUTE]));
    const { keeper, lapses } = keep();
    const slots = Array.from({ length: 150 }, (_, at) => at * 20);
    const moving = (async () => {
      await cluster.moveSlots(slots, 0, 1);
      await cluster.moveSlots(slots, 1, 0);
    })();
    await load(keeper);
    await waitFor('all are held', allHeld);
    await keeper.release();
    expect(await allTrue()).toBe(true);
    await moving;
    expect(lapses).toEqual([]);
  }, 60_000);

  test('what ran out on one node while nobody looked is seen', async () => {
    const clients = await connectPrimaries(parseEndpoint(cluster.url, 'target'));
    const { keeper } = keep();
    await keeper.load(clients, true);
    keeper.close();
    const from = (expiry: ExpiryRecord): Checkpoint => checkpoint({ state: 'streaming', expiry });
    const late = { ...keeper.record, clearUntilMs: 1 };
    expect(await keep().keeper.attach(clients, from(late))).toBeUndefined();
    expect(await keep().keeper.spoils(clients, from(late))).toBe(false);
    await client.call('SET', 'gone', 'v', 'PX', 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await client.call('EXISTS', 'gone')).toBe(0);
    expect(await keep().keeper.attach(clients, from(late))).toMatch(/keys have run out/u);
    expect(await keep().keeper.spoils(clients, from(late))).toBe(true);
    expect(await keep().keeper.attach(clients.slice(1), from(late))).toMatch(/restarted/u);
    for (const one of clients) one.close();
  });

  test('another job that runs keeps what may be its own', async () => {
    await client.pipeline(KEYS.map((key) => ['SET', key, 'v', 'PX', MINUTE]));
    const other = checkpoint({ job: 'other', owner: owner('b') });
    await client.call('SET', checkpointKey('other'), formatCheckpoint(other));
    const { keeper, said } = keep();
    await load(keeper);
    await waitFor('all are held', allHeld);
    await keeper.release();
    expect(said.join('\n')).toContain('job other');
    expect(await allHeld()).toBe(true);
  }, 30_000);
});
