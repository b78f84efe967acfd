/* oxlint-disable vitest/no-conditional-expect -- a model checks itself, as far as the case at hand goes */
/** The command stream of a source on its way through the applier and a real pipeline into a target of memory. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILTIN_COMMANDS, extendTable } from '../../src/keyspace/command-table.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter, type KeyFilter } from '../../src/keyspace/key-filter.js';
import { createKeyMap } from '../../src/keyspace/key-map.js';
import { parseCommandReply } from '../../src/keyspace/server-commands.js';
import { encodeCommand } from '../../src/resp/encode.js';
import { filterOptions } from '../keyspace/support.js';
import { encodeCommands, pieceSizes } from '../resp/support.js';
import { fault, faultOf } from '../support/rdb-error.js';
import { bytes, text } from '../target/support.js';
import { type ApplierBench, applierBench, lines, pump, serverNamed } from './support.js';

type Line = readonly string[];

const LF = new Uint8Array([10]);
const encodeLine = (line: Line): Uint8Array => encodeCommand(line.map(bytes));
const stream = (...list: readonly Line[]): Uint8Array => encodeCommands(list.map((line) => line.map(bytes)));
const words = (list: readonly string[]): Line[] => list.map((line) => line.split(' '));

const value = fc.oneof(
  fc.string({ unit: fc.constantFrom('x', 'y', 'z', '\r', '\n', '$', '*'), maxLength: 30 }),
  fc.constant('v'.repeat(400)),
);
const name = fc.constantFrom('SET', 'lpush', 'FAIL', 'XADD', 'SETEX');
const dataLine: fc.Arbitrary<Line> = fc
  .tuple(name, fc.array(value, { minLength: 1, maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest]);
const selectLine: fc.Arbitrary<Line> = fc.tuple(
  fc.constantFrom('SELECT', 'select'),
  fc.constantFrom('0', '1', '9'),
);
const inside = fc.array(fc.oneof({ arbitrary: dataLine, weight: 3 }, { arbitrary: selectLine, weight: 1 }), {
  maxLength: 5,
});
const unit: fc.Arbitrary<Line[]> = fc.oneof(
  { arbitrary: dataLine.map((line) => [line]), weight: 8 },
  { arbitrary: selectLine.map((line) => [line]), weight: 2 },
  { arbitrary: inside.map((list) => [['multi'], ...list, ['EXEC']]), weight: 2 },
  {
    arbitrary: fc
      .constantFrom(
        'PING',
        'ping',
        'REPLCONF GETACK *',
        'replconf TIMESTAMP 5',
        'PUBLISH __sentinel__:hello x',
        'publish news x',
      )
      .map((line) => [line.split(' ')]),
    weight: 3,
  },
);

/** What must become of a stream that is not filtered, worked out command by command. */
class Model {
  readonly output: Line[] = [];
  readonly acks: number[] = [];
  readonly fails: { offset: number; line: Line }[] = [];
  readonly safe = new Set<number>();
  input: Uint8Array = new Uint8Array(0);
  commands = 0;
  offset: number;
  #db: number;
  #targetDb: number;

  constructor(offset: number, db: number, targetDb: number) {
    this.offset = offset;
    this.safe.add(offset);
    this.#targetDb = targetDb;
    this.#db = db;
  }

  add(list: readonly Line[]): void {
    let inMulti = false;
    for (const line of list) {
      const encoded = encodeLine(line);
      this.input = Buffer.concat([this.input, encoded]);
      const start = this.offset;
      this.offset += encoded.length;
      const first = line[0]!.toUpperCase();
      if (first === 'MULTI') inMulti = true;
      if (first === 'EXEC') inMulti = false;
      if (!inMulti) this.safe.add(this.offset);
      if (first === 'SELECT') this.#db = Number(line[1]);
      else if (first === 'MULTI' || first === 'EXEC') this.output.push([first]);
      else if (first === 'REPLCONF' && line[1] === 'GETACK') this.acks.push(this.offset);
      else if (!['PING', 'REPLCONF'].includes(first) && line[1] !== '__sentinel__:hello') {
        this.commands++;
        this.#select();
        this.output.push(line);
        if (first === 'FAIL' && !inMulti) this.fails.push({ offset: start, line });
      }
    }
  }

  /** Between commands; not part of the history. */
  newline(): void {
    this.input = Buffer.concat([this.input, LF]);
  }

  /** Not before something is to be written there. */
  #select(): void {
    if (this.#db !== this.#targetDb) this.output.push(['SELECT', String(this.#db)]);
    this.#targetDb = this.#db;
  }
}

describe('without filters', () => {
  const pipes = fc.constantFrom(
    { slabBytes: 64, maxInFlightBytes: 256 },
    { slabBytes: 300, maxInFlightBytes: 1200 },
    { slabBytes: 4096, maxInFlightBytes: 1 << 20 },
  );
  const starts = fc.record({
    offset: fc.nat(1e9),
    db: fc.constantFrom(0, 1),
    targetDb: fc.constantFrom(-1, 0, 1),
  });

  test('the stream comes out as it went in, without what is only between source and replica', () => {
    let failures = 0;
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 25 }),
        pieceSizes,
        pipes,
        starts,
        fc.nat(30),
        (units, sizes, pipe, start, newlineAt) => {
          const model = new Model(start.offset, start.db, start.targetDb);
          units.forEach((list, index) => {
            model.add(list);
            if (index === newlineAt) model.newline();
          });
          const bench = applierBench({ ...start, pipe });
          const { applier, pipeline, target, tally } = bench;
          pipeline.flush(start.offset);
          pump(bench, model.input, sizes, () => {
            if (pipeline.applied >= 0) expect(model.safe.has(pipeline.applied)).toBe(true);
            expect(pipeline.applied).toBeLessThanOrEqual(applier.offset);
          });
          expect(applier.offset).toBe(model.offset);
          expect(applier.open).toBe(false);
          target.settle(pipeline);
          expect(target.commands.map((args) => args.map(text))).toEqual(model.output);
          expect(pipeline.applied).toBe(model.offset);
          expect(bench.acks).toEqual(model.acks);
          expect(tally.commands).toBe(model.commands);
          checkFailures(bench, model);
          failures += model.fails.length;
        },
      ),
      { numRuns: 300 },
    );
    expect(failures).toBeGreaterThan(100);
  });
});

/** Errors outside transactions name the offset their command has in the stream. */
function checkFailures({ failed, target }: ApplierBench, { fails }: Model): void {
  const multis = new Set<number>();
  let open = false;
  target.commands.forEach((args, index) => {
    if (text(args[0]!) === 'MULTI') open = true;
    if (open) multis.add(index);
    if (text(args[0]!) === 'EXEC') open = false;
  });
  const outside = failed.filter(({ number }) => !multis.has(number));
  expect(outside.map(({ offset }) => offset)).toEqual(fails.map(({ offset }) => offset));
  outside.forEach(({ args }, index) => {
    if (args.length > 0) expect(args.map(text)).toEqual(fails[index]!.line);
  });
}

describe('inside a transaction', () => {
  const list = words(['SET a 1', 'MULTI', 'SET b 2', 'SELECT 3', 'SET c 3', 'EXEC', 'SET d 4']);

  test('the safe mark stays before MULTI, wherever the bytes end', () => {
    const input = stream(...list);
    const begin = stream(list[0]!).length;
    const end = stream(...list.slice(0, 6)).length;
    for (let cut = begin; cut <= input.length; cut++) {
      const { applier, pipeline, target } = applierBench();
      const taken = applier.feed(input, 0, cut, 0);
      target.settle(pipeline);
      expect(applier.offset).toBe(taken);
      expect(pipeline.applied).toBe(taken >= end ? taken : begin);
      expect(applier.open).toBe(taken > begin && taken < end);
    }
  });

  test('SELECT stays where it was', () => {
    const bench = applierBench();
    pump(bench, stream(...list), [1]);
    bench.target.settle(bench.pipeline);
    expect(lines(bench.target.commands)).toEqual(list.map((line) => line.join(' ')));
  });
});

describe('a command too large to be held', () => {
  test('goes on when it is larger than all that may be in flight, behind a small one', () => {
    const bench = applierBench({ pipe: { slabBytes: 8192, maxInFlightBytes: 64 * 1024 } });
    pump(bench, stream(['SET', 'a', '1'], ['SET', 'k', 'x'.repeat(600_000)]), [550_000, 1000]);
    bench.target.settle(bench.pipeline);
    expect(bench.pipeline.pending).toBe(0);
  });

  const HUGE = 1_500_000;
  const huge = (first: string): Line => [first, 'k', 'x'.repeat(HUGE), 'y'.repeat(3)];

  test.each([1000, 65_536, 700_000])('is handed on as it comes, %i bytes at a time', (size) => {
    const list: Line[] = [['SET', 'a', '1'], huge('FAIL'), ['FAIL', 'b'], huge('APPEND'), ['PING']];
    const input = stream(...list);
    const bench = applierBench({ offset: 50, pipe: { slabBytes: 8192, maxInFlightBytes: 1 << 20 } });
    const { applier, pipeline, target } = bench;
    let held = 0;
    let passing = 0;
    let at = 0;
    const seen = () => {
      expect(applier.needed).toBeLessThanOrEqual(512 * 1024);
      if (applier.open) passing++;
      expect(pipeline.applied).toBeLessThanOrEqual(applier.offset);
    };
    for (let arrived = 0; at < input.length;) {
      arrived = Math.min(input.length, arrived + size);
      for (let next = at, before = -1; before !== next; at = next) {
        before = next;
        next = applier.feed(input, next, arrived, 0);
        seen();
        if (pipeline.blocked) target.settle(pipeline);
      }
      held = Math.max(held, arrived - at);
    }
    target.settle(pipeline);
    expect(passing).toBeGreaterThan(0);
    expect(held).toBeLessThan(512 * 1024 + size);
    expect(Buffer.compare(target.received, stream(...list.slice(0, 4)))).toBe(0);
    expect(applier.offset).toBe(50 + input.length);
    expect(pipeline.applied).toBe(50 + input.length);
    const first = 50 + stream(list[0]!).length;
    const second = 50 + stream(list[0]!, list[1]!).length;
    expect(bench.failed.map(({ offset, name: command }) => [offset, command])).toEqual([
      [first, ''],
      [second, 'FAIL'],
    ]);
  });

  test('does not make the window grow before it has come', () => {
    const { applier } = applierBench();
    const input = bytes('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000000\r\nxxx');
    expect(applier.feed(input, 0, input.length, 0)).toBe(0);
    expect(applier.needed).toBeLessThanOrEqual(512 * 1024);
  });

  test('… but one that must be looked at is waited for', () => {
    const { applier } = applierBench({ filter: createKeyFilter(filterOptions({ includeKeys: ['k'] })) });
    const input = bytes('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\nxxx');
    expect(applier.feed(input, 0, input.length, 0)).toBe(0);
    expect(applier.needed).toBeGreaterThan(4_000_000);
  });
});

describe('a stream that is none', () => {
  test.each([
    ['-ERR no permission\r\n', 0],
    ['*1\r\n+OK\r\n', 4],
    ['*0\r\n', 0],
    ['HTTP', 0],
  ])('%j is refused with its offset in the history', (wrong, inner) => {
    const good = stream(['SET', 'a', '1'], ['MULTI'], ['SET', 'b', '2']);
    const input = Buffer.concat([good, bytes(wrong)]);
    const bench = applierBench({ offset: 7000 });
    const fed = faultOf(() => pump(bench, input, [input.length]));
    expect(fed).toEqual(fault('SOURCE_PROTOCOL', 7000 + good.length + inner, /in the stream/));
  });
});

describe('a link that broke inside a command', () => {
  test('is gone on with from the offset', () => {
    const input = stream(['SET', 'a', '1'], ['SET', 'b', 'long enough'], ['SET', 'c', '3']);
    for (let cut = 1; cut < input.length; cut++) {
      const { applier, pipeline, target } = applierBench();
      const taken = applier.feed(input, 0, cut, 0);
      applier.resumed();
      expect(applier.offset).toBe(taken);
      expect(applier.feed(input, taken, input.length, 0)).toBe(input.length);
      target.settle(pipeline);
      expect(Buffer.compare(target.received, input)).toBe(0);
    }
  });
});

describe('relative times', () => {
  const NOW = 1_000_000;
  const run = (server: string, list: readonly string[]): string[] => {
    const bench = applierBench({ relativeTtls: true, clockOffsetMs: NOW, capabilities: serverNamed(server) });
    pump(bench, stream(...words(list)), [5]);
    bench.target.settle(bench.pipeline);
    return lines(bench.target.commands);
  };
  const list = [
    'SET a 1',
    'SETEX b 10 v',
    'set c 1 PX 5',
    'expire d 3',
    'MULTI',
    'PSETEX e 7 v',
    'EXEC',
    'RESTORE f 0 p',
  ];

  test("become absolute by the time of arrival, on the source's clock", () => {
    expect(run('redis 7.0.15', list)).toEqual([
      ...['SET a 1', 'SET b v PXAT 1010000', 'SET c 1 PXAT 1000005', 'PEXPIREAT d 1003000'],
      ...['MULTI', 'SET e v PXAT 1000007', 'EXEC', 'RESTORE f 0 p'],
    ]);
  });

  test('… in one transaction where it takes two commands', () => {
    expect(run('redis 5.0.14', list)).toEqual([
      ...['SET a 1', 'MULTI', 'SET b v', 'PEXPIREAT b 1010000', 'EXEC'],
      ...['MULTI', 'SET c 1', 'PEXPIREAT c 1000005', 'EXEC', 'PEXPIREAT d 1003000'],
      ...['MULTI', 'SET e v', 'PEXPIREAT e 1000007', 'EXEC', 'RESTORE f 0 p'],
    ]);
  });

  test('become absolute by when each of them arrived, however late it is applied', () => {
    const input = stream(...words(['EXPIRE a 1', 'SET b 1', 'EXPIRE c 2', 'PSETEX d 5 v']));
    const bench = applierBench({
      ...{ relativeTtls: true, clockOffsetMs: NOW, offset: 5000 },
      arrivedAtMs: (offset) => (offset - 5000) * 10,
    });
    pump(bench, input, [1]);
    bench.target.settle(bench.pipeline);
    const [, third, fourth] = [1, 2, 3].map((count) => {
      const before = words(['EXPIRE a 1', 'SET b 1', 'EXPIRE c 2']).slice(0, count);
      return NOW + 10 * stream(...before).length;
    });
    expect(lines(bench.target.commands)).toEqual([
      ...[`PEXPIREAT a ${NOW + 1000}`, 'SET b 1', `PEXPIREAT c ${third! + 2000}`],
      `SET d v PXAT ${fourth! + 5}`,
    ]);
  });

  test('are left alone when the source writes absolute ones', () => {
    const bench = applierBench();
    pump(bench, stream(['SETEX', 'b', '10', 'v']), [5]);
    bench.target.settle(bench.pipeline);
    expect(lines(bench.target.commands)).toEqual(['SETEX b 10 v']);
  });
});

describe('deadlines that are held back', () => {
  const held = (ms: number): string => String(2 ** 52 + ms);
  const list = [
    'SET a 1',
    'SET b 1 PXAT 5000',
    'PEXPIREAT c 6000',
    'set d 1 KEEPTTL',
    'HSET e f 1',
    'EXPIREAT f 7',
  ];
  const run = (given: Parameters<typeof applierBench>[0], sent = list): string[] => {
    const bench = applierBench(given);
    pump(bench, stream(...words(sent)), [7]);
    bench.target.settle(bench.pipeline);
    return lines(bench.target.commands);
  };

  test('all of them, and nothing else is changed', () => {
    expect(run({ hold: { holdBeforeMs: Infinity } })).toEqual([
      ...[
        'SET a 1',
        `SET b 1 PXAT ${held(5000)}`,
        `PEXPIREAT c ${held(6000)}`,
        'set d 1 KEEPTTL',
        'HSET e f 1',
      ],
      `PEXPIREAT f ${held(7000)}`,
    ]);
  });

  test('only near ones, when it is said', () => {
    expect(run({ hold: { holdBeforeMs: 5500 } }).slice(1, 3)).toEqual([
      `SET b 1 PXAT ${held(5000)}`,
      'PEXPIREAT c 6000',
    ]);
  });

  test('none, when none are to be, or nothing is said', () => {
    expect(run({ hold: { holdBeforeMs: -Infinity } })).toEqual(list);
    expect(run({})).toEqual(list);
  });

  test('also those made from relative times, with filters too', () => {
    const relative = ['EXPIRE a 3', 'SETEX b 1 v'];
    const given = { relativeTtls: true, clockOffsetMs: 1000, hold: { holdBeforeMs: Infinity } };
    const expected = [`PEXPIREAT a ${held(4000)}`, `SET b v PXAT ${held(2000)}`];
    expect(run(given, relative)).toEqual(expected);
    const filter = createKeyFilter(filterOptions({ excludeKeys: ['c*'] }));
    expect(run({ ...given, filter }, relative)).toEqual(expected);
    expect(run({ hold: { holdBeforeMs: Infinity }, filter }).slice(1, 3)).toEqual([
      `SET b 1 PXAT ${held(5000)}`,
      'set d 1 KEEPTTL',
    ]);
  });

  test('by the policy in force when the command is applied', () => {
    const hold = { holdBeforeMs: Infinity };
    const bench = applierBench({ hold });
    pump(bench, stream(['PEXPIREAT', 'a', '1']), [100]);
    hold.holdBeforeMs = -Infinity;
    pump(bench, stream(['PEXPIREAT', 'a', '2']), [100]);
    bench.target.settle(bench.pipeline);
    expect(lines(bench.target.commands)).toEqual([`PEXPIREAT a ${held(1)}`, 'PEXPIREAT a 2']);
  });
});

describe('the key of ours in database 0', () => {
  const run = (list: readonly string[], given: Parameters<typeof applierBench>[0] = {}): string[] => {
    const bench = applierBench({ ownKey: bytes('ours'), ...given });
    pump(bench, stream(...words(list)), [9]);
    bench.target.settle(bench.pipeline);
    return lines(bench.target.commands);
  };

  test.each([
    ['SWAPDB 0 3', '3'],
    ['swapdb 3 0', '3'],
    ['SWAPDB 0 1', '1'],
  ])('is removed from where %s takes it', (line, other) => {
    expect(run(['SET a 1', line, 'SET b 1'])).toEqual([
      ...['SET a 1', line, `SELECT ${other}`, 'DEL ours', 'SELECT 0', 'SET b 1'],
    ]);
  });

  test.each(['SWAPDB 1 3', 'SWAPDB 0 0', 'SWAPDB 3 1', 'SWAPDB 2 2'])('is not concerned by %s', (line) => {
    expect(run(['SELECT 2', 'SET a 1', line])).toEqual(['SELECT 2', 'SET a 1', line]);
  });

  test('is removed where the databases of the target change places', () => {
    const dbMap = createDbMap(
      new Map([
        [0, 7],
        [7, 0],
      ]),
    );
    expect(run(['SWAPDB 7 3', 'SWAPDB 0 3'], { dbMap })).toEqual([
      ...['SELECT 7', 'SWAPDB 0 3', 'SELECT 3', 'DEL ours', 'SELECT 7', 'SWAPDB 7 3'],
    ]);
  });

  test('stays within the transaction of the source', () => {
    expect(run(['MULTI', 'SWAPDB 0 3', 'SET b 1', 'EXEC'])).toEqual([
      ...['MULTI', 'SWAPDB 0 3', 'SELECT 3', 'DEL ours', 'SELECT 0', 'SET b 1', 'EXEC'],
    ]);
  });
});

describe('while a commit is on its way', () => {
  const batchBytes = 5000;
  const slabBytes = 1024;

  test.each([1, 700, 100_000])('not much more than a transaction is taken, %i bytes at a time', (size) => {
    const commits: number[] = [];
    let begun = 0;
    let waiting = false;
    const committer = {
      begin: () => void begun++,
      get waiting() {
        return waiting;
      },
      batchBytes,
      commit: ({ offset }: { readonly offset: number }) => {
        commits.push(offset);
        waiting = true;
      },
    };
    const bench = applierBench({ committer, pipe: { slabBytes, maxInFlightBytes: 1 << 24 } });
    const { applier } = bench;
    const input = stream(
      ...Array.from({ length: 500 }, (_, index): Line => ['SET', `k${index}`, 'v'.repeat(40)]),
    );
    let arrived = 0;
    let taken = 0;
    for (let turn = 0; taken < input.length && turn < 200_000; turn++) {
      arrived = Math.min(input.length, arrived + size);
      const before = taken;
      taken = applier.feed(input, taken, arrived, 0);
      const behind = applier.offset - (commits.at(-1) ?? 0);
      expect(behind).toBeLessThanOrEqual(batchBytes + slabBytes);
      expect(applier.full).toBe(waiting && behind >= batchBytes);
      if (applier.full) {
        expect(applier.feed(input, taken, arrived, 0)).toBe(taken);
        waiting = false;
        expect(applier.full).toBe(false);
        // What has been taken meanwhile is the next transaction.
        applier.commit();
        expect(commits.at(-1)).toBe(applier.offset);
      } else if (taken === before && arrived === input.length) break;
    }
    expect(taken).toBe(input.length);
    expect(begun).toBeGreaterThan(0);
    expect(commits).toEqual([...new Set(commits)].toSorted((a, b) => a - b));
  });

  test('a transaction of the source is never divided, however large', () => {
    const commits: number[] = [];
    const committer = {
      ...{ begin: () => {}, waiting: false, batchBytes: 100 },
      commit: ({ offset }: { readonly offset: number }) => void commits.push(offset),
    };
    const bench = applierBench({ committer });
    const first = stream(['SET', 'a', '1']);
    const inside = Array.from({ length: 100 }, (): Line => ['SET', 'b', 'v'.repeat(40)]);
    const input = stream(['SET', 'a', '1'], ['MULTI'], ...inside, ['EXEC'], ['SET', 'c', '1']);
    pump(bench, input, [33]);
    bench.target.settle(bench.pipeline);
    const last = input.length - stream(['SET', 'c', '1']).length;
    expect(commits).toEqual([first.length, last, input.length]);
    expect(lines(bench.target.commands)).not.toContain('MULTI');
  });

  test('what is not for the target moves the position alone', () => {
    const places: unknown[] = [];
    const committer = {
      ...{ begin: () => expect.unreachable('nothing is to be written'), waiting: false, batchBytes: 1e6 },
      commit: (...place: unknown[]) => void places.push(place),
    };
    const bench = applierBench({ committer, offset: 10, db: 4, targetDb: 0 });
    const input = stream(['PING'], ['SELECT', '2'], ['REPLCONF', 'GETACK', '*'], ['MULTI'], ['EXEC']);
    pump(bench, input, [1000]);
    expect(places).toEqual([[{ offset: 10 + input.length, db: 2, inMulti: false }, 0, false]]);
    // Nothing new, nothing to commit.
    bench.applier.commit();
    expect(places).toHaveLength(1);
  });
});

/** Commands of the output with the database each runs in, transactions as lists. */
function executed(commands: readonly (readonly Uint8Array[])[]): (string | string[])[] {
  const out: (string | string[])[] = [];
  let db = 0;
  let open: string[] | undefined;
  for (const line of lines(commands)) {
    if (line.startsWith('SELECT ')) db = Number(line.slice(7));
    else if (line === 'MULTI') open = [];
    else if (line === 'EXEC') {
      out.push(open!);
      open = undefined;
    } else (open ?? out).push(`${db}: ${line}`);
  }
  return out;
}

describe('with filters and a map', () => {
  const options = {
    filter: createKeyFilter(filterOptions({ includeKeys: ['a*'], excludeDbs: [2] })),
    dbMap: createDbMap(new Map([[1, 5]])),
  };
  const setLine = fc.tuple(fc.constant('SET'), fc.constantFrom('a1', 'a2', 'b1'), value);
  const dbLine = fc.tuple(fc.constant('SELECT'), fc.constantFrom('0', '1', '2'));
  const some = fc.array(fc.oneof({ arbitrary: setLine, weight: 3 }, { arbitrary: dbLine, weight: 2 }), {
    maxLength: 6,
  });
  const selectiveUnit: fc.Arbitrary<Line[]> = fc.oneof(
    { arbitrary: setLine.map((line): Line[] => [line]), weight: 4 },
    { arbitrary: dbLine.map((line): Line[] => [line]), weight: 2 },
    { arbitrary: some.map((list): Line[] => [['MULTI'], ...list, ['EXEC']]), weight: 2 },
    { arbitrary: fc.constant<Line[]>([['PING']]), weight: 1 },
  );

  test('only what passes arrives, in its database, transactions whole and never empty', () => {
    fc.assert(
      fc.property(fc.array(selectiveUnit, { maxLength: 20 }), pieceSizes, (units, sizes) => {
        const expected: (string | string[])[] = [];
        let db = 0;
        for (const list of units) {
          const found: string[] = [];
          for (const [first, second, third] of list) {
            if (first === 'SELECT') db = Number(second);
            if (first === 'SET' && second!.startsWith('a') && db !== 2)
              found.push(`${db === 1 ? 5 : db}: SET ${second} ${third}`);
          }
          if (list[0]![0] !== 'MULTI') expected.push(...found);
          else if (found.length > 0) expected.push(found);
        }
        const bench = applierBench(options);
        const input = stream(...units.flat());
        pump(bench, input, sizes);
        bench.target.settle(bench.pipeline);
        expect(executed(bench.target.commands)).toEqual(expected);
        expect(bench.applier.offset).toBe(input.length);
        expect(bench.pipeline.applied).toBe(input.length === 0 ? -1 : input.length);
      }),
      { numRuns: 300 },
    );
  });

  test('emptying databases holds the stream, and divides a transaction', () => {
    const bench = applierBench(options);
    const { applier, pipeline, target } = bench;
    const list = words(['SET a 1', 'MULTI', 'SET a 2', 'FLUSHALL', 'SET a 3', 'EXEC', 'SET a 4']);
    const input = stream(...list);
    const at = applier.feed(input, 0, input.length, 0);
    expect(at).toBe(stream(...list.slice(0, 4)).length);
    expect(applier.aside).toMatchObject({ matching: true });
    expect(applier.aside).not.toMatchObject({ targetDbs: expect.arrayContaining([1]) });
    expect(applier.feed(input, at, input.length, 0)).toBe(at);
    target.settle(pipeline);
    // Not behind MULTI: what follows the emptying has not come yet.
    expect(pipeline.applied).toBe(stream(list[0]!).length);
    expect(executed(target.commands)).toEqual(['0: SET a 1', ['0: SET a 2']]);
    applier.resume();
    expect(applier.feed(input, at, input.length, 0)).toBe(input.length);
    target.settle(pipeline);
    expect(executed(target.commands).slice(2)).toEqual([['0: SET a 3'], '0: SET a 4']);
    expect(pipeline.applied).toBe(input.length);
  });

  test('an error names the offset its command begins at', () => {
    const answer = (args: readonly Uint8Array[]): string =>
      text(args[0]!) === 'SET' ? '-ERR no\r\n' : '+OK\r\n';
    const bench = applierBench({ ...options, answer, offset: 100 });
    const list = words(['SELECT 1', 'SET a 1', 'SET b 1', 'SET a 2']);
    pump(bench, stream(...list), [3]);
    bench.target.settle(bench.pipeline);
    const offsets = [1, 3].map((count) => 100 + stream(...list.slice(0, count)).length);
    expect(bench.failed.map(({ offset }) => offset)).toEqual(offsets);
  });

  test('errors that only say that a key was left out are passed over, inside transactions too', () => {
    const answer = (args: readonly Uint8Array[]): string =>
      text(args[0]!) === 'RENAME' ? '-ERR no such key\r\n' : '+OK\r\n';
    // Every place a slab may end at.
    for (let slabBytes = 64; slabBytes < 160; slabBytes++) {
      const bench = applierBench({
        filter: createKeyFilter(filterOptions({ excludeKinds: ['hash'] })),
        ...{ answer, pipe: { slabBytes, maxInFlightBytes: 1 << 16 } },
      });
      pump(
        bench,
        stream(...words(['MULTI', 'SET a 1', 'RENAME a b', 'SET c 1', 'EXEC', 'RENAME a b'])),
        [1000],
      );
      for (let turn = 0; bench.target.waiting; turn++) {
        bench.target.deliver(1);
        bench.target.reply(bench.pipeline, turn % 2 === 0 ? 9 : 1000);
      }
      expect(bench.failed).toEqual([]);
      expect(lines(bench.target.commands)).toContain('RENAME a b');
    }
  });

  test('… wherever the bytes break, with answers in between', () => {
    const answer = (args: readonly Uint8Array[]): string =>
      text(args[0]!) === 'RENAME' ? '-ERR no such key\r\n' : '+OK\r\n';
    const input = stream(...words(['MULTI', 'SET a 1', 'RENAME a b', 'SET c 1', 'EXEC']));
    for (let cut = 1; cut < input.length; cut++) {
      const bench = applierBench({
        answer,
        filter: createKeyFilter(filterOptions({ excludeKinds: ['hash'] })),
      });
      const at = bench.applier.feed(input, 0, cut, 0);
      bench.target.settle(bench.pipeline);
      bench.applier.feed(input, at, input.length, 0);
      bench.target.settle(bench.pipeline);
      expect(bench.failed.map((one) => ({ cut, command: lines([one.args]) }))).toEqual([]);
    }
  });

  test('what cannot be carried over is reported with its offset', () => {
    const bench = applierBench({ ...options, offset: 10 });
    pump(bench, stream(['SET', 'a', '1'], ['NOSUCH', 'a']), [1000]);
    expect(bench.reports).toHaveLength(1);
    expect(bench.reports[0]).toMatch(
      new RegExp(`^NOSUCH at ${10 + stream(['SET', 'a', '1']).length} in 0: `),
    );
  });
});

describe('commands whose keys are asked for', () => {
  const table = extendTable(
    BUILTIN_COMMANDS,
    parseCommandReply([['mod.do', -2, ['write', 'module', 'movablekeys'], 0, 0, 0]]),
  );

  function bench(
    answer: readonly string[] | undefined,
    filter: KeyFilter = createKeyFilter(filterOptions({})),
  ): { commands: string[]; reports: string[] } {
    const keyMap = createKeyMap([{ from: bytes('old:'), to: bytes('new:') }]);
    const made = applierBench({ table, filter, keyMap, asksForKeys: true });
    const input = stream(...words(['SET old:1 a', 'MOD.DO 1 old:2 x', 'SET old:3 b']));
    let at = made.applier.feed(input, 0, input.length, 0);
    expect(made.applier.aside).toMatchObject({ kind: 'keys' });
    made.target.settle(made.pipeline);
    expect(made.applier.ready).toBe(true);
    made.applier.resume(answer?.map(bytes));
    at = made.applier.feed(input, at, input.length, 0);
    expect(at).toBe(input.length);
    made.target.settle(made.pipeline);
    return { commands: lines(made.target.commands), reports: made.reports };
  }

  test('are mapped where they are told to be', () => {
    const { commands, reports } = bench(['old:2']);
    expect(commands).toEqual(['SET new:1 a', 'MOD.DO 1 new:2 x', 'SET new:3 b']);
    expect(reports).toEqual([]);
  });

  test('are filtered by what is told', () => {
    const filter = createKeyFilter(filterOptions({ excludeKeys: ['old:2'] }));
    expect(bench(['old:2'], filter).commands).toEqual(['SET new:1 a', 'SET new:3 b']);
  });

  test('are left out and reported when nobody tells', () => {
    const { commands, reports } = bench(undefined);
    expect(commands).toEqual(['SET new:1 a', 'SET new:3 b']);
    expect(reports).toEqual([expect.stringContaining('cannot be mapped')]);
  });

  test('are not asked about where it does not matter', () => {
    const { applier, target, pipeline } = applierBench({ table, asksForKeys: true });
    const input = stream(...words(['MOD.DO 1 k x']));
    expect(applier.feed(input, 0, input.length, 0)).toBe(input.length);
    target.settle(pipeline);
    expect(lines(target.commands)).toEqual(['MOD.DO 1 k x']);
  });
});
