/** Commands over slots, carried on real clusters: the outcome is that of a single server, done exactly once. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { ClusterClient } from '../../../scripts/lib/cluster-client.mjs';
import { type RunningCluster, startCluster } from '../../../scripts/lib/cluster.mjs';
import { type RunningServer, startServer } from '../../../scripts/servers.mjs';
import { KEY_HOLD_MS } from '../../../src/convert/held-deadline.js';
import type { CarryPlan } from '../../../src/keyspace/cross-slot-carry.js';
import { ReplyError } from '../../../src/resp/reply-decoder.js';
import { capabilitiesOf } from '../../../src/target/capabilities.js';
import { type CarryContext, markerKey } from '../../../src/target/cluster/carry-context.js';
import { carry, forgetCarry, leaveOutCarry } from '../../../src/target/cluster/carry.js';
import { OLDEST_AND_NEWEST } from '../../support/cluster.js';
import { isAtLeast, waitFor } from '../../support/live.js';
import {
  type CarryHow,
  carryThrough,
  carryUnit,
  type Fault,
  lookAtCluster,
  lookAtOne,
  carryOf,
  planOf,
  portsTo,
  ProcessEnd,
  type Words,
} from './carry-support.js';

const RUNS = 60;
const FAR_MS = 4_000_000_000_000;

// ---- commands at random ----------------------------------------------------------------------------------

const KINDS = ['str', 'bits', 'hll', 'list', 'set', 'zset', 'geo', 'hash', 'stream'] as const;
type Kind = (typeof KINDS)[number];

/** Some share a slot, most do not. */
function keysOf(kind: Kind): string[] {
  return [`${kind}:1`, `${kind}:2`, `${kind}:{x}`, `${kind}:{y}`, `${kind}:{x}2`];
}

const key = (kind: Kind): fc.Arbitrary<string> => fc.constantFrom(...keysOf(kind));
const anyKey: fc.Arbitrary<string> = fc.constantFrom(...KINDS.flatMap((kind) => keysOf(kind)));
const word: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', '1', '2', '30', 'longer than an integer');
const score: fc.Arbitrary<number> = fc.integer({ min: -9, max: 9 });
const words = (...parts: readonly (string | number | fc.Arbitrary<unknown>)[]): fc.Arbitrary<Words> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'object' ? part : fc.constant(part))))
    .map((found) => found.flat() as Words);
const many = (part: fc.Arbitrary<unknown>, most = 4): fc.Arbitrary<unknown[]> =>
  fc.array(part, { minLength: 1, maxLength: most });

const FILL: readonly fc.Arbitrary<Words>[] = [
  words('SET', key('str'), word),
  words('SETRANGE', key('bits'), fc.nat(40), word),
  words('PFADD', key('hll'), many(word)),
  words('RPUSH', key('list'), many(word, 9)),
  words('SADD', key('set'), many(word, 9)),
  words(
    'ZADD',
    key('zset'),
    many(fc.tuple(score, word)).map((pairs) => pairs.flat()),
  ),
  words('GEOADD', key('geo'), 13.36, 38.11, 'Palermo', 15.08, 37.5, word),
  words('HMSET', key('hash'), word, word, word, word),
  words('XADD', key('stream'), '*', word, word),
  words('HPEXPIREAT', key('hash'), FAR_MS, 'FIELDS', 1, word),
  words('RPUSH', key('list'), fc.constant(Array.from({ length: 600 }, (_, index) => `element ${index}`))),
  words('PEXPIREAT', anyKey, fc.constantFrom(FAR_MS, FAR_MS + 77, KEY_HOLD_MS + FAR_MS)),
  words('PERSIST', anyKey),
];

const side: fc.Arbitrary<string> = fc.constantFrom('LEFT', 'RIGHT');
const counted = (kind: Kind): fc.Arbitrary<unknown[]> =>
  many(key(kind), 3).map((keys) => [keys.length, ...keys]);

const APPEND_ALL = `local all = ''
for _, key in ipairs(KEYS) do all = all .. (redis.call('GET', key) or '') end
for i = 2, #KEYS do redis.call('APPEND', KEYS[i], string.sub(all, 1, 50)) end
redis.call('DEL', KEYS[1])
return 1`;
const EXTEND = `local ttl = redis.call('PTTL', KEYS[1])
redis.call('SET', KEYS[2], ttl > 0 and 'ends' or 'stays')
redis.call('PERSIST', KEYS[1])
return 1`;

const OVER_SLOTS: readonly fc.Arbitrary<Words>[] = [
  words(
    'MSET',
    many(fc.tuple(key('str'), word)).map((pairs) => pairs.flat()),
  ),
  words(
    'MSETNX',
    many(fc.tuple(key('str'), word)).map((pairs) => pairs.flat()),
  ),
  words('DEL', many(anyKey)),
  words('UNLINK', many(anyKey)),
  words('RENAME', anyKey, anyKey),
  words('RENAMENX', anyKey, anyKey),
  words('COPY', anyKey, anyKey, fc.constantFrom([], ['REPLACE'])),
  words('SMOVE', key('set'), key('set'), word),
  words('RPOPLPUSH', key('list'), key('list')),
  words('LMOVE', key('list'), key('list'), side, side),
  words('LMPOP', counted('list'), side, 'COUNT', 2),
  words('ZMPOP', counted('zset'), 'MAX'),
  words(fc.constantFrom('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), anyKey, many(key('set'), 3)),
  words('ZUNIONSTORE', anyKey, counted('zset'), 'AGGREGATE', 'MAX'),
  words('ZINTERSTORE', key('zset'), counted('zset')),
  words('ZUNIONSTORE', key('zset'), 2, key('set'), key('zset'), 'WEIGHTS', score, score),
  words('ZDIFFSTORE', key('zset'), counted('zset')),
  words('ZRANGESTORE', anyKey, key('zset'), 0, 1),
  words('BITOP', fc.constantFrom('AND', 'OR', 'XOR'), anyKey, many(key('bits'), 3)),
  words('BITOP', 'NOT', key('bits'), key('bits')),
  words('PFMERGE', key('hll'), many(key('hll'), 3)),
  words('SORT', fc.oneof(key('list'), key('set')), 'ALPHA', 'DESC', 'STORE', anyKey),
  words('GEORADIUS', key('geo'), 15, 37, 200, 'km', fc.constantFrom('STORE', 'STOREDIST'), anyKey),
  words('GEOSEARCHSTORE', key('geo'), key('geo'), 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km'),
  words('EVAL', APPEND_ALL, fc.constant([3]), key('str'), key('str'), key('bits')),
  words('EVAL', EXTEND, 2, anyKey, key('str')),
];

const faultWithin = (requests: number): fc.Arbitrary<Fault> =>
  fc.record({ request: fc.nat(requests), sent: fc.boolean(), alone: fc.boolean() });
const STEP = fc.record({
  words: fc.oneof(
    { arbitrary: fc.oneof(...FILL), weight: 1 },
    { arbitrary: fc.oneof(...OVER_SLOTS), weight: 1 },
  ),
  faults: fc.array(faultWithin(12), { maxLength: 3 }),
});

const MAY_BE_IDLE = new Set(['MSETNX', 'RENAMENX', 'COPY', 'SMOVE', 'DEL', 'UNLINK']);

/** It was refused or has done nothing, and so does not stand in a stream. */
function isIdle(name: string, reply: unknown): boolean {
  if (reply instanceof Error || reply === null || (reply === 0 && MAY_BE_IDLE.has(name))) return true;
  // GEORADIUS of a missing key, before 6.2: the destination stays.
  return Array.isArray(reply) && reply.length === 0;
}

describe.each(OLDEST_AND_NEWEST)('$id', (binary) => {
  let server: RunningServer;
  let single: Client;
  let running: RunningCluster;
  let cluster: ClusterClient;
  let how: CarryHow;
  let commands = 0;
  const ttlCommand = isAtLeast(binary, '7.0.0') ? 'PEXPIRETIME' : 'PTTL';

  beforeAll(async () => {
    [server, running] = await Promise.all([startServer(binary), startCluster(binary, { shards: 3 })]);
    single = await server.client();
    cluster = await running.client();
    const version = binary.version.split('.').map(Number) as [number, number, number];
    how = {
      job: 'job',
      id: '',
      can: capabilitiesOf({ family: binary.family, version }),
      refused: (command, error) => new Error(`${String(command[0])}: ${error.message}`),
    };
  });

  afterAll(async () => {
    await Promise.all([single?.close(), cluster?.close()]);
    await Promise.all([server?.stop(), running?.stop()]);
  });

  async function empty(): Promise<void> {
    await Promise.all([single.call('FLUSHALL'), cluster.everyPrimary((client) => client.call('FLUSHALL'))]);
  }

  /** Of a unit. */
  const nextId = (): string => `8371:${++commands}`;

  async function apply(command: Words, faults: readonly Fault[]): Promise<void> {
    const plan = planOf(command);
    if (plan.kind === 'carry') {
      const reply = await carryThrough(cluster, plan, { ...how, id: nextId() }, faults);
      if (reply instanceof ReplyError) throw new Error(`${command.join(' ')}: ${reply.message}`);
      return;
    }
    if (plan.kind !== 'slot' && plan.kind !== 'parts') throw new Error(`${plan.kind}: ${command.join(' ')}`);
    const parts = plan.kind === 'parts' ? plan.parts : [{ slot: plan.slot, args: command }];
    const ports = portsTo(cluster);
    for (const { slot, args } of parts) {
      // oxlint-disable-next-line no-await-in-loop
      const reply = await ports.request(slot, args);
      if (reply instanceof ReplyError) throw new Error(`${command.join(' ')}: ${reply.message}`);
    }
  }

  /** Relative deadlines are asked one after the other. */
  async function differenceOf(name: string): Promise<string | undefined> {
    const [one, other] = await Promise.all([
      lookAtOne(single, name, ttlCommand),
      lookAtCluster(cluster, name, ttlCommand),
    ]);
    const tolerance = ttlCommand === 'PEXPIRETIME' ? 0 : 200;
    const same = one.type === other.type && one.digest === other.digest;
    if (same && Math.abs(one.ttl - other.ttl) <= tolerance) return undefined;
    return `${name}: ${JSON.stringify(one)} on a single server, ${JSON.stringify(other)} on the cluster`;
  }

  async function differences(names: Iterable<string>): Promise<string[]> {
    const found = await Promise.all([...names].map((name) => differenceOf(name)));
    return found.filter((line) => line !== undefined);
  }

  async function ourKeys(): Promise<string[]> {
    const keys = await cluster.scanAll();
    return keys.map(String).filter((name) => name.startsWith('__replicant:'));
  }

  test('random commands come out as on a single server, however often the process ends', async () => {
    const all = new Set(KINDS.flatMap((kind) => keysOf(kind)));
    const carried = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 40, maxLength: 120 }), async (steps) => {
        await empty();
        for (const { words: command, faults } of steps) {
          // oxlint-disable no-await-in-loop -- one after the other, as in a stream
          const sent = command[0] === 'XADD' ? command.with(2, `${++commands}-1`) : command;
          const [reply] = await single.pipeline([sent]);
          const name = String(sent[0]);
          if (isIdle(name, reply)) continue;
          if (planOf(sent).kind === 'carry') carried.set(name, (carried.get(name) ?? 0) + 1);
          await apply(sent, faults);
          const touched = sent.map(String).filter((one) => all.has(one));
          expect([sent.join(' '), ...(await differences(touched))]).toEqual([sent.join(' ')]);
          // oxlint-enable no-await-in-loop
        }
        expect([await differences(all), await ourKeys()]).toEqual([[], []]);
      }),
      { numRuns: RUNS },
    );
    const names = [
      'RENAME',
      'RENAMENX',
      'RPOPLPUSH',
      'SUNIONSTORE',
      'ZUNIONSTORE',
      'BITOP',
      'PFMERGE',
      'SORT',
    ];
    expect(names.filter((name) => !carried.has(name))).toEqual([]);
    expect([...carried.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(100);
  });

  test('units are begun anew from their first command, however often the process ends', async () => {
    const all = new Set(KINDS.flatMap((kind) => keysOf(kind)));
    const step = fc.record({
      fill: fc.array(fc.oneof(...FILL), { minLength: 5, maxLength: 20 }),
      unit: fc.array(fc.oneof(...OVER_SLOTS), { minLength: 2, maxLength: 12 }),
      faults: fc.array(faultWithin(60), { maxLength: 3 }),
    });
    let carried = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 6 }), async (steps) => {
        await empty();
        for (const { fill, unit, faults } of steps) {
          // oxlint-disable no-await-in-loop -- one after the other, as in a stream
          const filled = fill.map((command) => {
            return command[0] === 'XADD' ? command.with(2, `${++commands}-1`) : command;
          });
          await single.pipeline(filled);
          await cluster.pipeline(filled);
          const plans: CarryPlan[] = [];
          for (const command of unit) {
            const plan = planOf(command);
            if (plan.kind !== 'carry') continue;
            const [reply] = await single.pipeline([command]);
            if (!isIdle(String(command[0]), reply)) plans.push(plan);
          }
          carried += plans.length;
          await carryUnit(cluster, plans, { ...how, id: nextId() }, faults);
          expect(await differences(all)).toEqual([]);
          // oxlint-enable no-await-in-loop
        }
        expect(await ourKeys()).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    expect(carried).toBeGreaterThan(200);
  });

  const SETUP: readonly Words[] = [
    ['RPUSH', 'l1', 'a', 'b', 'c'],
    ['RPUSH', 'l2', 'x'],
    ['SADD', 's1', 'a', 'b'],
    ['SADD', 's2', 'b', 'c'],
    ['SADD', 's3', 'old'],
    ['SET', 't1', 'text'],
    ['PEXPIREAT', 't1', KEY_HOLD_MS + FAR_MS],
    ['SET', 't2', 'other'],
  ];

  async function setUp(): Promise<void> {
    await empty();
    await single.pipeline(SETUP);
    await cluster.pipeline(SETUP);
  }

  /** What is not as it should be: keys that differ, keys of ours that are left. */
  async function wrong(): Promise<string[]> {
    const names = ['l1', 'l2', 's1', 's2', 's3', 't1', 't2'];
    return [...(await differences(names)), ...(await ourKeys())];
  }

  const EVERYWHERE: readonly Words[] = [
    ['RENAME', 't1', 't2'],
    ['RPOPLPUSH', 'l1', 'l2'],
    ['RPOPLPUSH', 'l2', 'l1'],
    ['SUNIONSTORE', 's3', 's1', 's2'],
    ['SUNIONSTORE', 's1', 's1', 's2'],
    ['SINTERSTORE', 's1', 's2', 's3'],
    ['SORT', 'l1', 'ALPHA', 'STORE', 's1'],
    ['EVAL', APPEND_ALL, 2, 't2', 't1'],
    ['EVAL', EXTEND, 2, 't1', 't2'],
  ];

  const ENDS: readonly Omit<Fault, 'request'>[] = [
    { sent: false },
    { sent: false, alone: true },
    { sent: true },
    { sent: true, alone: true },
  ];

  test.each(EVERYWHERE)(
    'ended before and after every request, then carried again: %s %s %s',
    async (...command) => {
      const plan = planOf(command);
      if (plan.kind !== 'carry') throw new Error(plan.kind);
      for (const end of ENDS) {
        for (let request = 0, ended = true; ended; request++) {
          // oxlint-disable no-await-in-loop
          await setUp();
          await single.call(...command);
          const id = nextId();
          ended = await carry({ ...how, id, ports: portsTo(cluster, { request, ...end }) }, plan).then(
            () => false,
            (error: unknown) => error instanceof ProcessEnd,
          );
          const context = { ...how, id, ports: portsTo(cluster) };
          await carry(context, plan);
          // The process ends before the place behind the command is final: once more.
          expect(await carry(context, plan)).toBeUndefined();
          await forgetCarry(context, plan);
          expect(await wrong()).toEqual([]);
          expect(request).toBeLessThan(40);
          // oxlint-enable no-await-in-loop
        }
      }
    },
  );

  test.each<[string, Words]>([
    ['ERR no such key', ['RENAME', 'nothing', 't1']],
    ['WRONGTYPE', ['SUNIONSTORE', 's3', 's1', 'l1']],
    ['WRONGTYPE', ['PFMERGE', 'l1', 't1']],
    ['WRONGTYPE', ['RPOPLPUSH', 'l1', 't1']],
    ['WRONGTYPE', ['RPOPLPUSH', 't1', 'l1']],
    ['NOSCRIPT', ['EVALSHA', '0'.repeat(40), 2, 't1', 't2']],
    ['ERR', ['EVAL', "redis.call('SET', KEYS[1], 'x') return redis.call('NOSUCH')", 2, 't1', 't2']],
  ])('refused with %s, nothing is done and nothing stays: %s', async (error, command) => {
    await setUp();
    const plan = carryOf(command);
    const id = `${nextId()}:0`;
    for (let time = 0; time < 2; time++) {
      // oxlint-disable-next-line no-await-in-loop -- again, with the same answer
      const reply = await carry({ ...how, id, ports: portsTo(cluster) }, plan);
      expect(reply).toBeInstanceOf(ReplyError);
      expect((reply as ReplyError).message).toMatch(new RegExp(`^${error}`));
    }
    expect(await wrong()).toEqual([]);
  });

  test.each([KEY_HOLD_MS + FAR_MS + 1, FAR_MS + 1])(
    'a deadline stays the number it is: %d',
    async (deadline) => {
      await setUp();
      await cluster.call('PEXPIREAT', 't1', deadline);
      await carryThrough(cluster, carryOf(['RENAME', 't1', 't2']), { ...how, id: nextId() });
      // Read as the millisecond that the clock stood at both before and after.
      const found = await waitFor('the same millisecond', async () => {
        const replies = await cluster.pipelineTo('t2', [
          ['MULTI'],
          ['TIME'],
          ['PTTL', 't2'],
          ['TIME'],
          ['EXEC'],
        ]);
        const [before, ttl, after] = replies.at(-1) as [Uint8Array[], number, Uint8Array[]];
        const [first, last] = [before, after].map(([seconds, micros]) => {
          return Number(String(seconds)) * 1000 + Math.floor(Number(String(micros)) / 1000);
        });
        return first === last && first! + ttl;
      });
      expect(found).toBe(deadline);
    },
  );

  test('a refused command of a unit that is left out is not tried again', async () => {
    await setUp();
    const plan = carryOf(['RPOPLPUSH', 'l1', 't1']);
    const context = { ...how, id: `${nextId()}:0`, ports: portsTo(cluster) };
    expect(await carry(context, plan)).toBeInstanceOf(ReplyError);
    await leaveOutCarry(context, plan);
    await cluster.call('DEL', 't1');
    await single.call('DEL', 't1');
    expect(await carry(context, plan)).toBeUndefined();
    await forgetCarry(context, plan);
    expect(await wrong()).toEqual([]);
  });

  test('what is missing is missing', async () => {
    await setUp();
    for (const command of [
      ['RPOPLPUSH', 'nothing', 'l1'],
      ['COPY', 'nothing', 't1', 'REPLACE'],
    ]) {
      // oxlint-disable-next-line no-await-in-loop
      await carryThrough(cluster, carryOf(command), { ...how, id: nextId() });
    }
    expect(await wrong()).toEqual([]);
  });

  test('a value larger than the target takes is an error, and leaves no copies', async () => {
    await setUp();
    const plan = carryOf(['SUNIONSTORE', 's3', 's1', 's2']);
    const can = { ...how.can, maxBulkBytes: 10 };
    const carrying = carry({ ...how, id: `${nextId()}:0`, can, ports: portsTo(cluster) }, plan);
    await expect(carrying).rejects.toMatchObject({ code: 'TARGET_REFUSED', place: { key: '"s1"' } });
    expect(await wrong()).toEqual([]);
  });

  test('values too large for a step, and more keys than are asked for together', async () => {
    await empty();
    const large = 'x'.repeat(700_000);
    const setup: Words[] = [
      ...Array.from({ length: 11 }, (_, at): Words => ['SADD', `s:${at}`, `member ${at}`, `${at} ${large}`]),
      ['SET', 't1', `${large}${large}`],
      ['PEXPIREAT', 't1', FAR_MS],
    ];
    await single.pipeline(setup);
    await cluster.pipeline(setup);
    const sets = Array.from({ length: 11 }, (_, at) => `s:${at}`);
    const faults = [3, 5, 8, 11].flatMap((request): Fault[] => [
      { request, sent: true },
      { request: request + 1, sent: false, alone: true },
    ]);
    for (const command of [
      ['SUNIONSTORE', 's:all', ...sets],
      ['RENAME', 't1', 't2'],
      ['COPY', 't2', 't3'],
      ['EVAL', APPEND_ALL, 3, 't2', 't3', 't4'],
    ]) {
      if (command[0] === 'COPY' && !isAtLeast(binary, '6.2.0')) continue;
      // oxlint-disable no-await-in-loop -- one after the other, as in a stream
      await single.call(...command);
      await apply(command, faults);
      // oxlint-enable no-await-in-loop
    }
    expect(await differences([...sets, 's:all', 't1', 't2', 't3', 't4'])).toEqual([]);
    expect(await ourKeys()).toEqual([]);
  });

  test('nothing is done when the marker is not what it was', async () => {
    await setUp();
    const plan = carryOf(['RPOPLPUSH', 'l1', 'l2']);
    const ports = portsTo(cluster);
    const interfering: CarryContext['ports'] = {
      ...ports,
      request: async (slot, args) => {
        const reply = await ports.request(slot, args);
        if (args[0] === 'LINDEX')
          for (const { slot: other } of plan.keys)
            await ports.request(other, ['SET', markerKey(other, 'job'), 'another process was here']);
        return reply;
      },
    };
    const carrying = carry({ ...how, id: `${nextId()}:0`, ports: interfering }, plan);
    await expect(carrying).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await forgetCarry({ ...how, id: '', ports }, plan);
    expect(await wrong()).toEqual([]);
  });

  test('another command with the same keys is not taken for one that was carried', async () => {
    await setUp();
    const command = ['RPOPLPUSH', 'l1', 'l2'];
    const plan = carryOf(command);
    for (let time = 0; time < 3; time++) {
      // oxlint-disable no-await-in-loop -- the marker of the last time is still there
      await single.call(...command);
      await carry({ ...how, id: `${nextId()}:0`, ports: portsTo(cluster) }, plan);
      // oxlint-enable no-await-in-loop
    }
    await forgetCarry({ ...how, id: '', ports: portsTo(cluster) }, plan);
    expect(await wrong()).toEqual([]);
  });
});
