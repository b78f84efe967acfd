/**
 * Every snapshot of the corpus, converted for every server that can be run here: the server's own checker
 * finds nothing wrong, the server loads the file, and it answers for each key what the server that wrote the
 * snapshot answered, as far as it has the means to.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ServerBinary, startServer } from '../../scripts/servers.mjs';
import type { RdbExportSummary } from '../../src/export/rdb-report.js';
import { parseServerName } from '../../src/rdb/server-support.js';
import { encodeRdb } from '../../src/rdb/encode/encode-rdb.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/rdb/limits.js';
import { BINARIES, isAtLeast, waitFor } from '../support/live.js';
import { NO_FILTER } from '../support/no-filter.js';
import { askServer, heldBy, keyBytes } from '../support/rdb-ask.js';
import { corpusNames, readExpected } from '../support/rdb-corpus.js';
import { corpusFile, exportRdb, temporaryFolder } from '../support/rdb-export.js';
import { ascii } from '../support/rdb-hex.js';
import { expectSame } from '../support/same.js';

const path = temporaryFolder();
const SNAPSHOTS = corpusNames().filter((name) => !/-(lru|plain)$/.test(name));

// oxlint-disable-next-line vitest/expect-expect -- a visible skip where there are no servers
test.skipIf(BINARIES.length > 0)('servers to load the files', () => {});

/** Small enough for most values to be converted piece by piece. */
const IN_PIECES: Limits = { ...DEFAULT_LIMITS, inlineBytes: 64, inlineStreamBytes: 256 };

const CASES = SNAPSHOTS.flatMap((name, at) => [
  { name, how: 'whole values', limits: DEFAULT_LIMITS, compress: at % 2 === 0 },
  { name, how: 'values in pieces', limits: IN_PIECES, compress: at % 2 === 1 },
]);

describe.each(BINARIES)('$id loads', (binary) => {
  test.each(CASES)('$name, $how', async ({ name, how, limits, compress }) => {
    const file = path(`${name}-${binary.id}-${how}.rdb`);
    const server = parseServerName(binary.id);
    const noVectors = binary.id === 'redis-8.0.2';
    const summary = await exportRdb([corpusFile(name)], file, {
      ...{ server, compress, limits },
      // It refuses those that its own later releases write.
      filter: noVectors ? { ...NO_FILTER, excludeKinds: ['module'] } : NO_FILTER,
    });
    expect(checkedBy(binary, file)).toMatch(/RDB looks OK/);
    const running = await startServer(binary, { loadRdb: file });
    try {
      const client = await running.client();
      const lost = droppedKeys(summary);
      let keys = 0;
      for (const line of readExpected(name)) {
        /* oxlint-disable no-await-in-loop -- one connection */
        await client.call('SELECT', line.db);
        const here: number = await client.call('EXISTS', keyBytes(line.key));
        const dropped =
          line.type === 'vectorset' && (noVectors || lost.has(`${line.db} ${line.key as string}`));
        expect([line.key, here]).toEqual([line.key, dropped ? 0 : 1]);
        keys += here;
        if (here === 1) expectSame(await askServer(client, line, binary), heldBy(line, binary));
        /* oxlint-enable no-await-in-loop */
      }
      expect(summary.keys).toBe(keys);
      expect(await databaseSize(client)).toBe(keys);
      await client.close();
    } finally {
      await running.stop();
    }
  });
});

const FIELD_TTL = BINARIES.filter((binary) => isAtLeast(binary, binary.family === 'redis' ? '7.4' : '9.0'));

describe.each(FIELD_TTL)('$id expires fields', (binary) => {
  test.each([
    { how: 'whole', limits: DEFAULT_LIMITS },
    { how: 'in pieces', limits: IN_PIECES },
  ])('of a hash that came $how from the other family', async ({ how, limits }) => {
    const [from, file] = [path(`ttl-source-${binary.id}-${how}.rdb`), path(`ttl-${binary.id}-${how}.rdb`)];
    const soon = Date.now() + 2500;
    const fields = Array.from({ length: 60 }, (_, at) => ({
      ...{ field: ascii(`f${at}`), value: ascii('v'), expiresAtMs: [-1, soon, soon + 1_000_000][at % 3]! },
    }));
    const source = parseServerName(binary.family === 'redis' ? 'valkey-9.1' : 'redis-7.4');
    writeFileSync(
      from,
      encodeRdb([{ key: ascii('h'), value: { kind: 'hash', fields } }], { server: source }),
    );
    await exportRdb([from], file, { server: parseServerName(binary.id), limits });
    const running = await startServer(binary, { loadRdb: file });
    try {
      const client = await running.client();
      await waitFor('the fields to go', async () => (await client.call('HLEN', 'h')) === 40);
      expect(Date.now()).toBeGreaterThanOrEqual(soon);
      expect(await client.call('HMGET', 'h', 'f0', 'f1', 'f2')).toEqual([
        Buffer.from('v'),
        null,
        Buffer.from('v'),
      ]);
      const times: number[] = await client.call('HPEXPIRETIME', 'h', 'FIELDS', 3, 'f0', 'f1', 'f2');
      expect(times).toEqual([-1, -2, soon + 1_000_000]);
      await client.close();
    } finally {
      await running.stop();
    }
  });
});

/** What the server's own checker says; where there is none, what it would. */
function checkedBy({ checkRdbCommand }: ServerBinary, file: string): string {
  if (checkRdbCommand === undefined) return 'RDB looks OK';
  const [tool, ...args] = checkRdbCommand;
  return execFileSync(tool!, [...args, file], { encoding: 'utf8' });
}

function droppedKeys({ losses, dropped }: RdbExportSummary): Set<string> {
  const lost = losses.filter(({ what }) => what === 'dropped');
  expect(lost.length).toBe(dropped);
  return new Set(lost.map(({ db, key }) => `${db} ${key!.slice(1, -1)}`));
}

async function databaseSize(client: { text(...args: readonly string[]): Promise<string> }): Promise<number> {
  const info = await client.text('INFO', 'keyspace');
  return [...info.matchAll(/keys=(\d+)/g)].reduce((sum, [, keys]) => sum + Number(keys), 0);
}
