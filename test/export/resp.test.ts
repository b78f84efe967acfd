/** The commands, sent to a real server as `redis-cli --pipe` would, make what a server makes of the file. */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { RunningServer, ServerBinary } from '../../scripts/servers.mjs';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import { parseServerName } from '../../src/rdb/server-support.js';
import type { FilterOptions } from '../../src/sync/options.js';
import { binaryOf, BINARIES, differences, Servers } from '../support/live.js';
import { corpusNames, readSnapshotBytes } from '../support/rdb-corpus.js';
import { exportText } from '../support/text-export.js';

const CORPUS = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));
const DONE = 'all commands were sent';

/** Error replies; resolves when every command has been answered. */
async function pipe({ port }: RunningServer, commands: Buffer): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let replies = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      replies += text;
      if (!replies.includes(DONE)) return;
      socket.destroy();
      resolve(replies.split('\r\n').filter((line) => line.startsWith('-')));
    });
    socket.on('error', reject).on('close', () => reject(new Error('the server hung up')));
    socket.write(commands);
    socket.write(`*2\r\n$4\r\nECHO\r\n$${DONE.length}\r\n${DONE}\r\n`);
  });
}

/** The server that wrote the snapshot, by its name. */
function writerOf(name: string): ServerBinary | undefined {
  const [, family = '', major = '', minor = ''] = /^(redis|valkey)-(\d+)\.(\d+)/.exec(name) ?? [];
  return BINARIES.find(
    (binary) => binary.family === family && binary.version.startsWith(`${major}.${minor}.`),
  );
}

const servers = new Servers();

describe.each(corpusNames().filter((name) => !/-(?:lfu|plain)$/.test(name)))('%s', (name) => {
  const binary = writerOf(name);
  test.skipIf(binary === undefined).each([
    ['commands', {}],
    ['commands, larger values in pieces', { limits: { ...DEFAULT_LIMITS, inlineBytes: 500 } }],
    ['RESTORE', { restore: true }],
  ])('as %s', async (_what, options) => {
    // Redis 8.0 as packaged has no vector sets: such a file it refuses, so it is given all but those.
    const filter: Partial<FilterOptions> = name.startsWith('redis-8') ? { excludeKinds: ['module'] } : {};
    const loadRdb = `${CORPUS}${name}.rdb`;
    const loaded = await servers.start(binary!, name.startsWith('redis-8') ? {} : { loadRdb });
    const payloads = exportText(readSnapshotBytes(name), { format: 'resp', restore: true, filter });
    const refused = name.startsWith('redis-8') ? await pipe(loaded, payloads.bytes) : [];
    expect(refused).toEqual([]);
    const made = await servers.start(binary!);
    const { bytes, losses } = exportText(readSnapshotBytes(name), { format: 'resp', filter, ...options });
    expect(losses).toEqual([]);
    expect(await pipe(made, bytes)).toEqual([]);
    const [a, b] = [await servers.client(loaded), await servers.client(made)];
    expect(await differences(a, b)).toEqual([]);
    await Promise.all([loaded.stop(), made.stop()]);
  });
});

describe('for another server', () => {
  const old = binaryOf('redis-6.0') ?? binaryOf('redis-5.0');
  test.skipIf(old === undefined)('only commands it knows are used, and losses are told', async () => {
    const server = parseServerName(`${old!.family}-${old!.version}`);
    const made = await servers.start(old!);
    const { bytes, losses } = exportText(readSnapshotBytes('redis-7.4.1'), { format: 'resp', server });
    expect(await pipe(made, bytes)).toEqual([]);
    expect(losses).toContainEqual(expect.stringMatching(/function library/));
    expect(losses).toContainEqual(expect.stringMatching(/fieldTtls left out/));
  });
});
