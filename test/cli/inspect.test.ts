import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/program.js';
import { fakeEngine } from './fake-engine.js';
import { harness, type Harness } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'replicant-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/corpus/${name}.rdb`, import.meta.url));
const SNAPSHOT = file('redis-8.0.6');

async function run(...argv: string[]): Promise<{ code: number; process: Harness }> {
  const process = harness(fakeEngine());
  const code = await main(argv, process.deps);
  return { code, process };
}

describe('inspect', () => {
  test('prints a report that fits into 80 columns, and nothing else', async () => {
    for (const name of ['redis-8.0.6', 'valkey-9.1.2-lru', 'redis-7.0.15-lfu', 'redis-2.6.17']) {
      const { code, process } = await run('inspect', file(name));
      expect([code, process.stderr]).toEqual([0, '']);
      // Of a path only the file can be known to fit.
      const lines = process.stdout.split('\n').slice(1);
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      for (const title of [
        'Types',
        'Encodings',
        'Databases',
        'Biggest keys by bytes',
        'Time to live',
        'Cluster slots',
      ]) {
        expect(lines).toContain(title);
      }
      expect(process.stdout).toMatch(/ keys, [\d.]+% with a TTL; [\d.]+ kB in memory/u);
    }
  });

  test('--json is the report as one line', async () => {
    const { code, process } = await run('inspect', SNAPSHOT, '--json', '--top', '3');
    expect(code).toBe(0);
    expect(process.stdout.indexOf('\n')).toBe(process.stdout.length - 1);
    const report: unknown = JSON.parse(process.stdout);
    expect(report).toMatchObject({ format: 'replicant-inspect', version: 1, totals: { keys: 140 } });
    expect(report).toHaveProperty('biggest.byBytes.length', 3);
  });

  test('--html writes the page beside it', async () => {
    const page = join(folder, 'report.html');
    const { code } = await run('inspect', SNAPSHOT, '--html', page, '--quiet');
    expect(code).toBe(0);
    expect(readFileSync(page, 'utf8')).toMatch(
      /^<!doctype html>[\s\S]+redis-8\.0\.6\.rdb[\s\S]+<\/html>\s*$/u,
    );
    const { code: refused, process } = await run(
      'inspect',
      SNAPSHOT,
      '--html',
      join(folder, 'none', 'report.html'),
    );
    expect([refused, process.stdout]).toEqual([2, '']);
  });

  test('a compressed file, filters, sampling, another server', async () => {
    const packed = join(folder, 'dump.rdb.gz');
    writeFileSync(packed, gzipSync(readFileSync(SNAPSHOT)));
    const options = [
      '--include-type',
      'string',
      '--sample',
      '1/2',
      '--server',
      'valkey-9.1',
      '--separator',
      '/',
    ];
    const { code, process } = await run('inspect', packed, '--json', ...options);
    expect(code).toBe(0);
    expect(JSON.parse(process.stdout)).toMatchObject({
      model: { server: 'valkey 9.1', chosenBy: 'option' },
      sampling: { every: 2 },
      types: [{ type: 'string' }],
      prefixes: { separatorChosenBy: 'option' },
      filters: ['--include-type string'],
    });
  });

  test.each([
    [['inspect'], 'there is no source'],
    [['inspect', SNAPSHOT, '--sample', '5'], "--sample: expected 1/N, such as 1/100, got '5'"],
    [['inspect', SNAPSHOT, '--top', '-1'], '--top: expected a number'],
    [['inspect', SNAPSHOT, '--server', 'mysql-8'], '--server: expected a server such as redis-7.2'],
    [['inspect', SNAPSHOT, '--allocator', 'tcmalloc'], '--allocator: expected one of'],
  ])('%j is wrong usage', async (argv, message) => {
    const { code, process } = await run(...argv);
    expect([code, process.stdout]).toEqual([2, '']);
    expect(process.stderr).toContain(message);
  });

  test('a damaged file is exit 6 with its place, or what is left of it and exit 3', async () => {
    const broken = join(folder, 'broken.rdb');
    writeFileSync(broken, readFileSync(SNAPSHOT).subarray(0, 60_000));
    const { code, process } = await run('inspect', broken, '--json');
    expect(code).toBe(6);
    expect(process.stderr).toMatch(/broken\.rdb.*byte offset \d+/u);
    expect(JSON.parse(process.stdout)).toMatchObject({ ok: false, error: { exitCode: 6 } });
    const salvaged = await run('inspect', broken, '--json', '--on-error', 'skip');
    expect(salvaged.code).toBe(3);
    const report: { totals: { keys: number }; notes: string[] } = JSON.parse(salvaged.process.stdout);
    expect(report.totals.keys).toBeGreaterThan(10);
    expect(report.notes.join('\n')).toContain('offset');
  });

  test('a file that is not there is exit 2', async () => {
    const { code, process } = await run('inspect', join(folder, 'nothing.rdb'));
    expect([code, process.stdout]).toEqual([2, '']);
    expect(process.stderr).toContain('nothing.rdb');
  });
});
