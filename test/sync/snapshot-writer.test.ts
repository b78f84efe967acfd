/* oxlint-disable vitest/no-conditional-expect -- a model checks itself, as far as the case at hand goes */
/** Every snapshot of the corpus on its way to targets of several ages: what arrives is taken apart again. */
import { describe, expect, test } from 'vitest';
import { Crc64 } from '../../src/bytes/crc64.js';
import type { ReplicantError } from '../../src/errors.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { decodeDumpPayload } from '../../src/rdb/dump-payload.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/rdb/limits.js';
import { decodeValue } from '../../src/rdb/value.js';
import { SnapshotWriter, type SnapshotWriterOptions } from '../../src/sync/snapshot-writer.js';
import { Tally } from '../../src/sync/tally.js';
import { keysTo } from '../../src/target/outlet.js';
import { Pipeline } from '../../src/target/pipeline.js';
import { filterOptions } from '../keyspace/support.js';
import { type CorpusEntry, corpusNames, readSnapshot, readSnapshotBytes } from '../support/rdb-corpus.js';
import { FEEDS } from '../support/rdb-feeds.js';
import { FakeTarget, text } from '../target/support.js';
import { serverNamed } from './support.js';

type Commands = readonly (readonly Uint8Array[])[];

interface Outcome {
  readonly commands: Commands;
  readonly tally: Tally;
  readonly writer: SnapshotWriter;
  readonly unsupported: readonly ReplicantError[];
}

interface Way {
  readonly server?: string;
  readonly feed?: (typeof FEEDS)[number];
  readonly limits?: Limits;
  readonly options?: Partial<SnapshotWriterOptions>;
  readonly nowMs?: number;
}

/** A moment before any deadline of the corpus. */
const LONG_AGO = 1_000_000;

function write(
  name: string,
  { server = 'redis 8.8.0', feed = FEEDS[0]!, limits = DEFAULT_LIMITS, options = {}, nowMs = LONG_AGO }: Way,
): Outcome {
  const target = new FakeTarget();
  const pipeline = new Pipeline(target, { onError: () => {}, onDrain: () => {} });
  const tally = new Tally();
  const unsupported: ReplicantError[] = [];
  const crc = new Crc64();
  const writer = new SnapshotWriter({
    ...{
      out: keysTo(pipeline),
      crc,
      tally,
      capabilities: serverNamed(server),
      targetHasKeys: false,
      clockOffsetMs: 0,
      targetDatabases: 16,
    },
    ...{ filter: createKeyFilter(filterOptions({})), dbMap: createDbMap(new Map()) },
    onUnsupported: (error) => unsupported.push(error),
    ...options,
  });
  const decoder = new RdbDecoder(writer, { limits, crc });
  const bytes = readSnapshotBytes(name);
  let taken = 0;
  let arrived = 0;
  for (const size of feed.pieces(bytes.length)) {
    arrived = Math.min(bytes.length, arrived + size);
    for (let before = -1; before !== taken;) {
      before = taken;
      const piece = bytes.slice(taken, arrived);
      writer.tick(nowMs);
      taken += decoder.feed(piece, 0, piece.length);
      writer.flush();
      piece.fill(0xdd);
      pipeline.flush();
      if (pipeline.blocked) target.settle(pipeline);
    }
  }
  decoder.finish();
  target.settle(pipeline);
  expect(writer.checksum?.state).not.toBe('mismatch');
  return { commands: target.commands, tally, writer, unsupported };
}

const identity = (db: number, key: Uint8Array): string => `${db} ${text(key)}`;

/** What each key was written with: one RESTORE or SET, or the commands that make it. */
function byKey(commands: Commands): Map<string, (readonly Uint8Array[])[]> {
  const keys = new Map<string, (readonly Uint8Array[])[]>();
  let db = 0;
  const add = (key: Uint8Array, args: readonly Uint8Array[]): void => {
    const id = identity(db, key);
    keys.set(id, [...(keys.get(id) ?? []), args]);
  };
  for (const args of commands) {
    const name = text(args[0]!);
    if (name === 'SELECT') db = Number(text(args[1]!));
    else if (name === 'MSET')
      for (let at = 1; at < args.length; at += 2)
        add(args[at]!, [Buffer.from('SET'), args[at]!, args[at + 1]!]);
    else if (name === 'XGROUP') add(args[2]!, args);
    else if (!['FUNCTION', 'SCRIPT'].includes(name)) add(args[1]!, args);
  }
  return keys;
}

function expectWhole(entry: CorpusEntry, args: readonly Uint8Array[]): void {
  if (text(args[0]!) === 'SET') {
    const value = decodeValue(entry.type, entry.dialect, entry.value, 0, entry.value.length);
    expect(value.kind === 'string' && text(value.bytes)).toBe(text(args[2]!));
    expect([entry.expiresAtMs, entry.idleSeconds, entry.lfuFrequency]).toEqual([-1, -1, -1]);
    return;
  }
  expect(text(args[0]!)).toBe('RESTORE');
  const payload = args[3]!;
  const at = payload[0] === entry.type ? 1 : 0;
  // Throws when the checksum is wrong. Type 22 of Valkey can't be told from Redis' by version 6.
  if (entry.type !== 22) expect(decodeDumpPayload(payload).type).toBe(entry.type);
  expect(text(payload.subarray(at, -10))).toBe(text(entry.value));
  expect(text(args[2]!)).toBe(entry.expiresAtMs < 0 ? '0' : String(entry.expiresAtMs));
}

function firstOf(commands: Commands, name: string): readonly Uint8Array[] | undefined {
  return commands.find((args) => text(args[0]!) === name);
}

/** What an element collection or a string is made of, when it came as commands. */
function contentOf(commands: Commands): string | undefined {
  const parts: string[] = [];
  for (const args of commands) {
    const name = text(args[0]!);
    if (/^(RPUSH|SADD|ZADD|HSET)$/.test(name))
      parts.push(...args.slice(2).map((arg) => JSON.stringify(text(arg))));
    else if (name === 'SETRANGE' && args !== firstOf(commands, 'SETRANGE')) parts.push(text(args[3]!));
    else if (name === 'SET') parts.push(text(args[2]!));
    else if (name === 'RESTORE' || name.startsWith('X')) return undefined;
  }
  return parts.join('');
}

/** A value may go whole by one feed and in pieces by another; when both are of a kind, they are the same. */
function expectSame({ expiresAtMs }: CorpusEntry, one: Commands, other: Commands): void {
  const [first, second] = [contentOf(one), contentOf(other)];
  if (first !== undefined && second !== undefined) expect(first).toBe(second);
  for (const commands of [one, other]) {
    const last = commands.at(-1)!;
    if (expiresAtMs >= 0 && text(last[0]!) !== 'RESTORE') {
      expect([text(last[0]!), text(last[2]!)]).toEqual(['PEXPIREAT', String(expiresAtMs)]);
    }
  }
}

describe.each(corpusNames())('%s', (name) => {
  const { entries } = readSnapshot(name);
  const { dialect } = entries[0]!;
  const newest = dialect === 'valkey' ? 'valkey 9.1.2' : 'redis 8.8.0';

  test.each(FEEDS.filter((_, index) => index !== 1))(
    'to one that takes it all: whole values ($name)',
    (feed) => {
      const { commands, tally, unsupported } = write(name, { server: newest, feed });
      const keys = byKey(commands);
      expect(keys.size).toBe(entries.length);
      for (const entry of entries) {
        const written = keys.get(identity(entry.db, entry.key))!;
        expect(written).toHaveLength(1);
        expectWhole(entry, written[0]!);
      }
      expect([tally.keys, tally.expiredKeys, unsupported.length]).toEqual([entries.length, 0, 0]);
    },
  );

  test('in pieces: the same content, whatever the feed', () => {
    const limits = { ...DEFAULT_LIMITS, inlineBytes: 100, inlineStreamBytes: 300 };
    const [all, ...pieces] = [FEEDS[0]!, ...FEEDS.slice(2)].map((feed) =>
      write(name, { server: newest, feed, limits }),
    );
    const whole = byKey(all!.commands);
    expect(whole.size).toBe(entries.length);
    for (const { commands, tally } of pieces) {
      const keys = byKey(commands);
      expect(keys.size).toBe(entries.length);
      for (const entry of entries) {
        const id = identity(entry.db, entry.key);
        expectSame(entry, keys.get(id)!, whole.get(id)!);
      }
      expect(tally.keys).toBe(entries.length);
    }
  });

  test.each(['redis 2.8.24', 'redis 4.0.14', 'redis 6.2.16', 'valkey 8.1.1'])(
    'to %s: every key, or a word why not',
    (server) => {
      const { commands, tally, unsupported } = write(name, { server });
      const capabilities = serverNamed(server);
      const keys = byKey(commands);
      for (const entry of entries) {
        const written = keys.get(identity(entry.db, entry.key));
        if (written === undefined) continue;
        const taken = capabilities.acceptsType(entry.type, entry.dialect);
        const { family } = capabilities.server;
        for (const args of written.filter((one) => text(one[0]!) === 'RESTORE')) {
          // As it is, or in a form that the target takes.
          expect(capabilities.acceptsType(args[3]![0]!, taken ? entry.dialect : family)).toBe(true);
          expect(args.map(text).includes('REPLACE')).toBe(capabilities.restoreReplace);
          expect(args.map(text).includes('ABSTTL')).toBe(
            capabilities.restoreAbsttl && entry.expiresAtMs >= 0,
          );
        }
      }
      const missing = entries.filter((entry) => !keys.has(identity(entry.db, entry.key)));
      expect(unsupported.length).toBeGreaterThanOrEqual(missing.length);
      expect(tally.keys + missing.length).toBe(entries.length);
    },
  );

  test('keys whose time is over are left out, and removed where they may stand', () => {
    const expired = entries.filter(({ expiresAtMs }) => expiresAtMs >= 0);
    const nowMs = Number.MAX_SAFE_INTEGER;
    const kept = write(name, { server: newest, nowMs });
    expect(kept.tally.expiredKeys).toBe(expired.length);
    expect(byKey(kept.commands).size).toBe(entries.length - expired.length);
    const removed = byKey(write(name, { server: newest, nowMs, options: { targetHasKeys: true } }).commands);
    for (const { db, key } of expired) {
      expect(removed.get(identity(db, key))!.map((args) => text(args[0]!))).toEqual(['UNLINK']);
    }
  });

  test('through a filter and a map', () => {
    const filter = createKeyFilter(filterOptions({ includeKeys: ['*a*'], excludeKinds: ['hash'] }));
    const { commands, tally } = write(name, {
      server: newest,
      options: { filter, dbMap: createDbMap(new Map([[0, 7]])) },
    });
    const kindOf = ({ type, dialect: its, value }: CorpusEntry) =>
      decodeValue(type, its, value, 0, value.length).kind;
    const wanted = entries.filter((entry) => text(entry.key).includes('a') && kindOf(entry) !== 'hash');
    const expected = wanted.map(({ db, key }) => identity(db === 0 ? 7 : db, key));
    expect([...byKey(commands).keys()].toSorted()).toEqual(expected.toSorted());
    expect([tally.keys, tally.filteredKeys]).toEqual([wanted.length, entries.length - wanted.length]);
  });
});

describe('a source that does not tell its clock', () => {
  test('is taken to stand where the snapshot says, from the first key on', () => {
    const name = corpusNames().find((one) => one.startsWith('redis-7.0'))!;
    const deadlines = new Set(readSnapshot(name).entries.map(({ expiresAtMs }) => expiresAtMs));
    const { commands } = write(name, { server: 'redis 4.0.14', options: { clockOffsetMs: undefined } });
    const relative = commands
      .filter((args) => text(args[0]!) === 'RESTORE')
      .map((args) => Number(text(args[2]!)));
    expect(relative.some((ttl) => ttl > 0)).toBe(true);
    expect(relative.filter((ttl) => ttl > 0 && deadlines.has(ttl))).toEqual([]);
  });
});
