/** Every snapshot of the corpus, key by key, against what the server that wrote it answered. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../src/rdb/value.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import { corpusNames, readExpected, readInPieces, readSnapshot } from '../support/rdb-corpus.js';
import { comparableEntry, comparableExpected } from '../support/rdb-expected.js';
import { FEEDS } from '../support/rdb-feeds.js';
import { readable } from '../support/rdb-hex.js';

test('the corpus is there', () => {
  expect(corpusNames().length).toBeGreaterThanOrEqual(18);
});

describe.each(corpusNames())('%s', (name) => {
  const snapshot = readSnapshot(name);
  const expected = new Map(readExpected(name).map((line) => [identity(line.db, line.key), line]));

  test('has the keys the server had, and no others', () => {
    const keys = snapshot.entries.map((entry) => identity(entry.db, readable(entry.key)));
    expect(keys.toSorted()).toEqual([...expected.keys()].toSorted());
  });

  test('has the values the server answered', () => {
    for (const entry of snapshot.entries) {
      const line = expected.get(identity(entry.db, readable(entry.key)))!;
      const value = decodeValue(entry.type, entry.dialect, entry.value, 0, entry.value.length);
      expect(comparableEntry(entry, value, line)).toEqual(comparableExpected(line));
    }
  });

  test('is the same in pieces, larger values handed on element by element', () => {
    const limits = { ...DEFAULT_LIMITS, inlineBytes: 100, inlineStreamBytes: 300 };
    const whole = readInPieces(name, FEEDS[0]!, DEFAULT_LIMITS);
    expect(whole.size).toBe(snapshot.entries.length);
    for (const feed of FEEDS.slice(2)) {
      const pieces = readInPieces(name, feed, limits);
      expect([...pieces.keys()].filter((key) => !isDeepStrictEqual(pieces.get(key), whole.get(key)))).toEqual(
        [],
      );
      expect(pieces.size).toBe(whole.size);
    }
  });

  test('has idle times and frequencies where the policy kept them', () => {
    const count = snapshot.entries.length;
    const frequencies = snapshot.entries.filter((entry) => entry.lfuFrequency >= 0).length;
    const idleTimes = snapshot.entries.filter((entry) => entry.idleSeconds >= 0).length;
    expect(frequencies).toBe(name.endsWith('-lfu') ? count : 0);
    expect(idleTimes).toBe(name.endsWith('-lru') ? count : 0);
  });

  test('has a checksum unless it was switched off', () => {
    expect(snapshot.checksum.state).toBe(name.endsWith('-plain') ? 'disabled' : 'ok');
  });
});

function identity(db: unknown, key: unknown): string {
  return JSON.stringify([db, key]);
}
