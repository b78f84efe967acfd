/** Values of every type, written by hand from the format's description, and where they end. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dialect } from '../../src/rdb/dialect.js';
import { INCOMPLETE } from '../../src/rdb/primitives.js';
import { ValueSkipper } from '../../src/rdb/skip-value.js';
import { valueTypes } from '../../src/rdb/value-types.js';
import { faultOf } from '../support/rdb-error.js';
import { corpusNames, readSnapshot } from '../support/rdb-corpus.js';
import { FEEDS, feedIn } from '../support/rdb-feeds.js';
import { embedded, hex } from '../support/rdb-hex.js';

/** Writes primitives with choices taken from a seed: every form a len or a str may have. */
class Writer {
  readonly bytes: number[] = [];
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  pick(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }

  raw(count: number): this {
    for (let left = count; left > 0; left--) this.bytes.push(this.pick(256));
    return this;
  }

  len(value: number): this {
    const form = this.pick(4);
    if (value < 64 && form < 2) this.bytes.push(value);
    else if (value < 16384 && form < 3) this.bytes.push(0x40 | (value >> 8), value & 255);
    else if (form < 3) this.bytes.push(0x80, 0, 0, value >> 8, value & 255);
    else this.bytes.push(0x81, 0, 0, 0, 0, 0, 0, value >> 8, value & 255);
    return this;
  }

  /** A len that is not looked at: up to 2^64 − 1. */
  anyLen(): this {
    if (this.pick(3) > 0) return this.len(this.pick(20000));
    this.bytes.push(0x81);
    return this.raw(8);
  }

  str(): this {
    const form = this.pick(6);
    if (form < 3) this.bytes.push(0xc0 + form);
    if (form < 3) return this.raw(1 << form);
    if (form === 3) {
      const stored = 1 + this.pick(20);
      this.bytes.push(0xc3);
      return this.len(stored)
        .len(stored * 3)
        .raw(stored);
    }
    const length = this.pick(form === 4 ? 4 : 100);
    return this.len(length).raw(length);
  }

  many(unit: () => unknown, least = 0): this {
    const count = least + this.pick(5);
    this.len(count);
    for (let left = count; left > 0; left--) unit();
    return this;
  }

  ascii(): this {
    const form = this.pick(4);
    if (form === 3) this.bytes.push(253 + this.pick(3));
    if (form === 3) return this;
    const length = this.pick(30);
    this.bytes.push(length);
    return this.raw(length);
  }

  items(): this {
    for (let left = this.pick(8); left > 0; left--) {
      const code = 1 + this.pick(5);
      this.bytes.push(code);
      if (code < 3) this.anyLen();
      else if (code === 5) this.str();
      else this.raw(code === 3 ? 4 : 8);
    }
    this.bytes.push(0);
    return this;
  }

  id(): this {
    return this.anyLen().anyLen();
  }

  stream(since: number): this {
    this.many(() => this.str().str())
      .anyLen()
      .id();
    if (since >= 19) this.id().id().anyLen();
    this.many(() => {
      this.str().id();
      if (since >= 19) this.anyLen();
      this.many(() => this.raw(16).raw(8).anyLen());
      this.many(() => {
        this.str().raw(since >= 21 ? 16 : 8);
        this.many(() => this.raw(16));
      });
      if (since >= 27) this.many(() => this.raw(16));
    });
    if (since < 26) return this;
    this.anyLen().anyLen();
    return this.many(() => this.str().many(() => this.str().id()))
      .anyLen()
      .anyLen();
  }

  array(): this {
    const count = 1 + this.pick(5);
    this.len(count);
    if (this.pick(2) === 0) this.len(0);
    else this.len(1).anyLen();
    for (let left = count; left > 0; left--) {
      const tag = this.pick(4);
      this.anyLen().len(tag);
      if (tag === 1 || tag === 2) this.raw(8);
      else this.str();
    }
    return this;
  }
}

type Build = (out: Writer) => unknown;

const strings: Build = (out) => out.many(() => out.str());
const pairs: Build = (out) => out.many(() => out.str().str());
const blob: Build = (out) => out.str();
const stream =
  (since: number): Build =>
  (out) =>
    out.stream(since);

const COMMON: Readonly<Record<number, Build>> = {
  ...{ 0: blob, 1: strings, 2: strings, 3: (out) => out.many(() => out.str().ascii()), 4: pairs },
  ...{ 5: (out) => out.many(() => out.str().raw(8)), 7: (out) => out.anyLen().items() },
  ...{ 9: blob, 10: blob, 11: blob, 12: blob, 13: blob, 14: strings, 16: blob, 17: blob, 20: blob },
  18: (out) => out.many(() => out.len(1 + out.pick(2)).str()),
  ...{ 15: stream(15), 19: stream(19), 21: stream(21) },
};
const BUILD: Readonly<Record<Dialect, Readonly<Record<number, Build>>>> = {
  redis: {
    ...COMMON,
    22: (out) => out.many(() => out.anyLen().str().str()),
    23: blob,
    24: (out) => out.raw(8).many(() => out.anyLen().str().str()),
    25: (out) => out.raw(8).str(),
    ...{ 26: stream(26), 27: stream(27), 28: (out) => out.array() },
  },
  valkey: { ...COMMON, 22: (out) => out.many(() => out.str().str().raw(8)) },
};
const CASES = (['redis', 'valkey'] as const).flatMap((dialect) =>
  Object.keys(BUILD[dialect]).map((id) => ({
    dialect,
    id: Number(id),
    type: valueTypes(dialect)[Number(id)]!,
  })),
);

test('every type of the tables is among the cases', () => {
  for (const dialect of ['redis', 'valkey'] as const) {
    const known = valueTypes(dialect).flatMap((type) => (type === undefined ? [] : [type.id]));
    expect(Object.keys(BUILD[dialect]).map(Number)).toEqual(known);
  }
});

function build(dialect: Dialect, id: number, seed: number): Uint8Array {
  const out = new Writer(seed);
  BUILD[dialect][id]!(out);
  return Uint8Array.from(out.bytes);
}

const seeds = fc.integer({ min: 0, max: 0x7fffffff });

describe.each(CASES)('$dialect $id $type.name', ({ dialect, id, type }) => {
  test('ends where it was ended, wherever it was cut first', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const value = build(dialect, id, seed);
        // Bytes that follow are not the value's: a reader that goes on would run into refused codes.
        const bytes = embedded(value);
        const end = 5 + value.length;
        expect(new ValueSkipper(type).find(bytes, 5, bytes.length)).toBe(end);
        const step = 1 + Math.floor(value.length / 60);
        for (let cut = 0; cut < value.length; cut += step) {
          const skipper = new ValueSkipper(type);
          expect(skipper.find(bytes, 5, 5 + cut)).toBe(INCOMPLETE);
          expect(skipper.reached).toBeLessThanOrEqual(value.length);
          // The bytes may move before there are more.
          expect(skipper.find(embedded(value, 9), 9, 9 + value.length)).toBe(9 + value.length);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('can be dropped piece by piece', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...FEEDS), (seed, feed) => {
        const value = build(dialect, id, seed);
        const skipper = new ValueSkipper(type);
        expect(feedIn(feed, skipper, value)).toBe(value.length);
        expect(skipper.done).toBe(true);
        skipper.reset(type);
        expect(feedIn(FEEDS[1]!, skipper, value)).toBe(value.length);
        expect(skipper.done).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

test.each(corpusNames())('the values of %s end where they end', (name) => {
  for (const { type: id, dialect, value } of readSnapshot(name).entries) {
    const type = valueTypes(dialect)[id]!;
    const skipper = new ValueSkipper(type);
    expect(skipper.find(value, 0, value.length)).toBe(value.length);
    for (const feed of FEEDS.slice(2)) {
      skipper.reset(type);
      expect(feedIn(feed, skipper, value)).toBe(value.length);
      expect(skipper.done).toBe(true);
    }
  }
});

describe('counts that promise what is not there', () => {
  const HUGE = '81 00 00 01 00 00 00 00 00';
  test.each([
    ['redis', 1, HUGE, 9],
    ['redis', 1, `${HUGE} 01 61`, 11],
    ['redis', 0, HUGE, 9 + 2 ** 40],
    ['redis', 4, `${HUGE} c0 05`, 11],
    ['redis', 5, `${HUGE} 01 61`, 9 + 2 + 8],
    ['redis', 15, HUGE, 9],
    ['redis', 15, `00 00 00 00 | ${HUGE} 01 61 00 00 ${HUGE} 01`, 4 + 9 + 4 + 9 + 16],
    ['redis', 24, `01 02 03 04 05 06 07 08 ${HUGE}`, 17],
    ['redis', 28, `${HUGE} 00 05 00 01 61`, 14],
    ['valkey', 22, HUGE, 9],
  ] as const)('%s type %i: %s', (dialect, id, text, reached) => {
    const bytes = hex(text);
    const skipper = new ValueSkipper(valueTypes(dialect)[id]!);
    expect(skipper.find(bytes, 0, bytes.length)).toBe(INCOMPLETE);
    expect(skipper.reached).toBe(reached);
    const dropper = new ValueSkipper(valueTypes(dialect)[id]!);
    expect(dropper.feed(bytes, 0, bytes.length)).toBe(bytes.length);
    expect(dropper.done).toBe(false);
  });
});

describe('damaged values are refused where they are damaged', () => {
  test.each([
    [1, '02 01 61 c4', 3, /string encoding/],
    [1, 'c0', 0, /where a length must stand/],
    [1, '82', 0, /where a length must stand/],
    [1, '81 00 20 00 00 00 00 00 00', 0, /above 2\^53/],
    [0, 'c3 01 40 59', 0, /LZF/],
    [7, '05 06', 1, /module item 6/],
    [28, '01 00 00 04', 3, /element tag 4/],
  ] as const)('type %i: %s', (id, text, offset, message) => {
    const bytes = embedded(hex(text));
    const found = faultOf(() => new ValueSkipper(valueTypes('redis')[id]!).find(bytes, 5, bytes.length - 3));
    expect(found).toEqual({
      code: 'RDB_CORRUPT',
      offset: 5 + offset,
      message: expect.stringMatching(message),
    });
  });
});
