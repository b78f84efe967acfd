/**
 * Values of every type are made on a real server, dumped, decoded, turned into commands, and those commands
 * run for another key: both must have the same digest, TTLs, and (streams) the same groups.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Argument, Client } from '../../scripts/lib/client.mjs';
import { ReplyError } from '../../scripts/lib/client.mjs';
import {
  compareVersions,
  startServer,
  surveyServers,
  type RunningServer,
  type ServerBinary,
} from '../../scripts/servers.mjs';
import { toAbsoluteTtl } from '../../src/convert/absolute-ttl.js';
import {
  ValueToCommands,
  type CommandAbilities,
  type ValueLosses,
} from '../../src/convert/value-to-commands.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { decodeDumpPayload } from '../../src/rdb/dump-payload.js';
import { ValueDecoder } from '../../src/rdb/value-decoder.js';
import { args } from '../keyspace/support.js';

const { servers, missing } = await surveyServers();
const LIMITS = { maxArgs: 16, maxBytes: 400 };
const NO_LOSSES: ValueLosses = { fieldTtls: 0, pendingWithoutOwner: 0, idleConsumers: 0 };

function atLeast(binary: ServerBinary, redis: string, valkey: string): boolean {
  return compareVersions(binary.version, binary.family === 'redis' ? redis : valkey) >= 0;
}

function abilitiesOf(binary: ServerBinary): CommandAbilities {
  return {
    unlink: atLeast(binary, '4.0', '0'),
    hsetMany: atLeast(binary, '4.0', '0'),
    fieldTtl: atLeast(binary, '7.4', '9.0'),
    xsetidFull: atLeast(binary, '7.0', '0'),
    createConsumer: atLeast(binary, '6.2', '0'),
  };
}

const many = (count: number, make: (at: number) => Argument[]): Argument[] =>
  Array.from({ length: count }, (_, at) => make(at)).flat();

/** Each makes key `k`; small ones stay packed, big ones don't. */
const VALUES: Readonly<Record<string, readonly Argument[][]>> = {
  'empty string': [['SET', 'k', '']],
  'integer string': [['SET', 'k', -12345]],
  'binary string': [['SET', 'k', new Uint8Array(3000).map((_, at) => at)]],
  'string with TTL': [['SET', 'k', 'v', 'PX', 100_000_000]],
  'sparse string': [['SETRANGE', 'k', 5000, 'x']],
  hyperloglog: [['PFADD', 'k', ...many(300, (at) => [`e${at}`])]],
  'small list': [['RPUSH', 'k', 'a', 1, '', 'x'.repeat(100)]],
  'big list': [['RPUSH', 'k', ...many(3000, (at) => [`item ${at}`])]],
  'integer set': [['SADD', 'k', 1, 300, -70000, '5000000000']],
  'big set': [['SADD', 'k', ...many(2000, (at) => [`m${at}`])]],
  'small zset': [['ZADD', 'k', '-inf', 'a', 'inf', 'b', -0.1, 'c', '-0', 'd', '1e-300', 'e', '1e300', 'f']],
  'big zset': [['ZADD', 'k', ...many(1000, (at) => [at / 3, `m${at}`])]],
  'small hash': [['HSET', 'k', 'f', 'v', '', '', 1, 2]],
  'big hash': [['HSET', 'k', ...many(1000, (at) => [`f${at}`, 'v'.repeat(at % 90)])]],
  'hash with TTL': [
    ['HSET', 'k', 'f', 'v'],
    ['EXPIRE', 'k', 100000],
  ],
};

const STREAMS: Readonly<Record<string, readonly Argument[][]>> = {
  plain: [
    ['XADD', 'k', '1-1', 'a', 'b'],
    ['XADD', 'k', '5-0', 'a', 'c', 'd', 'e'],
    ['XADD', 'k', '5-1', 'a', ''],
  ],
  'with deleted entries': [
    ...Array.from({ length: 300 }, (_, at) => ['XADD', 'k', `${at + 1}-0`, 'f', at]),
    ['XDEL', 'k', '300-0', '7-0', '1-0'],
    ['XTRIM', 'k', 'MAXLEN', 50],
  ],
  empty: [
    ['XADD', 'k', '8-0', 'a', 'b'],
    ['XDEL', 'k', '8-0'],
  ],
  'never written': [['XGROUP', 'CREATE', 'k', 'g', '$', 'MKSTREAM']],
  'with groups': [
    ...Array.from({ length: 60 }, (_, at) => ['XADD', 'k', `${at + 1}-0`, 'f', at]),
    ['XGROUP', 'CREATE', 'k', 'g', '0'],
    ['XGROUP', 'CREATE', 'k', 'idle', '10-0'],
    ['XREADGROUP', 'GROUP', 'g', 'alice', 'COUNT', 40, 'STREAMS', 'k', '>'],
    ['XREADGROUP', 'GROUP', 'g', 'bob', 'COUNT', 5, 'STREAMS', 'k', '>'],
    ['XCLAIM', 'k', 'g', 'bob', 0, '3-0', '4-0', 'TIME', 1_600_000_000_000, 'RETRYCOUNT', 7, 'JUSTID'],
    ['XACK', 'k', 'g', '2-0'],
  ],
};

// oxlint-disable-next-line vitest/expect-expect -- a visible skip for a version that is not here
test.for(missing)('$series', ({ why }, { skip }) => skip(why));

describe.each(servers)('$id', (binary) => {
  let server: RunningServer;
  let client: Client;
  const abilities = abilitiesOf(binary);

  beforeAll(async () => {
    const debug = atLeast(binary, '7.0', '0') ? { 'enable-debug-command': 'yes' } : {};
    server = await startServer(binary, { args: debug });
    client = await server.client();
  });

  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    await client.call('FLUSHALL');
    await client.call('SET', 'copy', 'to be replaced');
  });

  async function run(commands: readonly (readonly Argument[])[]): Promise<void> {
    const replies = await client.pipeline(commands);
    const errors = replies.filter((reply) => reply instanceof ReplyError);
    expect(errors.map((error) => error.message)).toEqual([]);
  }

  /** Copies `k` to `copy` by commands; the value arrives in pieces of `pieceBytes`. */
  async function copyByCommands(pieceBytes: number): Promise<Readonly<ValueLosses>> {
    const [dump, ttl] = await client.pipeline([
      ['DUMP', 'k'],
      ['PTTL', 'k'],
    ]);
    if (!(dump instanceof Uint8Array) || typeof ttl !== 'number') throw new Error('no dump');
    const commands: Uint8Array[][] = [];
    const expiresAtMs = ttl < 0 ? -1 : Date.now() + ttl;
    const options = { key: bytesOf('copy'), abilities, expiresAtMs, limits: LIMITS };
    const to = new ValueToCommands(options, (command) => commands.push(command));
    decode(dump, to, pieceBytes);
    const losses = to.finish();
    await run(commands);
    const ttls = await client.pipeline(['k', 'copy'].map((key) => ['PTTL', key]));
    expect(Math.abs(Number(ttls[0]) - Number(ttls[1]))).toBeLessThan(60_000);
    return losses;
  }

  async function expectSameDigest(): Promise<void> {
    const digests: string[] = [];
    // oxlint-disable-next-line no-await-in-loop -- two
    for (const key of ['k', 'copy']) digests.push(String(await client.text('DEBUG', 'DIGEST-VALUE', key)));
    expect(digests[0]).toMatch(/[0-9a-f]{40}/u);
    expect(digests[1]).toBe(digests[0]);
  }

  test.each(Object.keys(VALUES))('%s', async (name) => {
    await run(VALUES[name]!);
    expect(await copyByCommands(64)).toEqual(NO_LOSSES);
    await expectSameDigest();
    expect(await copyByCommands(Infinity)).toEqual(NO_LOSSES);
    await expectSameDigest();
  });

  test.skipIf(!abilities.fieldTtl)('hash with field TTLs', async () => {
    const at = Date.now() + 1_000_000;
    await run([
      ['HSET', 'k', ...many(40, (index) => [`f${index}`, index])],
      ['HPEXPIREAT', 'k', at, 'FIELDS', 3, 'f1', 'f2', 'f3'],
      ['HPEXPIREAT', 'k', at + 1, 'FIELDS', 1, 'f39'],
    ]);
    expect(await copyByCommands(Infinity)).toEqual(NO_LOSSES);
    const fields = many(40, (index) => [`f${index}`]);
    const [before, after] = await client.pipeline(
      ['k', 'copy'].map((key) => ['HPEXPIRETIME', key, 'FIELDS', 40, ...fields]),
    );
    expect(before).toContain(at + 1);
    expect(after).toEqual(before);
    await expectSameDigest();
  });

  test.each(Object.keys(STREAMS))('stream %s', async (name) => {
    await run(STREAMS[name]!);
    const { idleConsumers, ...losses } = await copyByCommands(100);
    expect(losses).toEqual({ fieldTtls: 0, pendingWithoutOwner: 0 });
    expect(idleConsumers).toBe(0);
    await expectSameDigest();
    const [before, after] = await client.pipeline(
      ['k', 'copy'].map((key) => ['XINFO', 'STREAM', key, 'FULL', 'COUNT', 0]),
    );
    expect(withoutTimes(after)).toEqual(withoutTimes(before));
  });

  test('pending entries whose entry is gone are left out, the rest is whole', async () => {
    await run([
      ['XADD', 'k', '1-0', 'a', 'b'],
      ['XADD', 'k', '2-0', 'a', 'b'],
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'k', '>'],
      ['XDEL', 'k', '1-0'],
    ]);
    await copyByCommands(Infinity);
    const [pending] = await client.pipeline([['XPENDING', 'copy', 'g', '-', '+', 10]]);
    const ids = Array.isArray(pending)
      ? pending.map((entry) => String(Array.isArray(entry) ? entry[0] : entry))
      : [];
    expect(ids).toEqual(['2-0']);
    await expectSameDigest();
  });

  test('relative TTLs made absolute are accepted and mean the same', async () => {
    await run([['SET', 'src', 'v']]);
    const [dump] = await client.pipeline([['DUMP', 'src']]);
    if (!(dump instanceof Uint8Array)) throw new Error('no dump');
    const setPxat = atLeast(binary, '6.2', '0');
    const now = Date.now();
    for (const can of [
      { setPxat: false, restoreAbsttl: false },
      { setPxat, restoreAbsttl: true },
    ]) {
      const commands = [
        args('SET t1 v EX 1000 NX'),
        args('SETEX t2 1000 v'),
        args('PSETEX t3 1000000 v'),
        [...args('RESTORE t4 1000000'), dump, ...args('REPLACE')],
        args('SET t5 v'),
        args('EXPIRE t5 1000'),
      ];
      // oxlint-disable-next-line no-await-in-loop -- in order
      await run(commands.flatMap((command) => toAbsoluteTtl(command, now, can) ?? [command]));
      // oxlint-disable-next-line no-await-in-loop -- in order
      const ttls = await client.pipeline(['t1', 't2', 't3', 't4', 't5'].map((key) => ['PTTL', key]));
      for (const ttl of ttls) expect(Math.abs(Number(ttl) - 1_000_000)).toBeLessThan(60_000);
    }
  });
});

function decode(dump: Uint8Array, to: ValueToCommands, pieceBytes: number): void {
  const { type, dialect, valueStart, valueEnd } = decodeDumpPayload(dump);
  const decoder = new ValueDecoder(type, dialect, to);
  let at = valueStart;
  let known = valueStart;
  while (!decoder.done) {
    known = Math.min(known + pieceBytes, valueEnd);
    at = decoder.feed(dump, at, known);
    if (known === valueEnd && !decoder.done) throw new Error('the value did not end');
  }
}

/** XINFO STREAM FULL without what commands cannot bring back: seen and active times, and memory layout. */
function withoutTimes(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : reply;
  const out: unknown[] = [];
  for (let at = 0; at < reply.length; at++) {
    const item = withoutTimes(reply[at]);
    const skipped = ['seen-time', 'active-time', 'radix-tree-keys', 'radix-tree-nodes'];
    if (typeof item === 'string' && skipped.includes(item)) at++;
    else out.push(item);
  }
  return out;
}
