/* oxlint-disable vitest/no-conditional-expect, vitest/no-standalone-expect -- a model checks itself, as far as the case at hand goes */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Pipeline, type PipelineOptions } from '../../src/target/pipeline.js';
import { Transactions } from '../../src/target/transactions.js';
import type { FailedCommand } from '../../src/target/failed-command.js';
import { ModelConnection, ModelStore } from './model-server.js';
import { bytes, FakeTarget, text } from './support.js';

const KEY = '__replicant:{t}:checkpoint';

interface Given {
  readonly atomic?: boolean;
  readonly store?: ModelStore;
  readonly pipe?: Partial<PipelineOptions>;
}

class Bench {
  readonly store: ModelStore;
  readonly server: ModelConnection;
  readonly pipeline: Pipeline;
  readonly writes: Transactions;
  readonly settled: number[] = [];
  readonly disturbed: (string | undefined)[] = [];
  readonly failed: FailedCommand[] = [];

  constructor({ atomic = true, store = new ModelStore(), pipe = {} }: Given = {}) {
    this.store = store;
    this.server = new ModelConnection(store);
    this.pipeline = new Pipeline(this.server, {
      onError: (one) => this.failed.push(one),
      onDrain: () => {},
      ...pipe,
    });
    this.writes = new Transactions(this.pipeline, bytes(KEY), atomic, {
      settled: (tag) => this.settled.push(tag),
      disturbed: (found) => this.disturbed.push(found === undefined ? undefined : text(found)),
    });
  }

  guard(expected: string | undefined): void {
    this.writes.guard(expected === undefined ? undefined : bytes(expected));
  }

  data(line: string): void {
    this.writes.begin();
    this.pipeline.command(line.split(' ').map(bytes));
  }

  commit(words: string, tag = 0, selected = 0): void {
    this.writes.commit(bytes(words), tag, selected);
  }

  settle(): void {
    this.server.settle(this.pipeline);
  }
}

type Step =
  | { readonly do: 'data' | 'refused' | 'failing'; readonly db: number; readonly size: number }
  | { readonly do: 'commit' | 'flush' }
  | { readonly do: 'deliver' | 'reply'; readonly count: number }
  | { readonly do: 'other'; readonly found: string | undefined };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({
        do: fc.constant('data' as const),
        db: fc.constantFrom(0, 0, 3),
        size: fc.constantFrom(0, 0, 5, 300),
      }),
      weight: 8,
    },
    {
      arbitrary: fc.record({
        do: fc.constantFrom('refused' as const, 'failing' as const),
        db: fc.constant(0),
        size: fc.constant(0),
      }),
      weight: 1,
    },
    { arbitrary: fc.constant({ do: 'commit' as const }), weight: 8 },
    { arbitrary: fc.constant({ do: 'flush' as const }), weight: 2 },
    {
      arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 3 }) }),
      weight: 8,
    },
    {
      arbitrary: fc.record({ do: fc.constant('reply' as const), count: fc.integer({ min: 1, max: 90 }) }),
      weight: 12,
    },
    {
      arbitrary: fc.record({
        do: fc.constant('other' as const),
        found: fc.constantFrom('theirs', undefined, 'ours'),
      }),
      weight: 1,
    },
  ),
  { maxLength: 120 },
);

/** Drives a writer and knows what may be on the target. */
class Model {
  readonly bench: Bench;
  /** By text: what the data are when the checkpoint says so. */
  readonly states = new Map<string, string>();
  readonly commits: string[] = [];
  /** All that was ever found under the key. */
  readonly standing = new Set<string | undefined>();
  /** What the data were when somebody else took the key. */
  frozen: string | undefined;
  refused = false;
  tokens = 0;
  #written: string;
  #db = 0;

  constructor(pipe: Partial<PipelineOptions>) {
    this.bench = new Bench({ pipe });
    const { store, server } = this.bench;
    store.put(0, KEY, 'text -1');
    this.#written = '';
    this.states.set('text -1', '');
    server.onExec = () => {
      expect(this.frozen, 'something landed behind somebody else’s write').toBeUndefined();
      this.check();
    };
    this.bench.guard('text -1');
  }

  get #data(): string {
    return [0, 3].map((db) => this.bench.store.get(db, 'log') ?? '').join('/');
  }

  check(): void {
    const found = this.bench.store.get(0, KEY);
    this.standing.add(found);
    if (this.frozen !== undefined) expect(this.#data).toBe(this.frozen);
    else expect(this.#data === '/' ? '' : this.#data).toBe(this.states.get(found!));
  }

  run(step: Step): void {
    const { bench } = this;
    const { writes, pipeline, server } = bench;
    switch (step.do) {
      case 'data':
      case 'refused':
      case 'failing':
        if (!pipeline.blocked) this.#data1(step.do, step.db, step.size);
        break;
      case 'commit':
        if (!writes.waiting) this.commit();
        break;
      case 'flush':
        pipeline.flush();
        break;
      case 'deliver':
        server.deliver(step.count);
        break;
      case 'reply':
        server.reply(pipeline, step.count);
        break;
      default:
        this.#other(step.found);
    }
    this.check();
  }

  #shadow = ['', ''];

  #data1(kind: 'data' | 'refused' | 'failing', db: number, size: number): void {
    const { bench } = this;
    bench.writes.begin();
    const send = (...args: string[]) => bench.pipeline.command(args.map(bytes));
    if (kind === 'refused') {
      send('NOSUCH', 'x');
      this.refused = true;
      return;
    }
    if (kind === 'failing') {
      send('RENAME', 'nothing', 'x');
      return;
    }
    if (db !== this.#db) send('SELECT', String(db));
    this.#db = db;
    const token = `${this.tokens++}${'.'.repeat(size)};`;
    send('APPEND', 'log', token);
    this.#shadow[db === 0 ? 0 : 1]! += token;
  }

  commit(): void {
    const words = `text ${this.commits.length}`;
    this.#written = this.#shadow.join('/');
    // Known before it is sent: it may land at once.
    this.states.set(words, this.#written === '/' ? '' : this.#written);
    this.commits.push(words);
    this.bench.commit(words, this.commits.length - 1, this.#db);
    this.#db = 0;
  }

  #other(found: string | undefined): void {
    const { store } = this.bench;
    const now = store.get(0, KEY);
    const next = found === 'ours' ? now : found;
    if (next !== now) this.frozen ??= this.#data;
    if (found === 'ours' && this.frozen === undefined) {
      // Gone and back: what has been watched fails, or nothing was missed.
      store.put(0, KEY, undefined);
    }
    store.put(0, KEY, next);
  }
}

describe('whatever the delays, and whoever else writes the key', () => {
  test('the target is exactly where the checkpoint says, and nothing lands behind another writer', () => {
    let executed = 0;
    let disturbed = 0;
    let queued = 0;
    fc.assert(
      fc.property(
        steps,
        fc.constantFrom(
          { slabBytes: 64, maxInFlightBytes: 256 },
          { slabBytes: 512, maxInFlightBytes: 4096 },
          { slabBytes: 1 << 16, maxInFlightBytes: 1 << 20 },
        ),
        (list, pipe) => {
          const model = new Model(pipe);
          const { bench, commits } = model;
          for (const step of list) {
            model.run(step);
            // What is settled has been on the target, in order, one after the other.
            expect(bench.settled).toEqual([...bench.settled.keys()].map((index) => index - 1));
            expect(bench.settled.length).toBeLessThanOrEqual(commits.length + 1);
            if (bench.writes.open && bench.writes.waiting) queued++;
          }
          bench.pipeline.flush();
          bench.settle();
          if (!bench.writes.waiting) model.commit();
          bench.settle();
          model.check();
          const lost = model.frozen !== undefined || bench.disturbed.length > 0;
          expect(bench.disturbed).toHaveLength(lost ? 1 : 0);
          for (const found of bench.disturbed) {
            expect(model.standing).toContain(found);
            expect(found).not.toBe(commits.at(-1) ?? 'text -1');
          }
          expect(bench.writes.waiting).toBe(lost);
          if (!lost) {
            expect(bench.store.get(0, KEY)).toBe(commits.at(-1));
            expect(bench.settled.at(-1)).toBe(commits.length - 1);
          }
          if (model.refused && commits.length > 0 && !lost)
            throw new Error('a refused command went unnoticed');
          // Outside of transactions nothing is written at all.
          for (const name of bench.server.outside) expect(['MULTI', 'WATCH', 'GET']).toContain(name);
          expect(bench.failed.every(({ name }) => ['NOSUCH', 'RENAME', 'EXEC', ''].includes(name))).toBe(
            true,
          );
          executed += bench.server.execsCarriedOut;
          disturbed += bench.disturbed.length;
        },
      ),
      { numRuns: 500 },
    );
    expect(executed).toBeGreaterThan(300);
    expect(disturbed).toBeGreaterThan(50);
    expect(queued).toBeGreaterThan(100);
  });
});

describe('what is written', () => {
  const names = (bench: Bench): string => bench.server.arrived.join(' ');

  test('data and position in one transaction, which ends in database 0', () => {
    const bench = new Bench();
    bench.guard(undefined);
    bench.data('SELECT 3');
    bench.data('SET a 1');
    expect(bench.writes.open).toBe(true);
    bench.settle();
    bench.commit('one', 7, 3);
    expect(bench.writes.open).toBe(false);
    expect(bench.writes.waiting).toBe(true);
    bench.settle();
    expect(names(bench)).toBe('WATCH GET MULTI SELECT SET SELECT SET EXEC WATCH GET');
    expect(bench.settled).toEqual([-1, 7]);
    expect(bench.server.client.db).toBe(0);
    expect(bench.store.dump()).toBe(`0/${KEY}=one\n3/a=1`);
  });

  test('a position alone too, without SELECT where database 0 is in force', () => {
    const bench = new Bench();
    bench.guard(undefined);
    bench.settle();
    bench.commit('one');
    bench.settle();
    expect(names(bench)).toBe('WATCH GET MULTI SET EXEC WATCH GET');
  });

  test('`begin` opens once, and the next transaction while the one before is unanswered', () => {
    const bench = new Bench();
    bench.guard(undefined);
    bench.settle();
    bench.data('SET a 1');
    bench.data('SET b 1');
    bench.commit('one', 1);
    bench.data('SET c 1');
    expect([bench.writes.open, bench.writes.waiting]).toEqual([true, true]);
    bench.pipeline.flush();
    bench.server.deliver();
    expect(bench.store.get(0, 'c')).toBeUndefined();
    bench.server.reply(bench.pipeline);
    expect([bench.writes.open, bench.writes.waiting]).toEqual([true, false]);
    bench.commit('two', 2);
    bench.settle();
    expect(names(bench)).toBe('WATCH GET MULTI SET SET SET EXEC WATCH GET MULTI SET SET EXEC WATCH GET');
    expect(bench.settled).toEqual([-1, 1, 2]);
  });

  test('without `atomic`: data, then position, which is still confirmed', () => {
    const bench = new Bench({ atomic: false });
    bench.guard(undefined);
    bench.data('SET a 1');
    expect(bench.writes.open).toBe(false);
    bench.settle();
    bench.commit('one', 5, 2);
    bench.settle();
    expect(names(bench)).toBe('GET SET SELECT SET GET');
    expect(bench.settled).toEqual([-1, 5]);
    bench.commit('two', 6);
    bench.server.deliver();
    bench.store.put(0, KEY, 'theirs');
    bench.settle();
    bench.commit('three', 8);
    bench.store.put(0, KEY, 'theirs');
    expect(bench.settled).toEqual([-1, 5, 6]);
  });
});

describe('the guard', () => {
  test.each([
    ['nothing', undefined, undefined],
    ['a text', 'x', 'x'],
    ['an empty text', '', ''],
  ])('finds %s as expected', (_, found, expected) => {
    const bench = new Bench();
    bench.store.put(0, KEY, found);
    bench.guard(expected);
    bench.settle();
    expect([bench.settled, bench.disturbed]).toEqual([[-1], []]);
  });

  test.each([
    ['nothing', undefined, 'x'],
    ['nothing instead of an empty text', undefined, ''],
    ['an empty text', '', undefined],
    ['something longer', 'xy', 'x'],
    ['something shorter', 'x', 'xy'],
    ['something', 'x', undefined],
  ])('finds %s that was not expected, and nothing is committed', (_, found, expected) => {
    const bench = new Bench();
    bench.store.put(0, KEY, found);
    bench.guard(expected);
    bench.data('SET a 1');
    bench.settle();
    expect([bench.settled, bench.disturbed]).toEqual([[], [found]]);
    expect(bench.writes.waiting).toBe(true);
    expect(bench.store.get(0, 'a')).toBeUndefined();
  });
});

describe('an error in a transaction', () => {
  test('is traced to its command, however long ago that was queued', () => {
    const bench = new Bench({ pipe: { slabBytes: 128, maxInFlightBytes: 64 * 1024 } });
    bench.guard(undefined);
    bench.settle();
    for (let turn = 0; turn < 3; turn++) {
      for (let index = 0; index < 40; index++) {
        bench.data(index === 20 ? `RENAME nothing ${turn}` : `SET k${index} ${'v'.repeat(60)}`);
        bench.pipeline.flush();
        if (turn !== 1) bench.settle();
      }
      if (bench.writes.waiting) bench.settle();
      bench.commit(`text ${turn}`, turn);
      // The next one is begun before the answer is there.
      bench.data('SET a 1');
    }
    bench.settle();
    expect(bench.failed.map(({ args, executed }) => [args.map(text).join(' '), executed])).toEqual([
      ['RENAME nothing 0', true],
      ['RENAME nothing 1', true],
      ['RENAME nothing 2', true],
    ]);
  });
});

describe('a refused command of our own', () => {
  test.each(['SELECT', 'SET', 'WATCH', 'GET'])('%s is not placed behind what has been copied', (name) => {
    const target = new FakeTarget((args) => (text(args[0]!) === name ? '-ERR no\r\n' : '+OK\r\n'));
    const failed: FailedCommand[] = [];
    const pipeline = new Pipeline(target, { onError: (one) => failed.push(one), onDrain: () => {} });
    const writes = new Transactions(pipeline, bytes(KEY), true, { settled: () => {}, disturbed: () => {} });
    // Commands of the stream from offset 1000 on, as the applier copies them.
    const run = bytes('*3\r\n$6\r\nAPPEND\r\n$1\r\na\r\n$1\r\n1\r\n');
    writes.begin();
    pipeline.from(1000);
    pipeline.put(run, 0, run.length);
    pipeline.ended(1);
    writes.commit(bytes('one'), 1000 + run.length, 3);
    target.settle(pipeline);
    expect(failed.map((one) => one.name)).toEqual([name]);
    // `--on-error skip` leaves out what stands at this offset: it must not be a command that comes later.
    expect(failed[0]!.offset).toBeLessThan(1000 + run.length);
  });
});

describe('the size of a transaction', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  const sizes = (answersMs: readonly number[]): number[] => {
    const bench = new Bench();
    const found = [bench.writes.batchBytes];
    bench.guard(undefined);
    answersMs.forEach((ms, index) => {
      vi.advanceTimersByTime(ms);
      bench.settle();
      found.push(bench.writes.batchBytes);
      bench.commit(`after ${index}`);
    });
    return found.map((bytesOfBatch) => bytesOfBatch / 1024);
  };

  test('follows the length of the way, between 384 KiB and 4 MiB', () => {
    expect(sizes([1])).toEqual([384, 384]);
    expect(sizes([10])).toEqual([384, 640]);
    expect(sizes([30])).toEqual([384, 1920]);
    expect(sizes([5000])).toEqual([384, 4096]);
  });

  test('and not how much the target has to do', () => {
    expect(sizes([10, 300, 5000, 40])).toEqual([384, 640, 640, 640, 640]);
    expect(sizes([5000, 20, 9000])).toEqual([384, 4096, 1280, 1280]);
  });

  test('also when the answer makes room that is written into at once', () => {
    let refill = (): void => {};
    const bench = new Bench({
      pipe: { slabBytes: 256, maxInFlightBytes: 2048, onDrain: () => refill() },
    });
    bench.guard(undefined);
    vi.advanceTimersByTime(30);
    bench.settle();
    bench.data('SET a 1');
    while (!bench.pipeline.blocked) bench.data(`SET b ${'x'.repeat(40)}`);
    bench.commit('one', 1);
    refill = () => {
      if (!bench.writes.waiting) bench.commit('two', 2);
    };
    vi.advanceTimersByTime(20);
    bench.server.deliver();
    bench.server.reply(bench.pipeline);
    expect(bench.settled).toEqual([-1, 1]);
    expect(bench.writes.batchBytes).toBe(20 * 64 * 1024);
    bench.settle();
    expect(bench.settled).toEqual([-1, 1, 2]);
  });
});
