/**
 * What sweeps make of the deadlines on real servers, against a model: random keys and fields whose deadlines
 * are held or not, near, far and past, in several databases; filters; and somebody who writes meanwhile.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Argument, Client as TestClient } from '../../scripts/lib/client.mjs';
import { compareVersions, startServer, surveyServers, type RunningServer } from '../../scripts/servers.mjs';
import { createRandom, freshSeed } from '../../scripts/workload/random.mjs';
import { FIELD_HOLD_MS, KEY_HOLD_MS } from '../../src/convert/held-deadline.js';
import { FIELD_RANGE_MS, KEY_RANGE_MS } from '../../src/convert/held-time.js';
import { ReplicantError } from '../../src/errors.js';
import { Client } from '../../src/net/client.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { sweepDeadlines, type SweepMode, type SweepOptions } from '../../src/target/deadline-sweep.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const HOUR = 3_600_000;
const MARGIN = 300_000;
const KEYS = 600;
const OURS = '__replicant:{a job}:checkpoint';
const MODES: readonly SweepMode[] = ['release', 'settle', 'hold'];

const { servers, missing } = await surveyServers();
// oxlint-disable-next-line vitest/expect-expect -- a visible skip for a version that is not here
test.for(missing)('$series', ({ why }, { skip }) => skip(why));

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe.each(servers)(`$id, seed ${SEED}`, (binary) => {
  const since = (version: string): boolean => compareVersions(binary.version, version) >= 0;
  const exact = binary.family === 'valkey' || since('7.0');
  const fields = binary.family === 'valkey' ? since('9.0') : since('7.4');
  let server: RunningServer;
  let judge: TestClient;
  let client: Client;
  const random = createRandom(SEED);

  beforeAll(async () => {
    server = await startServer(binary);
    judge = await server.client();
    client = await Client.connect(parseEndpoint(server.url, 'target'), 'target');
  });

  beforeEach(async () => {
    await judge.call('FLUSHALL');
    await judge.call('SELECT', 0);
  });

  afterAll(async () => {
    client?.close();
    await judge?.close();
    await server?.stop();
  });

  function sweep(mode: SweepMode, more: Partial<SweepOptions> = {}): ReturnType<typeof sweepDeadlines> {
    return sweepDeadlines(client, { mode, marginMs: MARGIN, dbs: undefined, databases: 16, fields, ...more });
  }

  async function send(...commands: (readonly Argument[])[]): Promise<void> {
    for (let at = 0; at < commands.length; at += 500) await judge.pipeline(commands.slice(at, at + 500));
  }

  /** Where the deadline stands: between two numbers, which are the same from 7.0 on. -2: gone, -1: none. */
  async function standing(key: string): Promise<readonly [from: number, to: number]> {
    if (exact) {
      const at: number = await judge.call('PEXPIRETIME', key);
      return [at, at];
    }
    const [before, left, after] = (await judge.pipeline([['TIME'], ['PTTL', key], ['TIME']])) as [
      Buffer[],
      number,
      Buffer[],
    ];
    if (left < 0) return [left, left];
    return [msOf(before) + left, msOf(after) + left];
  }

  function msOf([seconds, micros]: Buffer[]): number {
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  /** Where the deadlines stand; as wanted, where that cannot be told apart. */
  async function standingOf(wanted: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const [key, at] of wanted) {
      const [from, to] = await standing(key);
      found.set(key, at >= from && at <= to ? at : to);
    }
    return found;
  }

  /** What the sweep is to make of a deadline; -2 when it is past then. */
  function expected(mode: SweepMode, stands: number, now: number, hold: number, range: number): number {
    const held = stands >= hold && stands < hold + range;
    const truth = held ? stands - hold : stands;
    if (stands < 0) return stands;
    if (mode === 'hold') return !held && truth < range && truth <= now + MARGIN ? truth + hold : stands;
    if (!held) return stands;
    if (mode === 'settle') return truth > now + MARGIN ? truth : stands;
    return truth <= now ? -2 : truth;
  }

  /** Deadlines that leave minutes between themselves and everything a sweep compares with. */
  function someDeadline(now: number, hold: number, range: number): number {
    const truth = random.pick([now + HOUR, now + MARGIN + 60_000, now + MARGIN - 60_000]);
    const jitter = random.int(20_000);
    return random.pick([
      -1,
      truth + jitter,
      truth + jitter + hold,
      now - HOUR + jitter + hold,
      hold,
      hold + range - 1,
      hold + range,
      range + jitter,
    ]);
  }

  test.each(MODES)('%s', async (mode) => {
    const now = Date.now();
    const model = new Map<string, number>();
    const commands: Argument[][] = [];
    for (const db of [0, 3]) {
      commands.push(['SELECT', db]);
      for (let at = 0; at < KEYS; at++) {
        const key = `k${db}:${at}`;
        const stands = someDeadline(now, KEY_HOLD_MS, KEY_RANGE_MS);
        commands.push(
          random.pick([
            ['SET', key, 'v'],
            ['RPUSH', key, 'a'],
            ['HSET', key, 'f', 'v'],
          ]),
        );
        if (stands >= 0) commands.push(['PEXPIREAT', key, stands]);
        model.set(key, stands);
      }
      commands.push(['SET', OURS, '{}'], ['PEXPIREAT', OURS, now + 200_000]);
    }
    await send(...commands);

    const steps: [number, number][] = [];
    const result = await sweep(mode, { progress: (done, total) => steps.push([done, total]), restoreDb: 3 });
    const after = new Map(
      [...model].map(([key, at]) => [key, expected(mode, at, now, KEY_HOLD_MS, KEY_RANGE_MS)]),
    );

    for (const db of [0, 3]) {
      await judge.call('SELECT', db);
      const wanted = new Map([...after].filter(([key]) => key.startsWith(`k${db}:`)));
      wanted.set(OURS, now + 200_000);
      expect(await standingOf(wanted)).toEqual(wanted);
    }
    const changed = [...model].filter(([key, at]) => after.get(key) !== at).length;
    expect(changed).toBeGreaterThan(10);
    expect(result).toMatchObject({ changed, scanned: 2 * KEYS + 2 });
    expect(steps.at(-1)).toEqual([2 * KEYS + 2, 2 * KEYS + 2]);
    const ahead = [...after.values()].filter(
      (at) => at > now && (at < KEY_HOLD_MS || at >= KEY_HOLD_MS + KEY_RANGE_MS),
    );
    expect(result.nearest).toBe(Math.min(...ahead));
    expect(decode((await client.call('CLIENT', 'LIST')) as Uint8Array)).toMatch(
      / db=3 .* name=replicant|name=replicant .* db=3 /u,
    );

    const again = await sweep(mode);
    expect(again.changed).toBe(0);
    expect(again.nearest).toBe(result.nearest);
  });

  test('hold and release give back what was there, to the millisecond', async () => {
    const base = Date.now() + 200_000;
    await send(...Array.from({ length: 3000 }, (_, at) => ['SET', `k${at}`, 'v']));
    await send(...Array.from({ length: 3000 }, (_, at) => ['PEXPIREAT', `k${at}`, base + at]));
    expect(await sweep('hold')).toMatchObject({ changed: 3000, nearest: undefined });
    expect(await sweep('settle')).toMatchObject({ changed: 0 });
    const sample = Array.from({ length: 30 }, (_, at) => 100 * at);
    const held = new Map(sample.map((at) => [`k${at}`, KEY_HOLD_MS + base + at]));
    expect(await standingOf(held)).toEqual(held);
    expect(await sweep('release')).toMatchObject({ changed: 3000, nearest: base });
    const released = new Map(sample.map((at) => [`k${at}`, base + at]));
    expect(await standingOf(released)).toEqual(released);
  });

  test('a key held past its time goes when it is released', async () => {
    await judge.call('SET', 'gone', 'v');
    await judge.call('PEXPIREAT', 'gone', KEY_HOLD_MS + Date.now() - 1000);
    expect(await sweep('settle')).toMatchObject({ changed: 0 });
    expect(await judge.call('EXISTS', 'gone')).toBe(1);
    expect(await sweep('release')).toEqual({ scanned: 1, changed: 1, past: 1, nearest: undefined });
    expect(await judge.call('DBSIZE')).toBe(0);
  });

  test('only the databases and keys asked for', async () => {
    const soon = Date.now() + 100_000;
    for (const db of [0, 1, 2]) {
      await send(['SELECT', db], ['SET', 'in:a', 'v'], ['SET', 'out:a', 'v'], ['RPUSH', 'in:l', 'v']);
      await send(...['in:a', 'out:a', 'in:l'].map((key) => ['PEXPIREAT', key, soon]));
    }
    const result = await sweep('hold', {
      dbs: new Set([0, 2]),
      wanted: (db, key) => db === 2 || decode(key).startsWith('in:'),
      wantedKind: (kind) => kind === 'string',
    });
    expect(result.changed).toBe(3);
    const held: string[] = [];
    for (const db of [0, 1, 2]) {
      await judge.call('SELECT', db);
      for (const key of ['in:a', 'out:a', 'in:l']) {
        const [at] = await standing(key);
        if (at >= KEY_HOLD_MS) held.push(`${db} ${key}`);
      }
    }
    expect(held).toEqual(['0 in:a', '2 in:a', '2 out:a']);
  });

  test('no write of others comes between reading a deadline and setting it', async () => {
    const first = Date.now() + 200_000;
    await send(...Array.from({ length: 400 }, (_, at) => ['SET', `k${at}`, 'v']));
    await send(...Array.from({ length: 400 }, (_, at) => ['PEXPIREAT', `k${at}`, first]));
    const sweeps = new AbortController();
    let last = first;
    const writer = (async () => {
      while (!sweeps.signal.aborted) {
        last++;
        await judge.pipeline(Array.from({ length: 400 }, (_, at) => ['PEXPIREAT', `k${at}`, last]));
      }
    })();
    let changed = 0;
    for (let round = 0; round < 20; round++) {
      changed += (await sweep('hold')).changed;
      changed += (await sweep('release')).changed;
    }
    sweeps.abort();
    await writer;
    expect(changed).toBeGreaterThan(400);
    await sweep('hold');
    const held = new Map(Array.from({ length: 400 }, (_, at) => [`k${at}`, KEY_HOLD_MS + last]));
    expect(await standingOf(held)).toEqual(held);
  });

  test.runIf(fields).each(MODES)('deadlines of fields: %s', async (mode) => {
    const now = Date.now();
    const model = new Map<string, Map<string, number>>();
    // One hash is so large that it takes several calls; many small ones are more than one call looks at.
    const sizes = [6000, ...Array.from({ length: 40 }, () => 1 + random.int(400)), 1, 2];
    for (const [index, size] of sizes.entries()) {
      const hash = new Map<string, number>();
      const commands: Argument[][] = [];
      for (let at = 0; at < size; at++) {
        const stands = random.chance(0.7) ? -1 : someDeadline(now, FIELD_HOLD_MS, FIELD_RANGE_MS);
        commands.push(['HSET', `h${index}`, `f${at}`, 'v']);
        if (stands >= 0) commands.push(['HPEXPIREAT', `h${index}`, stands, 'FIELDS', 1, `f${at}`]);
        hash.set(`f${at}`, stands);
      }
      await send(...commands);
      model.set(`h${index}`, hash);
    }
    await send(['HSET', 'plain', 'f', 'v'], ['HSET', OURS, 'f', 'v']);
    await send(['HPEXPIREAT', OURS, now + 100_000, 'FIELDS', 1, 'f']);

    const result = await sweep(mode);
    let changed = 0;
    const ahead: number[] = [];
    for (const [key, hash] of model) {
      const names = [...hash.keys()];
      const wanted = [...hash.values()].map((at) => expected(mode, at, now, FIELD_HOLD_MS, FIELD_RANGE_MS));
      expect([key, await judge.call('HPEXPIRETIME', key, 'FIELDS', names.length, ...names)]).toEqual([
        key,
        wanted,
      ]);
      changed += [...hash.values()].filter((at, index) => at !== wanted[index]).length;
      ahead.push(
        ...wanted.filter((at) => at > now && (at < FIELD_HOLD_MS || at >= FIELD_HOLD_MS + FIELD_RANGE_MS)),
      );
    }
    expect(changed).toBeGreaterThan(100);
    expect(result).toMatchObject({ changed, nearest: Math.min(...ahead) });
    expect(await judge.call('HPEXPIRETIME', OURS, 'FIELDS', 1, 'f')).toEqual([now + 100_000]);
    expect((await sweep(mode)).changed).toBe(0);
  });

  test('an abort ends it, a pace slows it and does not end it', async () => {
    await send(...Array.from({ length: 2000 }, (_, at) => ['SET', `k${at}`, 'v', 'EX', 100]));
    const stop = new AbortController();
    const aborted = sweep('hold', { signal: stop.signal, progress: () => stop.abort(new Error('enough')) });
    await expect(aborted).rejects.toThrow('enough');
    const { changed } = await sweep('hold', { paceMsPerSecond: 500 });
    expect(changed).toBeGreaterThan(500);
    expect(changed).toBeLessThan(2000);
  });

  test('who may not run scripts is told so', async () => {
    await send(['SET', 'k', 'v', 'EX', 100], ['ACL', 'SETUSER', 'meek', 'on', '>pw', '~*', '+@all', '-eval']);
    const meek = await Client.connect(
      parseEndpoint(server.url.replace('//', '//meek:pw@'), 'target'),
      'target',
    );
    try {
      const refused = await sweepDeadlines(meek, {
        mode: 'hold',
        marginMs: MARGIN,
        dbs: undefined,
        databases: 16,
        fields: false,
      }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(ReplicantError);
      expect(refused).toMatchObject({
        code: 'TARGET_DENIED',
        message: expect.stringContaining('EVAL') as string,
      });
    } finally {
      meek.close();
    }
    await send(['ACL', 'SETUSER', 'meek', '+eval', '-pexpireat']);
    const again = await Client.connect(
      parseEndpoint(server.url.replace('//', '//meek:pw@'), 'target'),
      'target',
    );
    const refused = await sweepDeadlines(again, {
      mode: 'hold',
      marginMs: MARGIN,
      dbs: undefined,
      databases: 16,
      fields: false,
    }).catch((error: unknown) => error);
    again.close();
    expect(refused).toMatchObject({ code: 'TARGET_DENIED' });
  });

  test('a target that has become a replica may be tried again', async () => {
    await send(['SET', 'k', 'v', 'EX', 100], ['REPLICAOF', '127.0.0.1', 1]);
    try {
      await expect(sweep('hold')).rejects.toMatchObject({ code: 'TARGET_BUSY', retry: true });
    } finally {
      await send(['REPLICAOF', 'NO', 'ONE']);
    }
  });
});
