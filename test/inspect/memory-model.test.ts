/**
 * Figures that real servers gave: `used_memory` before and after 10,000 such keys, per key, without the
 * tables' buckets; jemalloc of a Linux distribution. The key has 12 bytes.
 */
import { describe, expect, test } from 'vitest';
import { MemoryMeter } from '../../src/inspect/memory-model.js';
import { valueTypes } from '../../src/rdb/value-types.js';
import { corpusNames, readSnapshot, readSnapshotBytes } from '../support/rdb-corpus.js';
import { feedIn, FEEDS } from '../support/rdb-feeds.js';
import { ascii, join } from '../support/rdb-hex.js';
import { entryOf, measureEach, profileOf } from './support.js';

function text(length: number): Uint8Array {
  const header =
    length < 64
      ? [length]
      : length < 16_384
        ? [0x40 | (length >> 8), length & 255]
        : [0x80, 0, 0, length >> 8, length & 255];
  return join(Uint8Array.from(header), ascii('x'.repeat(length)));
}

function bytesOf(server: string, value: Uint8Array, options: { key?: string; ttl?: boolean } = {}): number {
  const meter = new MemoryMeter(profileOf(server));
  meter.measure(entryOf(0, value, options));
  return meter.bytes;
}

const LENGTHS = [1, 5, 12, 13, 19, 28, 29, 35, 44, 45, 60, 64, 100, 200, 1000];
const OLD = [80, 80, 80, 96, 96, 96, 112, 112, 112, 128, 128, 144, 176, 288, 1088];

describe('strings', () => {
  test.each([
    ['redis 6.0', OLD],
    ['redis 7.0', OLD],
    ['redis 8.0', OLD],
    ['valkey 8.1', [48, 48, 48, 48, 64, 64, 64, 80, 80, 96, 96, 112, 144, 256, 1056]],
    ['valkey 9.1', [32, 32, 48, 48, 48, 64, 64, 64, 80, 80, 96, 96, 128, 256, 1056]],
  ])('%s', (server, expected) => {
    expect(LENGTHS.map((length) => bytesOf(server, text(length)))).toEqual(expected);
  });

  test.each([
    ['redis 7.0', [112, 112, 128, 144, 144, 160, 208]],
    ['valkey 8.1', [48, 64, 64, 96, 96, 112, 160]],
    ['valkey 9.1', [48, 48, 64, 80, 80, 80, 160]],
  ])('%s, with a TTL', (server, expected) => {
    const lengths = [1, 11, 19, 35, 44, 45, 100];
    expect(lengths.map((length) => bytesOf(server, text(length), { ttl: true }))).toEqual(expected);
  });

  test.each([
    ['redis 7.0', [144, 272, 320, 480]],
    ['valkey 8.0', [128, 256, 288, 512]],
    ['valkey 8.1', [112, 240, 272, 496]],
    ['valkey 9.1', [96, 240, 272, 496]],
  ])('%s, with long keys', (server, expected) => {
    const cases = [
      [32, 40],
      [100, 100],
      [100, 130],
      [100, 300],
    ] as const;
    const sizes = cases.map(([length, key]) => bytesOf(server, text(length), { key: 'k'.repeat(key) }));
    expect(sizes).toEqual(expected);
  });

  test('integers, which are shared where they are small', () => {
    const small = Uint8Array.of(0xc0, 123);
    const large = Uint8Array.of(0xc2, 0x15, 0xcd, 0x5b, 0x07);
    expect(
      ['redis 7.0', 'valkey 9.1'].map((server) => [bytesOf(server, small), bytesOf(server, large)]),
    ).toEqual([
      [48, 64],
      [32, 32],
    ]);
    const meter = new MemoryMeter(profileOf('redis 7.0'));
    meter.measure({ ...entryOf(0, small), idleSeconds: 5 });
    expect(meter.bytes).toBe(64);
  });

  test.each([
    ['3000000000', 'int'],
    ['9223372036854775807', 'int'],
    ['9223372036854775808', 'embstr'],
    ['-9223372036854775808', 'int'],
    ['007', 'embstr'],
    ['-', 'embstr'],
    ['-0', 'embstr'],
    ['0', 'int'],
    ['12a', 'embstr'],
    ['', 'embstr'],
  ])('%j is %s', (value, encoding) => {
    const meter = new MemoryMeter(profileOf('redis 7.0'));
    meter.measure(entryOf(0, join(Uint8Array.of(value.length), ascii(value))));
    expect(meter.encoding).toBe(encoding);
  });
});

describe('every snapshot of the corpus', () => {
  test.each(corpusNames())('%s: elements and encodings are those of the server', (name) => {
    const seen: number[] = [];
    const totals = measureEach(readSnapshotBytes(name), profileOf('redis 7.2'), (_, measured) => {
      expect(Number.isFinite(measured.bytes)).toBe(true);
      expect(measured.bytes).toBeGreaterThan(40);
      expect(Number.isInteger(measured.elements)).toBe(true);
      seen.push(measured.bytes);
    });
    expect(seen.length).toBe(readSnapshot(name).entries.length);
    expect(totals.bytes).toBeCloseTo(
      seen.reduce((sum, bytes) => sum + bytes, 0),
      3,
    );
  });

  const entries = corpusNames().flatMap((name) => readSnapshot(name).entries);
  test.each(FEEDS)('a value in pieces costs the same as whole: $name', (feed) => {
    for (const { type, dialect, value } of entries) {
      const whole = new MemoryMeter(profileOf('redis 7.2'), { largestElement: true });
      whole.measure(entryOf(type, value, { dialect }));
      const pieces = new MemoryMeter(profileOf('redis 7.2'), { largestElement: true });
      const entry = entryOf(type, new Uint8Array(0), { dialect });
      const sink = pieces.open(entry);
      const { kind } = valueTypes(dialect)[type]!;
      expect(feedIn(feed, sink, value)).toBe(value.length);
      expect([kind, sink.done]).toEqual([kind, true]);
      pieces.close();
      expect(resultOf(pieces)).toEqual(resultOf(whole));
    }
  });
});

function resultOf({ bytes, elements, encoding, largestElementBytes, fieldsWithTtl }: MemoryMeter): unknown {
  return { bytes, elements, encoding, largestElementBytes, fieldsWithTtl };
}

describe('what is not looked at need not be there', () => {
  test('a string of gigabytes passes without being held', () => {
    const meter = new MemoryMeter(profileOf('redis 7.0'));
    const sink = meter.open(entryOf(0, new Uint8Array(0)));
    const head = Uint8Array.of(0x80, 0x20, 0, 0, 0);
    expect(sink.feed(head, 0, 5)).toBe(5);
    const piece = new Uint8Array(1024 * 1024);
    for (let left = 512; left > 0; left--) {
      expect(sink.done).toBe(false);
      expect(sink.feed(piece, 0, piece.length)).toBe(piece.length);
    }
    expect(sink.done).toBe(true);
    meter.close();
    expect(meter.bytes).toBeGreaterThan(512 * 1024 * 1024);
  });
});
