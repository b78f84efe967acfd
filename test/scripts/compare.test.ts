/**
 * The judge is judged: equal servers are equal, and every single kind of difference is found and named.
 * Each case starts from two equal servers, changes one thing, and puts it back by starting over.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Argument, Client } from '../../scripts/lib/client.mjs';
import { compareServers, digest } from '../../scripts/lib/compare.mjs';
import type { RunningServer, ServerBinary } from '../../scripts/servers.mjs';
import { startServer, surveyServers } from '../../scripts/servers.mjs';

type Command = readonly Argument[];

const { servers, missing } = await surveyServers();
const expireAtMs = Date.now() + 10_000_000;

const DATA: readonly Command[] = [
  ['SET', 'string', 'value'],
  ['SET', 'volatile', 'value'],
  ['RPUSH', 'list', 'a', 'b', 'c'],
  ['SADD', 'set', 'a', 'b', Buffer.from([0xff, 0x00])],
  ['HSET', 'hash', 'field', 'value', 'other', 'value'],
  ['ZADD', 'zset', 1.5, 'a', 'inf', 'b'],
  ['XADD', 'stream', '1-1', 'field', 'value'],
  ['XADD', 'stream', '1-2', 'field', 'value'],
  ['XGROUP', 'CREATE', 'stream', 'group', '0'],
  // The commands a primary sends for XREADGROUP: delivery times are given, so both servers agree.
  [
    'XCLAIM',
    'stream',
    'group',
    'consumer',
    0,
    '1-1',
    'TIME',
    1000,
    'RETRYCOUNT',
    1,
    'FORCE',
    'JUSTID',
    'LASTID',
    '1-1',
  ],
  ['PEXPIREAT', 'volatile', expireAtMs],
  ['SELECT', 3],
  ['SET', 'elsewhere', 'value'],
  ['SELECT', 0],
];

/** [title, commands for the second server, what is found, its key] */
const CHANGES: readonly [string, readonly Command[], string, string][] = [
  ['a missing key', [['DEL', 'string']], 'missing', '"string"'],
  ['an extra key', [['SET', Buffer.from([0x61, 0xff]), '']], 'extra', '"a\\xff"'],
  [
    'a key missing in another database',
    [
      ['SELECT', 3],
      ['DEL', 'elsewhere'],
    ],
    'missing',
    '"elsewhere"',
  ],
  [
    'another type',
    [
      ['DEL', 'string'],
      ['RPUSH', 'string', 'value'],
    ],
    'type',
    '"string"',
  ],
  ['a changed string', [['SET', 'string', 'other']], 'value', '"string"'],
  ['a changed list order', [['RPOPLPUSH', 'list', 'list']], 'value', '"list"'],
  ['a changed set', [['SREM', 'set', 'a']], 'value', '"set"'],
  ['a changed hash', [['HSET', 'hash', 'field', 'changed']], 'value', '"hash"'],
  ['a changed score', [['ZADD', 'zset', 1.25, 'a']], 'value', '"zset"'],
  ['a TTL that is gone', [['PERSIST', 'volatile']], 'ttl', '"volatile"'],
  ['a changed TTL', [['PEXPIREAT', 'volatile', expireAtMs + 1000]], 'ttl', '"volatile"'],
  ['a changed PEL', [['XACK', 'stream', 'group', '1-1']], 'stream', '"stream"'],
  ['a group that moved', [['XGROUP', 'SETID', 'stream', 'group', '1-2']], 'stream', '"stream"'],
  ['another group', [['XGROUP', 'CREATE', 'stream', 'more', '0']], 'stream', '"stream"'],
  [
    'another delivery count',
    [['XCLAIM', 'stream', 'group', 'consumer', 0, '1-1', 'TIME', 1000, 'RETRYCOUNT', 2]],
    'stream',
    '"stream"',
  ],
  ['a last id that moved', [['XSETID', 'stream', '9-9']], 'stream', '"stream"'],
];

/** Same series, the widest gap, and the two families. */
function pairs(): [string, ServerBinary, ServerBinary][] {
  const first = servers[0];
  const last = servers.at(-1);
  if (first === undefined || last === undefined) return [];
  const redis = servers.findLast((server) => server.family === 'redis') ?? first;
  const all: [ServerBinary, ServerBinary][] = [
    [first, first],
    [first, last],
    [redis, last],
  ];
  const named = new Map(all.map(([a, b]) => [`${a.id} and ${b.id}`, [a, b] as const]));
  return [...named].map(([title, [a, b]]) => [title, a, b]);
}

const why = missing.map((one) => one.why).join('; ');
test.skipIf(servers.length === 0)(`there are servers to compare ${why}`, () => {
  expect(pairs().length).toBeGreaterThan(0);
});

describe.each(pairs())('%s', (_title, binaryA, binaryB) => {
  let running: RunningServer[];
  let a: Client;
  let b: Client;
  beforeAll(async () => {
    running = await Promise.all([startServer(binaryA), startServer(binaryB)]);
    a = await running[0]!.client();
    b = await running[1]!.client();
  });
  afterAll(async () => {
    await Promise.all([a?.close(), b?.close()]);
    await Promise.all((running ?? []).map((server) => server.stop()));
  });
  beforeEach(() => Promise.all([must(a, DATA), must(b, DATA)]));
  afterEach(() =>
    Promise.all([must(a, [['SELECT', 0], ['FLUSHALL']]), must(b, [['SELECT', 0], ['FLUSHALL']])]),
  );

  test('equal servers are equal', async () => {
    const result = await compareServers(a, b);
    expect(result).toMatchObject({ equal: true, deep: true, keys: 8, differences: [] });
    expect(result.digestA).toBe(await digest(b));
  });

  test.each(CHANGES)('%s is found, from either side', async (_change, commands, what, key) => {
    await must(b, [...commands, ['SELECT', 0]]);
    const result = await compareServers(a, b);
    expect(result.equal).toBe(false);
    expect(result.differences.map((difference) => [difference.what, difference.key])).toContainEqual([
      what,
      key,
    ]);
    for (const difference of result.differences) expect(difference.key).toBe(key);
    expect((await compareServers(b, a)).equal).toBe(false);
  });

  test('a TTL within the tolerance is equal', async () => {
    await must(b, [['PEXPIREAT', 'volatile', expireAtMs + 1000]]);
    expect((await compareServers(a, b, { ttlToleranceMs: 1500 })).equal).toBe(true);
  });

  test('not deep: what the digest does not cover is not looked at, and the result says so', async () => {
    await must(b, [['PEXPIREAT', 'volatile', expireAtMs + 1000]]);
    expect(await compareServers(a, b, { deep: false })).toMatchObject({ equal: true, deep: false });
    await must(b, [['SET', 'string', 'other']]);
    expect(await compareServers(a, b, { deep: false })).toMatchObject({
      equal: false,
      differences: [
        { db: 0, key: '"string"', what: 'value', a: 'string of 5: "value"', b: 'string of 5: "other"' },
      ],
    });
  });

  test('differences are limited', async () => {
    await must(b, [['FLUSHALL']]);
    const result = await compareServers(a, b, { limit: 2 });
    expect(result.differences).toHaveLength(2);
  });
});

/** Servers that know expiring fields and functions; Redis and Valkey digest such a hash differently. */
const modern = servers.filter(
  ({ family, version }) => Number(version.split('.')[0]) >= (family === 'redis' ? 8 : 9),
);

describe.skipIf(modern.length < 2)('field TTLs and functions', () => {
  const data: readonly Command[] = [
    ['HSET', 'hash', 'field', 'value', 'other', 'value'],
    ['HPEXPIREAT', 'hash', expireAtMs, 'FIELDS', 1, 'field'],
    ['FUNCTION', 'LOAD', library('return 1')],
  ];
  const changes: readonly [string, Command, string, string][] = [
    [
      'a changed field TTL',
      ['HPEXPIREAT', 'hash', expireAtMs + 1, 'FIELDS', 1, 'field'],
      'field-ttl',
      '"hash"',
    ],
    ['a field TTL that is gone', ['HPERSIST', 'hash', 'FIELDS', 1, 'field'], 'field-ttl', '"hash"'],
    ['a changed field', ['HSET', 'hash', 'other', 'changed'], 'value', '"hash"'],
    ['a changed function', ['FUNCTION', 'LOAD', 'REPLACE', library('return 2')], 'function', 'lib'],
    ['a missing function', ['FUNCTION', 'DELETE', 'lib'], 'function', 'lib'],
  ];
  let running: RunningServer[];
  let clients: [Client, Client];
  beforeAll(async () => {
    running = await Promise.all([startServer(modern[0]!), startServer(modern.at(-1)!)]);
    clients = [await running[0]!.client(), await running[1]!.client()];
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(running.map((server) => server.stop()));
  });
  beforeEach(async () => {
    for (const client of clients) await must(client, [['FLUSHALL'], ['FUNCTION', 'FLUSH'], ...data]);
  });

  test('equal though the digests may differ', async () => {
    expect(await compareServers(...clients)).toMatchObject({ equal: true, differences: [] });
  });

  test.each(changes)('%s is found', async (_change, command, what, key) => {
    await must(clients[1], [command]);
    const { equal, differences } = await compareServers(...clients);
    expect(equal).toBe(false);
    expect(differences.map((difference) => [difference.what, difference.key])).toEqual([[what, key]]);
  });
});

function library(body: string): string {
  return `#!lua name=lib\nredis.register_function('f', function() ${body} end)`;
}

/** Runs commands of which none may fail. */
async function must(client: Client, commands: readonly Command[]): Promise<void> {
  for (const reply of await client.pipeline(commands)) {
    if (reply instanceof Error) throw reply;
  }
}
