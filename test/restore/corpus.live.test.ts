/**
 * Every snapshot of the corpus, loaded into every server of the version matrix: afterwards it holds what the server
 * that wrote the snapshot answered, as far as it can. And into its own version, compared with a server that loaded
 * the file itself.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { compareServers, digest } from '../../scripts/lib/compare.mjs';
import { parseServerName, type ServerIdentity } from '../../src/rdb/server-support.js';
import { type Capabilities, capabilitiesOf } from '../../src/target/capabilities.js';
import { comparableEntry, comparableExpected } from '../support/rdb-expected.js';
import { corpusNames, type ExpectedLine, readExpected, type Text } from '../support/rdb-corpus.js';
import { BINARIES, binaryOf, Pool, Servers } from '../support/live.js';
import { SERIES } from '../support/matrix.js';
import { rulesOf } from '../support/matrix-rules.js';
import { readAll, restore } from './support.js';

const servers = new Servers();
const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/corpus/${name}.rdb`, import.meta.url));
const bytesOf = (text: Text): Buffer =>
  typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.base64, 'base64');
/** `redis-7.0.15` of `redis-7.0.15-lfu`. */
const serverOf = (name: string): string => /^(\w+-[\d.]+)/u.exec(name)![1]!;

/** What of it the target can hold; undefined: nothing. */
function holdable(line: ExpectedLine, can: Capabilities): ExpectedLine | undefined {
  switch (line.type) {
    case 'vectorset':
      return can.has('VADD') ? line : undefined;
    case 'hash': {
      const { fieldExpiresAt, ...rest } = line;
      return can.fieldTtl || fieldExpiresAt === undefined ? line : rest;
    }
    case 'stream': {
      if (can.xsetidFull) return line;
      const { entriesAdded: _, maxDeletedId: __, ...rest } = line as typeof line & { maxDeletedId?: string };
      return { ...rest, groups: line.groups.map(({ entriesRead: ___, ...group }) => group) };
    }
    default:
      return line;
  }
}

async function expectSame(url: string, expected: readonly ExpectedLine[]): Promise<void> {
  const held = await readAll(url);
  for (const line of expected) {
    const found = held.get(`${line.db} ${bytesOf(line.key).toString('hex')}`);
    expect(found?.key).toEqual(new Uint8Array(bytesOf(line.key)));
    const entry = { ...found!, ...NO_HINTS, value: found!.key };
    expect(comparableEntry(entry, found!.value, line)).toEqual(comparableExpected(line));
  }
  expect(held.size).toBe(expected.length);
}

const NO_HINTS = { type: 0, dialect: 'redis', idleSeconds: -1, lfuFrequency: -1 } as const;

/** Is it one of the things that a rule of the matrix says can't be the same? */
function isExplained(why: string, source: ServerIdentity, target: ServerIdentity): boolean {
  return rulesOf(source, target).some(({ reports }) => reports?.test(why));
}

describe.each(SERIES)('into %s', (series) => {
  const binary = binaryOf(series);
  const pool = new Pool(servers, binary);

  test.skipIf(binary === undefined).each(corpusNames())('%s', async (name) => {
    await pool.use(async (target) => {
      const [from, to] = [parseServerName(serverOf(name)), parseServerName(binary!.id)];
      const { summary } = await restore(fileOf(name), target, { onError: 'skip' });
      expect(summary.skipped.filter(({ why }) => !isExplained(why, from, to))).toEqual([]);
      const told = readExpected(name);
      const expected = told.flatMap((line) => holdable(line, capabilitiesOf(to)) ?? []);
      const cut = told.filter((line) => line.type !== 'stream' && !expected.includes(line));
      expect(summary.skippedCount).toBeGreaterThanOrEqual(cut.length);
      await expectSame(target.url, expected);
    });
  });
});

describe('into the version it came from, which is then the same as one that loaded the file itself', () => {
  for (const name of corpusNames()) {
    const version = serverOf(name);
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
