/**
 * Held commands on real servers: what stands there afterwards is the held form of what would have stood, and
 * nothing is gone, though all deadlines are past.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import { startServer, surveyServers, type RunningServer } from '../../scripts/servers.mjs';
import { holdDeadlines, isHeldField, trueFieldDeadline } from '../../src/convert/held-deadline.js';
import { holdPayloadFields } from '../../src/convert/held-fields.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args } from '../keyspace/support.js';

const ALL = { holdBeforeMs: Infinity };
const PAST = 1_700_000_000_000;

const { servers, missing } = await surveyServers();
// oxlint-disable-next-line vitest/expect-expect -- a visible skip for a version that is not here
test.for(missing)('$series', ({ why }, { skip }) => skip(why));
const withFieldTtls = servers.filter(({ series }) => series === 'redis-8.0' || series === 'valkey-9.1');

describe.each(withFieldTtls)('$id', (binary) => {
  let server: RunningServer;
  let client: Client;

  beforeAll(async () => {
    server = await startServer(binary);
    client = await server.client();
  });

  beforeEach(async () => {
    await client.call('FLUSHALL');
  });

  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  async function run(line: string): Promise<unknown> {
    let reply: unknown;
    for (const command of holdDeadlines(args(line), ALL) ?? [args(line)])
      reply = await client.text(...command);
    return reply;
  }

  /** The true deadlines of the fields; those that do not stand held are an error, but for none (-1, -2). */
  async function deadlines(key: string, ...fields: string[]): Promise<number[]> {
    const stand = (await client.call('HPEXPIRETIME', key, 'FIELDS', fields.length, ...fields)) as number[];
    expect(stand.filter((time) => time >= 0 && !isHeldField(time))).toEqual([]);
    return stand.map((time) => trueFieldDeadline(time));
  }

  test('HPEXPIREAT, HSETEX and HGETEX into the past', async () => {
    await client.call('HSET', 'h', 'a', 1, 'b', 2, 'c', 3, 'd', 4);
    await run(`HPEXPIREAT h ${PAST} FIELDS 1 a`);
    await run(`HSETEX h PXAT ${PAST + 1} FIELDS 1 b 7`);
    await run(`HGETEX h PXAT ${PAST + 2} FIELDS 1 c`);
    expect(await deadlines('h', 'a', 'b', 'c', 'd')).toEqual([PAST, PAST + 1, PAST + 2, -1]);
    expect(await client.text('HMGET', 'h', 'a', 'b', 'c', 'd')).toEqual(['1', '7', '3', '4']);
  });

  test.each<[condition: string, time: number, expected: number[]]>([
    ['GT', PAST + 15, [PAST + 15, PAST + 20, -1]],
    ['LT', PAST + 15, [PAST + 10, PAST + 15, PAST + 15]],
    ['NX', PAST + 15, [PAST + 10, PAST + 20, PAST + 15]],
    ['XX', PAST + 15, [PAST + 15, PAST + 15, -1]],
  ])('the condition %s is judged by the true deadlines', async (condition, time, expected) => {
    await client.call('HSET', 'h', 'a', 1, 'b', 2, 'c', 3);
    await run(`HPEXPIREAT h ${PAST + 10} FIELDS 1 a`);
    await run(`HPEXPIREAT h ${PAST + 20} FIELDS 1 b`);
    await run(`HPEXPIREAT h ${time} ${condition} FIELDS 4 a b c missing`);
    expect(await deadlines('h', 'a', 'b', 'c', 'missing')).toEqual([...expected, -2]);
  });

  test('GT against a deadline that is not held: the far one stays', async () => {
    const far = Date.now() + 3_600_000;
    await client.call('HSET', 'h', 'a', 1);
    await client.call('HPEXPIREAT', 'h', far, 'FIELDS', 1, 'a');
    await run(`HPEXPIREAT h ${PAST} GT FIELDS 1 a`);
    expect(await client.call('HPEXPIRETIME', 'h', 'FIELDS', 1, 'a')).toEqual([far]);
    await run('HPEXPIREAT missing 5 GT FIELDS 1 a');
    expect(await client.call('EXISTS', 'missing')).toBe(0);
  });

  test.each([3, 700])('RESTORE of a hash of %d fields, two of them past', async (count) => {
    const soon = Date.now() + 400;
    const far = soon + 3_600_000;
    const pairs = Array.from({ length: count }, (_, at) => [`f${at}`, `v${at}`]).flat();
    await client.call('HSET', 'h', ...pairs);
    await client.call('HPEXPIREAT', 'h', soon, 'FIELDS', 1, 'f0');
    await client.call('HPEXPIREAT', 'h', far, 'FIELDS', 1, 'f2');
    const payload: Buffer = await client.call('DUMP', 'h');
    await client.call('DEL', 'h');
    while (Date.now() <= soon) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const command of holdDeadlines([...args('RESTORE h 5'), payload, bytesOf('ABSTTL')], ALL)!) {
      expect(await client.text(...command)).toBe('OK');
    }
    expect(await client.call('HLEN', 'h')).toBe(count);
    expect(await client.text('HGET', 'h', 'f0')).toBe('v0');
    expect(await deadlines('h', 'f0', 'f1', 'f2')).toEqual([soon, -1, far]);
    expect(await client.text('OBJECT', 'ENCODING', 'h')).toMatch(count > 3 ? /^hashtable$/u : /./u);
  });

  test('payloads with nothing to hold are left alone, and so is what is none', async () => {
    await client.call('HSET', 'h', 'a', 1);
    expect(holdPayloadFields(await client.call('DUMP', 'h'), ALL)).toBeUndefined();
    await client.call('HPEXPIREAT', 'h', Date.now() + 1e6, 'FIELDS', 1, 'a');
    const payload: Buffer = await client.call('DUMP', 'h');
    expect(holdPayloadFields(payload, { holdBeforeMs: PAST })).toBeUndefined();
    expect(holdPayloadFields(payload, ALL)).toBeDefined();
    expect(holdPayloadFields(payload.subarray(0, -1), ALL)).toBeUndefined();
    expect(holdPayloadFields(new Uint8Array(0), ALL)).toBeUndefined();
  });
});
