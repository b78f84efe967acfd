/** A snapshot of a running server: everything it holds, and it is left in peace afterwards. */
import { describe, expect, test } from 'vitest';
import { openInput } from '../../src/io/input.js';
import { BINARIES, Servers, waitFor } from '../support/live.js';
import { failureOf, Listener } from './support.js';

const servers = new Servers();

describe.each(BINARIES)('$id', (binary) => {
  test.each(['yes', 'no'])('repl-diskless-sync %s', async (setting) => {
    const server = await servers.start(binary, {
      args: { 'repl-diskless-sync': setting, 'repl-diskless-sync-delay': 0 },
    });
    const client = await servers.client(server);
    await client.call('DEBUG', 'POPULATE', 50_000, 'key', 200);
    const input = await openInput(server.url);
    const listener = new Listener(true);
    const end = await input.snapshot(listener, {
      drain: () => new Promise((resolve) => setImmediate(resolve)),
    });
    expect(listener.keys).toHaveLength(50_000);
    expect(end).toMatchObject({ format: 'rdb', commandsFollow: false, problem: undefined });
    expect(input.bytesRead).toBe(end.bytes);
    await input.close();
    const replicas = async (): Promise<boolean> =>
      /connected_slaves:0/.test(await client.text('INFO', 'replication'));
    await waitFor('no replica', replicas);
    await server.stop();
  });
});

test('nobody there', async () => {
  const input = await openInput('redis://127.0.0.1:1');
  expect(await failureOf(() => input.snapshot(new Listener()))).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
});
