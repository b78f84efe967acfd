/** Which server is to carry out the commands of an AOF; and what replicas say to their primary. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseVersionLine, rankBinaries, type ScratchNeed } from '../../src/io/scratch-choice.js';
import { RequestReader } from '../../src/io/scratch-requests.js';
import { parseServerName } from '../../src/rdb/server-support.js';

const binary = (name: string): { path: string; server: ReturnType<typeof parseServerName> } => ({
  path: name,
  server: parseServerName(name),
});
const ALL = ['redis-3.2', 'redis-6.2', 'redis-7.2', 'redis-8.0', 'valkey-8.1', 'valkey-9.1'].map(binary);

const redis = (version: number): ScratchNeed['format'] => ({ dialect: 'redis', version });

test.each<[string, ScratchNeed, readonly string[]]>([
  [
    'nothing known: the newest, none before 4.0',
    { format: undefined, writer: undefined },
    ['valkey-9.1', 'valkey-8.1', 'redis-8.0', 'redis-7.2', 'redis-6.2'],
  ],
  [
    'the same release, newer ones, the other family, older ones',
    { format: redis(9), writer: parseServerName('redis-7.2.5') },
    ['redis-7.2', 'redis-8.0', 'valkey-8.1', 'valkey-9.1', 'redis-6.2'],
  ],
  [
    'only what loads the snapshot',
    { format: redis(12), writer: parseServerName('redis-7.4.1') },
    ['redis-8.0'],
  ],
  [
    "Valkey's own format",
    { format: { dialect: 'valkey', version: 80 }, writer: parseServerName('valkey-9.0.0') },
    ['valkey-9.1'],
  ],
  ['a format of the future', { format: redis(99), writer: undefined }, []],
])('%s', (_, need, expected) => {
  expect(rankBinaries(ALL, need).map(({ path }) => path)).toEqual(expected);
});

test.each([
  ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0', 'redis', [7, 0, 15]],
  ['Valkey server v=8.1.1 sha=0', 'valkey', [8, 1, 1]],
])('%s', (line, family, version) => {
  expect(parseVersionLine(line)).toEqual({ family, version });
});

test('a program whose name alone says that it is Valkey; and one that is no server', () => {
  expect(parseVersionLine('Server v=9.0.0 sha=0', '/usr/bin/valkey-server')?.family).toBe('valkey');
  expect(parseVersionLine('nginx version: nginx/1.22.1')).toBeUndefined();
});

describe('requests', () => {
  const said =
    'PING\r\nAUTH secret\r\n*3\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n\n\n*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n';

  test('in lines and arrays, in whatever pieces they come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 10 }), (sizes) => {
        const reader = new RequestReader();
        const heard: string[] = [];
        let at = 0;
        for (let index = 0; at < said.length; index++) {
          const piece = Buffer.from(said.slice(at, (at += sizes[index % sizes.length]!)));
          for (const args of reader.push(piece)) heard.push(args.map((arg) => Buffer.from(arg)).join(' '));
        }
        expect(heard).toEqual(['PING', 'AUTH secret', 'REPLCONF capa eof', 'REPLCONF ACK 0']);
      }),
    );
  });
});
