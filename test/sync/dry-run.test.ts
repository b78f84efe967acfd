/** The parts of a dry run: it counts what the writer of a sync does, and judges commands and starting points. */
import { describe, expect, test } from 'vitest';
import { Crc64 } from '../../src/bytes/crc64.js';
import type { SurveyedCheckpoint } from '../../src/checkpoint/survey.js';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { createKeyMap, parsePrefixRule } from '../../src/keyspace/key-map.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import type { RdbHandler } from '../../src/rdb/handler.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/rdb/limits.js';
import { judgeCommands, readCalls } from '../../src/sync/dry-run-commands.js';
import { NamesSet, type RehearsalOptions, SnapshotRehearsal } from '../../src/sync/dry-run-snapshot.js';
import { planShards, planStart, type StartFacts } from '../../src/sync/dry-run-start.js';
import { canContinue } from '../../src/sync/server-info.js';
import { readBacklog } from '../../src/sync/server-info.js';
import type { Findings } from '../../src/sync/examination.js';
import { SnapshotWriter } from '../../src/sync/snapshot-writer.js';
import { Tally } from '../../src/sync/tally.js';
import { keysTo } from '../../src/target/outlet.js';
import { Pipeline } from '../../src/target/pipeline.js';
import { checkpoint, owner } from '../checkpoint/support.js';
import { filterOptions } from '../keyspace/support.js';
import { corpusNames, readSnapshot, readSnapshotBytes } from '../support/rdb-corpus.js';
import { FEEDS } from '../support/rdb-feeds.js';
import { FakeTarget } from '../target/support.js';
import { serverNamed } from './support.js';

function findings(target: string, source = 'valkey 9.1.2'): Findings {
  return {
    ...{
      capabilities: serverNamed(target),
      sourceIdentity: serverNamed(source).server,
      table: BUILTIN_COMMANDS,
    },
    ...{ clockOffsetMs: 0, targetClockOffsetMs: 0, relativeTtls: false, scripts: true, known: false },
    ...{ sourceDatabases: 16, targetDatabases: 16, sourceKeys: 0, targetKeys: 0, targetHasKeys: false },
    cluster: false,
  };
}

/** A moment before any deadline of the corpus. */
const LONG_AGO = 1_000_000;
const SMALL: Limits = { ...DEFAULT_LIMITS, inlineBytes: 100, inlineStreamBytes: 100 };

function feedInto(
  name: string,
  handler: RdbHandler,
  crc: Crc64,
  around: { before: () => void; after: () => void },
  { feed = FEEDS[0]!, limits = DEFAULT_LIMITS }: { feed?: (typeof FEEDS)[number]; limits?: Limits },
): void {
  const decoder = new RdbDecoder(handler, { limits, crc });
  const bytes = readSnapshotBytes(name);
  let taken = 0;
  let arrived = 0;
  for (const size of feed.pieces(bytes.length)) {
    arrived = Math.min(bytes.length, arrived + size);
    for (let before = -1; before !== taken;) {
      before = taken;
      const piece = bytes.slice(taken, arrived);
      around.before();
      taken += decoder.feed(piece, 0, piece.length);
      around.after();
      piece.fill(0xdd);
    }
  }
  decoder.finish();
}

interface Way {
  readonly feed?: (typeof FEEDS)[number];
  readonly limits?: Limits;
  readonly options?: Partial<RehearsalOptions>;
}

function rehearse(name: string, target: string, way: Way = {}): SnapshotRehearsal {
  const crc = new Crc64();
  const rehearsal = new SnapshotRehearsal({
    ...{ findings: findings(target), filter: createKeyFilter(filterOptions({})), crc },
    ...{ dbMap: createDbMap(new Map()), keyMap: undefined, hold: undefined, present: undefined },
    ...way.options,
  });
  const around = { before: () => rehearsal.beforeBatch(LONG_AGO), after: () => rehearsal.afterBatch() };
  feedInto(name, rehearsal, crc, around, way);
  return rehearsal;
}

/** What a sync would send. */
function send(name: string, server: string, way: Way): { bytes: number; commands: number; tally: Tally } {
  const target = new FakeTarget();
  let bytes = 0;
  const output = {
    write: (piece: Uint8Array, written: () => void): void => {
      bytes += piece.length;
      target.write(piece, written);
    },
  };
  const pipeline = new Pipeline(output, { onError: () => {}, onDrain: () => {} });
  const [crc, tally] = [new Crc64(), new Tally()];
  const { capabilities } = findings(server);
  const writer = new SnapshotWriter({
    ...{ out: keysTo(pipeline), crc, tally, capabilities, targetHasKeys: false, clockOffsetMs: 0 },
    ...{ targetDatabases: 16, filter: createKeyFilter(filterOptions({})), dbMap: createDbMap(new Map()) },
    onUnsupported: () => {},
    ...way.options,
    present: undefined,
  });
  const after = (): void => {
    writer.flush();
    pipeline.flush();
    if (pipeline.blocked) target.settle(pipeline);
  };
  feedInto(name, writer, crc, { before: () => writer.tick(LONG_AGO), after }, way);
  target.settle(pipeline);
  return { bytes, commands: pipeline.commands, tally };
}

const TARGETS = ['redis 6.0.16', 'redis 8.8.0', 'valkey 8.0.1', 'valkey 9.1.2'];

describe.each(TARGETS)('the snapshot, to %s', (target) => {
  test.each(corpusNames())('%s: as many keys, commands and bytes as a sync sends', (name) => {
    for (const way of [{}, { limits: SMALL }, { limits: SMALL, feed: FEEDS[3]! }]) {
      const rehearsal = rehearse(name, target, way);
      const sent = send(name, target, way);
      expect(rehearsal.output).toMatchObject({ bytes: sent.bytes, commands: sent.commands });
      expect(rehearsal.tally).toEqual(sent.tally);
    }
  });

  test.each(corpusNames())('%s: every key is counted once, in one way', (name) => {
    const rehearsal = rehearse(name, target);
    const { keys, leftOut } = rehearsal.totals();
    const rows = rehearsal.keys();
    const { entries } = readSnapshot(name);
    expect(keys + leftOut + rehearsal.tally.emptyKeys).toBe(entries.length);
    for (const row of rows) {
      expect(row.asIs + row.batched + row.converted + row.asCommands + row.leftOut).toBe(row.keys);
    }
    expect(rows.reduce((sum, row) => sum + row.keys, 0)).toBe(keys + leftOut);
    expect(rehearsal.databases().reduce((sum, db) => sum + db.keys, 0)).toBe(keys);
    const whole = rehearsal.leftOut().filter((one) => one.what === 'key' && !one.inPart);
    expect(whole.reduce((sum, one) => sum + one.count, 0)).toBe(leftOut);
  });

  test('the sizes do not depend on the pieces it came in', () => {
    for (const name of corpusNames()) {
      const rows = rehearse(name, target).keys();
      const pieces = rehearse(name, target, { limits: SMALL, feed: FEEDS[3]! }).keys();
      const sizes = (all: typeof rows): unknown =>
        all.map(({ db, type, encoding, keys, bytes, memoryBytes }) => [
          ...[db, type, encoding, keys, bytes, memoryBytes],
        ]);
      expect(sizes(pieces)).toEqual(sizes(rows));
    }
  });
});

test('filters, other databases, other names, and names that meet', () => {
  const present = new NamesSet(new Uint8Array(8));
  const rehearsal = rehearse('redis-7.0.15', 'redis 8.8.0', {
    options: {
      filter: createKeyFilter(filterOptions({ excludeKinds: ['hash'] })),
      dbMap: createDbMap(new Map([[1, 0]])),
      keyMap: createKeyMap([parsePrefixRule('=p:')]),
      present,
    },
  });
  const { entries } = readSnapshot('redis-7.0.15');
  const { keys, filtered, renamed } = rehearsal.totals();
  expect(filtered).toBeGreaterThan(0);
  expect(keys + filtered).toBe(entries.length);
  expect(renamed).toBe(keys);
  expect(rehearsal.totals().collisions).toBe(keys - present.size);
  expect(rehearsal.keys().some(({ type }) => type === 'hash')).toBe(false);
  for (const { db, targetDb } of rehearsal.databases()) expect(targetDb).toBe(db === 1 ? 0 : db);
});

test('keys past their time go when deadlines are held, and only then', () => {
  const late = (hold: RehearsalOptions['hold']): SnapshotRehearsal => {
    const crc = new Crc64();
    const rehearsal = new SnapshotRehearsal({
      ...{ findings: findings('redis 7.0.15'), filter: createKeyFilter(filterOptions({})), crc, hold },
      ...{ dbMap: createDbMap(new Map()), keyMap: undefined, present: undefined },
    });
    const before = (): void => rehearsal.beforeBatch(Number.MAX_SAFE_INTEGER);
    feedInto('redis-7.0.15', rehearsal, crc, { before, after: () => rehearsal.afterBatch() }, {});
    return rehearsal;
  };
  const timed = readSnapshot('redis-7.0.15').entries.filter(({ expiresAtMs }) => expiresAtMs >= 0).length;
  const [held, plain] = [late({ holdBeforeMs: Infinity }).totals(), late(undefined).totals()];
  expect(timed).toBeGreaterThan(0);
  expect(held).toMatchObject({ expired: timed, expiredCarried: true, withTtl: timed });
  expect(plain).toMatchObject({ expired: timed, expiredCarried: false, withTtl: 0, keys: held.keys - timed });
});

describe('commands', () => {
  const stats = [
    '# Commandstats',
    'cmdstat_hpexpire:calls=3,usec=1',
    'cmdstat_xgroup|create:calls=2,usec=1',
    'cmdstat_xgroup|destroy:calls=5,usec=1',
    'cmdstat_get:calls=9,usec=1',
    'cmdstat_set:calls=4,usec=1',
    '',
  ].join('\r\n');
  const none = createKeyFilter(filterOptions({}));

  test('calls are added up over subcommands', () => {
    expect([...readCalls(stats)]).toEqual([
      ['HPEXPIRE', 3],
      ['XGROUP', 7],
      ['GET', 9],
      ['SET', 4],
    ]);
  });

  test('what an older target makes of them, those that are called first', () => {
    const { changed, filtered } = judgeCommands(findings('valkey 8.0.1'), none, readCalls(stats));
    const of = (name: string): unknown => changed.find((one) => one.name === name);
    expect(filtered).toEqual([]);
    expect(changed.slice(0, 2).map(({ name, calls }) => [name, calls])).toEqual([
      ['SET', 4],
      ['HPEXPIRE', 3],
    ]);
    const why = "the target can't hold TTLs of hash fields";
    expect(of('HPEXPIRE')).toMatchObject({ becomes: 'left out', why });
    expect(of('HSETEX')).toMatchObject({ calls: 0, becomes: 'in part', why });
    expect(of('HPERSIST')).toMatchObject({ becomes: 'no effect', why: null });
    expect(of('HGETDEL')).toMatchObject({ becomes: 'other form', why: null });
  });

  test('a twin takes them all as they are', () => {
    expect(judgeCommands(findings('redis 7.0.15', 'redis 7.0.15'), none, undefined).changed).toEqual([]);
  });

  test('nothing is said that the source cannot send', () => {
    const { changed } = judgeCommands(findings('redis 6.0.16', 'redis 7.0.15'), none, undefined);
    const names = changed.map(({ name }) => name);
    expect(names).not.toContain('FCALL');
    expect(names).not.toContain('HPEXPIRE');
    expect(changed.find(({ name }) => name === 'XADD')).toMatchObject({ calls: null, becomes: 'other form' });
    expect(changed.find(({ name }) => name === 'FUNCTION')).toMatchObject({ becomes: 'left out' });
  });

  test('filtered are those that could come', () => {
    const filter = createKeyFilter(filterOptions({ includeCommands: ['SET'] }));
    const { filtered } = judgeCommands(findings('valkey 9.1.2'), filter, readCalls(stats));
    expect(filtered).toEqual([
      { name: 'XGROUP', calls: 7 },
      { name: 'HPEXPIRE', calls: 3 },
    ]);
  });
});

describe('where it would start', () => {
  const replid = 'a'.repeat(40);
  const former = 'b'.repeat(40);
  const backlog = { replid, formerReplid: former, formerEnd: 150, first: 101, bytes: 100 };

  test.each([
    [replid, 99, false],
    [replid, 100, true],
    [replid, 200, true],
    [replid, 201, false],
    [former, 149, true],
    [former, 150, false],
    ['c'.repeat(40), 150, false],
  ])('%s:%i is %s', (id, offset, can) => {
    expect(canContinue(backlog, { replid: id, offset })).toBe(can);
  });

  test('INFO says it, or does not', () => {
    const text = [
      `master_replid:${replid}`,
      `master_replid2:${former}`,
      ...['second_repl_offset:150', 'repl_backlog_active:1'],
      ...['repl_backlog_first_byte_offset:101', 'repl_backlog_histlen:100'],
    ].join('\r\n');
    expect(readBacklog(text)).toEqual(backlog);
    const none = readBacklog(text.replace('active:1', 'active:0'))!;
    expect(canContinue(none, { replid, offset: 150 })).toBe(false);
    expect(readBacklog('role:master')).toBeUndefined();
  });

  const found = (
    changes: Partial<NonNullable<SurveyedCheckpoint['checkpoint']>>,
    more: Partial<Pick<SurveyedCheckpoint, 'ownerState' | 'idleSeconds'>> = {},
  ): SurveyedCheckpoint => ({
    ...{ job: 'job', ownerState: 'none', idleSeconds: undefined, ...more },
    checkpoint: checkpoint({ replid, offset: 150, owner: undefined, ...changes }),
  });
  const plan = (
    facts: Partial<StartFacts>,
    sync: Partial<StartFacts['sync']> = {},
  ): ReturnType<typeof planStart> =>
    planStart({
      ...{ found: undefined, targetKeys: 0, spooled: false, backlog },
      ...facts,
      sync: {
        ...{ targetNotEmpty: 'fail', resumeFrom: undefined, onError: 'stop', takeoverAfterMs: 30_000 },
        ...{ stateDir: 'dir', ...sync },
      },
    });

  test.each([
    ['an empty target', plan({}), 'full', 'the target is empty'],
    ['keys', plan({ targetKeys: 2 }), 'full', 'not at all'],
    ['keys to merge with', plan({ targetKeys: 2 }, { targetNotEmpty: 'merge' }), 'full', 'among the 2 keys'],
    ['keys to flush', plan({ targetKeys: 2 }, { targetNotEmpty: 'flush' }), 'full', 'by deleting the 2 keys'],
    ['keys to mirror', plan({ targetKeys: 2 }, { targetNotEmpty: 'mirror' }), 'full', 'go afterwards'],
    ['a checkpoint', plan({ found: found({}) }), 'resume', `at ${replid}:150`],
    ['an old one', plan({ found: found({ offset: 1 }) }), 'full', 'can no longer go on'],
    ['an old one and a spool', plan({ found: found({ offset: 1 }), spooled: true }), 'open', 'if dir has'],
    ['a source that is silent', plan({ found: found({}), backlog: undefined }), 'open', 'if the source can'],
    ['half a copy', plan({ found: found({ state: 'loading', loaded: 7 }) }), 'full', 'anew'],
    [
      'half a copy and a spool',
      plan({ found: found({ state: 'loading', loaded: 7 }), spooled: true }),
      'open',
      'behind byte 7',
    ],
    ['a place given', plan({}, { resumeFrom: { replid, offset: 160, db: 0 } }), 'resume', ':160'],
  ] as const)('%s', (_, start, how, text) => {
    expect(start).toMatchObject({ how, refusal: undefined });
    expect(start.text).toContain(text);
  });

  test('shards: each goes on by itself, and one that is held is enough to end it', () => {
    const sync = {
      ...{ targetNotEmpty: 'fail', resumeFrom: undefined, onError: 'stop' },
      takeoverAfterMs: 30_000,
    };
    const facts = {
      ...{ targetKeys: 0, spooled: false, backlog: undefined },
      sync: { ...sync, stateDir: undefined } as StartFacts['sync'],
    };
    expect(planShards(facts, [])).toMatchObject({ how: 'full', refusal: undefined });
    expect(planShards(facts, [found({}), found({})])).toMatchObject({ how: 'open', refusal: undefined });
    const alive = found({ owner: owner('b') }, { ownerState: 'alive', idleSeconds: 3 });
    expect(planShards(facts, [found({}), alive]).refusal).toMatchObject({ code: 'TARGET_HELD' });
  });

  test('a job that is held, and one that was ended by a refusal', () => {
    const alive = found({ owner: owner('b') }, { ownerState: 'alive', idleSeconds: 3 });
    expect(plan({ found: alive }).refusal).toMatchObject({ code: 'TARGET_HELD', exitCode: 5 });
    expect(plan({ found: alive }, { takeoverAfterMs: 2000 }).refusal).toBeUndefined();
    expect(plan({ found: found({ owner: owner('b') }, { ownerState: 'gone' }) }).refusal).toBeUndefined();
    const refused = found({ refused: { command: 'SET', offset: 7, error: 'ERR no' } });
    expect(plan({ found: refused }).refusal).toMatchObject({ code: 'TARGET_REFUSED' });
    expect(plan({ found: refused }, { onError: 'skip' }).refusal).toBeUndefined();
  });
});
