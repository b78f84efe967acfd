/**
 * `sync --dry-run` on real servers: it says what the sync then does, and until that nothing has changed anywhere.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { main } from '../../../src/cli/program.js';
import type { DryRunReport } from '../../../src/sync/dry-run-report.js';
import { harness } from '../../cli/harness.js';
import { runProgram } from '../../support/live-program.js';
import { handMadeRdb } from '../../support/scripted-primary-rdb.js';
import { fullResync, startScriptedPrimary } from '../../support/scripted-primary.js';
import {
  binaryOf,
  keysOf,
  NEWEST,
  NO_FILTER,
  Servers,
  startRun,
  temporaryDirectory,
} from '../../support/live.js';

const SEED = 20_261_120;
const noEngine = {
  startSync: () => {
    throw new Error('a dry run is no sync');
  },
};

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly report: DryRunReport;
}

async function dryRun(source: string, target: string, ...args: readonly string[]): Promise<Outcome> {
  const process = harness(noEngine);
  const stateDir = join(temporaryDirectory(), 'state');
  const argv = ['sync', source, target, '--dry-run', '--json', '--state-dir', stateDir, ...args];
  const code = await main(argv, process.deps);
  expect(process.listening()).toBe(0);
  expect(existsSync(stateDir)).toBe(false);
  const { stdout, stderr } = process;
  return { code, stdout, stderr, report: JSON.parse(stdout) as DryRunReport };
}

/** Everything by which a write would show: the data, the count of changes, functions, the stream to replicas. */
async function traces(client: Client): Promise<unknown> {
  const info: string = await client.text('INFO');
  const lines = info
    .split(/\r?\n/u)
    .filter((line) => /^(db\d+:keys|rdb_changes_since_last_save|expired_keys|evicted_keys)/u.test(line))
    .map((line) => line.replace(/,avg_ttl=\d+/u, ''));
  return [
    lines,
    await client.text('DEBUG', 'DIGEST'),
    await client.call('FUNCTION', 'LIST').catch(() => null),
  ];
}

/** Everything a server can hold, but for what runs out while the test looks at it. */
async function fillLasting(client: Client): Promise<void> {
  expect(await fillEverything(client, { seed: SEED })).toMatchObject({ errors: [] });
  for (const db of [0, 1, 3, 9]) {
    await client.call('SELECT', db);
    await client.call('DEL', 'ttl:seconds', 'ttl:soon', 'ttl:zset', 'hash:ttl:packed', 'hash:ttl:hashtable');
  }
  await client.call('SELECT', 0);
}

interface Pair {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly from: Client;
  readonly to: Client;
}

async function startPair(servers: Servers, source: string, target: string): Promise<Pair> {
  const [one, other] = await Promise.all([
    servers.start(binaryOf(source)!, {
      args: { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': 0 },
    }),
    servers.start(binaryOf(target)!),
  ]);
  const [from, to] = await Promise.all([servers.client(one), servers.client(other)]);
  return { source: one, target: other, from, to };
}

/** Keys per database of the target, ours left out. */
async function sizes(client: Client, dbs: readonly number[]): Promise<number[]> {
  const found: number[] = [];
  for (const db of dbs) {
    await client.call('SELECT', db);
    found.push((await keysOf(client)).length);
  }
  await client.call('SELECT', 0);
  return found;
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);

const PAIRS = [
  ['redis-7.0', 'redis-6.0', ['function']],
  ['valkey-9.1', 'valkey-8.0', ['hash']],
] as const;

describe.each(PAIRS)('%s to %s', (sourceSeries, targetSeries, leftOut) => {
  const missing = binaryOf(sourceSeries) === undefined || binaryOf(targetSeries) === undefined;
  const servers = new Servers();

  test.skipIf(missing)('says what the sync then does, and changes nothing', { timeout: 60_000 }, async () => {
    const { source, target, from, to } = await startPair(servers, sourceSeries, targetSeries);
    await fillLasting(from);
    const before = [await traces(from), await traces(to)];

    const refused = await dryRun(source.url, target.url);
    expect(refused.code).toBe(6);
    expect(refused.report.refusals).toMatchObject([{ code: 'RDB_UNSUPPORTED', exitCode: 6 }]);
    expect(refused.stderr).toContain('--on-unsupported report');

    const { code, report, stderr } = await dryRun(source.url, target.url, '--on-unsupported', 'report');
    expect([await traces(from), await traces(to)]).toEqual(before);
    expect(code).toBe(3);
    expect(report).toMatchObject({ ok: false, exitCode: 3, refusals: [], start: { how: 'full' } });
    expect(report.leftOut.map(({ type }) => type)).toEqual(leftOut);
    expect(stderr).not.toContain('"level":"error"');

    const run = startRun(source, target, { until: 'caught-up', onUnsupported: 'report' });
    const { totals } = await run.end();
    expect(totals.keys).toBe(report.totals.keys);
    expect(totals.skipped).toBe(sum(report.leftOut, (one) => one.count));
    const dbs = report.databases.map(({ targetDb }) => targetDb);
    expect(await sizes(to, dbs)).toEqual(report.databases.map(({ keys }) => keys));
  });

  test.skipIf(missing)('with filters and maps', { timeout: 60_000 }, async () => {
    const { source, target, from, to } = await startPair(servers, sourceSeries, targetSeries);
    await fillLasting(from);
    await from.pipeline([
      ['SET', 'old:1', 'a'],
      ['SET', 'new:1', 'b'],
      ['SET', 'old:2', 'c'],
    ]);
    const before = [await traces(from), await traces(to)];
    const { code, report, stdout } = await dryRun(
      ...[source.url, target.url, '--on-unsupported', 'report', '--exclude-db', '9', '--map-db', '3=1'],
      ...['--exclude-type', 'hash', '--map-prefix', 'old:=new:', '--exclude-command', 'SET'],
    );
    expect([await traces(from), await traces(to)]).toEqual(before);
    expect(code).toBe(report.functions.carried ? 0 : 3);
    expect(report.totals.filtered).toBeGreaterThan(0);
    expect(report.totals.renamed).toBe(2);
    expect(report.keys.filter(({ type, db }) => type === 'hash' || db === 9)).toEqual([]);
    expect(report.databases.find(({ db }) => db === 3)).toMatchObject({ targetDb: 1 });
    expect(report.commands.filtered[0]).toMatchObject({ name: 'SET' });
    expect(report.notes.join('\n')).toContain('overwrite each other');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);

    const run = startRun(source, target, {
      ...{ until: 'caught-up', onUnsupported: 'report', dbMap: new Map([[3, 1]]) },
      keyMap: [{ from: Buffer.from('old:'), to: Buffer.from('new:') }],
      filter: { ...NO_FILTER, excludeDbs: [9], excludeKinds: ['hash'] },
    });
    expect((await run.end()).totals.keys).toBe(report.totals.keys);
    // What the sync has written is what the dry run counted, but for what overwrote something.
    const dbs = [...new Set(report.databases.map(({ targetDb }) => targetDb))];
    expect(sum(await sizes(to, dbs), (keys) => keys)).toBe(report.totals.keys - report.totals.collisions);
    expect(report.totals.collisions).toBeGreaterThan(0);
  });
});

describe('a target that holds keys, or a checkpoint', () => {
  const series = 'valkey-9.1';
  const servers = new Servers();

  test.skipIf(binaryOf(series) === undefined)(
    'each policy, told and not done',
    { timeout: 60_000 },
    async () => {
      const { source, target, from, to } = await startPair(servers, series, series);
      await from.pipeline([
        ['SET', 'both', '1'],
        ['HSET', 'h', 'f', 'v'],
        ['HPEXPIRE', 'h', 3_600_000, 'FIELDS', 1, 'f'],
      ]);
      await to.pipeline([
        ['SET', 'both', '0'],
        ['SET', 'stranger', '0'],
        ['SET', 'stranger:2', '0'],
        ['FUNCTION', 'LOAD', '#!lua name=own\nredis.register_function("f", function() return 1 end)'],
      ]);
      const before = [await traces(from), await traces(to)];
      const ask = (policy: string): Promise<Outcome> =>
        dryRun(source.url, target.url, '--name', 'job', '--target-not-empty', policy);
      expect(await ask('fail')).toMatchObject({
        code: 5,
        report: { ok: false, refusals: [{ code: 'TARGET_NOT_EMPTY' }], totals: { keys: 2 } },
      });
      expect(await ask('merge')).toMatchObject({
        code: 0,
        report: { ok: true, start: { removedBefore: 0, removedAfter: null } },
      });
      expect(await ask('flush')).toMatchObject({
        code: 0,
        report: { start: { removedBefore: 3, removedAfter: null } },
      });
      expect(await ask('mirror')).toMatchObject({
        code: 0,
        report: { start: { removedBefore: 0, removedAfter: 2 } },
      });
      expect([await traces(from), await traces(to)]).toEqual(before);

      const stateDir = temporaryDirectory();
      const run = startRun(source, target, {
        name: 'job',
        until: 'caught-up',
        targetNotEmpty: 'mirror',
        stateDir,
      });
      await run.end();
      const after = [await traces(from), await traces(to)];
      expect((await ask('fail')).report).toMatchObject({
        ...{ ok: true, exitCode: 0 },
        start: { how: 'resume', removedAfter: null },
      });
      await from.call('DEBUG', 'CHANGE-REPL-ID');
      expect((await ask('fail')).report).toMatchObject({ ok: true, start: { how: 'full', removedAfter: 0 } });
      expect([await traces(from), await traces(to)]).toEqual(after);
    },
  );

  test.skipIf(binaryOf(series) === undefined)('a target in import mode is left alone, too', async () => {
    const { source, target, from, to } = await startPair(servers, series, series);
    await from.call('SET', 'k', 'v');
    await to.call('CONFIG', 'SET', 'import-mode', 'yes');
    const before = await traces(to);
    expect(await dryRun(source.url, target.url)).toMatchObject({ code: 0, report: { totals: { keys: 1 } } });
    expect(await traces(to)).toEqual(before);
  });
});

describe('values of a module that the target lacks', () => {
  const servers = new Servers();
  const known = binaryOf('redis-8.0') !== undefined && binaryOf('valkey-8.0') !== undefined;

  test.skipIf(!known)('known by the type: left out', { timeout: 60_000 }, async () => {
    const { source, target, from, to } = await startPair(servers, 'redis-8.0', 'valkey-8.0');
    await from.pipeline([
      ['VADD', 'v:1', 'VALUES', 2, 1, 0, 'a'],
      ['VADD', 'v:2', 'VALUES', 2, 0, 1, 'b'],
      ['SET', 'k', 'v'],
    ]);
    const before = [await traces(from), await traces(to)];
    expect(await dryRun(source.url, target.url)).toMatchObject({
      code: 3,
      report: {
        ...{ modules: [{ type: 'vectorset', keys: 2, accepted: false }], refusals: [] },
        leftOut: [{ what: 'key', type: 'vectorset', count: 2, inPart: false }],
        totals: { keys: 1, leftOut: 2 },
      },
    });
    expect((await dryRun(source.url, target.url, '--on-unsupported', 'fail')).code).toBe(6);
    const filtering = await dryRun(source.url, target.url, '--exclude-type', 'module');
    expect(filtering).toMatchObject({ code: 0, report: { modules: [], totals: { keys: 1, filtered: 2 } } });
    expect([await traces(from), await traces(to)]).toEqual(before);
    const { totals } = await startRun(source, target, { until: 'caught-up' }).end();
    expect(totals).toMatchObject({ keys: 1, skipped: 2 });
  });

  test.skipIf(NEWEST === undefined)('found out by showing it one', async () => {
    const target = await servers.start(NEWEST!);
    const to = await servers.client(target);
    // Of the module type `AAAAAAAAA`: an integer, then the end.
    const value = Buffer.from([7, 1, 0x6d, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5, 0]);
    const rdb = handMadeRdb({ databases: { 0: { k: 'v' } }, extra: value });
    const primary = await startScriptedPrimary({ links: [(link) => fullResync(link, rdb)] });
    const before = await traces(to);
    const modules = [{ type: 'AAAAAAAAA', keys: 1, accepted: false }];
    const leftOut = [{ type: 'AAAAAAAAA', count: 1, inPart: false, examples: [{ db: 0, key: '"m"' }] }];
    expect(await dryRun(primary.url, target.url)).toMatchObject({
      code: 3,
      report: {
        ...{ modules, leftOut, refusals: [], totals: { keys: 1, leftOut: 1 } },
        databases: [{ db: 0, keys: 1 }],
      },
    });
    expect((await dryRun(primary.url, target.url, '--on-unsupported', 'fail')).code).toBe(6);
    expect(await traces(to)).toEqual(before);
    const run = startRun(primary, target);
    await run.event('full-sync-done');
    expect((await run.stop()).totals).toMatchObject({ keys: 1, skipped: 1 });
    await primary.close();
  });
});

describe('the program', () => {
  const binary = binaryOf('redis-8.0') ?? binaryOf('valkey-9.1');
  const servers = new Servers();

  test.skipIf(binary === undefined)(
    'prints a text that fits, and makes no file',
    { timeout: 60_000 },
    async () => {
      const [source, target] = await Promise.all([servers.start(binary!), servers.start(binary!)]);
      const from = await servers.client(source);
      expect(await fillEverything(from, { seed: SEED })).toMatchObject({ errors: [] });
      const process = harness(noEngine);
      const code = await main(['sync', source.url, target.url, '--dry-run'], process.deps);
      expect(code).toBe(0);
      const lines = process.stdout.split('\n');
      for (const title of ['Where it would start', 'Keys, and how they would go', 'Databases', 'Estimates'])
        expect(lines).toContain(title);
      expect(lines.filter((line) => line.length > 80 && !line.includes('time     '))).toEqual([]);
      expect(lines.at(-2)).toMatch(/^Everything would go: \d+ keys\.$/u);

      const cwd = temporaryDirectory();
      const ran = await runProgram(source.url, target.url, { args: ['--dry-run'], cwd }).exited;
      expect(ran).toMatchObject({ code: 0, summary: { format: 'replicant-dry-run', ok: true } });
      expect(readdirSync(cwd)).toEqual([]);
    },
  );

  test('a target that is not there', async () => {
    const process = harness(noEngine);
    const argv = ['sync', 'redis://127.0.0.1:1', 'redis://127.0.0.1:2', '--dry-run', '--json'];
    expect(await main(argv, process.deps)).toBe(4);
    expect(JSON.parse(process.stdout)).toMatchObject({ ok: false, error: { code: 'SOURCE_UNREACHABLE' } });
  });
});
