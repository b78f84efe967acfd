import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dialect } from '../../src/rdb/dialect.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import { decodeValue } from '../../src/rdb/value.js';
import { ValueDecoder } from '../../src/rdb/value-decoder.js';
import { corpusNames, type CorpusEntry, readSnapshot } from '../support/rdb-corpus.js';
import { fault, faultOf } from '../support/rdb-error.js';
import { type Feed, feedIn, FEEDS } from '../support/rdb-feeds.js';
import { ascii, embedded, hex, join, patched } from '../support/rdb-hex.js';
import { Recorder } from '../support/rdb-recorder.js';

/** What is told of a value that arrives in these pieces, and how many bytes it took. */
function told(type: number, dialect: Dialect, bytes: Uint8Array, feed: Feed): [readonly string[], number] {
  const recorder = new Recorder();
  const decoder = new ValueDecoder(type, dialect, recorder);
  const taken = feedIn(feed, decoder, bytes);
  expect(decoder.done).toBe(true);
  return [recorder.finish(), taken];
}

/** Feeds the value whole, from the middle of a buffer. */
function decode(type: number, dialect: Dialect, bytes: Uint8Array): readonly string[] {
  const recorder = new Recorder();
  const decoder = new ValueDecoder(type, dialect, recorder);
  expect(decoder.feed(embedded(bytes), 5, 5 + bytes.length)).toBe(5 + bytes.length);
  expect(decoder.done).toBe(true);
  return recorder.finish();
}

function failing(type: number, dialect: Dialect, bytes: Uint8Array): () => unknown {
  return () => new ValueDecoder(type, dialect, new Recorder()).feed(bytes, 0, bytes.length);
}

/** Each different value of the corpus once: many snapshots hold the same ones. */
function corpusValues(): Map<string, CorpusEntry[]> {
  const seen = new Set<string>();
  const byType = new Map<string, CorpusEntry[]>();
  for (const entry of corpusNames().flatMap((name) => readSnapshot(name).entries)) {
    const identity = `${entry.dialect} ${entry.type} ${Buffer.from(entry.value).toString('latin1')}`;
    if (seen.has(identity)) continue;
    seen.add(identity);
    const type = `${entry.dialect} ${String(entry.type).padStart(2, '0')}`;
    byType.set(type, [...(byType.get(type) ?? []), entry]);
  }
  return byType;
}

describe('every value of the corpus in four feeds', () => {
  const values = corpusValues();

  test('has all the types these servers write', () => {
    const types = [0, 1, 2, 3, 4, 5, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 24, 25];
    const redis = types.map((type) => `redis ${String(type).padStart(2, '0')}`);
    expect([...values.keys()]).toEqual(expect.arrayContaining([...redis, 'valkey 22']));
  });

  test.each([...values.keys()].toSorted())('%s', (key) => {
    for (const { type, dialect, value } of values.get(key)!) {
      const [expected] = told(type, dialect, value, FEEDS[0]!);
      for (const feed of FEEDS) {
        const result = told(type, dialect, value, feed);
        expect({ feed: feed.name, result }).toEqual({ feed: feed.name, result: [expected, value.length] });
      }
    }
  });
});

describe('damaged values of the corpus', () => {
  const values = [...corpusValues().values()].flatMap((list) =>
    list.filter(({ value }) => value.length < 3000),
  );

  test('are decoded or refused, and nothing else', () => {
    const outcomes = new Set<string>();
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(...values), damage, ({ type, dialect, value }, patches) => {
        const bytes = patched(
          value,
          Object.fromEntries(patches.map(([at, byte]) => [at % value.length, byte])),
        );
        const found = faultOf(() => decodeValue(type, dialect, bytes, 0, bytes.length));
        outcomes.add(found?.code ?? 'decoded');
        expect(found?.offset ?? 0).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 3000 },
    );
    expect([...outcomes]).toEqual(expect.arrayContaining(['decoded', 'RDB_CORRUPT', 'RDB_TRUNCATED']));
  });
});

/** Values no server of the corpus writes, with what must be told of them. */
const RARE: readonly (readonly [string, number, Dialect, Uint8Array, readonly string[]])[] = [
  ['an empty string', 0, 'redis', hex('00'), ['string of 0: ']],
  ['a string of nothing, compressed', 0, 'redis', hex('c3 00 00'), ['string of 0: ']],
  ['an empty list', 1, 'redis', hex('00'), []],
  ['a count in its longest form', 2, 'redis', hex('81 0000000000000001 01 61'), ['member a']],
  ['a zipmap', 9, 'redis', hex('07 | 01 | 01 66 | 01 00 76 | ff'), ['field f = v until -1']],
  [
    'scores as text',
    3,
    'redis',
    hex('03 | 01 63 fe | 01 62 ff | 01 61 03 322e35'),
    ['member c score Infinity', 'member b score -Infinity', 'member a score 2.5'],
  ],
  [
    'a quicklist with an empty node',
    14,
    'redis',
    hex('02 | 0b 0b000000 0a000000 0000 ff | 0b 0b000000 0a000000 0000 ff'),
    [],
  ],
  [
    'a small plain node',
    18,
    'redis',
    hex('02 | 01 03 61 62 63 | 02 0a 0a 00 00 00 01 00 81 61 02 ff'),
    ['item abc', 'item a'],
  ],
  [
    'field times of the 7.4 release candidates',
    22,
    'redis',
    hex('02 | 81 000003a352944000 01 66 01 76 | 00 01 67 01 77'),
    ['field f = v until 4000000000000', 'field g = w until -1'],
  ],
  [
    'field times in a listpack of the 7.4 release candidates',
    23,
    'redis',
    hex('1f 1f000000 0600 81 66 02 81 76 02 f4 00409452a3030000 09 | 81 67 02 81 77 02 00 01 ff'),
    ['field f = v until 4000000000000', 'field g = w until -1'],
  ],
  [
    'field times of Valkey, one of them long past',
    22,
    'valkey',
    hex('02 | 01 66 01 76 0000000000000000 | 01 67 01 77 ffffffffffffffff'),
    ['field f = v until 0', 'field g = w until -1'],
  ],
  [
    'minExpire 0 with whole times',
    24,
    'redis',
    hex('0000000000000000 02 | 81 000003a352944001 01 66 01 76 | 00 01 67 01 77'),
    ['field f = v until 4000000000000', 'field g = w until -1'],
  ],
  [
    'a module value',
    7,
    'redis',
    hex('81 0102030405060708 | 02 05 | 01 43e8 | 03 00000000 | 04 0000000000000000 | 05 03 616263 | 00'),
    ['module 72623859790382856 \x02\x05\x01Cè\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\x05\x03abc\0'],
  ],
];

describe('values that are rare', () => {
  test.each(RARE)('%s', (_, type, dialect, bytes, expected) => {
    for (const feed of FEEDS) expect(told(type, dialect, bytes, feed)).toEqual([expected, bytes.length]);
  });
});

/** One node with entry 5-0 {f: v}, then length, last id, first id, max deleted, added. */
const NODE =
  '10 0000000000000005 0000000000000000 | 1d 1d000000 0a00 0101 0001 0101 8166 02 0001 0201 0001 0001 8176 02 0401 ff';
const META = '01 | 05 00 | 05 00 | 00 00 | 01';
const ID = '0000000000000005 0000000000000000';
const PENDING = `01 | ${ID} e803000000000000 02`;
const CONSUMER = `01 | 01 63 e803000000000000 d007000000000000`;

const ENTRY_CALL = 'entry 5-0 f v';
const META_CALL =
  'meta {"length":1,"lastId":{"ms":"5","seq":"0"},"firstId":{"ms":"5","seq":"0"},"maxDeletedId":{"ms":"0","seq":"0"},"entriesAdded":"1","exact":true}';

describe('streams', () => {
  test('type 26: ids of idempotent producers are read over', () => {
    const tail = '40 64 | 0a | 02 | 01 70 02 01 61 05 00 01 62 05 00 | 01 71 00 | 02 | 00';
    const bytes = hex(`01 ${NODE} ${META} 00 | ${tail}`);
    for (const feed of FEEDS) {
      expect(told(26, 'redis', bytes, feed)).toEqual([[ENTRY_CALL, META_CALL], bytes.length]);
    }
  });

  test('type 27: an entry that was given up is pending for nobody', () => {
    const group = `01 67 05 00 01 | ${PENDING} | 00 | 01 ${ID}`;
    const bytes = hex(`01 ${NODE} ${META} 01 | ${group} | 01 00 00 00 00`);
    const call =
      'group {"name":"g","lastId":{"ms":"5","seq":"0"},"entriesRead":"1","consumers":[],"pending":[{"id":{"ms":"5","seq":"0"},"deliveryTimeMs":1000,"deliveryCount":2}]}';
    for (const feed of FEEDS) {
      expect(told(27, 'redis', bytes, feed)).toEqual([[ENTRY_CALL, META_CALL, call], bytes.length]);
    }
  });

  test('entries read may be unknown, or more than were added', () => {
    const groups = `02 | 01 67 05 00 81 ffffffffffffffff 00 00 | 01 68 05 00 40 64 00 00`;
    const calls = decode(21, 'redis', hex(`01 ${NODE} ${META} ${groups}`));
    expect(calls.slice(2)).toEqual([
      'group {"name":"g","lastId":{"ms":"5","seq":"0"},"consumers":[],"pending":[]}',
      'group {"name":"h","lastId":{"ms":"5","seq":"0"},"entriesRead":"100","consumers":[],"pending":[]}',
    ]);
  });

  test('an empty stream', () => {
    expect(decode(15, 'redis', hex('00 | 00 | 05 01 | 00'))).toEqual([
      'meta {"length":0,"lastId":{"ms":"5","seq":"1"},"firstId":{"ms":"0","seq":"0"},"maxDeletedId":{"ms":"0","seq":"0"},"entriesAdded":"0","exact":false}',
    ]);
  });

  const group = (pending: string, consumers: string, rest = ''): string =>
    `01 ${NODE} ${META} 01 | 01 67 05 00 01 | ${pending} | ${consumers} ${rest}`;
  const owned = `${CONSUMER} 01 ${ID}`;
  const nodeBytes = hex(NODE).length;
  const metaAt = 1 + nodeBytes;
  const pelAt = metaAt + hex(META).length + 1 + 5;
  const consumersAt = pelAt + hex(PENDING).length;

  test.each<[string, number, string, number, RegExp]>([
    ['a short master id', 15, '01 | 0f 000000000000000500000000000000 00', 1, /master id of 15/],
    ['nodes out of order', 15, `02 ${NODE} ${NODE}`, metaAt, /stream node 5-0 after 5-0/],
    ['another length', 21, `01 ${NODE} 02 0500 0500 0000 02 00`, metaAt, /claims 2 entries and has 1/],
    [
      'an entry after the last id',
      21,
      `01 ${NODE} 01 0400 0500 0000 01 00`,
      metaAt,
      /5-0 after the last id 4-0/,
    ],
    ['fewer added than there are', 21, `01 ${NODE} 01 0500 0500 0000 00 00`, metaAt, /1 entries to which 0/],
    [
      'an id pending twice',
      21,
      group(`02 ${PENDING.slice(4)} ${PENDING.slice(4)}`, '00'),
      pelAt + 26,
      /pending twice/,
    ],
    ['nobody owns a pending id', 21, group(PENDING, '00'), consumersAt + 1, /pending for no consumer/],
    ['an owned id is not pending', 21, group('00', owned), pelAt + 21, /5-0 is not pending/],
    [
      'two owners',
      21,
      group(PENDING, `02 ${owned.slice(4)} 01 64 e803000000000000 d007000000000000 01 ${ID}`),
      consumersAt + 1 + 35 + 19,
      /pending for two/,
    ],
    [
      'two consumers of one name',
      21,
      group(PENDING, `02 ${owned.slice(4)} ${CONSUMER.slice(4)} 00`),
      consumersAt + 1 + 35,
      /two consumers/,
    ],
    [
      'given up, but owned',
      27,
      group(PENDING, owned, `01 ${ID}`),
      consumersAt + 1 + 35 + 1,
      /given up but has an owner/,
    ],
    [
      'two groups of one name',
      21,
      `01 ${NODE} ${META} 02 | 01 67 05 00 01 00 00 | 01 67 05 00 01 00 00`,
      pelAt + 2,
      /two groups/,
    ],
    [
      'entries read beyond 2^63',
      21,
      `00 00 0000 0000 0000 00 01 | 01 67 0000 81 8000000000000000 00`,
      10,
      /has read/,
    ],
  ])('%s', (_, type, text, offset, message) => {
    expect(faultOf(failing(type, 'redis', hex(text)))).toEqual(fault('RDB_CORRUPT', offset, message));
  });
});

describe('values that contradict the format', () => {
  test.each<[string, number, Dialect, Uint8Array, number, RegExp]>([
    ['a length that is none', 1, 'redis', hex('c0'), 0, /where a length must stand/],
    ['a count beyond 2^53', 1, 'redis', hex('81 0020000000000000'), 0, /above 2\^53/],
    ['an unknown string form', 2, 'redis', hex('01 c4 00'), 1, /unknown string encoding 0xc4/],
    ['a score that is no number (3)', 3, 'redis', hex('01 01 61 fd'), 3, /not a number/],
    ['a score that is no number (5)', 5, 'redis', hex('01 01 61 000000000000f87f'), 3, /not a number/],
    ['a score that is text', 3, 'redis', hex('01 01 61 01 78'), 4, /"x" is not a score/],
    ['a quicklist node of form 3', 18, 'redis', hex('01 03 01 61'), 1, /node of form 3/],
    ['a plain node without bytes', 18, 'redis', hex('01 01 00'), 1, /without an item/],
    [
      'a listpack hash of three elements',
      16,
      'redis',
      hex('10 10000000 0300 8161 02 8162 02 8163 02 ff'),
      1,
      /a hash in a listpack of 3/,
    ],
    [
      'a field time before all time',
      22,
      'valkey',
      hex('01 01 66 01 76 feffffffffffffff'),
      5,
      /expires at -2/,
    ],
    [
      'a field time beyond 2^48',
      24,
      'redis',
      hex('ffffffffffff0000 01 02 01 66 01 76'),
      9,
      /expires at 281474976710656/,
    ],
    [
      'a field time that is text',
      25,
      'redis',
      hex('0000000000000000 | 10 10000000 0300 8166 02 8176 02 8178 02 ff'),
      22,
      /string where an integer/,
    ],
    ['a module item of unknown kind', 7, 'redis', hex('01 06'), 1, /module item 6/],
    ['an integer as a container', 16, 'redis', hex('c0 05'), 0, /listpack of 1 bytes/],
  ])('%s', (_, type, dialect, bytes, offset, message) => {
    expect(faultOf(failing(type, dialect, bytes))).toEqual(fault('RDB_CORRUPT', offset, message));
  });

  test('an error in a compressed container is placed at the container', () => {
    // A listpack of two elements that claims three, as one literal run.
    const listpack = hex('0d000000 0300 8161 02 8162 02 ff');
    const bytes = join(hex('c3 0e 0d 0c'), listpack);
    expect(faultOf(failing(16, 'redis', bytes))).toEqual(
      fault('RDB_CORRUPT', 0, /claims 3 elements and has 2 \(at byte 4 of the dec/),
    );
  });
});

describe('types that are not decoded', () => {
  test.each<[number, Dialect, RegExp]>([
    [6, 'redis', /value type 6 in the Redis dialect/],
    [23, 'valkey', /value type 23 in the Valkey dialect \(PATH_HASH/],
    [24, 'valkey', /value type 24 in the Valkey dialect/],
    [28, 'redis', /value type 28 in the Redis dialect \(ARRAY/],
    [29, 'redis', /value type 29 .*hash templates/],
    [199, 'redis', /value type 199/],
  ])('%i %s', (type, dialect, message) => {
    expect(faultOf(() => new ValueDecoder(type, dialect, new Recorder()))).toEqual(
      fault('RDB_UNSUPPORTED', 0, message),
    );
  });
});

describe('limits', () => {
  const limits = { ...DEFAULT_LIMITS, maxElementBytes: 100, maxOpaqueBytes: 50 };
  const feed = (type: number, bytes: Uint8Array): (() => unknown) => {
    return () => new ValueDecoder(type, 'redis', new Recorder(), limits).feed(bytes, 0, bytes.length);
  };

  test('an element is refused before it has arrived', () => {
    expect(faultOf(feed(1, hex('01 4065')))).toEqual(fault('RDB_LIMIT', 1, /101 bytes/));
  });

  test('a compressed element counts with its full length', () => {
    expect(faultOf(feed(1, hex('01 c3 05 4065 00')))).toEqual(fault('RDB_LIMIT', 1, /101 bytes/));
  });

  test('a string may be of any length', () => {
    const recorder = new Recorder();
    const decoder = new ValueDecoder(0, 'redis', recorder, limits);
    decoder.feed(join(hex('4065'), new Uint8Array(101).fill(97)), 0, 103);
    expect(recorder.finish()).toEqual([`string of 101: ${'a'.repeat(101)}`]);
  });

  test('a module value', () => {
    const item = '05 14' + '61'.repeat(20);
    expect(faultOf(feed(7, hex(`01 ${item} ${item} ${item} 00`)))).toEqual(
      fault('RDB_LIMIT', 1, /a module value/),
    );
    expect(faultOf(feed(7, hex('01 05 4040')))).toEqual(fault('RDB_LIMIT', 1, /a module value/));
  });

  test('a stream group', () => {
    const pending = `02 ${'00'.repeat(16)} ${'00'.repeat(8)} 01 ${'01'.repeat(16)} ${'00'.repeat(8)} 01`;
    const bytes = hex(`00 00 0000 01 | 01 67 0000 ${pending} 00`);
    expect(faultOf(feed(15, bytes))).toEqual(fault('RDB_LIMIT', 60, /a stream group/));
  });
});

describe('waiting for more', () => {
  test('needBytes tells how much the unit under way takes', () => {
    const decoder = new ValueDecoder(4, 'redis', new Recorder());
    const bytes = join(hex('01 03'), ascii('abc'), hex('44 00'));
    expect(decoder.feed(bytes, 0, bytes.length)).toBe(1);
    // The field with its length, the value's two bytes of length, the value.
    expect(decoder.needBytes).toBe(4 + 2 + 1024);
    expect(decoder.feed(bytes, 1, bytes.length)).toBe(1);
  });

  test('nothing is needed at the end, and nothing taken behind it', () => {
    const decoder = new ValueDecoder(2, 'redis', new Recorder());
    const bytes = hex('01 01 61 01 62');
    expect(decoder.feed(bytes, 0, bytes.length)).toBe(3);
    expect([decoder.done, decoder.needBytes]).toEqual([true, 0]);
    expect(decoder.feed(bytes, 3, bytes.length)).toBe(3);
  });

  test('a decoder can be used again for another type, also after an unfinished value', () => {
    const recorder = new Recorder();
    const decoder = new ValueDecoder(4, 'redis', recorder);
    decoder.feed(hex('01 01 66 40ff'), 0, 5);
    decoder.reset(11, 'redis');
    decoder.feed(hex('0c 02000000 02000000 0100 0200'), 0, 13);
    expect(decoder.done).toBe(true);
    decoder.reset(4, 'redis');
    decoder.feed(hex('01 01 66 01 76'), 0, 5);
    expect(recorder.finish()).toEqual(['member 1', 'member 2', 'field f = v until -1']);
  });
});
