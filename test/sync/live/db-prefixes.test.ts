/**
 * A source with several databases into a target's database 0, the keys of each under a prefix of their own: into a
 * server and into a cluster, under the whole workload, with what moves keys from database to database.
 */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { AnyClient, Difference } from '../../../scripts/lib/compare.mjs';
import { quoteBytes } from '../../../scripts/lib/preview.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { parseEndpoint } from '../../../src/net/parse-endpoint.js';
import { SYNC_DEFAULTS } from '../../../src/sync/defaults.js';
import { startJob } from '../../../src/sync/start-job.js';
import { clusterDifferences, Clusters, CounterWriter } from '../../support/cluster.js';
import {
  FAITHFUL,
  NEWEST,
  type Run,
  Servers,
  startRun,
  temporaryDirectory,
  waitFor,
} from '../../support/live.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const SLOW = { timeout: 120_000 };
const DBS = [0, 1, 3, 9];
const FLUSHED = 7;
const MOVED = [1, 3, 7, 9].map((db) => [db, 0] as const);
const LOAD = { writers: 2, ...FAITHFUL, dbs: DBS, flushDb: FLUSHED, blocking: false, ratePerSecond: 2000 };
const COMMANDS = 8000;

/** Without a prefix for database 0; and with one, so that there is room for others. */
const PREFIXES: Readonly<Record<'some' | 'all', ReadonlyMap<number, string>>> = {
  some: new Map([1, 3, 7, 9].map((db) => [db, `db${db}:`])),
  all: new Map([0, 1, 3, 7, 9].map((db) => [db, `{db}${db}:`])),
};

type Prefixes = (typeof PREFIXES)['some'];

function optionsOf(prefixes: Prefixes): {
  dbMap: ReadonlyMap<number, number>;
  dbPrefixes: ReadonlyMap<number, Uint8Array>;
} {
  const dbPrefixes = new Map([...prefixes].map(([db, prefix]) => [db, Buffer.from(prefix)]));
  return { dbMap: new Map(MOVED), dbPrefixes };
}

const nameIn =
  (prefixes: Prefixes) =>
  (db: number, key: Buffer): { db: number; key: Buffer } => ({
    db: 0,
    key: Buffer.concat([Buffer.from(prefixes.get(db) ?? ''), key]),
  });

/** Commands about databases that the workload has not; each with its own keys. */
async function acrossDatabases(from: Client): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await from.pipeline([
      ['SELECT', 1],
      ['SET', `m:${round}`, 'moved'],
      ['RPUSH', `l:${round}`, 'a', 'b'],
      ['PEXPIRE', `l:${round}`, 1_000_000],
      ['MOVE', `m:${round}`, 3],
      ['MOVE', `l:${round}`, 0],
      ['SADD', `s:${round}`, '1', '2'],
      ['COPY', `s:${round}`, `s:${round}`, 'DB', 9],
      ['COPY', `s:${round}`, `t:${round}`, 'DB', 0, 'REPLACE'],
      ['SELECT', FLUSHED],
      ['MSET', 'x', round, 'y', round],
      ...(round % 7 === 0 ? [['FLUSHDB']] : []),
      ['MULTI'],
      ['SET', 'in', 'transaction'],
      ['SELECT', 3],
      ['INCR', 'counted'],
      ['MOVE', `m:${round}`, 1],
      ['EXEC'],
      ['SELECT', 0],
    ]);
  }
}

describe.skipIf(NEWEST === undefined)(`a prefix for each database, seed ${SEED}`, () => {
  const servers = new Servers();
  const clusters = new Clusters();
  // SWAPDB can't be carried over so, and the workload has it.
  const startSource = async (): Promise<[RunningServer, Client]> => {
    const server = await servers.start(NEWEST!, { args: { 'rename-command': 'SWAPDB ""' } });
    return [server, await servers.client(server)];
  };
  const startTarget = async (kind: 'server' | 'cluster'): Promise<[string, AnyClient]> => {
    if (kind === 'cluster') {
      const cluster = await clusters.start(NEWEST!);
      return [cluster.url, await cluster.client()];
    }
    const server = await servers.start(NEWEST!, { args: { databases: 1 } });
    return [server.url, await servers.client(server)];
  };

  async function underLoad(run: Run, source: RunningServer, from: Client): Promise<void> {
    const writers = await runWriters(source, { ...LOAD, seed: SEED });
    await acrossDatabases(from);
    await run.until('enough was written', () => writers.commandsSoFar() > COMMANDS);
    expect((await writers.stop()).failure).toBeUndefined();
    await acrossDatabases(from);
    await run.caughtUpWith(from);
  }

  describe.each(['server', 'cluster'] as const)('into a %s', (kind) => {
    const targetIsCluster = kind === 'cluster';

    test.each(['some', 'all'] as const)('with prefixes for %s databases', SLOW, async (which) => {
      const [[source, from], [target, to]] = await Promise.all([startSource(), startTarget(kind)]);
      const prefixes = PREFIXES[which];
      await fillEverything(from, { seed: SEED });
      const run = startRun(source, target, {
        ...optionsOf(prefixes),
        ...{ targetIsCluster, stateDir: temporaryDirectory() },
      });
      await run.event('caught-up');
      await underLoad(run, source, from);
      const equality = { mapKey: nameIn(prefixes), functions: false };
      expect(await clusterDifferences(from, to, equality)).toEqual([]);
      expect(await to.text('EXISTS', `${prefixes.get(9)}s:3`)).toBe(1);
      await from.pipeline([['SELECT', 3], ['FLUSHDB'], ['SELECT', 0]]);
      await run.caughtUpWith(from);
      expect(await clusterDifferences(from, to, equality)).toEqual([]);
      expect(await to.text('EXISTS', `${prefixes.get(3)}counted`)).toBe(0);
      await from.call('FLUSHALL');
      await from.pipeline([
        ['SELECT', 9],
        ['SET', 'last', '1'],
        ['SELECT', 0],
      ]);
      await run.caughtUpWith(from);
      expect(await clusterDifferences(from, to, equality)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, skipped: [] });
    });

    test('what others have there stays', SLOW, async () => {
      const [[source, from], [target, to]] = await Promise.all([startSource(), startTarget(kind)]);
      const prefixes = PREFIXES.all;
      const foreign = ['str:1', 'db1:str:1', '{db}2:str:1', '{db}', 'x'];
      const standing = async (): Promise<unknown[]> => await to.pipeline(foreign.map((key) => ['GET', key]));
      for (const key of foreign) await to.call('SET', key, `foreign ${key}`);
      await to.call('SET', '{db}3:stale', '1');
      await fillEverything(from, { seed: SEED });
      const run = startRun(source, target, {
        ...optionsOf(prefixes),
        ...{ targetIsCluster, targetNotEmpty: 'mirror', stateDir: temporaryDirectory() },
      });
      await run.event('caught-up');
      expect(await to.text('EXISTS', '{db}3:stale')).toBe(0);
      await underLoad(run, source, from);
      await to.call('SET', '{db}9:stale', '1');
      await from.pipeline([
        ['DEBUG', 'CHANGE-REPL-ID'],
        ['CLIENT', 'KILL', 'TYPE', 'replica'],
      ]);
      await run.event('full-sync-done', 2);
      await run.until('caught up', () => run.handle.status().caughtUp);
      await run.caughtUpWith(from);
      const theirs = new Set(foreign.map((key) => quoteBytes(Buffer.from(key))));
      const equality = { mapKey: nameIn(prefixes), functions: false };
      const excused = ({ what, key }: Difference): boolean => what === 'extra' && theirs.has(String(key));
      expect(await clusterDifferences(from, to, { ...equality, excused })).toEqual([]);
      await from.pipeline([['SELECT', 1], ['FLUSHDB'], ['SELECT', 0]]);
      await from.call('FLUSHALL');
      await acrossDatabases(from);
      await run.caughtUpWith(from);
      const values = (await standing()).map(String);
      expect(values).toEqual(foreign.map((key) => `foreign ${key}`));
      for (const key of foreign) await to.call('DEL', key);
      expect(await clusterDifferences(from, to, equality)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 2, skipped: [] });
    });
  });

  test('a cluster under a prefix, whose slots move: what others have beside it stays', SLOW, async () => {
    const [cluster, server] = await Promise.all([clusters.start(NEWEST!), servers.start(NEWEST!)]);
    const [from, to] = await Promise.all([cluster.client(), servers.client(server)]);
    const counter = new CounterWriter(from, { keys: 200, ratePerSecond: 1000 });
    await to.call('SET', 'counted:1:text', 'foreign');
    await from.pipeline(Array.from({ length: 3000 }, (_, at) => ['SET', `k:${at}`, at]));
    const handle = startJob({
      ...{ ...SYNC_DEFAULTS, name: 'cluster-under-a-prefix', targetNotEmpty: 'mirror' },
      ...{ source: parseEndpoint(cluster.url, 'source'), target: parseEndpoint(server.url, 'target') },
      ...{ stateDir: temporaryDirectory(), dbPrefixes: new Map([[0, Buffer.from('c:')]]) },
      cluster: { readFrom: 'primary', parallelSnapshots: 3 },
    });
    await waitFor('caught up', () => handle.status().caughtUp, 60_000);
    const moving = Array.from({ length: 100 }, (_, slot) => slot);
    await cluster.moveSlots(moving, 0, 1);
    expect((await counter.stop()).refused).toBe(0);
    await from.call('SET', 'last', '1');
    const mapKey = nameIn(new Map([[0, 'c:']]));
    const excused = ({ what, key }: Difference): boolean => what === 'extra' && key === '"counted:1:text"';
    const found = await waitFor('equality', async () => {
      const differing = await clusterDifferences(from, to, { mapKey, functions: false, excused });
      return differing.length === 0 && differing;
    });
    expect(found).toEqual([]);
    expect(await to.text('GET', 'counted:1:text')).toBe('foreign');
    handle.stop();
    expect(await handle.done).toMatchObject({ ok: true });
  });

  test('what may collide is told before; what has no place, too, with the way out', SLOW, async () => {
    const [[source, from], [target, to]] = await Promise.all([startSource(), startTarget('server')]);
    for (const db of [0, 1, 3])
      await from.pipeline([
        ['SELECT', db],
        ['SET', 'k', db],
        ['SELECT', 0],
      ]);
    const failure = await startRun(source, target).failure();
    expect(failure.message).toMatch(
      /one database only.*--map-db 1=0:db1: --map-db 3=0:db3: .*--exclude-db 1/u,
    );
    expect(await to.text('DBSIZE')).toBe(0);
    const dbMap = new Map([1, 3].map((db) => [db, 0]));
    const dbPrefixes = new Map([
      [1, Buffer.from('a:')],
      [3, Buffer.from('a:b:')],
    ]);
    const run = startRun(source, target, { dbMap, dbPrefixes, until: 'caught-up' });
    expect(await run.end()).toMatchObject({ ok: true });
    expect(run.log).toMatch(/databases 0 and 1 of the source both go to db 0, .*"a:…"/u);
    expect(run.log).toMatch(/databases 0 and 1 and 3 of the source both go to db 0, .*"a:b:…"/u);
    expect(
      await to
        .pipeline([
          ['GET', 'k'],
          ['GET', 'a:k'],
          ['GET', 'a:b:k'],
        ])
        .then(String),
    ).toBe('0,1,3');
  });
});
