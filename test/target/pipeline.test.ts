/* oxlint-disable vitest/no-standalone-expect, vitest/no-conditional-expect -- a model checks itself, as far as the case at hand goes */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCommand } from '../../src/resp/encode.js';
import type { FailedCommand } from '../../src/target/failed-command.js';
import { Pipeline, type PipelineOptions } from '../../src/target/pipeline.js';
import { faultOf } from '../support/rdb-error.js';
import { bytes, FakeTarget, text } from './support.js';

interface Command {
  readonly args: readonly string[];
  readonly tolerated?: boolean;
}

type Step =
  | { readonly do: 'command'; readonly command: Command }
  | { readonly do: 'run' | 'transaction'; readonly commands: readonly Command[] }
  | { readonly do: 'flush' | 'drain' }
  | { readonly do: 'deliver' | 'reply'; readonly count: number };

const word = (most: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\n', '$', '*', '0'), maxLength: most });
const commandOf = (most: number): fc.Arbitrary<Command> =>
  fc.record({
    args: fc
      .tuple(fc.constantFrom('SET', 'FAIL', 'failing', 'X'), fc.array(word(most), { maxLength: 3 }))
      .map(([name, rest]) => [name, ...rest]),
    tolerated: fc.boolean(),
  });

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ do: fc.constant('command' as const), command: commandOf(20) }), weight: 6 },
    { arbitrary: fc.record({ do: fc.constant('command' as const), command: commandOf(700) }), weight: 1 },
    {
      arbitrary: fc.record({
        do: fc.constant('run' as const),
        commands: fc.array(commandOf(30), { minLength: 1, maxLength: 4 }),
      }),
      weight: 3,
    },
    {
      arbitrary: fc.record({
        do: fc.constant('transaction' as const),
        commands: fc.array(commandOf(20), { maxLength: 6 }),
      }),
      weight: 2,
    },
    { arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'drain' as const) }), weight: 3 },
    {
      arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 3 }) }),
      weight: 4,
    },
    {
      arbitrary: fc.record({ do: fc.constant('reply' as const), count: fc.integer({ min: 1, max: 40 }) }),
      weight: 4,
    },
  ),
  { maxLength: 80 },
);

interface Expected {
  readonly number: number;
  readonly args: readonly string[];
  readonly offset: number;
  readonly inside: boolean;
}

/** Drives a pipeline and knows what must come out of it. */
class Bench {
  readonly target = new FakeTarget();
  readonly pipeline: Pipeline;
  readonly failed: FailedCommand[] = [];
  readonly errors: Expected[] = [];
  readonly marks: { readonly commands: number; readonly offset: number }[] = [];
  drains = 0;
  blocks = 0;
  #wasBlocked = false;
  #applied = -1;
  #offset = 1000;
  #commands = 0;
  #sent: Uint8Array[] = [];

  constructor(options: Partial<PipelineOptions>) {
    this.pipeline = new Pipeline(this.target, {
      ...options,
      onError: (failed) => this.failed.push(failed),
      onDrain: () => {
        this.drains++;
        expect(this.pipeline.blocked).toBe(false);
      },
      onApplied: () => {
        expect(this.pipeline.applied).toBeGreaterThanOrEqual(this.#applied);
        this.#applied = this.pipeline.applied;
      },
    });
  }

  get output(): Uint8Array {
    return Buffer.concat(this.#sent);
  }

  run(step: Step): void {
    const { target, pipeline } = this;
    switch (step.do) {
      case 'command':
        if (!pipeline.blocked) this.#single(step.command, false);
        break;
      case 'run':
        if (!pipeline.blocked) this.#copied(step.commands);
        break;
      case 'transaction':
        if (pipeline.blocked) break;
        this.#single({ args: ['MULTI'] }, false);
        for (const command of step.commands) this.#single(command, true);
        this.#single({ args: ['EXEC'] }, false);
        break;
      case 'flush':
        pipeline.flush(this.#offset);
        this.marks.push({ commands: this.#commands, offset: this.#offset });
        break;
      case 'deliver':
        target.deliver(step.count);
        break;
      case 'reply':
        target.reply(pipeline, step.count);
        break;
      default:
        pipeline.flush();
        target.settle(pipeline);
    }
    if (pipeline.blocked && !this.#wasBlocked) this.blocks++;
    this.#wasBlocked = pipeline.blocked;
  }

  #single(command: Command, inside: boolean): void {
    const args = command.args.map(bytes);
    this.pipeline.from(this.#offset);
    if (command.tolerated === true) this.pipeline.tolerate();
    this.pipeline.command(args);
    this.#expect(command, command.tolerated === true, inside);
  }

  /** As the stream's plain commands go: copied as they are. */
  #copied(commands: readonly Command[]): void {
    const { pipeline } = this;
    const all = new Uint8Array(Buffer.concat(commands.map(({ args }) => encodeCommand(args.map(bytes)))));
    // A run that does not fit into one slab is one command.
    if (all.length > pipeline.slabBytes && commands.length > 1) {
      for (const command of commands) this.#copied([command]);
      return;
    }
    if (all.length <= pipeline.slabBytes) pipeline.reserve(all.length);
    pipeline.from(this.#offset);
    pipeline.begin();
    pipeline.put(all, 0, all.length);
    pipeline.ended(commands.length);
    for (const command of commands) this.#expect(command, false, false);
  }

  #expect(command: Command, tolerated: boolean, inside: boolean): void {
    const encoded = encodeCommand(command.args.map(bytes));
    const number = this.#commands++;
    if (/^fail/i.test(command.args[0]!) && !tolerated) {
      this.errors.push({ number, args: command.args, offset: this.#offset, inside });
    }
    this.#sent.push(encoded);
    this.#offset += encoded.length;
  }

  /** The mark that must have been reached, by the replies that have come. */
  get reached(): number {
    const answered = this.pipeline.commands - this.pipeline.pending;
    return this.marks.findLast(({ commands }) => commands <= answered)?.offset ?? -1;
  }
}

const sizes = fc.record({
  slabBytes: fc.integer({ min: 64, max: 512 }),
  slabs: fc.oneof(
    { arbitrary: fc.constant(2), weight: 2 },
    { arbitrary: fc.integer({ min: 2, max: 8 }), weight: 1 },
  ),
});

describe('whatever is written, sent and answered in whatever order', () => {
  test('comes out as it went in, marks follow the answers, errors find their commands', () => {
    let errors = 0;
    let blocks = 0;
    fc.assert(
      fc.property(steps, sizes, (list, { slabBytes, slabs }) => {
        const bench = new Bench({ slabBytes, maxInFlightBytes: slabBytes * slabs });
        const { pipeline, target } = bench;
        for (const step of list) {
          bench.run(step);
          expect(pipeline.applied).toBe(bench.reached);
          const { received } = target;
          expect(Buffer.compare(received, bench.output.subarray(0, received.length))).toBe(0);
        }
        bench.run({ do: 'flush' });
        bench.run({ do: 'drain' });
        expect(Buffer.compare(target.received, bench.output)).toBe(0);
        expect(pipeline.pending).toBe(0);
        expect(pipeline.blocked).toBe(false);
        expect(pipeline.applied).toBe(bench.marks.at(-1)!.offset);
        expect(bench.drains).toBe(bench.blocks);
        checkErrors(bench);
        errors += bench.failed.length;
        blocks += bench.blocks;
      }),
      { numRuns: 400 },
    );
    expect(errors).toBeGreaterThan(100);
    expect(blocks).toBeGreaterThan(0);
  });
});

function checkErrors({ failed, errors, pipeline }: Bench): void {
  // An error inside a transaction is told at its EXEC, in the same order.
  expect(failed.map(({ number }) => number)).toEqual(errors.map(({ number }) => number));
  failed.forEach(({ args, name, offset, error }, index) => {
    const expected = errors[index]!;
    expect(error).toBe('ERR no');
    const size = encodeCommand(expected.args.map(bytes)).length;
    if (args.length > 0 || (!expected.inside && size <= pipeline.slabBytes)) {
      expect(args.map(text)).toEqual(expected.args);
      expect(name).toBe(expected.args[0]!.toUpperCase());
      expect(offset).toBe(expected.offset);
    } else if (!expected.inside) {
      expect(offset).toBe(expected.offset);
    }
  });
}

describe('memory', () => {
  test('stays within the limit and one slab when writers heed `blocked`', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 60 }), ({ slabBytes, slabs }, length) => {
        const bench = new Bench({ slabBytes, maxInFlightBytes: slabBytes * slabs });
        const command: Command = { args: ['SET', 'k'.repeat(length)] };
        const size = encodeCommand(command.args.map(bytes)).length;
        let turns = 0;
        for (let round = 0; round < 5; round++) {
          for (turns = 0; !bench.pipeline.blocked && turns < 2000; turns++)
            bench.run({ do: 'command', command });
          expect(turns).toBeLessThan(2000);
          bench.run({ do: 'drain' });
          // A command longer than a slab takes a few at once.
          expect(bench.target.blocks.size).toBeLessThanOrEqual(slabs + Math.ceil(size / slabBytes));
          bench.target.blocks.clear();
        }
        expect(bench.drains).toBe(5);
      }),
      { numRuns: 50 },
    );
  });

  test('is not given back before the write is over, however fast the answer', () => {
    const target = new FakeTarget();
    const pipeline = new Pipeline(target, {
      slabBytes: 64,
      maxInFlightBytes: 1024,
      onError: () => {},
      onDrain: () => {},
    });
    for (let round = 0; round < 3; round++) {
      pipeline.command([bytes('SET'), bytes('a'.repeat(30))]);
      pipeline.flush();
      pipeline.replies(bytes('+OK\r\n'), 0, 5);
    }
    target.deliver();
    expect(target.commands).toHaveLength(3);
  });
});

describe('answers', () => {
  const open = (
    onError: (failed: FailedCommand) => void = () => {},
  ): { target: FakeTarget; pipeline: Pipeline } => {
    const target = new FakeTarget((args) =>
      text(args[0]!) === 'EVAL' ? '*2\r\n:1\r\n-ERR made by a script\r\n' : '-ERR no\r\n',
    );
    return { target, pipeline: new Pipeline(target, { onError, onDrain: () => {} }) };
  };

  test('more of them than commands are refused', () => {
    const { pipeline } = open();
    pipeline.command([bytes('A')]);
    pipeline.flush();
    expect(faultOf(() => pipeline.replies(bytes('+OK\r\n+OK\r\n'), 0, 10))?.code).toBe('TARGET_PROTOCOL');
  });

  test('an error in what a script answers is data', () => {
    const failed: FailedCommand[] = [];
    const { target, pipeline } = open((one) => failed.push(one));
    pipeline.command(['EVAL', 'x', '0'].map(bytes));
    for (const name of ['MULTI', 'EVAL', 'SET', 'EXEC']) pipeline.command([bytes(name)]);
    pipeline.flush();
    target.settle(pipeline);
    expect(failed.map(({ name, number }) => [name, number])).toEqual([['SET', 3]]);
  });

  test('what the handler throws comes out of `replies`', () => {
    const { target, pipeline } = open(() => {
      throw new Error('enough');
    });
    pipeline.command([bytes('A')]);
    pipeline.flush();
    target.deliver();
    expect(() => target.reply(pipeline)).toThrow('enough');
  });
});

describe('a transaction that is answered bit by bit', () => {
  interface Given {
    readonly keep?: boolean;
    readonly tolerant?: boolean;
    readonly maxInFlightBytes?: number;
  }

  /** MULTI and `count` commands, each answered before the next is written; then EXEC. */
  function slowly(
    count: number,
    { keep = false, tolerant = false, maxInFlightBytes = 1 << 20 }: Given,
  ): { failed: FailedCommand[]; pipeline: Pipeline; target: FakeTarget } {
    const failed: FailedCommand[] = [];
    const target = new FakeTarget();
    const pipeline = new Pipeline(target, {
      ...{ slabBytes: 128, maxInFlightBytes },
      onError: (one) => failed.push(one),
      onDrain: () => {},
    });
    const send = (...args: string[]): void => {
      expect(pipeline.blocked).toBe(false);
      pipeline.from(pipeline.commands * 1000);
      pipeline.command(args.map(bytes));
      pipeline.flush();
      target.settle(pipeline);
    };
    send('SET', 'before');
    if (keep) pipeline.keepFrom(pipeline.commands);
    send('MULTI');
    for (let index = 0; index < count; index++) {
      if (tolerant && index % 3 === 1) pipeline.tolerate();
      send(index % 3 === 2 ? 'SET' : 'FAIL', `${index}`, 'x'.repeat(30));
    }
    send('EXEC');
    return { failed, pipeline, target };
  }

  test('errors are traced where the bytes are kept, and only there', () => {
    const { failed } = slowly(12, { keep: true });
    const found = failed.filter(({ args }) => args.length > 0);
    expect(found.map(({ args, offset, executed }) => [text(args[1]!), offset, executed])).toEqual(
      [0, 1, 3, 4, 6, 7, 9, 10].map((index) => [`${index}`, (index + 2) * 1000, true]),
    );
    const without = slowly(12, {}).failed.filter(({ number }) => number < 8);
    expect(without.length).toBeGreaterThan(0);
    expect(without.every(({ args }) => args.length === 0)).toBe(true);
  });

  test('an error in what is not kept names no place behind it', () => {
    const { failed } = slowly(12, {});
    const wrong = failed.filter(({ number, offset }) => offset > number * 1000);
    expect(wrong.map(({ number, offset }) => ({ number, offset }))).toEqual([]);
  });

  test('an error that means nothing is passed over, however late it comes', () => {
    const { failed } = slowly(12, { keep: true, tolerant: true });
    expect(failed.map(({ number }) => number)).toEqual([2, 5, 8, 11]);
  });

  test('what is kept is given back, and never keeps writers waiting', () => {
    const { pipeline, target } = slowly(400, { keep: true, maxInFlightBytes: 1024 });
    // `slowly` has seen that it was never blocked, with 20 KiB kept of at most 1.
    expect(target.blocks.size).toBeLessThanOrEqual(9);
    pipeline.keepFrom(Number.POSITIVE_INFINITY);
    target.blocks.clear();
    for (let index = 0; index < 50; index++) {
      pipeline.command([bytes('SET'), bytes('x'.repeat(60))]);
      pipeline.flush();
      target.settle(pipeline);
    }
    expect(target.blocks.size).toBeLessThanOrEqual(2);
  });
});

describe('a reply that is wanted', () => {
  test('is the one to the next command, whatever else is under way', () => {
    const target = new FakeTarget((args) => {
      const [name, value] = args.map(text);
      return name === 'GET' ? `$${value!.length}\r\n${value}\r\n` : '+OK\r\n';
    });
    const pipeline = new Pipeline(target, { onError: () => {}, onDrain: () => {}, slabBytes: 64 });
    const found: string[] = [];
    for (let index = 0; index < 20; index++) {
      for (let other = 0; other < index % 4; other++) pipeline.command(['GET', 'other'].map(bytes));
      pipeline.wantReply((body) => found.push(`${index} ${text(body!)}`));
      pipeline.command([bytes('GET'), bytes(`v${index}`)]);
    }
    pipeline.flush();
    target.deliver();
    for (let turn = 0; target.waiting; turn++) target.reply(pipeline, 1 + (turn % 7));
    expect(found).toEqual([...Array(20).keys()].map((index) => `${index} v${index}`));
  });

  test('may bring about the next command at once', () => {
    const target = new FakeTarget((args) => `$1\r\n${text(args[1]!)}\r\n`);
    const pipeline = new Pipeline(target, { onError: () => {}, onDrain: () => {} });
    const found: string[] = [];
    const ask = (value: number): void => {
      pipeline.wantReply((body) => {
        found.push(text(body!));
        if (value < 5) ask(value + 1);
      });
      pipeline.command([bytes('GET'), bytes(`${value}`)]);
      pipeline.flush();
    };
    ask(1);
    target.settle(pipeline);
    expect(found).toEqual(['1', '2', '3', '4', '5']);
    expect(pipeline.pending).toBe(0);
  });
});

describe('marks', () => {
  test('without commands before them are reached at once', () => {
    const applied: number[] = [];
    const target = new FakeTarget();
    const pipeline: Pipeline = new Pipeline(target, {
      onError: () => {},
      onDrain: () => {},
      onApplied: () => applied.push(pipeline.applied),
    });
    expect(pipeline.applied).toBe(-1);
    pipeline.flush(0);
    pipeline.flush(7);
    expect(applied).toEqual([0, 7]);
  });

  test('made for what has been made, not copied, errors name an offset at or before it', () => {
    const failed: FailedCommand[] = [];
    const target = new FakeTarget();
    const pipeline = new Pipeline(target, {
      ...{ slabBytes: 256, maxInFlightBytes: 1 << 20 },
      onError: (one) => failed.push(one),
      onDrain: () => {},
    });
    for (let index = 0; index < 100; index++) {
      pipeline.near(index);
      pipeline.command([bytes('FAIL'), bytes(`${index}`), new Uint8Array(index === 50 ? 600 : 20)]);
    }
    pipeline.flush();
    target.settle(pipeline);
    expect(failed).toHaveLength(100);
    failed.forEach(({ offset, args }, index) => {
      expect(offset).toBeLessThanOrEqual(index);
      expect(offset).toBeGreaterThan(index - 8);
      if (index !== 50) expect(text(args[1]!)).toBe(`${index}`);
    });
  });
});
