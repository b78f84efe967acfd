import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { encodeRdb, RdbDecoder, readKeys, readRdb, type RdbKey } from '../../src/index.js';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

const FILE = fileURLToPath(new URL('../../fixtures/corpus/redis-7.2.6.rdb', import.meta.url));

async function collect(source: string): Promise<RdbKey[]> {
  const keys: RdbKey[] = [];
  for await (const key of readKeys(source)) keys.push(key);
  return keys;
}

test('every key comes with its value, and what is written of them reads the same', async () => {
  const keys = await collect(FILE);
  expect(keys.length).toBeGreaterThan(100);
  expect(new Set(keys.map(({ value }) => value.kind)).size).toBe(6);
  const dir = mkdtempSync(join(tmpdir(), 'replicant-read-'));
  try {
    const copy = join(dir, 'copy.rdb');
    writeFileSync(copy, encodeRdb(keys, { server: { family: 'redis', version: [7, 2, 0] } }));
    expect(await collect(copy)).toEqual(keys);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('whoever stops early stops the reading', async () => {
  let count = 0;
  for await (const { key } of readKeys(FILE)) {
    expect(key.length).toBeGreaterThanOrEqual(0);
    if (++count === 5) break;
  }
  expect(count).toBe(5);
});

test('a file that is none is named', async () => {
  await expect(collect(fileURLToPath(import.meta.url))).rejects.toMatchObject({ name: 'ReplicantError' });
});

test('the decoder itself is there', () => {
  expect(typeof RdbDecoder).toBe('function');
  expect(typeof readRdb).toBe('function');
});
