/** A running server as the source: the same as its own snapshot. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/program.js';
import { fakeEngine } from '../cli/fake-engine.js';
import { harness } from '../cli/harness.js';
import { NEWEST, Servers } from '../support/live.js';
import { MemoryTarget } from '../support/text-export.js';

const servers = new Servers();

async function exported(...argv: string[]): Promise<string[]> {
  const target = new MemoryTarget(true);
  const nothing = (): Promise<void> => Promise.resolve();
  const openStdout = () => ({
    target,
    label: 'stdout',
    folder: undefined,
    commit: nothing,
    discard: nothing,
  });
  const process = harness(fakeEngine());
  expect(await main(['export', ...argv, '-f', 'ndjson'], { ...process.deps, openStdout })).toBe(0);
  return target.bytes.toString().trimEnd().split('\n').toSorted();
}

test.skipIf(NEWEST === undefined)('over PSYNC, as from the file it saves', async () => {
  const server = await servers.start(NEWEST!);
  const client = await servers.client(server);
  await client.pipeline([
    ['SELECT', 2],
    ['SET', 'text', 'hello'],
    ['HSET', 'hash', 'field', 'value'],
    ['XADD', 'stream', '1-1', 'a', 'b'],
    ['SELECT', 0],
    ['ZADD', 'zset', '1.5', 'm'],
    ['SAVE'],
  ]);
  const lines = await exported(server.url);
  expect(lines).toHaveLength(4);
  expect(lines).toEqual(await exported(join(server.dir, 'dump.rdb')));
  const only = await exported(`${server.url}/0`);
  expect(only).toHaveLength(1);
  expect(JSON.parse(only[0]!)).toMatchObject({ db: 0, key: 'zset', value: [['m', '1.5']] });
});
