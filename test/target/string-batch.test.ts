import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RdbEntry } from '../../src/rdb/handler.js';
import { valueTypes } from '../../src/rdb/value-types.js';
import { Pipeline } from '../../src/target/pipeline.js';
import { StringBatch } from '../../src/target/string-batch.js';
import { FakeTarget, text } from './support.js';

interface Pair {
  readonly key: string;
  /** The value as it stands in a file, and what it is. */
  readonly stored: readonly number[];
  readonly value: string;
}

const u32 = (value: number): number[] =>
  [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 255);

function plain(value: string): number[] {
  const { length } = value;
  const head =
    length < 64 ? [length] : length < 16384 ? [0x40 | (length >> 8), length & 255] : [0x80, ...u32(length)];
  return [...head, ...Buffer.from(value, 'latin1')];
}

const keys = fc.oneof(
  { arbitrary: fc.nat(60), weight: 9 },
  { arbitrary: fc.constantFrom(9000, 200_000), weight: 1 },
);
const pairs: fc.Arbitrary<Pair> = fc
  .tuple(
    keys.map((length) => 'k'.repeat(length)),
    fc.oneof(
      fc
        .constantFrom(0, 1, 63, 64, 300, 8000, 9000, 150_000)
        .map((length) => 'v\n'.repeat(length / 2))
        .map((value) => ({ value, stored: plain(value) })),
      fc
        .constantFrom(0, 1, -1, 99, 100, 127, -128)
        .map((value) => ({ value: String(value), stored: [0xc0, value & 255] })),
      fc
        .constantFrom(2147483647, -2147483648, 65536)
        .map((value) => ({ value: String(value), stored: [0xc2, ...u32(value).toReversed()] })),
    ),
  )
  .map(([key, rest]) => ({ key, ...rest }));

/** All pairs in one window, as the decoder would show them. */
function entriesOf(list: readonly Pair[]): RdbEntry[] {
  const bytes = new Uint8Array(
    Buffer.concat(list.flatMap(({ key, stored }) => [Buffer.from(key), Uint8Array.from(stored)])),
  );
  let at = 0;
  return list.map(({ key, stored }, index) => {
    const keyStart = at;
    const valueStart = keyStart + key.length;
    at = valueStart + stored.length;
    return {
      ...{ db: 0, type: valueTypes('redis')[0]!, offset: 1000 + index, keyBytes: bytes, bytes },
      ...{ keyStart, keyEnd: valueStart, valueStart, valueEnd: at, keyMeta: undefined },
      ...{ expiresAtMs: -1, expiresAtText: undefined, idleSeconds: -1, lfuFrequency: -1 },
    };
  });
}

function open(): { target: FakeTarget; pipeline: Pipeline; batch: StringBatch } {
  const target = new FakeTarget();
  const pipeline = new Pipeline(target, { onError: () => {}, onDrain: () => {} });
  return { target, pipeline, batch: new StringBatch(pipeline) };
}

test('every pair it takes arrives, in order', () => {
  fc.assert(
    fc.property(fc.array(pairs, { maxLength: 150 }), (list) => {
      const { target, pipeline, batch } = open();
      const taken = entriesOf(list).map((entry) => batch.add(entry));
      batch.flush();
      pipeline.flush();
      target.settle(pipeline);
      expect(pipeline.pending).toBe(0);
      const small: string[][] = [];
      const alone: string[][] = [];
      const isAlone = ([key, value]: string[]): boolean => key!.length + value!.length > 8 * 1024;
      for (const args of target.commands) {
        const [name, ...rest] = args.map(text);
        expect(name).toBe(rest.length === 2 ? 'SET' : 'MSET');
        for (let at = 0; at < rest.length; at += 2) {
          const pair = rest.slice(at, at + 2);
          (rest.length === 2 && isAlone(pair) ? alone : small).push(pair);
        }
      }
      const expected = list.filter((_, index) => taken[index]).map(({ key, value }) => [key, value]);
      expect(small.length + alone.length).toBe(expected.length);
      expect(alone).toEqual(expected.filter(isAlone));
      expect(small).toEqual(expected.filter((pair) => !isAlone(pair)));
      // Small ones are always taken.
      list.forEach(({ key }, index) => expect(taken[index] || key.length > 8 * 1024).toBe(true));
    }),
    { numRuns: 60 },
  );
});

test.each<Partial<RdbEntry>>([
  { expiresAtMs: 5 },
  { expiresAtMs: 0 },
  { idleSeconds: 0 },
  { lfuFrequency: 0 },
  { keyMeta: new Uint8Array(1) },
  { type: valueTypes('redis')[1]! },
  { keyBytes: new Uint8Array(9) },
])('leaves alone what is more than a plain string: %j', (more) => {
  const { batch } = open();
  const [entry] = entriesOf([{ key: 'k', stored: [1, 97], value: 'a' }]);
  expect(batch.add({ ...entry!, ...more })).toBe(false);
  expect(batch.add(entry!)).toBe(true);
});

test('where there is no MSET every pair is a SET', () => {
  const target = new FakeTarget();
  const pipeline = new Pipeline(target, { onError: () => {}, onDrain: () => {} });
  const batch = new StringBatch(pipeline, 1);
  for (const entry of entriesOf([
    { key: 'a', stored: plain('1'), value: '1' },
    { key: 'b', stored: [0xc0, 5], value: '5' },
  ]))
    batch.add(entry);
  batch.flush();
  pipeline.flush();
  target.settle(pipeline);
  expect(target.commands.map((args) => args.map(text))).toEqual([
    ['SET', 'a', '1'],
    ['SET', 'b', '5'],
  ]);
});

test('leaves compressed values alone', () => {
  const { batch } = open();
  expect(batch.add(entriesOf([{ key: 'k', stored: [0xc3, 1, 1, 0], value: '' }])[0]!)).toBe(false);
});
