/** Snapshots from files as they come: in pieces of any size, compressed, paused, cut off, damaged. */
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { StreamSource } from '../../src/io/byte-source.js';
import { openInput } from '../../src/io/input.js';
import { corpusNames, readExpected, readSnapshotBytes } from '../support/rdb-corpus.js';
import { failureOf, inputOf, Listener, readToEnd, temporaryFolder } from './support.js';

const file = await temporaryFolder();
const NAME = 'valkey-9.1.2';
const snapshot = readSnapshotBytes(NAME);
const keys = readExpected(NAME).length;

describe('every snapshot of the corpus', () => {
  test.each(corpusNames())('%s', async (name) => {
    for (const atOnce of [Infinity, 1, 7, 4096]) {
      const input = await inputOf(readSnapshotBytes(name), { atOnce });
      const listener = new Listener();
      const end = await input.snapshot(listener);
      expect(listener.keys).toHaveLength(readExpected(name).length);
      expect(end).toMatchObject({ format: 'rdb', commandsFollow: false, problem: undefined });
      expect(end.bytes).toBe(input.totalBytes);
      expect(input.bytesRead).toBe(input.totalBytes);
      expect(input.hasCommands).toBe(false);
    }
  });
});

test('gzip of several members', async () => {
  const half = snapshot.length >> 1;
  const zipped = Buffer.concat([gzipSync(snapshot.subarray(0, half)), gzipSync(snapshot.subarray(half))]);
  const input = await inputOf(zipped, { atOnce: 1000 });
  const listener = new Listener();
  await input.snapshot(listener);
  expect(listener.keys).toHaveLength(keys);
  expect(input.bytesRead).toBe(zipped.length);
});

test('gzip that is cut off, or damaged', async () => {
  const zipped = gzipSync(snapshot);
  for (const end of [12, 100, zipped.length - 1]) {
    const error = await failureOf(async () =>
      (await inputOf(zipped.subarray(0, end))).snapshot(new Listener()),
    );
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED', place: { at: 'memory' } });
  }
  zipped[zipped.length - 6]! ^= 1;
  const error = await failureOf(async () => (await inputOf(zipped)).snapshot(new Listener()));
  expect(error).toMatchObject({ code: 'RDB_CORRUPT', message: expect.stringContaining('gzip') });
});

test('zstd is read, or refused with a way to get on', async () => {
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]);
  const error = await failureOf(async () => (await inputOf(magic)).snapshot(new Listener()));
  const hint = typeof Reflect.get(zlib, 'createZstdDecompress') === 'function' ? undefined : 'zstd -dc';
  expect(`${error.code} ${error.hint}`).toMatch(hint === undefined ? /^RDB_CORRUPT|^RDB_TRUNCATED/ : hint);
});

test.each([
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68, 0x39]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
])('%s is refused by name', async (name, magic) => {
  const path = await file(`a.${name}`, Buffer.from(magic));
  const error = await failureOf(() => openInput(path));
  expect(error).toMatchObject({
    code: 'RDB_UNSUPPORTED',
    place: { at: path },
    message: expect.stringContaining(name),
  });
});

test('a handler that asks for a pause behind every key gets what it wants', async () => {
  const input = await inputOf(snapshot);
  const listener = new Listener(true);
  const seen: number[] = [];
  let waiting = false;
  await input.snapshot(listener, {
    beforeBatch: () => expect(waiting).toBe(false),
    drain: () => {
      seen.push(listener.keys.length);
      waiting = true;
      return Promise.resolve().then(() => {
        waiting = false;
      });
    },
  });
  expect(listener.keys).toHaveLength(keys);
  // One key between two pauses, and never more.
  expect(seen.every((count, at) => at === 0 || count - seen[at - 1]! <= 1)).toBe(true);
});

test('cut off anywhere it says where, and in which key', async () => {
  for (let end = 10; end < snapshot.length; end += 97) {
    const input = await inputOf(snapshot.subarray(0, end));
    const error = await failureOf(() => input.snapshot(new Listener()));
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED', place: { at: 'memory' } });
    expect(error.place.offset).toBeLessThanOrEqual(end);
  }
});

describe('a wrong checksum', () => {
  const wrong = Buffer.from(snapshot);
  wrong[wrong.length - 1]! ^= 1;

  test('is an error, after everything has been told', async () => {
    const listener = new Listener();
    const error = await failureOf(async () => (await inputOf(wrong)).snapshot(listener));
    expect(error).toMatchObject({ code: 'RDB_CORRUPT', place: { at: 'memory', offset: wrong.length - 8 } });
    expect(listener.keys).toHaveLength(keys);
    expect(listener.calls.at(-1)).toBe('end');
  });

  test('is none when nobody wants to know', async () => {
    const end = await (await inputOf(wrong)).snapshot(new Listener(), { checksum: false });
    expect(end).toMatchObject({ problem: undefined, checksum: { state: 'mismatch' } });
  });

  test('is told with the end when damage is to be skipped', async () => {
    const lost: string[] = [];
    const end = await (
      await inputOf(wrong)
    ).snapshot(new Listener(), { onError: 'skip', onLost: ({ code }) => lost.push(code) });
    expect(end.problem).toMatchObject({ code: 'RDB_CORRUPT' });
    expect(lost).toEqual(['RDB_CORRUPT']);
  });
});

test('what claims to be gigabytes takes no more memory than there are bytes', async () => {
  // A string of 1 GiB, of which 100 bytes are there.
  const bytes = Buffer.concat([
    Buffer.from('REDIS0011\x00\x01k', 'latin1'),
    Buffer.from([0x80, 0x40, 0, 0, 0]),
    Buffer.alloc(100),
  ]);
  const before = process.memoryUsage().arrayBuffers;
  const error = await failureOf(async () => (await inputOf(bytes)).snapshot(new Listener()));
  expect(error.code).toBe('RDB_TRUNCATED');
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6);
});

test('a stream such as stdin', async () => {
  const pieces = Array.from({ length: Math.ceil(snapshot.length / 999) }, (_, at) =>
    Buffer.from(snapshot.subarray(at * 999, (at + 1) * 999)),
  );
  const source = new StreamSource(Readable.from(pieces), 'stdin');
  expect(Buffer.compare(await readToEnd(source, 500), snapshot)).toBe(0);
  const input = await openInput('-', { stdin: Readable.from(pieces) });
  const listener = new Listener();
  await input.snapshot(listener);
  expect(input).toMatchObject({ label: 'stdin', totalBytes: undefined, bytesRead: snapshot.length });
  expect(listener.keys).toHaveLength(keys);
});

test('stopped by a signal', async () => {
  const abort = new AbortController();
  abort.abort(new Error('enough'));
  const input = await inputOf(snapshot);
  await expect(input.snapshot(new Listener(), { signal: abort.signal })).rejects.toThrow('enough');
});
