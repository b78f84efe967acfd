/** `replicant restore` as a command: usage, exit codes, summary. A real server only where one is there. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/program.js';
import { binaryOf, Servers } from '../support/live.js';
import { harness } from './harness.js';

const corpus = fileURLToPath(new URL('../../fixtures/corpus/redis-7.0.15.rdb', import.meta.url));
const noEngine = {
  startSync: () => {
    throw new Error('nothing is synced here');
  },
};

describe('wrong usage touches nothing', () => {
  test.each([
    [['restore'], 'there is no file'],
    [['restore', 'a.rdb'], 'there is no target'],
    [['restore', 'a.rdb', 'redis://h', '--format', 'xml'], '--format: expected one of'],
    [['restore', 'a.rdb', 'redis://h', '--to-time', 'noon'], '--to-time: expected a time'],
    [['restore', 'a.rdb', 'redis://h', '--truncated-tail', 'x'], '--truncated-tail: expected fail or keep'],
    [['restore', '/nowhere/a.rdb', 'redis://127.0.0.1:1'], 'there is no such file'],
  ])('%j', async (argv, message) => {
    const process = harness(noEngine);
    expect(await main(argv, process.deps)).toBe(2);
    expect(process.stderr).toContain(message);
    expect(process.stdout).toBe('');
    expect(process.listening()).toBe(0);
  });
});

const binary = binaryOf('redis-7.0');

describe.skipIf(binary === undefined)('with a server', () => {
  const servers = new Servers();

  test('loads, and tells so as JSON when asked', async () => {
    const target = await servers.start(binary!);
    const process = harness(noEngine);
    expect(await main(['restore', corpus, target.url, '--json'], process.deps)).toBe(0);
    const summary: unknown = JSON.parse(process.stdout);
    expect(summary).toMatchObject({ ok: true, format: 'rdb', source: corpus, skippedCount: 0 });
    expect(process.listening()).toBe(0);
    const again = harness(noEngine);
    expect(await main(['restore', corpus, target.url, '--json'], again.deps)).toBe(5);
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: false, error: { code: 'TARGET_NOT_EMPTY' } });
  });
});
