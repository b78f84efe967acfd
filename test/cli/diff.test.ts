import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/program.js';
import { encodeRdb } from '../../src/rdb/encode/encode-rdb.js';
import { NEWEST, Servers } from '../support/live.js';
import { ascii } from '../support/rdb-hex.js';
import { fakeEngine } from './fake-engine.js';
import { harness, type Harness } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'replicant-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/corpus/${name}.rdb`, import.meta.url));
const SNAPSHOT = file('redis-8.0.6');

function write(name: string, texts: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  const keys = Object.entries(texts).map(([key, text]) => ({
    key: ascii(key),
    value: { kind: 'string', bytes: ascii(text) } as const,
  }));
  writeFileSync(path, encodeRdb(keys));
  return path;
}

async function run(...argv: string[]): Promise<{ code: number; process: Harness }> {
  const process = harness(fakeEngine());
  const code = await main(['diff', ...argv], process.deps);
  return { code, process };
}

describe('diff', () => {
  const before = write('a.rdb', { 'user:1': 'x', 'user:2': 'x', gone: 'x' });
  const after = write('b.rdb', { 'user:1': 'y', 'user:2': 'x', 'user:3': 'x' });

  test('says what differs, and exits 3', async () => {
    const { code, process } = await run(before, after);
    expect([code, process.stderr]).toEqual([3, '']);
    const lines = process.stdout.split('\n');
    expect(lines[2]).toBe('1 added, 1 removed, 1 changed, 1 the same (1 values)');
    for (const shown of [
      /^\+ string .* user:3$/u,
      /^- string +\d+ B .*gone$/u,
      /^~ string .* value .*user:1$/u,
    ])
      expect(lines.filter((line) => shown.test(line))).toHaveLength(1);
  });

  test('fits into 80 columns', async () => {
    const same = await run(SNAPSHOT, SNAPSHOT);
    expect([same.code, same.process.stderr]).toEqual([0, '']);
    expect(same.process.stdout).toContain('no difference in 140 keys');
    const other = await run(file('redis-7.2.6'), file('valkey-9.1.2'));
    expect(other.code).toBe(3);
    expect(other.process.stdout).toMatch(/^\+ hash +[\d.]+ kB/mu);
    expect(other.process.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('--json, lists shortened by --limit', async () => {
    const { code, process } = await run(file('redis-7.2.6'), SNAPSHOT, '--json', '--limit', '2');
    expect(code).toBe(3);
    const report: { added: unknown[]; counts: { added: number; removed: number } } = JSON.parse(
      process.stdout,
    );
    expect(report).toMatchObject({ format: 'replicant-diff', equal: false, limit: 2 });
    expect(report.added).toHaveLength(2);
    expect(report.counts.added - report.counts.removed).toBe(6);
  });

  test('a damaged file is exit 6', async () => {
    const broken = join(folder, 'half.rdb');
    writeFileSync(broken, readFileSync(SNAPSHOT).subarray(0, 50_000));
    const { code, process } = await run(SNAPSHOT, broken);
    expect(code).toBe(6);
    expect(process.stderr).toContain('half.rdb');
  });

  test('the same is 0, whatever stored it', async () => {
    const { code, process } = await run(SNAPSHOT, SNAPSHOT, '--consumer-times', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(process.stdout)).toMatchObject({ equal: true, counts: { same: 140 } });
  });

  test('sizes as of another server', async () => {
    const bytes = async (...options: string[]): Promise<unknown> => {
      const { process } = await run(before, after, '--json', ...options);
      return (JSON.parse(process.stdout) as { before: { bytes: number } }).before.bytes;
    };
    const sizes = [
      await bytes(),
      await bytes('--server', 'valkey-9.1'),
      await bytes('--sizes', 'memory-usage'),
    ];
    expect(new Set(sizes).size).toBe(3);
    expect(await bytes('--allocator', 'found')).toBe(sizes[0]);
  });

  test.each([
    [['a.rdb'], 'two snapshots are needed'],
    [['a.rdb', 'b.rdb', '--limit', 'all'], '--limit: expected a number'],
    [['-', '-'], 'stdin can be only one of the two'],
    [['redis://a/1', 'redis://b/2'], 'one address names database 1, the other 2'],
    [['redis://a/1', 'b.rdb', '--include-db', '0'], 'the source names database 1, but --include-db another'],
    [['a.rdb', 'b.rdb', '--allocator', 'jemalloc'], 'expected one of system, bundled, system-5.3.1, found'],
  ])('%j is refused', async (argv, message) => {
    const { code, process } = await run(...argv);
    expect([code, process.stdout]).toEqual([2, '']);
    expect(process.stderr).toContain(message);
  });
});

const servers = new Servers();

test.skipIf(NEWEST === undefined)('a running server on either side', async () => {
  const server = await servers.start(NEWEST!);
  const client = await servers.client(server);
  await client.pipeline([
    ['SET', 'text', 'hello'],
    ['HSET', 'hash', 'field', 'value'],
    ['SELECT', 2],
    ['SET', 'elsewhere', 'x'],
    ['SAVE'],
  ]);
  const saved = join(server.dir, 'dump.rdb');
  expect((await run(saved, server.url)).code).toBe(0);
  expect((await run(server.url, server.url)).code).toBe(0);
  await client.pipeline([
    ['SELECT', 0],
    ['DEL', 'text'],
    ['SET', 'new', 'x'],
    ['SELECT', 2],
    ['SET', 'elsewhere', 'y'],
  ]);
  const { code, process } = await run(saved, `${server.url}/0`, '--json');
  expect(code).toBe(3);
  expect(JSON.parse(process.stdout)).toMatchObject({
    counts: { added: 1, removed: 1, changed: 0, same: 1 },
    added: [{ key: 'new' }],
    removed: [{ key: 'text' }],
  });
  const { process: other } = await run(server.url, saved, '--json');
  expect(JSON.parse(other.stdout)).toMatchObject({
    added: [{ key: 'text' }],
    removed: [{ key: 'new' }],
    changed: [{ db: 2, key: 'elsewhere', what: ['value'] }],
  });
});

test('a server that is not there is exit code 4', async () => {
  const { code, process } = await run(SNAPSHOT, 'redis://127.0.0.1:1');
  expect(code).toBe(4);
  expect(process.stderr).toContain('127.0.0.1:1');
});
