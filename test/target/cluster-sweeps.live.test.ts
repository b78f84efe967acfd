/**
 * What is done to a whole target, on real clusters: keys removed that a set does not have, slots wiped, deadlines
 * put right, functions removed, all of it also while slots move between the nodes.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ReplyError } from '../../scripts/lib/client.mjs';
import type { ClusterClient } from '../../scripts/lib/cluster-client.mjs';
import { type RunningCluster, startCluster } from '../../scripts/lib/cluster.mjs';
import { KEY_HOLD_MS } from '../../src/convert/held-deadline.js';
import { keySlot } from '../../src/keyspace/key-slot.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyMap } from '../../src/keyspace/key-map.js';
import { keyNames } from '../../src/keyspace/key-names.js';
import { SlotSet } from '../../src/keyspace/slot-set.js';
import { bytesOf } from '../../src/keyspace/words.js';
import type { Client } from '../../src/net/client.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { clearDatabases } from '../../src/sync/clear-databases.js';
import { countKeys, emptyTarget } from '../../src/sync/prepare.js';
import { capabilitiesOf } from '../../src/target/capabilities.js';
import { connectPrimaries } from '../../src/target/connect-primaries.js';
import { type SweepMode, sweepDeadlines } from '../../src/target/deadline-sweep.js';
import { readClocks, readExpiryOf } from '../../src/target/expiry-watch.js';
import { KeySet } from '../../src/target/key-set.js';
import { removeMissingFunctions } from '../../src/target/missing-functions.js';
import { removeMissing, type RemoveMissingOptions } from '../../src/target/remove-missing.js';
import { wipeSlot, wipeSlots } from '../../src/target/wipe-slots.js';
import { isAtLeast } from '../support/live.js';
import { movesAtomically, OLDEST_AND_NEWEST } from '../support/cluster.js';

const MARGIN = 300_000;
const HOUR = 3_600_000;
const TAGS = ['a', 'b', 'c', 'd', 'e', 'f'];
const OURS = TAGS.map((tag) => `__replicant:{${tag}}:lane:job`);

describe.each(OLDEST_AND_NEWEST)('$id', (binary) => {
  const fields = binary.family === 'valkey' ? isAtLeast(binary, '9.0') : isAtLeast(binary, '7.4');
  let cluster: RunningCluster;
  let judge: ClusterClient;
  let clients: readonly Client[];

  beforeAll(async () => {
    cluster = await startCluster(binary);
    judge = await cluster.client();
    clients = await connectPrimaries(parseEndpoint(cluster.url, 'target'));
  }, 60_000);

  afterAll(async () => {
    for (const client of clients ?? []) client.close();
    await cluster?.stop();
  });

  afterEach(async () => {
    await judge.everyPrimary((node) => node.call('FLUSHALL'));
  });

  async function send(...commands: (readonly (string | number)[])[]): Promise<void> {
    for (let at = 0; at < commands.length; at += 2000) {
      const replies = await judge.pipeline(commands.slice(at, at + 2000));
      expect(replies.find((reply) => reply instanceof ReplyError)).toBeUndefined();
    }
  }

  async function names(): Promise<string[]> {
    return (await judge.scanAll()).map((key) => key.toString('latin1')).toSorted();
  }

  function setOf(kept: Iterable<string>): KeySet {
    const set = new KeySet(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    for (const name of kept) set.add(0, bytesOf(name));
    return set;
  }

  async function remove(
    kept: Iterable<string>,
    options: Partial<RemoveMissingOptions> = {},
  ): ReturnType<typeof removeMissing> {
    const all = { keys: setOf(kept), dbs: undefined, wanted: () => true, unlink: true };
    return await removeMissing(clients, { ...all, ...options });
  }

  /** Half of them share a slot with others. */
  function someNames(count: number): string[] {
    return Array.from({ length: count }, (_, at) => (at % 2 === 0 ? `k:${at}` : `{${TAGS[at % 6]}}:${at}`));
  }

  const strings = (keys: readonly string[]): string[][] => keys.map((key) => ['SET', key, 'v']);
  const stays = (_: string, at: number): boolean => at % 3 === 0;

  test('all primaries are found from any node', async () => {
    expect(clients).toHaveLength(3);
    expect(new Set(clients.map(({ address }) => address)).size).toBe(3);
  });

  test('what the set has not is removed from every node, and ours stay', async () => {
    const keys = someNames(6000);
    await send(...strings([...keys, ...OURS]));
    const progress: [number, number][] = [];
    const result = await remove(keys.filter(stays), { progress: (...step) => progress.push(step) });
    expect(await names()).toEqual([...keys.filter(stays), ...OURS].toSorted());
    expect(result.removed).toBe(4000);
    expect(result.scanned).toBeGreaterThanOrEqual(6000 + OURS.length);
    expect(progress.at(-1)).toEqual([6000 + OURS.length, 6000 + OURS.length]);
    expect(await remove(keys.filter(stays), { unlink: false })).toMatchObject({ removed: 0 });
  });

  test('among keys and kinds of the job only', async () => {
    await send(...someNames(600).map((key, at) => (at % 4 < 2 ? ['SET', key, 'v'] : ['RPUSH', key, 'v'])));
    await remove([], { wantedKind: (kind) => kind === 'list', wanted: (_, key) => key[0] === 0x7b });
    const left = someNames(600).filter((_, at) => at % 4 !== 3);
    expect(await names()).toEqual(left.toSorted());
  });

  test('nothing is missed while slots move to and fro', async () => {
    const keys = someNames(20_000);
    await send(...strings(keys));
    const slots = [...SlotSet.of([[0, 39]])];
    const state = { done: false };
    const moving = cluster.moveSlots(slots, 0, 2).then(async () => {
      await cluster.moveSlots(slots, 2, 0);
      state.done = true;
    });
    let rounds = 0;
    do {
      const kept = keys.filter(stays);
      await remove(kept);
      const strays = (await names()).filter((name) => !new Set(kept).has(name));
      expect(strays).toEqual([]);
      rounds++;
      await send(...strings(keys.filter((_, at) => at % 30 === 1)));
    } while (!state.done);
    await moving;
    await remove(keys.filter(stays));
    expect(await names()).toEqual(keys.filter(stays).toSorted());
    expect(rounds).toBeGreaterThan(0);
  }, 120_000);

  test('a slot that is half on its way is waited for', async () => {
    const slot = keySlot(bytesOf('a'));
    const from = cluster.shards.findIndex(({ primary }) => primary === holder(slot));
    const keys = Array.from({ length: 50 }, (_, at) => `{a}:${at}`);
    await send(...strings(keys));
    const move = await cluster.startSlotMove(slot, from, (from + 1) % 3);
    await move.moveKeys(20);
    const removing = remove(['{a}:1']);
    const rest = new Promise((resolve) => setTimeout(resolve, 500));
    await Promise.race([removing, rest]);
    while ((await move.moveKeys(10)) > 0);
    await move.finish();
    await cluster.untilAgreed();
    await removing;
    expect(await names()).toEqual(['{a}:1']);
    await cluster.moveSlots([slot], (from + 1) % 3, from);
    expect(await remove([])).toMatchObject({ removed: 1 });
  }, 60_000);

  test.runIf(movesAtomically(binary))(
    'nothing is missed when slots move as a whole',
    async () => {
      const keys = someNames(10_000);
      await send(...strings(keys));
      const moving = cluster.migrateSlotsAtomically([[0, 100]], 0, 2);
      await remove(keys.filter(stays));
      await moving;
      expect(await names()).toEqual(keys.filter(stays).toSorted());
      await cluster.migrateSlotsAtomically([[0, 100]], 2, 0);
    },
    60_000,
  );

  test('a slot of a node that we are not connected to is another attempt’s', async () => {
    const two = clients.slice(0, 2);
    const failure = await removeMissing(two, {
      ...{ keys: setOf([]), dbs: undefined, wanted: () => true, unlink: true },
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'TARGET_BUSY', retry: true });
  }, 20_000);

  test('it can be called off on all of them', async () => {
    await send(...strings(someNames(20_000)));
    const own = await connectPrimaries(parseEndpoint(cluster.url, 'target'));
    const controller = new AbortController();
    const removing = removeMissing(own, {
      ...{ keys: setOf([]), dbs: undefined, wanted: () => true, unlink: true },
      signal: controller.signal,
      onRemoved: () => controller.abort(),
    });
    await expect(removing).rejects.toMatchObject({ name: 'AbortError' });
    const left = await countKeys(clients, undefined);
    expect(left).toBeGreaterThan(0);
    expect(await countKeys(clients, undefined)).toBe(left);
    for (const client of own) client.close();
  }, 20_000);

  test('slots are wiped, and nothing else', async () => {
    const keys = someNames(6000);
    await send(...strings([...keys, ...OURS]));
    const slotOf = (key: string): number => keySlot(bytesOf(key));
    const one = slotOf('a');
    const first = await wipeSlot(clients, one);
    const left = keys.filter((key) => slotOf(key) !== one);
    expect(first).toBe(keys.length - left.length);
    expect(await names()).toEqual([...left, ...OURS].toSorted());
    const many = SlotSet.of([
      [0, 3000],
      [8000, 12_000],
      [16_000, 16_383],
    ]);
    const removed = await wipeSlots(clients, many);
    const rest = left.filter((key) => !many.has(slotOf(key)));
    expect(removed).toBe(left.length - rest.length);
    expect(await names()).toEqual([...rest, ...OURS].toSorted());
    // Names are mapped: the slots are those of the source's.
    const renamed = keyNames(
      createDbMap(new Map()),
      createKeyMap([{ from: bytesOf('old:'), to: bytesOf('') }]),
    );
    const some = rest.find((key) => key.startsWith('k:'))!;
    await wipeSlot(clients, slotOf(`old:${some}`), undefined, { names: renamed });
    expect(await judge.call('EXISTS', some)).toBe(0);
    await wipeSlots(clients, SlotSet.of([[0, 16_383]]), undefined, { wanted: (_, key) => key[0] === 0x6b });
    expect(await names()).toEqual([...rest.filter((key) => key.startsWith('{')), ...OURS].toSorted());
  });

  test('a slot with more keys than one answer has', async () => {
    const keys = Array.from({ length: 3500 }, (_, at) => `{a}${at}`);
    await send(
      ...strings([...keys, 'b', ...Array.from({ length: 1500 }, (_, at) => `__replicant:{a}:${at}`)]),
    );
    expect(await wipeSlot(clients, keySlot(bytesOf('a')))).toBe(3500);
    expect(await names()).toHaveLength(1501);
  });

  test('a slot that moves is wiped wherever it is', async () => {
    const slot = keySlot(bytesOf('a'));
    const from = cluster.shards.findIndex(({ primary }) => primary === holder(slot));
    await send(...strings(Array.from({ length: 200 }, (_, at) => `{a}:${at}`)));
    const moving = cluster.moveSlots([slot], from, (from + 1) % 3, { pauseMsPerKey: 2 });
    await wipeSlot(clients, slot);
    expect(await names()).toEqual([]);
    await moving;
    await cluster.moveSlots([slot], (from + 1) % 3, from);
  }, 60_000);

  test('a FLUSHALL of the source, whole and under filters', async () => {
    const request = { kind: 'clear', offset: 0, targetDbs: [0, 1, 2], async: false } as const;
    await send(...strings([...someNames(500), ...OURS]));
    const some = { wanted: (_: number, key: Uint8Array) => key[0] === 0x6b, unlink: true };
    await clearDatabases(clients, { ...request, matching: true }, some);
    const left = someNames(500).filter((key) => key.startsWith('{'));
    expect(await names()).toEqual([...left, ...OURS].toSorted());
    await clearDatabases(clients, { ...request, matching: false }, { unlink: true });
    expect(await names()).toEqual(OURS.toSorted());
  });

  test('all is counted, and emptied, functions too', async () => {
    await send(...strings([...someNames(500), ...OURS]));
    expect(await countKeys(clients, undefined)).toBe(506);
    expect(await countKeys(clients, new Set([1]))).toBe(0);
    const [major, minor, patch] = binary.version.split('.').map(Number);
    const version = [major!, minor!, patch!] as const;
    const capabilities = capabilitiesOf({ family: binary.family, version });
    const library = `#!lua name=one\nredis.register_function('one_f', function() return 1 end)`;
    if (capabilities.functions) await judge.everyPrimary((node) => node.call('FUNCTION', 'LOAD', library));
    await emptyTarget(clients, capabilities, undefined);
    expect(await countKeys(clients, undefined)).toBe(0);
    expect(await removeMissingFunctions(clients, new Set())).toEqual([]);
    await send(...strings(someNames(50)));
    await emptyTarget(clients, capabilities, new Set([0]));
    expect(await countKeys(clients, undefined)).toBe(0);
  });

  test.runIf(isAtLeast(binary, '7.0'))('function libraries', async () => {
    const libraries = ['one', 'two', 'three'].map(
      (name) => `#!lua name=${name}\nredis.register_function('${name}_f', function() return 1 end)`,
    );
    await judge.everyPrimary((node) => node.pipeline(libraries.map((code) => ['FUNCTION', 'LOAD', code])));
    await clients[1]!.call('FUNCTION', 'DELETE', 'three');
    const removed = await removeMissingFunctions(clients, new Set(['two']));
    expect(removed.toSorted()).toEqual(['one', 'three']);
    expect(await removeMissingFunctions(clients, new Set())).toEqual(['two']);
  });

  // ---- deadlines -------------------------------------------------------------------------------------

  const sweep = async (
    mode: SweepMode,
    wanted?: (db: number, key: Uint8Array) => boolean,
  ): Promise<{ changed: number; past: number; scanned: number }> => {
    const results = await Promise.all(
      clients.map((client) =>
        sweepDeadlines(client, {
          ...{ mode, marginMs: MARGIN, dbs: undefined, databases: 16, fields, wanted },
        }),
      ),
    );
    return {
      changed: results.reduce((sum, { changed }) => sum + changed, 0),
      past: results.reduce((sum, { past }) => sum + past, 0),
      scanned: results.reduce((sum, { scanned }) => sum + scanned, 0),
    };
  };

  const leftMs = async (key: string): Promise<number> => Number(await judge.call('PTTL', key));

  test.each([
    ['all keys', undefined],
    ['keys of the job', (_: number, key: Uint8Array): boolean => key[0] !== 0x78],
  ])('deadlines are held and released: %s', async (_, wanted) => {
    const keys = someNames(3000);
    await send(
      ...keys.map((key) => ['SET', key, 'v', 'PX', 60_000]),
      ['SET', 'far', 'v', 'PX', HOUR],
      ...['x1', 'x2', 'x3'].map((key) => ['SET', key, 'v', 'PX', 60_000]),
    );
    const theirs = wanted === undefined ? 3 : 0;
    expect(await sweep('hold', wanted)).toMatchObject({ changed: 3000 + theirs, past: 0 });
    for (const key of ['k:0', 'k:2998', '{d}:3', '{f}:5'])
      expect(await leftMs(key)).toBeGreaterThan(KEY_HOLD_MS / 2);
    expect(await leftMs('far')).toBeLessThanOrEqual(HOUR);
    expect((await leftMs('x1')) > 60_000).toBe(wanted === undefined);
    await send(['PEXPIREAT', 'k:0', KEY_HOLD_MS + Date.now() - 5000]);
    expect(await sweep('release', wanted)).toMatchObject({ changed: 3000 + theirs, past: 1 });
    expect(await judge.call('EXISTS', 'k:0')).toBe(0);
    for (const key of ['k:2', 'k:2998', '{d}:3', '{f}:5', 'x1']) {
      const left = await leftMs(key);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(60_000);
    }
  });

  test.runIf(fields)('deadlines of fields, of large hashes too', async () => {
    const held = Array.from({ length: 1200 }, (_, at) => `f${at}`);
    await send(
      ['HSET', '{b}large', ...held.flatMap((field) => [field, 'v'])],
      ['HPEXPIRE', '{b}large', 60_000, 'FIELDS', 2, 'f3', 'f900'],
      ['HSET', 'small', 'f', 'v'],
      ['HPEXPIRE', 'small', 60_000, 'FIELDS', 1, 'f'],
    );
    expect(await sweep('hold')).toMatchObject({ changed: 3 });
    expect(await sweep('hold', () => true)).toMatchObject({ changed: 0 });
    expect(await sweep('release', () => true)).toMatchObject({ changed: 3 });
  });

  test('a slot on its way does not end a sweep', async () => {
    const slot = keySlot(bytesOf('a'));
    const from = cluster.shards.findIndex(({ primary }) => primary === holder(slot));
    const keys = Array.from({ length: 40 }, (_, at) => `{a}:${at}`);
    await send(...keys.map((key) => ['SET', key, 'v', 'PX', 60_000]), ['SET', 'k', 'v', 'PX', 60_000]);
    const move = await cluster.startSlotMove(slot, from, (from + 1) % 3);
    try {
      await move.moveKeys(20);
      const held = await sweep('hold');
      expect(held.changed).toBeGreaterThan(0);
      expect(held.changed).toBeLessThanOrEqual(41);
      await sweep('hold', () => true);
      await send(['PEXPIREAT', 'k', KEY_HOLD_MS + Date.now() - 5000]);
      expect(await sweep('release', () => true)).toMatchObject({ past: 1 });
    } finally {
      await move.giveUp();
    }
  }, 30_000);

  test('what has run out is counted over all nodes', async () => {
    const before = await readExpiryOf(clients);
    expect(before?.runId.split(',')).toHaveLength(3);
    await send(...TAGS.map((tag) => ['SET', `{${tag}}1`, 'v', 'PX', 1]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const tag of TAGS) expect(await judge.call('EXISTS', `{${tag}}1`)).toBe(0);
    const after = await readExpiryOf(clients.toReversed());
    expect(after).toEqual({ runId: before!.runId, expiredKeys: before!.expiredKeys + TAGS.length });
    const { earliestMs, latestMs } = await readClocks(clients);
    expect(latestMs).toBeGreaterThanOrEqual(earliestMs);
    expect(Math.abs(Date.now() - latestMs)).toBeLessThan(5000);
  });

  function holder(slot: number): (typeof cluster.shards)[number]['primary'] {
    const place = judge.ownerOf(slot)!;
    return cluster.shards.map(({ primary }) => primary).find(({ port }) => port === place.port)!;
  }
});
