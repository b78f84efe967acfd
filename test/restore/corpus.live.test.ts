/** Every snapshot of the corpus, loaded into its own version and into the newest of both families. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { compareServers, digest } from '../../scripts/lib/compare.mjs';
import { comparableEntry, comparableExpected } from '../support/rdb-expected.js';
import { corpusNames, type ExpectedLine, readExpected, type Text } from '../support/rdb-corpus.js';
import { BINARIES, binaryOf, Pool, Servers } from '../support/live.js';
import { readAll, restore } from './support.js';

const servers = new Servers();
const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/corpus/${name}.rdb`, import.meta.url));
const bytesOf = (text: Text): Buffer =>
  typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.base64, 'base64');

async function expectSame(url: string, expected: readonly ExpectedLine[], leftOut: number): Promise<void> {
  const held = await readAll(url);
  let missing = 0;
  for (const line of expected) {
    const found = held.get(`${line.db} ${bytesOf(line.key).toString('hex')}`);
    if (found === undefined) {
      missing++;
      continue;
    }
    const entry = {
      ...found,
      type: 0,
      dialect: 'redis',
      value: found.key,
      idleSeconds: -1,
      lfuFrequency: -1,
    } as const;
    expect(comparableEntry(entry, found.value, line)).toEqual(comparableExpected(line));
  }
  expect(missing).toBe(leftOut);
  expect(held.size).toBe(expected.length - missing);
}

describe.each(['redis-8.0', 'valkey-9.1'])('into %s', (series) => {
  const binary = binaryOf(series);
  const pool = new Pool(servers, binary);

  test.skipIf(binary === undefined).each(corpusNames())('%s', async (name) => {
    await pool.use(async (target) => {
      const { summary } = await restore(fileOf(name), target, { onError: 'skip' });
      // Vector sets are a module of Redis 8, and no one else has them.
      const expected = readExpected(name);
      const modules = series === 'redis-8.0' ? 0 : expected.filter(({ type }) => type === 'vectorset').length;
      expect(summary.skippedCount).toBe(modules);
      await expectSame(target.url, expected, modules);
    });
  });
});

describe('into the version it came from, which is then the same as one that loaded the file itself', () => {
  for (const name of corpusNames()) {
    const version = /^(\w+-[\d.]+)/u.exec(name)![1]!;
    // The newest Redis loads what all before it wrote.
    const binary = BINARIES.find(({ id }) => id === version) ?? binaryOf('redis-8.0');

    test.skipIf(binary === undefined)(`${name} into ${binary?.id}`, async () => {
      const loaded = await servers.start(binary!, { loadRdb: fileOf(name) });
      const target = await servers.start(binary!);
      await restore(fileOf(name), target);
      const [a, b] = [await servers.client(loaded), await servers.client(target)];
      const { differences } = await compareServers(a, b, { deep: true, ttlToleranceMs: 60 });
      expect(differences).toEqual([]);
      expect(await digest(b)).toBe(await digest(a));
      await Promise.all([loaded.stop(), target.stop()]);
    });
  }
});
