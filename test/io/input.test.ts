/** What a word on the command line means, and what is said of one that means nothing. */
import { mkdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { inputKind, openInput } from '../../src/io/input.js';
import { failureOf, Listener, temporaryFolder } from './support.js';

test.each([
  ['-', 'stdin'],
  ['dump.rdb', 'path'],
  ['./redis://x', 'path'],
  ['/var/lib/redis/appendonlydir', 'path'],
  ['redis://host', 'server'],
  ['rediss://user:a/b@host:1/0', 'server'],
  ['unix:///tmp/redis.sock', 'server'],
  ['localhost:6379', 'server'],
  ['localhost:6379/3', 'server'],
  ['localhost', 'path'],
])('%s is a %s', (spec, kind) => {
  expect(inputKind(spec)).toBe(kind);
});

describe('no input', async () => {
  const file = await temporaryFolder();

  test('a file that is not there', async () => {
    const path = await file('missing.rdb');
    expect(await failureOf(() => openInput(path))).toMatchObject({ code: 'USAGE', place: { at: path } });
  });

  test.each([
    ['an empty file', '', 'RDB_TRUNCATED', 'the file is empty'],
    ['another file', 'hello', 'RDB_CORRUPT', 'neither an RDB nor an AOF'],
    ['NDJSON', '{"db":0}\n', 'RDB_UNSUPPORTED', 'NDJSON'],
    ['the beginning of a magic', 'RED', 'RDB_TRUNCATED', 'ends in the middle'],
    ['a magic of nothing', 'REDIS9999', 'RDB_CORRUPT', 'does not exist'],
  ])('%s', async (name, text, code, message) => {
    const path = await file(name, text);
    const input = await openInput(path);
    const error = await failureOf(() => input.snapshot(new Listener()));
    expect(error).toMatchObject({ code, place: { at: path }, message: expect.stringContaining(message) });
    await input.close();
  });

  test('a folder without a manifest', async () => {
    const path = await file('folder');
    await mkdir(path);
    expect(await failureOf(() => openInput(path))).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('no AOF manifest'),
    });
  });
});
