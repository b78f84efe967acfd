/**
 * Values of every type, converted for every kind of server: the server takes the new type (by the table that
 * real servers confirmed), and it holds what the source held, less what is reported as lost.
 */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../src/rdb/encode/byte-writer.js';
import { visitValue } from '../../../src/rdb/encode/encode-rdb.js';
import { formsOf } from '../../../src/rdb/encode/forms.js';
import type { Spool } from '../../../src/rdb/encode/large-converters.js';
import { noLosses } from '../../../src/rdb/encode/losses.js';
import { convertValue, ValueConverter } from '../../../src/rdb/encode/value-converter.js';
import { ValueEncoder } from '../../../src/rdb/encode/value-encoder.js';
import type { Dialect } from '../../../src/rdb/dialect.js';
import { acceptsType, parseServerName, type ServerIdentity } from '../../../src/rdb/server-support.js';
import { decodeValue, type RdbValue } from '../../../src/rdb/value.js';
import { valueTypes } from '../../../src/rdb/value-types.js';
import { value as anyValue } from '../../support/rdb-arbitrary.js';
import { CAPTURED } from '../../support/rdb-captured.js';
import { corpusNames, readSnapshot } from '../../support/rdb-corpus.js';
import { SERVER_NAMES, withoutNews } from '../../support/rdb-downgrade.js';
import { feedIn, FEEDS } from '../../support/rdb-feeds.js';
import { ascii, hex, join } from '../../support/rdb-hex.js';
import { intset, listpack, zipmap, ziplist } from '../../support/rdb-packed.js';
import { expectSame } from '../../support/same.js';

interface Sample {
  readonly name: string;
  readonly type: number;
  readonly dialect: Dialect;
  readonly bytes: Uint8Array;
}

function memorySpool(): Spool {
  const parts: Uint8Array[] = [];
  return {
    write: (bytes) => void parts.push(bytes.slice()),
    drain: (sink) => {
      for (const part of parts) sink(part);
    },
  };
}

function str(bytes: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  out.len(bytes.length);
  out.raw(bytes);
  return out.view();
}

function time(ms: number): Uint8Array {
  const out = new ByteWriter();
  out.i64(ms);
  return out.view();
}

const [a, b] = [str(ascii('a')), str(ascii('12'))];
/** Layouts that no server here writes, or seldom. */
const RARE: readonly Sample[] = [
  { name: 'zipmap', type: 9, dialect: 'redis', bytes: str(zipmap(['f', 'v', 'g', 'w'], 2)) },
  { name: 'intset', type: 11, dialect: 'redis', bytes: str(intset([-5, 1, 70_000], 4)) },
  {
    name: 'list ziplist',
    type: 10,
    dialect: 'redis',
    bytes: str(ziplist(['a', 1, 'x'.repeat(300), -70_000])),
  },
  {
    name: 'zset ziplist',
    type: 12,
    dialect: 'redis',
    bytes: str(ziplist(['c', '-inf', 'a', 1, 'b', '2.5'])),
  },
  {
    name: 'quicklist',
    type: 14,
    dialect: 'redis',
    bytes: join(Uint8Array.of(2), str(ziplist(['a', 1])), str(ziplist(['b']))),
  },
  {
    name: 'quicklist with a plain node',
    type: 18,
    dialect: 'redis',
    bytes: join(
      hex('03 02'),
      str(listpack(['a', 1])),
      hex('01'),
      str(new Uint8Array(9000).fill(97)),
      hex('02'),
      str(listpack([-70_000, 2n ** 62n, 'z'])),
    ),
  },
  {
    name: 'pre-GA hash',
    type: 22,
    dialect: 'redis',
    bytes: join(hex('02 00'), a, b, hex('81 00 00 03 a3 52 94 40 00'), b, a),
  },
  {
    name: 'pre-GA listpack hash',
    type: 23,
    dialect: 'redis',
    bytes: str(listpack(['f', 'v', 4_000_000_000_000, 'g', 2, 0])),
  },
  {
    name: 'listpack hash, all times gone',
    type: 25,
    dialect: 'redis',
    bytes: join(time(7), str(listpack(['f', 'v', 0, 'g', 2, 0]))),
  },
  { name: 'hash of Valkey, no times', type: 22, dialect: 'valkey', bytes: join(hex('01'), a, b, time(-1)) },
  ...CAPTURED.map(({ name, dialect, payload }) => {
    const bytes = hex(payload);
    return { name, type: bytes[0]!, dialect, bytes: bytes.subarray(1, -10) };
  }),
];

/** What of the sample's conversion is not as it must be: one line each. */
function faultsOf(server: ServerIdentity, converter: ValueConverter, sample: Sample): string[] {
  const { type, dialect, bytes } = sample;
  const forms = formsOf(server);
  const row = valueTypes(dialect)[type]!;
  if (row.kind === 'module' || (row.kind === 'stream' && forms.stream === undefined)) return [];
  const result = converter.convert(row, dialect, bytes, 0, bytes.length);
  if (result.kind === 'same')
    return acceptsType(server, type, dialect) ? [] : [`${row.name} is not accepted`];
  if (result.kind !== 'converted') return [`${row.name}: ${JSON.stringify(result)}`];
  const expected = withoutNews(decodeValue(type, dialect, bytes, 0, bytes.length), forms);
  const judge = (how: string, newType: number, written: Uint8Array, losses: object): string[] => [
    ...(acceptsType(server, newType, forms.dialect)
      ? []
      : [`${row.name} ${how}: ${newType} is not accepted`]),
    ...(isDeepStrictEqual(decodeValue(newType, forms.dialect, written, 0, written.length), expected.value)
      ? []
      : [`${row.name} ${how}: another value`]),
    ...(isDeepStrictEqual(losses, { ...noLosses(), ...expected.losses })
      ? []
      : [`${row.name} ${how}: ${JSON.stringify(losses)}`]),
  ];
  const whole = judge('whole', result.type, result.bytes, result.losses);
  if (row.opening === 'packed' || row.opening === 'time+packed') return whole;
  const pieces = FEEDS.slice(bytes.length > 4000 ? 2 : 1).flatMap((feed) => {
    const out = new ByteWriter();
    const large = converter.large(row, dialect, out, memorySpool)!;
    const taken = feedIn(feed, large.sink, bytes);
    if (taken !== bytes.length || !large.sink.done)
      return [`${row.name} ${feed.name}: stopped after ${taken} bytes`];
    return judge(feed.name, large.type, out.view(), large.losses);
  });
  return [...whole, ...pieces];
}

const corpus: Sample[] = corpusNames()
  .filter((name) => !/-(lfu|lru|plain)$/.test(name))
  .flatMap((name) =>
    readSnapshot(name).entries.map(({ type, dialect, value }) => ({ name, type, dialect, bytes: value })),
  );

describe.each(SERVER_NAMES)('for %s', (name) => {
  const server = parseServerName(name);
  const converter = new ValueConverter(server, { compress: true });

  test.each(RARE)('$name, type $type', (sample) => {
    expect(faultsOf(server, converter, sample)).toEqual([]);
  });

  test('all that real servers wrote', () => {
    expect(corpus.flatMap((sample) => faultsOf(server, converter, sample))).toEqual([]);
  });

  test('at random, from what the newest servers write', () => {
    fc.assert(
      fc.property(anyValue, fc.constantFrom('redis-8.8', 'redis-7.4', 'valkey-9.1'), (value, from) => {
        const forms = formsOf(parseServerName(from));
        const encoder = new ValueEncoder(forms);
        encoder.begin(value.kind);
        visitValue(value, encoder);
        const { type, bytes } = encoder.finish();
        expect(
          faultsOf(server, converter, { name: from, type, dialect: forms.dialect, bytes: bytes.slice() }),
        ).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

test('there and back: field TTLs of Redis and Valkey', () => {
  for (const { type, dialect, bytes } of corpus) {
    if (type !== 24 && type !== 25 && !(type === 22 && dialect === 'valkey')) continue;
    const there = dialect === 'redis' ? 'valkey-9.1' : 'redis-7.4';
    const back = dialect === 'redis' ? 'redis-7.4' : 'valkey-9.1';
    const first = convertValue(type, dialect, bytes, 0, bytes.length, parseServerName(there));
    if (first.kind !== 'converted') throw new Error(first.kind);
    expect(first.losses).toEqual(noLosses());
    const other = dialect === 'redis' ? 'valkey' : 'redis';
    const again = convertValue(first.type, other, first.bytes, 0, first.bytes.length, parseServerName(back));
    if (again.kind !== 'converted') throw new Error(again.kind);
    expectSame(
      decodeValue(again.type, dialect, again.bytes, 0, again.bytes.length),
      decodeValue(type, dialect, bytes, 0, bytes.length),
    );
  }
});

describe('what cannot be', () => {
  const none = new Uint8Array(2);

  test.each([
    ['a stream for Redis 4', 15, 'redis-4.0', /^redis 4\.0\.0: streams need Redis 5\.0/],
    ['an array for Redis 8.6', 28, 'redis-8.6', /ARRAY/],
    ['a module value for Redis 3.2', 7, 'redis-3.2', /MODULE_2/],
    ['an array for Valkey', 28, 'valkey-9.1', /^valkey 9\.1\.0: .*ARRAY/],
    ['an unknown type', 33, 'redis-8.8', /BITMAP/],
  ])('%s', (_, id, server, why) => {
    const result = convertValue(id, 'redis', none, 0, 2, parseServerName(server));
    expect(result).toEqual({ kind: 'unsupported', why: expect.stringMatching(why) });
  });

  test('an array goes as it is where it is known', () => {
    expect(convertValue(28, 'redis', none, 0, 2, parseServerName('redis-8.8'))).toEqual({ kind: 'same' });
  });

  test('vector sets are a module of Redis 8 only', () => {
    const vectors = corpus.find(({ type, name }) => type === 7 && name.startsWith('redis-8'))!;
    const kinds = ['redis-7.4', 'redis-8.0', 'valkey-9.1'].map(
      (server) =>
        convertValue(7, 'redis', vectors.bytes, 0, vectors.bytes.length, parseServerName(server)).kind,
    );
    expect(kinds).toEqual(['unsupported', 'same', 'unsupported']);
  });

  test('lists of empty nodes only', () => {
    const empty = join(Uint8Array.of(1, 2), str(listpack([])));
    for (const server of ['redis-3.0', 'redis-6.2']) {
      expect(convertValue(18, 'redis', empty, 0, empty.length, parseServerName(server))).toEqual({
        kind: 'empty',
      });
    }
  });
});

describe('ids of idempotent producers', () => {
  const stream21 = RARE.find(({ name }) => name === '7.2.6 stream')!;
  // duration, most per producer; two producers, one without ids; added, duplicates
  const block = join(
    hex('40 64 40 64 02'),
    a,
    Uint8Array.of(2),
    b,
    hex('01 02'),
    a,
    hex('03 04'),
    b,
    hex('00 05 01'),
  );
  const stream26 = join(stream21.bytes, block);

  test.each(FEEDS)('are dropped and counted for Redis 8.0, fed $name', (feed) => {
    const out = new ByteWriter();
    const large = new ValueConverter(parseServerName('redis-8.0')).large(
      valueTypes('redis')[26]!,
      'redis',
      out,
      memorySpool,
    )!;
    expect(feedIn(feed, large.sink, stream26)).toBe(stream26.length);
    expect([large.type, large.losses]).toEqual([21, { ...noLosses(), producerIds: 2 }]);
    expectSame(out.view().slice(), Uint8Array.from(stream21.bytes));
  });

  test('stay where only the unowned entries must go', () => {
    // The group's list of entries without owner stands behind its consumers, here empty.
    const stream27 = join(stream21.bytes, Uint8Array.of(0), block);
    const result = convertValue(27, 'redis', stream27, 0, stream27.length, parseServerName('redis-8.6'));
    if (result.kind !== 'converted') throw new Error(result.kind);
    expect([result.type, result.losses]).toEqual([26, noLosses()]);
    expectSame(result.bytes.slice(), stream26);
  });
});

test('damaged values are refused, and the next one is fine', () => {
  const converter = new ValueConverter(parseServerName('redis-6.2'));
  const type = valueTypes('redis')[16]!;
  const good = str(listpack(['f', 'v']));
  const bad = good.slice();
  bad[bad.length - 2] = 9;
  expect(() => converter.convert(type, 'redis', bad, 0, bad.length)).toThrow(/listpack/);
  expect(() => converter.convert(type, 'redis', good, 0, good.length - 1)).toThrow(/ends in the middle/);
  const result = converter.convert(type, 'redis', good, 0, good.length);
  if (result.kind !== 'converted') throw new Error(result.kind);
  const value: RdbValue = decodeValue(4, 'redis', result.bytes, 0, result.bytes.length);
  expect(value).toEqual({
    kind: 'hash',
    fields: [{ field: ascii('f'), value: ascii('v'), expiresAtMs: -1 }],
  });
});
