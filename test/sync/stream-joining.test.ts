/** Small commands that go to the target several as one, against the same stream taken apart again. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCommands, pieceSizes } from '../resp/support.js';
import { bytes, text } from '../target/support.js';
import { applierBench, lines, pump, serverNamed } from './support.js';

type Line = readonly string[];

const encode = (list: readonly Line[]): Uint8Array => encodeCommands(list.map((line) => line.map(bytes)));

function sent(list: readonly Line[], given: Parameters<typeof applierBench>[0] = {}): string[] {
  const bench = applierBench({ joins: true, ...given });
  pump(bench, encode(list), [Number.MAX_SAFE_INTEGER]);
  bench.target.settle(bench.pipeline);
  expect(bench.tally.commands).toBe(list.length);
  return lines(bench.target.commands);
}

/** Words behind name and key that belong together. */
const STEPS: Readonly<Record<string, number>> = { LPUSH: 1, RPUSH: 1, SADD: 1, HSET: 2, ZADD: 2 };

/** What several elements were given at once, one by one. */
function apart(line: Line): Line[] {
  const [name = '', key = '', ...rest] = line;
  const upper = name.toUpperCase();
  const step = STEPS[upper] ?? 0;
  const slices = (words: readonly string[], count: number): string[][] =>
    Array.from({ length: words.length / count }, (_, index) =>
      words.slice(index * count, (index + 1) * count),
    );
  if (upper === 'SET') return [['SET', key, ...rest]];
  if (upper === 'MSET') return slices(line.slice(1), 2).map((pair) => ['SET', ...pair]);
  if (step === 0 || rest.length % step !== 0) return [line];
  return slices(rest, step).map((words) => [name, key, ...words]);
}

const key = fc.constantFrom('a', 'b', 'k'.repeat(40));
const word = fc.oneof(
  {
    arbitrary: fc.string({ unit: fc.constantFrom('x', '\r', '\n', '$', '*', '3'), maxLength: 9 }),
    weight: 9,
  },
  { arbitrary: fc.constantFrom('v'.repeat(100), 'v'.repeat(470), 'v'.repeat(600)), weight: 1 },
);
const score = fc.constantFrom('0', '-1.5', '12345678901234567', '1e5', '0x1p3', 'inf', '+1', '');
const shape: fc.Arbitrary<fc.Arbitrary<Line>> = fc.oneof(
  fc.constant(fc.tuple(fc.constantFrom('SET', 'set'), key, word)),
  fc
    .tuple(fc.constantFrom('LPUSH', 'RPUSH', 'SADD', 'sadd'), key)
    .map(([name, of]) => word.map((one): Line => [name, of, one])),
  fc
    .tuple(fc.constant('HSET'), key)
    .map(([name, of]) => fc.tuple(word, word).map((pair): Line => [name, of, ...pair])),
  key.map((of) => fc.tuple(score, word).map((pair): Line => ['ZADD', of, ...pair])),
  fc.constant(
    fc.constantFrom<Line>(
      ['SET', 'a', 'x', 'EX', '5'],
      ['ZADD', 'a', 'NX', '1', 'm'],
      ['INCR', 'a'],
      ['LPUSH', 'a', '1', '2'],
      ['PING'],
      ['MULTI'],
      ['EXEC'],
      ['SELECT', '1'],
      ['SELECT', '0'],
    ),
  ),
);
/** Many of a kind in a row, as in a stream. */
const streams: fc.Arbitrary<Line[]> = fc
  .array(
    shape.chain((one) => fc.array(one, { minLength: 1, maxLength: 90 })),
    { maxLength: 8 },
  )
  .map((runs) => runs.flat());

const OURS = new Set(['PING', 'SELECT', 'MULTI', 'EXEC']);
const ofData = (list: readonly Line[]): Line[] =>
  list.flatMap(apart).filter(([name = '']) => !OURS.has(name));

test('joined and taken apart again, the stream is what it was, however its bytes arrive', () => {
  let commands = 0;
  let went = 0;
  fc.assert(
    fc.property(streams, pieceSizes, (list, sizes) => {
      const bench = applierBench({ joins: true });
      pump(bench, encode(list), sizes);
      bench.target.settle(bench.pipeline);
      const out = bench.target.commands.map((args) => args.map(text));
      expect(ofData(out)).toEqual(ofData(list));
      expect(bench.tally.commands).toBe(list.filter(([name = '']) => !OURS.has(name)).length);
      expect(bench.pipeline.pending).toBe(0);
      commands += list.length;
      went += out.length;
    }),
    { numRuns: 200 },
  );
  expect(went).toBeLessThan(commands * 0.9);
});

const many = (count: number, line: (index: number) => string): Line[] =>
  Array.from({ length: count }, (_, index) => line(index).split(' '));

describe('joined are', () => {
  test.each<[string, Line[], string]>([
    ['SETs', many(5, (n) => `SET k${n} ${n}`), 'MSET k0 0 k1 1 k2 2 k3 3 k4 4'],
    ['also of one key, in their order', many(4, (n) => `set k ${n}`), 'MSET k 0 k 1 k 2 k 3'],
    ['elements of a list', many(4, (n) => `LPUSH l ${n}`), 'LPUSH l 0 1 2 3'],
    ['fields of a hash', many(4, (n) => `HSET h f${n} ${n}`), 'HSET h f0 0 f1 1 f2 2 f3 3'],
    ['members of a sorted set', many(4, (n) => `ZADD z ${n}.5 m`), 'ZADD z 0.5 m 1.5 m 2.5 m 3.5 m'],
  ])('%s', (_, list, expected) => {
    expect(sent(list)).toEqual([expected]);
  });

  test('at most 64, and what comes before and behind stays as it is', () => {
    const list = [['INCR', 'n'], ...many(70, (n) => `SADD s ${n}`), ['INCR', 'n']];
    const out = sent(list);
    expect(out.map((line) => line.split(' ').length)).toEqual([2, 66, 8, 2]);
  });
});

describe('not joined are', () => {
  test.each<[string, Line[]]>([
    ['few', many(3, (n) => `SET k${n} ${n}`)],
    ['elements of different keys', many(8, (n) => `LPUSH l${n % 2} ${n}`)],
    ['different commands', many(8, (n) => `${n % 2 === 0 ? 'LPUSH' : 'RPUSH'} l ${n}`)],
    ['SETs with more to say', many(6, (n) => `SET k${n} ${n} KEEPTTL`)],
    ['several elements', many(6, (n) => `SADD s ${n} x`)],
    ['scores that not every version reads alike', many(6, (n) => `ZADD z 0x1p${n} m`)],
    ['options of ZADD', many(6, (n) => `ZADD z NX ${n}`)],
    ['large ones', many(6, (n) => `SET k${n} ${'v'.repeat(600)}`)],
  ])('%s', (_, list) => {
    expect(sent(list)).toEqual(list.map((line) => line.join(' ')));
  });

  test('fields, where HSET takes one only', () => {
    const list = many(6, (n) => `HSET h f${n} ${n}`);
    expect(sent(list, { capabilities: serverNamed('redis 3.2.0') })).toHaveLength(6);
  });

  test('SETs, where there is no MSET', () => {
    const can = serverNamed('redis 7.0.15');
    const list = many(6, (n) => `SET k${n} ${n}`);
    expect(sent(list, { capabilities: { ...can, has: (name) => name !== 'MSET' } })).toHaveLength(6);
  });

  test('any, unless told to', () => {
    expect(
      sent(
        many(6, (n) => `SET k${n} ${n}`),
        { joins: false },
      ),
    ).toHaveLength(6);
  });
});

test('an error names the offset of the first, and says that it was made of several', () => {
  const list = [['INCR', 'n'], ...many(5, (n) => `RPUSH l ${n}`), ['INCR', 'n'], ['INCR', 'n']];
  const bench = applierBench({ joins: true, offset: 1000, answer: () => '-ERR no\r\n' });
  pump(bench, encode(list), [Number.MAX_SAFE_INTEGER]);
  bench.target.settle(bench.pipeline);
  const at = (count: number): number => 1000 + encode(list.slice(0, count)).length;
  expect(bench.failed.map(({ name, offset, copied }) => [name, offset, copied])).toEqual([
    ['INCR', at(0), true],
    ['RPUSH', at(1), false],
    ['INCR', at(6), true],
    ['INCR', at(7), true],
  ]);
});
