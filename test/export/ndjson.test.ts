/** The lossless form of every snapshot of the corpus, against what the server that wrote it answered. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import {
  corpusNames,
  type ExpectedLine,
  readExpected,
  readSnapshot,
  readSnapshotBytes,
  type Text,
} from '../support/rdb-corpus.js';
import { FEEDS } from '../support/rdb-feeds.js';
import { exportText, parseLines } from '../support/text-export.js';

interface Line {
  readonly db: number;
  readonly key: Text;
  readonly type: string;
  readonly encoding: string;
  readonly expiresAt?: number;
  readonly idleSeconds?: number;
  readonly lfuFrequency?: number;
  readonly value: unknown;
  readonly fieldExpiresAt?: readonly (readonly [Text, number])[];
  readonly serializedBytes: number;
}

interface StreamValue {
  readonly entries: readonly unknown[];
  readonly lastId: string;
  readonly maxDeletedId: string;
  readonly entriesAdded: number;
  readonly groups: readonly {
    readonly name: Text;
    readonly lastId: string;
    readonly entriesRead: number | null;
    readonly consumers: readonly {
      readonly name: Text;
      readonly seenTime: number;
      readonly activeTime: number;
    }[];
    readonly pending: readonly {
      readonly id: string;
      readonly consumer: Text;
      readonly deliveryCount: number;
    }[];
  }[];
}

const identity = ({ db, key }: { readonly db: number; readonly key: Text }): string =>
  JSON.stringify([db, key]);
const sorted = (list: unknown): unknown =>
  (list as readonly unknown[]).map((item) => JSON.stringify(item)).toSorted();

/** `inf` and the two ways of printing 17 digits; the sign of zero, which Redis ≥ 7.2 prints. */
function score(text: string): number {
  return (text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text)) + 0;
}

function comparable(line: ExpectedLine): unknown {
  switch (line.type) {
    case 'zset':
      return line.value.map(([member, text]) => [member, score(text)]);
    case 'set':
      return sorted(line.value);
    case 'hash':
      return { value: sorted(line.value), fieldExpiresAt: sorted(line.fieldExpiresAt ?? []) };
    case 'stream':
      return {
        ...{ value: line.value, lastId: line.lastId },
        ...('entriesAdded' in line ? { entriesAdded: line.entriesAdded } : {}),
        groups: line.groups,
      };
    default:
      return line.value;
  }
}

function ours(line: Line, expected: ExpectedLine): unknown {
  switch (expected.type) {
    case 'zset':
      return (line.value as readonly [Text, string][]).map(([member, text]) => [member, score(text)]);
    case 'set':
      return sorted(line.value);
    case 'hash':
      return { value: sorted(line.value), fieldExpiresAt: sorted(line.fieldExpiresAt ?? []) };
    case 'stream':
      return streamAnswer(line.value as StreamValue, expected);
    case 'vectorset':
      return null;
    default:
      return line.value;
  }
}

function streamAnswer(value: StreamValue, expected: Extract<ExpectedLine, { type: 'stream' }>): unknown {
  return {
    ...{ value: value.entries, lastId: value.lastId },
    ...('entriesAdded' in expected ? { entriesAdded: value.entriesAdded } : {}),
    groups: value.groups.map((group, at) => ({
      ...{ name: group.name, lastId: group.lastId },
      ...('entriesRead' in (expected.groups[at] ?? {}) ? { entriesRead: group.entriesRead } : {}),
      consumers: group.consumers.map(({ name }) => name),
      pending: group.pending.map(({ id, consumer, deliveryCount }) => [id, consumer, deliveryCount]),
    })),
  };
}

describe.each(corpusNames())('%s', (name) => {
  const bytes = readSnapshotBytes(name);
  const whole = exportText(bytes, { format: 'ndjson' });
  const lines = parseLines<Line>(whole.text);
  const byKey = new Map(lines.map((line) => [identity(line), line]));
  const expected = readExpected(name);

  test('has a line for every key the server had', () => {
    expect([...byKey.keys()].toSorted()).toEqual(expected.map(identity).toSorted());
    expect(lines).toHaveLength(expected.length);
    expect(whole.counts.keys).toBe(expected.length);
  });

  test('has the values, types and TTLs the server answered', () => {
    for (const answer of expected) {
      const line = byKey.get(identity(answer))!;
      expect({ key: line.key, value: ours(line, answer) }).toEqual({
        key: answer.key,
        value: comparable(answer),
      });
      expect(line.type).toBe(answer.type === 'vectorset' ? 'module' : answer.type);
      expect(line.expiresAt).toBe(answer.expiresAt);
    }
  });

  test('has the encoding in the words of the server', () => {
    for (const { key, db, serverEncoding } of expected.filter(({ type }) => type === 'string')) {
      const { encoding } = byKey.get(identity({ db, key }))!;
      // Made by APPEND or SETRANGE: raw until it is loaded again. Valkey 9 embeds strings beyond 44 bytes.
      const loose = [encoding, serverEncoding].toSorted().join(' ') === 'embstr raw';
      expect([key, encoding]).toEqual([key, loose ? encoding : serverEncoding]);
    }
  });

  test('has the sizes, idle times and frequencies of the file', () => {
    const { entries } = readSnapshot(name);
    expect(lines.map(({ serializedBytes }) => serializedBytes)).toEqual(
      entries.map(({ value }) => value.length),
    );
    const known = (value: number): number | undefined => (value < 0 ? undefined : value);
    expect(lines.map(({ idleSeconds }) => idleSeconds)).toEqual(
      entries.map(({ idleSeconds }) => known(idleSeconds)),
    );
    expect(lines.map(({ lfuFrequency }) => lfuFrequency)).toEqual(
      entries.map(({ lfuFrequency }) => known(lfuFrequency)),
    );
  });

  test('is the same byte for byte however it is fed and wherever values are handed on in pieces', () => {
    const limits = { ...DEFAULT_LIMITS, inlineBytes: 100, inlineStreamBytes: 300 };
    // A string in pieces is not looked into for its encoding.
    const plain = (text: string): string => text.replaceAll(/"encoding":"(?:raw|embstr|int)"/g, '');
    for (const feed of FEEDS.slice(2)) {
      const pieces = exportText(bytes, { format: 'ndjson', feed, limits });
      expect(plain(pieces.text) === plain(whole.text)).toBe(true);
    }
  });
});

test('--meta has lines for what is not a key', () => {
  const bytes = readSnapshotBytes('redis-8.0.6');
  const without = parseLines<object>(exportText(bytes, { format: 'ndjson' }).text);
  const lines = parseLines<Record<string, unknown>>(exportText(bytes, { format: 'ndjson', meta: true }).text);
  expect(lines.filter((line) => 'key' in line)).toEqual(without);
  expect(lines).toContainEqual({ aux: 'redis-ver', value: '8.0.6' });
  expect(lines).toContainEqual({ type: 'function', value: expect.stringMatching(/^#!lua name=lib1\n/) });
});

test('a module value has its name, the version of its encoding and its bytes', () => {
  const lines = parseLines<Line>(exportText(readSnapshotBytes('redis-8.0.6'), { format: 'ndjson' }).text);
  const modules = lines.filter(({ type }) => type === 'module');
  expect(modules.length).toBeGreaterThan(0);
  for (const { value } of modules) {
    expect(value).toEqual({ module: 'vectorset', version: 0, base64: expect.stringMatching(/^[\w+/]+=*$/) });
  }
});
