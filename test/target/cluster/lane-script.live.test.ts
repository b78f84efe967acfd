/** The lanes' script on nodes of real clusters: the oldest server there is, and the newest of both families. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Argument, type Client, ReplyError } from '../../../scripts/lib/client.mjs';
import { type RunningCluster, startCluster } from '../../../scripts/lib/cluster.mjs';
import {
  LANE_SCRIPT,
  type LaneFailure,
  MOST_WORDS,
  OLD_LANE_SCRIPT,
  parseLaneFailure,
  plainScriptError,
  scriptSha,
} from '../../../src/target/cluster/lane-script.js';
import { isMoved } from '../../../src/target/target-state.js';
import { OLDEST_AND_NEWEST } from '../../support/cluster.js';
import { isAtLeast, waitFor } from '../../support/live.js';

type Command = readonly Argument[];

describe.each(OLDEST_AND_NEWEST)('$id', (binary) => {
  let cluster: RunningCluster;
  let node: Client;
  /** Keys of three slots of the node, and of one that another node has. */
  const [lane, one, two, foreign] = ['__replicant:{b}:lane:j', 'f', 'c', 'a'];
  let script = LANE_SCRIPT;

  beforeAll(async () => {
    cluster = await startCluster(binary, { shards: 2 });
    const client = await cluster.client();
    const home = client.ownerOf(Number(await client.call('CLUSTER', 'KEYSLOT', lane)));
    if (home === undefined) throw new Error('a slot of nobody');
    node = await client.connectionTo(home);
    if (Number(binary.version.split('.')[0]) < 5) script = OLD_LANE_SCRIPT;
    await node.call('SCRIPT', 'LOAD', script);
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  beforeEach(async () => {
    await node.call('FLUSHALL');
    await node.call('SET', lane, 's 1-x 100 0');
  });

  /** Commands begin at 100, 110 …; those that are given with `-` before them are tolerated. */
  async function run(commands: readonly Command[], expected = 's 1-x 100 0'): Promise<unknown> {
    const starts = commands.map((_, index) => 100 + 10 * index).join(' ');
    const words = commands.flatMap((command) =>
      command[0] === '-' ? [1 - command.length, ...command.slice(1)] : [command.length, ...command],
    );
    const final = `${100 + 10 * commands.length} 0`;
    const head = ['EVALSHA', scriptSha(script), 1, lane, expected, 's 1-x ', final, starts];
    const [reply] = await node.pipeline([[...head, ...words]]);
    return reply;
  }

  function failureIn(reply: unknown): LaneFailure {
    if (!(reply instanceof ReplyError)) throw new Error(`no error: ${String(reply)}`);
    const failure = parseLaneFailure(reply.message);
    if (failure === undefined || failure === 'chain') throw new Error(reply.message);
    return failure;
  }

  const textNow = async (): Promise<string> => await node.text('GET', lane);

  test('all of it is done, over the slots of the node, and the text goes on', async () => {
    const reply = await run([
      ['SET', one, 'text'],
      ['RPUSH', two, 1, 2, 3],
      ['MSET', one, 'other', `{${one}}2`, 'beside'],
      ['PEXPIREAT', two, 4_000_000_000_000],
    ]);
    expect(reply).toBe(1);
    expect(await node.text('MGET', one, `{${one}}2`)).toEqual(['other', 'beside']);
    expect(await node.text('LRANGE', two, 0, -1)).toEqual(['1', '2', '3']);
    expect(await node.call('PTTL', two)).toBeGreaterThan(10 ** 12);
    expect(await textNow()).toBe('s 1-x 140 0');
  });

  test('nothing but the text', async () => {
    expect(await run([])).toBe(1);
    expect(await textNow()).toBe('s 1-x 100 0');
  });

  test('a command that is refused ends it, and the text says where it stands', async () => {
    const reply = await run([
      ['SET', one, 'text'],
      ['RPUSH', two, 1],
      ['lpush', one, 1],
      ['RPUSH', two, 2],
    ]);
    expect(failureIn(reply)).toMatchObject({ offset: 120, done: 0, name: 'LPUSH' });
    expect(failureIn(reply).error).toMatch(/^WRONGTYPE/u);
    expect(await node.text('LRANGE', two, 0, -1)).toEqual(['1']);
    expect(await textNow()).toBe('s 1-x 120 -1');
    // It can be gone on with from there.
    expect(await run([['RPUSH', two, 2]], 's 1-x 120 -1')).toBe(1);
  });

  test('the first and the last of many', async () => {
    const many = Array.from({ length: 1500 }, (_, at): Command => ['RPUSH', two, at]);
    await node.call('SET', one, 'text');
    expect(failureIn(await run([['LPUSH', one, 1], ...many])).offset).toBe(100);
    expect(await node.call('EXISTS', two)).toBe(0);
    expect(await textNow()).toBe('s 1-x 100 -1');
    expect(failureIn(await run([...many, ['LPUSH', one, 1]], 's 1-x 100 -1')).offset).toBe(15_100);
    expect(await node.call('LLEN', two)).toBe(1500);
  });

  test('errors of tolerated commands mean nothing', async () => {
    await node.call('SET', one, 'text');
    expect(
      await run([
        ['-', 'LPUSH', one, 1],
        ['RPUSH', two, 1],
        ['-', 'NOSUCH'],
        ['RPUSH', two, 2],
      ]),
    ).toBe(1);
    expect(await node.call('LLEN', two)).toBe(2);
    expect(await textNow()).toBe('s 1-x 140 0');
  });

  test.each(['', 's 1-x 90 0', 's 1-x 100 0 fence'])(
    'nothing is done when %j is expected',
    async (expected) => {
      const reply = await run([['SET', one, 'text']], expected);
      expect(parseLaneFailure((reply as ReplyError).message)).toBe('chain');
      expect(await node.call('EXISTS', one)).toBe(0);
      expect(await textNow()).toBe('s 1-x 100 0');
    },
  );

  test('a lane without a text', async () => {
    await node.call('DEL', lane);
    expect(await run([['SET', one, 'text']], '')).toBe(1);
    expect(await textNow()).toBe('s 1-x 110 0');
  });

  test('as many words as there may be', async () => {
    const elements = Array.from({ length: MOST_WORDS - 2 }, (_, at) => at);
    expect(
      await run([
        ['RPUSH', two, ...elements],
        ['SET', one, 'behind'],
        ['RPUSH', two, ...elements],
      ]),
    ).toBe(1);
    expect(await node.call('LLEN', two)).toBe(2 * elements.length);
  });

  test('any bytes', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    const large = Buffer.alloc(3_000_000, all);
    const key = Buffer.concat([Buffer.from(`{${one}}`), all]);
    expect(
      await run([
        ['SET', key, all],
        ['HMSET', two, all, large, '', ''],
        ['SET', one, ''],
      ]),
    ).toBe(1);
    expect(all.equals(await node.call('GET', key))).toBe(true);
    expect(large.equals(await node.call('HGET', two, all))).toBe(true);
    expect(await node.text('HGET', two, '')).toBe('');
    expect(await node.text('GET', one)).toBe('');
  });

  test('nobody sees a part of it, as of a transaction of the source', async () => {
    const reader = await cluster.client();
    const seen = new Set<number>();
    let place = await textNow();
    for (let round = 0; round < 20; round++) {
      // oxlint-disable no-await-in-loop
      const commands = Array.from({ length: 500 }, (_, at): Command => ['RPUSH', two, at]);
      const running = run(commands, place);
      for (let asked = 0; asked < 5; asked++) seen.add(Number(await reader.call('LLEN', two)));
      expect(await running).toBe(1);
      place = await textNow();
      // oxlint-enable no-await-in-loop
    }
    expect([...seen].filter((length) => length % 500 !== 0)).toEqual([]);
  });

  test('a key of another node', async () => {
    const failure = failureIn(
      await run([
        ['SET', one, 'text'],
        ['SET', foreign, 'text'],
        ['SET', two, 'text'],
      ]),
    );
    expect(failure).toMatchObject({ offset: 110, name: 'SET' });
    expect(isMoved(failure.error)).toBe(true);
    expect(await node.call('EXISTS', two)).toBe(0);
    expect(await textNow()).toBe('s 1-x 110 -1');
  });

  test('out of memory, in the words that are known', async () => {
    const used = Number(/used_memory:(\d+)/u.exec(await node.text('INFO', 'memory'))?.[1]);
    await node.call('CONFIG', 'SET', 'maxmemory', Math.floor(used / 2));
    try {
      await waitFor('it is full', async () => {
        return (await node.pipeline([['SET', two, 'x']]))[0] instanceof ReplyError;
      });
      const failure = failureIn(
        await run([
          ['SET', one, 'text'],
          ['SET', two, 'text'],
        ]),
      );
      expect(failure).toMatchObject({ offset: 100, name: 'SET' });
      expect(failure.error).toMatch(/^OOM /u);
      expect(await textNow()).toBe('s 1-x 100 0');
      const [alone] = [await run([])] as [ReplyError];
      expect(plainScriptError(alone.message)).toMatch(/^OOM /u);
      // After a write a script may go on.
      expect(
        await run([
          ['DEL', two],
          ['SET', one, 'text'],
        ]),
      ).toBe(1);
      expect(await textNow()).toBe('s 1-x 120 0');
    } finally {
      await node.call('CONFIG', 'SET', 'maxmemory', 0);
    }
  });

  test('too few replicas, likewise', async () => {
    // Before, scripts are not asked for that.
    if (!isAtLeast(binary, '7.0.0')) return;
    await node.call('CONFIG', 'SET', 'min-replicas-to-write', 3);
    try {
      expect(failureIn(await run([['SET', one, 'text']])).error).toMatch(/^NOREPLICAS /u);
      expect(await node.call('EXISTS', one)).toBe(0);
    } finally {
      await node.call('CONFIG', 'SET', 'min-replicas-to-write', 0);
    }
    expect(await run([['SET', one, 'text']], await textNow())).toBe(1);
  });

  test('a script that has been forgotten', async () => {
    await node.call('SCRIPT', 'FLUSH');
    const reply = await run([['SET', one, 'text']]);
    expect((reply as ReplyError).message).toMatch(/^NOSCRIPT/u);
    expect(parseLaneFailure((reply as ReplyError).message)).toBeUndefined();
    await node.call('SCRIPT', 'LOAD', script);
    expect(await run([['SET', one, 'text']])).toBe(1);
  });
});
