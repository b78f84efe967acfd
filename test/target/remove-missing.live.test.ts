/**
 * What is left on real servers after the keys that a set does not have were removed, against a model: random
 * data of every kind, several databases, filters, keys of any bytes, readers that read meanwhile.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Argument, Client as TestClient } from '../../scripts/lib/client.mjs';
import { createRandom, freshSeed, type Random } from '../../scripts/workload/random.mjs';
import { compareVersions, startServer, surveyServers, type RunningServer } from '../../scripts/servers.mjs';
import { ReplicantError } from '../../src/errors.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { Client } from '../../src/net/client.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { KeySet } from '../../src/target/key-set.js';
import { removeMissingFunctions } from '../../src/target/missing-functions.js';
import { removeMissing, type RemoveMissingOptions } from '../../src/target/remove-missing.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const DATABASES = [0, 3, 9];
const MANY = 100_000;
const BATCH = 1000;
const CHECKPOINT = '__replicant:{some job}:checkpoint';

const { servers, missing } = await surveyServers();
// oxlint-disable-next-line vitest/expect-expect -- a visible skip for a version that is not here
test.for(missing)('$series', ({ why }, { skip }) => skip(why));

const latin = (key: Uint8Array): string => Buffer.from(key).toString('latin1');
const bytes = (name: string): Buffer => Buffer.from(name, 'latin1');

describe.each(servers)(`$id, seed ${SEED}`, (binary) => {
  const since = (version: string): boolean => compareVersions(binary.version, version) >= 0;
  const importMode = binary.family === 'valkey' && since('8.1');
  let running: RunningServer;
  let judge: TestClient;
  let client: Client;
  let random: Random;

  beforeAll(async () => {
    running = await startServer(binary);
    judge = await running.client();
    client = await Client.connect(parseEndpoint(running.url, 'target'), 'target');
  });

  afterAll(async () => {
    client?.close();
    await judge?.close();
    await running?.stop();
  });

  beforeEach(async () => {
    random = createRandom(SEED);
    await judge.pipeline([['FLUSHALL'], ['SELECT', 0]]);
  });

  /** With the defaults of a job without filters. */
  async function sweep(
    keys: KeySet,
    options: Partial<RemoveMissingOptions> = {},
  ): Promise<{ scanned: number; removed: number }> {
    return await removeMissing([client], {
      keys,
      dbs: undefined,
      wanted: () => true,
      unlink: since('4.0'),
      ...options,
    });
  }

  /** `db key` of everything, sorted. */
  async function contents(): Promise<string[]> {
    const out: string[] = [];
    for (const db of DATABASES) {
      // oxlint-disable-next-line no-await-in-loop -- few
      const [, keys] = await judge.pipeline([
        ['SELECT', db],
        ['KEYS', '*'],
      ]);
      out.push(...(keys as Buffer[]).map((key) => `${db} ${latin(key)}`));
    }
    return out.toSorted();
  }

  /** Random keys of every kind; answers `db key` → kind. */
  async function fill(count: number): Promise<Map<string, string>> {
    const model = new Map<string, string>();
    for (const db of DATABASES) {
      const commands: Argument[][] = [['SELECT', db]];
      for (let at = 0; at < count; at++) {
        const key = randomKey(random, at);
        const [kind, ...command] = random.pick(since('5.0') ? KINDS : KINDS.slice(0, -1));
        commands.push([command[0]!, key, ...command.slice(1)]);
        model.set(`${db} ${latin(key)}`, kind!);
      }
      // oxlint-disable-next-line no-await-in-loop -- few
      await judge.pipeline(commands);
    }
    return model;
  }

  function setOf(names: Iterable<string>): KeySet {
    const set = new KeySet(Uint8Array.of(SEED, SEED >> 8, SEED >> 16, 4, 5, 6, 7, 8));
    for (const name of names) {
      const [db] = name.split(' ', 1);
      set.add(Number(db), bytes(name.slice(db!.length + 1)));
    }
    return set;
  }

  test('what the set has not is removed, in all databases', async () => {
    const model = await fill(2000);
    const kept = [...model.keys()].filter(() => random.chance(0.5));
    await judge.pipeline([
      ['SELECT', 0],
      ['SET', CHECKPOINT, 'a'],
      ['SELECT', 9],
      ['SET', CHECKPOINT, 'b'],
    ]);
    const told: string[] = [];
    const progress: [number, number][] = [];
    const result = await sweep(setOf(kept), {
      onRemoved: (db, keys) => told.push(...keys.map((key) => `${db} ${latin(key)}`)),
      progress: (scanned, total) => progress.push([scanned, total]),
    });
    expect(await contents()).toEqual([...kept, `0 ${CHECKPOINT}`, `9 ${CHECKPOINT}`].toSorted());
    expect(result.removed).toBe(model.size - kept.length);
    expect(result.scanned).toBeGreaterThanOrEqual(model.size + 2);
    expect([...new Set(told)].toSorted()).toEqual(
      [...model.keys()].filter((name) => !kept.includes(name)).toSorted(),
    );
    expect(progress.at(-1)).toEqual([model.size + 2, model.size + 2]);
    // And once more there is nothing left to do.
    expect(await sweep(setOf(kept))).toMatchObject({ removed: 0 });
    expect(await client.ask('CLIENT', 'LIST')).toMatch(/name=replicant .*db=0 /u);
  });

  test('only in the databases and among the keys of the job', async () => {
    const model = await fill(500);
    await sweep(setOf([]), {
      dbs: new Set([3, 9, 12]),
      wanted: (db, key) => db === 3 || key[0]! % 2 === 0,
      unlink: false,
    });
    const left = [...model.keys()].filter((name) => {
      const [db] = name.split(' ', 1);
      const first = name.charCodeAt(db!.length + 1);
      return db === '0' || (db === '9' && first % 2 !== 0);
    });
    expect(left.length).toBeGreaterThan(500);
    expect(left.length).toBeLessThan(model.size);
    expect(await contents()).toEqual(left.toSorted());
  });

  test('only values of the kinds of the job', async () => {
    const model = await fill(500);
    const kinds = new Set<string>();
    const kept = [...model.keys()].filter(() => random.chance(0.2));
    await sweep(setOf(kept), {
      wantedKind: (kind) => {
        kinds.add(kind);
        return kind === 'list' || kind === 'hash';
      },
    });
    const left = [...model].filter(
      ([name, kind]) => kept.includes(name) || (kind !== 'list' && kind !== 'hash'),
    );
    expect(await contents()).toEqual(left.map(([name]) => name).toSorted());
    expect([...kinds].toSorted()).toEqual([
      'hash',
      'list',
      'set',
      ...(since('5.0') ? ['stream'] : []),
      'string',
      'zset',
    ]);
  });

  test('readers never miss a key that stays', async () => {
    await writeNumbered(judge, MANY);
    const kept: number[] = [];
    for (let at = 0; at < MANY; at++) if (random.chance(0.5)) kept.push(at);
    const set = setOf(kept.map((at) => `0 key:${at}`));
    const reader = await running.client();
    const controller = new AbortController();
    const { signal } = controller;
    let missed = 0;
    let reads = 0;
    const reading = (async () => {
      while (!signal.aborted) {
        const names = Array.from({ length: 50 }, () => `key:${random.pick(kept)}`);
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const values = await reader.text('MGET', ...names);
        missed += values.filter((value: string | null, at: number) => value !== names[at]).length;
        reads++;
      }
    })();
    const result = await sweep(set);
    controller.abort();
    await reading;
    await reader.close();
    expect(reads).toBeGreaterThan(1);
    expect(missed).toBe(0);
    expect(result.removed).toBe(MANY - kept.length);
    expect(await judge.call('DBSIZE')).toBe(kept.length);
    // The right ones: all that stay are there.
    expect(await judge.call('EXISTS', ...kept.map((at) => `key:${at}`))).toBe(kept.length);
  });

  test('keys that are past their time do not confuse it', async () => {
    await judge.pipeline([
      ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
      ...Array.from({ length: 300 }, (_, at) => ['SET', `dead:${at}`, 'v', 'PX', 1]),
      ...Array.from({ length: 300 }, (_, at) => ['SET', `live:${at}`, 'v', 'EX', 1000]),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await judge.call('DBSIZE')).toBe(600);
    const kept = Array.from({ length: 100 }, (_, at) => `0 live:${at}`);
    const set = setOf([...kept, '0 dead:1']);
    const progress: [number, number][] = [];
    const { removed } = await sweep(set, { progress: (...step) => progress.push(step) });
    await judge.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    expect(removed).toBe(200);
    expect(await contents()).toEqual(kept.toSorted());
    for (const [scanned, total] of progress) expect(scanned).toBeLessThanOrEqual(total);
  });

  test.runIf(importMode)(
    'in import mode, what is past its time is removed for an import source',
    async () => {
      await judge.pipeline([
        ['CONFIG', 'SET', 'import-mode', 'yes'],
        ['CLIENT', 'IMPORT-SOURCE', 'ON'],
      ]);
      await client.call('CLIENT', 'IMPORT-SOURCE', 'ON');
      await judge.pipeline([
        ['SET', 'stays', 'v', 'PX', 1],
        ['SET', 'goes', 'v', 'PX', 1],
      ]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { removed } = await sweep(setOf(['0 stays']));
      expect(removed).toBe(1);
      expect(await judge.call('EXISTS', 'stays')).toBe(1);
      await judge.pipeline([
        ['CLIENT', 'IMPORT-SOURCE', 'OFF'],
        ['CONFIG', 'SET', 'import-mode', 'no'],
      ]);
      await client.call('CLIENT', 'IMPORT-SOURCE', 'OFF');
    },
  );

  test('a target that refuses for a while may be tried again', async () => {
    await writeNumbered(judge, 10);
    await judge.call('SLAVEOF', '127.0.0.1', '1');
    const failure = await sweep(setOf([])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ReplicantError);
    expect(failure).toMatchObject({ code: 'TARGET_BUSY', retry: true });
    await judge.call('SLAVEOF', 'NO', 'ONE');
    expect(await sweep(setOf(['0 key:3']))).toEqual({ scanned: 10, removed: 9 });
    expect(await contents()).toEqual(['0 key:3']);
  });

  test('the removing can be done by somebody else', async () => {
    await writeNumbered(judge, 5000);
    const asked: string[] = [];
    const { removed } = await sweep(setOf(['0 key:3']), {
      remove: async (db, keys) => {
        asked.push(...keys.map((key) => `${db} ${latin(key)}`));
        return keys.length;
      },
    });
    expect(removed).toBe(asked.length);
    expect(new Set(asked).size).toBe(4999);
    expect(asked).not.toContain('0 key:3');
    expect(await judge.call('DBSIZE')).toBe(5000);
  });

  test('it can be called off', async () => {
    await writeNumbered(judge, 20_000);
    const own = await Client.connect(parseEndpoint(running.url, 'target'), 'target');
    const controller = new AbortController();
    const sweeping = removeMissing([own], {
      keys: setOf([]),
      dbs: undefined,
      wanted: () => true,
      unlink: since('4.0'),
      signal: controller.signal,
      onRemoved: () => controller.abort(),
    });
    await expect(sweeping).rejects.toMatchObject({ name: 'AbortError' });
    own.close();
    const left = Number(await judge.call('DBSIZE'));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(20_000);
  });

  test('an empty target is done at once', async () => {
    expect(await sweep(setOf(['0 a']))).toEqual({ scanned: 0, removed: 0 });
  });

  test('function libraries', async () => {
    const libraries = ['one', 'two', 'three'];
    const source = (name: string): string =>
      `#!lua name=${name}\nredis.register_function('${name}_f', function() return 1 end)`;
    if (since('7.0')) await judge.pipeline(libraries.map((name) => ['FUNCTION', 'LOAD', source(name)]));
    const removed = await removeMissingFunctions([client], new Set(['two', 'four']));
    expect(removed.toSorted()).toEqual(since('7.0') ? ['one', 'three'] : []);
    if (!since('7.0')) return;
    const left = await judge.text('FUNCTION', 'LIST');
    expect(left.map((library: string[]) => library[1])).toEqual(['two']);
    expect(await removeMissingFunctions([client], new Set())).toEqual(['two']);
  });
});

/** A kind, and the command that makes such a value, without the key. */
const KINDS: readonly (readonly string[])[] = [
  ['string', 'SET', 'v'],
  ['list', 'RPUSH', 'a', 'b'],
  ['set', 'SADD', '1', '2', 'x'],
  ['zset', 'ZADD', '1', 'm'],
  ['hash', 'HSET', 'f', 'v'],
  ['stream', 'XADD', '*', 'f', 'v'],
];

/** Not empty, distinct by its number; bytes of any kind around it. */
function randomKey(random: Random, at: number): Buffer {
  const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.int(256)));
  const number = Buffer.from(bytesOf(`{${at}}`));
  return Buffer.concat([noise(random.int(12)), number, noise(random.int(3) === 0 ? 200 : 2)]);
}

async function writeNumbered(client: TestClient, count: number): Promise<void> {
  await client.call('SELECT', 0);
  for (let from = 0; from < count; from += BATCH) {
    const names = Array.from({ length: Math.min(BATCH, count - from) }, (_, at) => `key:${from + at}`);
    // oxlint-disable-next-line no-await-in-loop -- not all at once
    await client.call('MSET', ...names.flatMap((name) => [name, name]));
  }
}
