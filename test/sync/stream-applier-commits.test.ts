/**
 * The applier with a committer, on a target that means what it is told: whatever the pieces, delays and crashes,
 * checkpoint and data agree at each moment, and nothing is lost or applied twice (the commands are APPEND and INCR).
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { filterOptions } from '../keyspace/support.js';
import { Job, KEY, type JobOptions, type Line, SourceStream, type Step } from './commit-bench.js';

const EVERYTHING = { filter: createKeyFilter(filterOptions({})), dbMap: createDbMap(new Map()) };
/** Each target database has one source: which is whose is known, and SWAPDB can be carried over. */
const ONE_AND_FIVE = createDbMap(
  new Map([
    [1, 5],
    [5, 1],
  ]),
);
const PIPES = [
  { slabBytes: 64, maxInFlightBytes: 512 },
  { slabBytes: 300, maxInFlightBytes: 1800 },
  { slabBytes: 8192, maxInFlightBytes: 1 << 20 },
] as const;

const token = fc.constantFrom('x;', 'yy;', '\r\n;', 'v'.repeat(90));
const key = fc.constantFrom('a1', 'a2', 'b1');
const db = fc.constantFrom('0', '1', '2');
const dataLine: fc.Arbitrary<Line> = fc.oneof(
  { arbitrary: fc.tuple(fc.constantFrom('APPEND', 'append'), key, token), weight: 8 },
  { arbitrary: fc.tuple(fc.constant('INCR'), fc.constantFrom('an', 'bn')), weight: 4 },
  { arbitrary: fc.tuple(fc.constant('SET'), key, token), weight: 2 },
  { arbitrary: fc.tuple(fc.constant('DEL'), key), weight: 1 },
  { arbitrary: fc.constantFrom<Line>(['FLUSHDB'], ['FLUSHALL'], ['FLUSHDB', 'ASYNC']), weight: 1 },
  { arbitrary: fc.tuple(fc.constantFrom('SWAPDB', 'swapdb'), db, db), weight: 1 },
);
const selectLine: fc.Arbitrary<Line> = fc.tuple(fc.constant('SELECT'), db);
const other: fc.Arbitrary<Line> = fc.constantFrom<Line>(
  ['PING'],
  ['REPLCONF', 'GETACK', '*'],
  ['PUBLISH', '__sentinel__:hello', 'x'],
  ['PUBLISH', 'news', 'x'],
);
const some = fc.array(fc.oneof({ arbitrary: dataLine, weight: 4 }, { arbitrary: selectLine, weight: 1 }), {
  maxLength: 6,
});
const unit: fc.Arbitrary<Line[]> = fc.oneof(
  { arbitrary: dataLine.map((line) => [line]), weight: 8 },
  { arbitrary: selectLine.map((line) => [line]), weight: 2 },
  { arbitrary: some.map((list) => [['MULTI'], ...list, ['EXEC']]), weight: 3 },
  { arbitrary: other.map((line) => [line]), weight: 2 },
);

const steps = (most: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        arbitrary: fc.record({
          do: fc.constant('arrive' as const),
          count: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: most })),
        }),
        weight: 10,
      },
      {
        arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 4 }) }),
        weight: 10,
      },
      {
        arbitrary: fc.record({ do: fc.constant('reply' as const), count: fc.integer({ min: 1, max: 200 }) }),
        weight: 10,
      },
      {
        arbitrary: fc.record({
          do: fc.constant('crash' as const),
          landing: fc.oneof(fc.nat(2000), fc.constant(Number.MAX_SAFE_INTEGER)),
        }),
        weight: 2,
      },
    ),
    { minLength: 10, maxLength: 120, size: 'max' },
  );

const batches = fc.constantFrom(1, 60, 400, 100_000);

interface Totals {
  landed: number;
  crashes: number;
  clears: number;
}

function runJob(options: JobOptions, list: readonly Step[], totals?: Totals): Job {
  const job = new Job(options);
  for (const step of list) job.run(step);
  job.finish();
  expect(job.place.offset).toBe(options.source.end);
  expect(job.store.dump(KEY)).toBe(job.expectedAt(options.source.end));
  if (totals !== undefined) {
    totals.landed += job.landed;
    totals.crashes += job.crashes;
    totals.clears += job.clears;
  }
  return job;
}

describe('checkpoint and data agree at each moment', () => {
  const check = (
    given: Pick<JobOptions, 'filter' | 'dbMap' | 'foreign'>,
    can: (line: Line) => boolean = () => true,
  ): Totals => {
    const totals: Totals = { landed: 0, crashes: 0, clears: 0 };
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 30, size: 'max' }),
        fc.nat(1e9),
        steps(600),
        batches,
        fc.constantFrom(...PIPES),
        (units, base, list, batchBytes, pipe) => {
          const source = new SourceStream(base, units.flat().filter(can));
          const job = runJob({ ...given, source, batchBytes, pipe }, list, totals);
          expect(job.failed).toEqual([]);
        },
      ),
      { numRuns: 120 },
    );
    return totals;
  };

  test('without filters', () => {
    const { landed, crashes, clears } = check(EVERYTHING);
    expect(landed).toBeGreaterThan(200);
    expect(crashes).toBeGreaterThan(100);
    expect(clears).toBe(0);
  });

  test('with databases mapped, which are emptied in the transaction', () => {
    const { landed, clears } = check({ ...EVERYTHING, dbMap: ONE_AND_FIVE });
    expect(landed).toBeGreaterThan(200);
    expect(clears).toBe(0);
  });

  test('with database 0 carried elsewhere, beside the checkpoint', () => {
    const dbMap = createDbMap(
      new Map([
        [0, 7],
        [7, 2],
        [2, 0],
      ]),
    );
    expect(check({ ...EVERYTHING, dbMap }).landed).toBeGreaterThan(200);
  });

  test('with keys filtered, which are deleted beside the stream', () => {
    const filter = createKeyFilter(filterOptions({ includeKeys: ['a*'] }));
    // A whole database changes places, with what others have in it.
    const without = (line: Line): boolean => line[0]!.toUpperCase() !== 'SWAPDB';
    const { landed, clears } = check(
      {
        ...{ filter, dbMap: ONE_AND_FIVE },
        foreign: [
          [0, 'b9'],
          [5, 'b1'],
          [9, 'b2'],
        ],
      },
      without,
    );
    expect(landed).toBeGreaterThan(200);
    expect(clears).toBeGreaterThan(30);
  });
});

describe('commands that are too large to be held', () => {
  const large: fc.Arbitrary<Line> = fc
    .tuple(fc.constantFrom('APPEND', 'SET'), key, fc.integer({ min: 400_000, max: 1_200_000 }))
    .map(([name, first, size]) => [name, first, `${'w'.repeat(size)};`]);
  const largeUnit: fc.Arbitrary<Line[]> = fc.oneof(
    { arbitrary: large.map((line) => [line]), weight: 2 },
    {
      arbitrary: fc.tuple(dataLine, large, dataLine).map((list) => [['MULTI'], ...list, ['EXEC']]),
      weight: 1,
    },
    { arbitrary: unit, weight: 3 },
  );
  const pipes = fc.constantFrom(
    { slabBytes: 8192, maxInFlightBytes: 200_000 },
    { slabBytes: 128 * 1024, maxInFlightBytes: 8 << 20 },
  );

  test('go through in pieces, inside transactions and across crashes', () => {
    fc.assert(
      fc.property(
        fc.array(largeUnit, { minLength: 1, maxLength: 5 }),
        steps(700_000),
        fc.constantFrom(1, 300_000, 4_000_000),
        pipes,
        (units, list, batchBytes, pipe) => {
          const source = new SourceStream(100, units.flat());
          const job = runJob({ ...EVERYTHING, source, batchBytes, pipe }, list);
          expect(job.failed).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});

describe('errors that only say that a key was left out', () => {
  test('are passed over, wherever the bytes of a transaction break and whatever is answered in between', () => {
    const list: Line[] = [
      ['MULTI'],
      ['APPEND', 'a1', '1;'],
      ['RENAME', 'b1', 'b2'],
      ['APPEND', 'a1', '2;'],
      ['EXEC'],
    ];
    const filter = createKeyFilter(filterOptions({ excludeKinds: ['hash'] }));
    const source = new SourceStream(0, list);
    const pipe = PIPES[2];
    for (let count = 1; count < source.input.length; count++) {
      const answered: Step[] = [
        { do: 'deliver', count: 1e9 },
        { do: 'reply', count: 1e9 },
      ];
      const stepList: Step[] = [...answered, { do: 'arrive', count }, ...answered];
      const job = runJob({ ...EVERYTHING, filter, source, batchBytes: 1000, pipe }, stepList);
      expect(job.failed.map(({ name }) => ({ count, name }))).toEqual([]);
    }
  });
});

describe('commands the target has refused are left out', () => {
  /** Offsets of some of the commands, to be refused unless they are left out. */
  const refuse = (
    units: readonly Line[][],
    which: readonly number[],
  ): { list: Line[]; refused: number[] } => {
    const list = units.flat().map((line) => [...line]);
    const able = list.flatMap(([name], index) => (name === 'APPEND' || name === 'INCR' ? [index] : []));
    const refused = [...new Set(able.length === 0 ? [] : which.map((one) => able[one % able.length]!))];
    for (const index of refused) list[index]![0] = 'NOSUCH';
    return { list, refused };
  };

  test.each([
    ['without filters', EVERYTHING],
    [
      'with filters',
      { ...EVERYTHING, filter: createKeyFilter(filterOptions({ includeKeys: ['a*', 'b*'] })) },
    ],
  ])('exactly, wherever they stand and whatever happens, %s', (_, given) => {
    let most = 0;
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 25, size: 'max' }),
        fc.array(fc.nat(1000), { maxLength: 6 }),
        steps(600),
        batches,
        fc.constantFrom(...PIPES),
        (units, which, stepList, batchBytes, pipe) => {
          const { list, refused } = refuse(units, which);
          const { starts } = new SourceStream(5000, list);
          const leftOut = new Set(refused.map((index) => starts[index]!));
          const source = new SourceStream(5000, list, leftOut);
          const job = runJob({ ...given, source, leftOut, batchBytes, pipe }, stepList);
          expect(job.failed).toEqual([]);
          expect(job.server.arrived).not.toContain('NOSUCH');
          most = Math.max(most, leftOut.size);
        },
      ),
      { numRuns: 80 },
    );
    expect(most).toBeGreaterThan(2);
  });

  test.each([1000, 300_000, 5_000_000])('large ones too, %i bytes at a time', (count) => {
    const list: Line[] = [
      ['APPEND', 'a1', '1;'],
      ['NOSUCH', 'a1', 'w'.repeat(900_000)],
      ['APPEND', 'a1', '2;'],
      ['APPEND', 'a1', `${'v'.repeat(900_000)};`],
    ];
    const { starts } = new SourceStream(0, list);
    const leftOut = new Set([starts[1]!]);
    const source = new SourceStream(0, list, leftOut);
    const arrivals = Array.from({ length: Math.ceil(source.input.length / count) }, (): Step => ({
      do: 'arrive',
      count,
    }));
    const job = runJob(
      {
        ...EVERYTHING,
        source,
        leftOut,
        batchBytes: 1000,
        pipe: { slabBytes: 8192, maxInFlightBytes: 1 << 20 },
      },
      arrivals.flatMap((step): Step[] => [step, { do: 'deliver', count: 1e9 }, { do: 'reply', count: 1e9 }]),
    );
    expect(job.failed).toEqual([]);
    expect(job.server.arrived).not.toContain('NOSUCH');
  });

  test('as the answers name them, one after the other', () => {
    let most = 0;
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 25, size: 'max' }),
        fc.array(fc.nat(1000), { maxLength: 6 }),
        steps(600),
        batches,
        fc.constantFrom(...PIPES),
        (units, which, stepList, batchBytes, pipe) => {
          const { list, refused } = refuse(units, which);
          // A refused command means nothing to the model of the source either.
          const source = new SourceStream(5000, list);
          const found = new Set<number>();
          runJob({ ...EVERYTHING, source, refused: found, batchBytes, pipe }, stepList);
          expect([...found].toSorted((a, b) => a - b)).toEqual(
            refused.map((index) => source.starts[index]!).toSorted((a, b) => a - b),
          );
          most = Math.max(most, found.size);
        },
      ),
      { numRuns: 80 },
    );
    expect(most).toBeGreaterThan(2);
  });

  test('an offset that is no beginning of a command leaves nothing out', () => {
    const list: Line[] = [
      ['APPEND', 'a1', '1;'],
      ['APPEND', 'a1', '2;'],
      ['SELECT', '1'],
      ['APPEND', 'a1', '3;'],
    ];
    const source = new SourceStream(0, list);
    const leftOut = new Set([source.starts[0]! + 3, source.starts[1]! + 1, source.starts[2]! + 4]);
    const job = runJob({ ...EVERYTHING, source, leftOut, batchBytes: 10, pipe: PIPES[2] }, []);
    expect(job.tally.commands).toBe(3);
  });
});
