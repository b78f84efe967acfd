/** The columns of the memory report, and whose memory they are of. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/program.js';
import { formatExpiry } from '../../src/export/csv.js';
import { fakeEngine } from '../cli/fake-engine.js';
import { harness } from '../cli/harness.js';
import { MemoryTarget } from '../support/text-export.js';

const SNAPSHOT = fileURLToPath(new URL('../../fixtures/corpus/redis-8.0.6.rdb', import.meta.url));

async function rows(...options: string[]): Promise<string[][]> {
  const target = new MemoryTarget();
  const nothing = (): Promise<void> => Promise.resolve();
  const openStdout = () => ({
    target,
    label: 'stdout',
    folder: undefined,
    commit: nothing,
    discard: nothing,
  });
  const process = harness(fakeEngine());
  const argv = ['export', SNAPSHOT, '-f', 'csv', '--include-type', 'string', ...options];
  expect(await main(argv, { ...process.deps, openStdout })).toBe(0);
  const lines = target.bytes.toString().trimEnd().split('\n');
  // Keys with line breaks, commas and quotes are odd-input.test.ts's.
  return lines.map((line) => line.split(',')).filter(({ length }) => length === 8);
}

const sizes = async (...options: string[]): Promise<number[]> =>
  (await rows(...options)).slice(1).map((row) => Number(row[3]));

test('the columns are those of redis-rdb-tools', async () => {
  const [head, ...body] = await rows();
  expect(head!.join(',')).toBe(
    'database,type,key,size_in_bytes,encoding,num_elements,len_largest_element,expiry',
  );
  expect(body.length).toBeGreaterThan(10);
  expect(new Set(body.map(([, type, , , encoding]) => `${type} ${encoding}`))).toEqual(
    new Set(['string string']),
  );
});

test('sizes are those of the server, the allocator and the account that are named', async () => {
  const plain = await sizes();
  expect(await sizes('--allocator', 'system', '--server', 'redis-8.0', '--sizes', 'allocated')).toEqual(
    plain,
  );
  // Too small a file to tell by.
  expect(await sizes('--allocator', 'found')).toEqual(plain);
  const others = [
    await sizes('--allocator', 'bundled'),
    await sizes('--server', 'valkey-9.1'),
    await sizes('--sizes', 'memory-usage'),
  ];
  for (const other of others) expect(other).not.toEqual(plain);
  expect(new Set(others.map((other) => other.join())).size).toBe(3);
});

test('an option for csv alone is refused elsewhere', async () => {
  const process = harness(fakeEngine());
  expect(await main(['export', SNAPSHOT, '-f', 'keys', '--allocator', 'system'], process.deps)).toBe(2);
  expect(process.stderr).toContain('--allocator means nothing to -f keys');
});

test('a deadline is written as Python writes it', () => {
  expect([0, 1, 1_768_378_810_236].map(formatExpiry)).toEqual([
    '1970-01-01T00:00:00',
    '1970-01-01T00:00:00.001000',
    '2026-01-14T08:20:10.236000',
  ]);
  expect(formatExpiry(9e15)).toBe('9000000000000000');
});
