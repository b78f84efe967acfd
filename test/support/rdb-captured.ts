/** DUMP payloads as real servers answered them, and what had been put in. */
import type { Dialect } from '../../src/rdb/dialect.js';

export interface Captured {
  readonly name: string;
  readonly payload: string;
  readonly version: number;
  readonly dialect: Dialect;
  readonly value: unknown;
}

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** The 84-byte node of the streams below: 1000-0, 1000-1 (deleted), 1005-0 with other fields, 1006-0. */
export const STREAM_NODE = `54 00 00 00 1f 00 03 01 01 01 02 01 84 74 65 6d 70 05 83 68 75 6d 04 00 01
  02 01 00 01 00 01 14 01 32 01 05 01 03 01 00 01 01 01 15 01 33 01 05 01
  00 01 05 01 00 01 01 01 85 6f 74 68 65 72 06 81 78 02 06 01 02 01 06 01 00 01 df fb 02 c1 2c 02 05 01 ff`;

const STREAM_ENTRIES = [
  ['1000-0', 'temp', '20', 'hum', '50'],
  ['1005-0', 'other', 'x'],
  ['1006-0', 'temp', '-5', 'hum', '300'],
];

function redis(name: string, version: number, payload: string, value: unknown): Captured {
  return { name, payload, version, dialect: 'redis', value };
}

export const CAPTURED: readonly Captured[] = [
  redis('2.8.24 "-7"', 6, '00 c0 f9 | 06 00 | c8 cb b9 b0 22 f7 7e 38', '-7'),
  redis('8.0.6 "-7"', 12, '00 c0 f9 | 0c 00 | 95 50 e5 f0 2d 88 dc e2', '-7'),
  {
    ...redis('Valkey 9.1.2 "-7"', 80, '00 c0 f9 | 50 00 | 91 0c 18 a1 49 f0 25 5f', '-7'),
    dialect: 'valkey',
  },
  redis('2.8.24 "-300"', 6, '00 c1 d4 fe | 06 00 | 50 29 ee a3 0b eb e2 bd', '-300'),
  redis('2.8.24 "123456789"', 6, '00 c2 15 cd 5b 07 | 06 00 | 32 5a a1 89 15 bc 0b 0d', '123456789'),
  redis(
    '2.8.24 "3000000000"',
    6,
    '00 0a 33 30 30 30 30 30 30 30 30 30 | 06 00 | 71 ea 03 f9 a1 ee 45 d4',
    '3000000000',
  ),
  redis(
    '2.8.24 30 × "a"',
    6,
    '00 c3 09 1e 01 61 61 e0 11 00 01 61 61 | 06 00 | d3 9e 14 3b de 31 47 28',
    'a'.repeat(30),
  ),
  redis(
    '2.8.24 ziplist',
    6,
    `0a 1d 1d 00 00 00 19 00 00 00 06 00 00 01 61 03 01 62 03 01 63 03 01 64 03 01 65 03 01 66 ff
     | 06 00 | 89 c7 ba f3 4f b8 27 9d`,
    LETTERS,
  ),
  redis(
    '3.2.13 quicklist',
    7,
    `0e 01 1d 1d 00 00 00 19 00 00 00 06 00 00 01 61 03 01 62 03 01 63 03 01 64 03 01 65 03 01 66 ff
     | 07 00 | 57 89 35 ff 49 55 02 5c`,
    LETTERS,
  ),
  redis(
    '8.0.6 quicklist of two listpacks',
    12,
    `12 02 | 02 13 13 00 00 00 04 00 81 61 02 81 62 02 81 63 02 81 64 02 ff | 02 0d 0d 00 00 00 02 00 81 65 02 81 66 02 ff
     | 0c 00 | bf 36 03 8b e0 fe 8c 0c`,
    LETTERS,
  ),
  redis(
    '2.8.24 intset',
    6,
    '0b 0e 02 00 00 00 03 00 00 00 01 00 02 00 2c 01 | 06 00 | 73 fd da 0e 8e c0 15 39',
    new Set(['1', '2', '300']),
  ),
  redis(
    '8.0.6 intset',
    12,
    '0b 10 04 00 00 00 02 00 00 00 01 00 00 00 a0 86 01 00 | 0c 00 | 1c c3 7c 00 fd 53 fb 5c',
    new Set(['1', '100000']),
  ),
  redis('2.8.24 set', 6, '02 02 c0 0c 03 66 6f 6f | 06 00 | 60 b0 30 7b c0 ad 11 3b', new Set(['12', 'foo'])),
  redis(
    '8.0.6 set listpack',
    12,
    '14 0e 0e 00 00 00 02 00 83 66 6f 6f 04 0c 01 ff | 0c 00 | 2e 0f 0f 4a a6 07 bd 44',
    new Set(['foo', '12']),
  ),
  redis(
    '2.8.24 zset ziplist',
    6,
    `0c 21 21 00 00 00 1b 00 00 00 06 00 00 01 63 03 04 2d 69 6e 66 06 01 61 03 f2 02 01 62 03 03 32 2e 35 ff
     | 06 00 | 22 14 66 63 d1 6f 66 66`,
    [
      ['c', -Infinity],
      ['a', 1],
      ['b', 2.5],
    ],
  ),
  redis(
    '8.0.6 zset listpack',
    12,
    `11 1d 1d 00 00 00 06 00 81 63 02 84 2d 69 6e 66 05 81 61 02 01 01 81 62 02 83 32 2e 35 04 ff
     | 0c 00 | f2 e4 07 5b 1b 35 ac 74`,
    [
      ['c', -Infinity],
      ['a', 1],
      ['b', 2.5],
    ],
  ),
  redis('2.8.24 zset', 6, '03 03 01 63 fe 01 61 01 31 01 62 03 32 2e 35 | 06 00 | a7 b7 15 44 ba 59 05 01', [
    ['c', Infinity],
    ['a', 1],
    ['b', 2.5],
  ]),
  redis(
    '8.0.6 zset, binary scores',
    12,
    `05 03 01 63 00 00 00 00 00 00 f0 7f 01 62 00 00 00 00 00 00 04 40 01 61 00 00 00 00 00 00 f0 3f
     | 0c 00 | 1b 2b 17 6f c4 32 91 ef`,
    [
      ['c', Infinity],
      ['b', 2.5],
      ['a', 1],
    ],
  ),
  redis(
    '2.8.24 hash ziplist',
    6,
    `0d 1a 1a 00 00 00 16 00 00 00 04 00 00 02 66 31 04 02 76 31 04 02 66 32 04 fe 14 ff
     | 06 00 | 7d 61 29 a4 2d 31 8e 46`,
    [
      ['f1', 'v1'],
      ['f2', '20'],
    ],
  ),
  redis(
    '8.0.6 hash listpack',
    12,
    '10 15 15 00 00 00 04 00 82 66 31 03 82 76 31 03 82 66 32 03 14 01 ff | 0c 00 | 8e 82 9f d9 71 a9 3e 2f',
    [
      ['f1', 'v1'],
      ['f2', '20'],
    ],
  ),
  redis('8.0.6 hash', 12, '04 01 01 66 01 76 | 0c 00 | 66 84 77 96 4b ac 90 b5', [['f', 'v']]),
  redis(
    '8.0.6 hash with field times, listpack',
    12,
    `19 | 00 40 94 52 a3 03 00 00 | 35 35 00 00 00 09 00 82 66 32 03 82 76 32 03 f4 00 40 94 52 a3 03 00 00 09
     82 66 33 03 82 76 33 03 f4 88 53 94 52 a3 03 00 00 09 82 66 31 03 82 76 31 03 00 01 ff | 0c 00 | 04 1b 94 0c b0 a3 53 eb`,
    [
      ['f2', 'v2', 4_000_000_000_000],
      ['f3', 'v3', 4_000_000_005_000],
      ['f1', 'v1'],
    ],
  ),
  redis(
    '8.0.6 hash with field times',
    12,
    `18 | 00 40 94 52 a3 03 00 00 | 03 | 53 89 02 66 33 02 76 33 | 00 02 66 31 02 76 31 | 01 02 66 32 02 76 32
     | 0c 00 | 43 55 5b 8a 48 b9 34 1a`,
    [
      ['f3', 'v3', 4_000_000_005_000],
      ['f1', 'v1'],
      ['f2', 'v2', 4_000_000_000_000],
    ],
  ),
  {
    name: 'Valkey 9.1.2 hash with field times',
    version: 80,
    dialect: 'valkey',
    payload: `16 03 | 02 66 31 02 76 31 ff ff ff ff ff ff ff ff | 02 66 32 02 76 32 00 40 94 52 a3 03 00 00
      | 02 66 33 02 76 33 88 53 94 52 a3 03 00 00 | 50 00 | 96 26 38 92 4c 5d fe 86`,
    value: [
      ['f1', 'v1'],
      ['f2', 'v2', 4_000_000_000_000],
      ['f3', 'v3', 4_000_000_005_000],
    ],
  },
  redis(
    '6.2.16 stream',
    9,
    `0f 01 10 00 00 00 00 00 00 03 e8 00 00 00 00 00 00 00 00 40 54 ${STREAM_NODE} 03 43 ee 00 01 03 67 72 70 43 ee 00 02
     00 00 00 00 00 00 03 ed 00 00 00 00 00 00 00 00 e3 ed c9 f8 a1 01 00 00 01
     00 00 00 00 00 00 03 ee 00 00 00 00 00 00 00 00 e4 ed c9 f8 a1 01 00 00 01
     02 05 61 6c 69 63 65 e3 ed c9 f8 a1 01 00 00 01 00 00 00 00 00 00 03 ed 00 00 00 00 00 00 00 00
     03 62 6f 62 e4 ed c9 f8 a1 01 00 00 01 00 00 00 00 00 00 03 ee 00 00 00 00 00 00 00 00
     09 00 c2 1c b8 2b a2 9e 5f 9f`,
    {
      entries: STREAM_ENTRIES,
      meta: {
        length: 3,
        lastId: '1006-0',
        firstId: '1000-0',
        maxDeletedId: '0-0',
        entriesAdded: 3n,
        exact: false,
      },
      groups: [
        {
          name: 'grp',
          lastId: '1006-0',
          entriesRead: undefined,
          consumers: [
            ['alice', 1_795_175_345_635, 1_795_175_345_635],
            ['bob', 1_795_175_345_636, 1_795_175_345_636],
          ],
          pending: [
            ['1005-0', 'alice', 1_795_175_345_635, 1],
            ['1006-0', 'bob', 1_795_175_345_636, 1],
          ],
        },
      ],
    },
  ),
  redis(
    '7.2.6 stream',
    11,
    `15 01 10 00 00 00 00 00 00 03 e8 00 00 00 00 00 00 00 00 40 54 ${STREAM_NODE}
     03 43 ee 00 43 e8 00 43 e8 01 04 01 03 67 72 70 43 ee 00 04 02
     00 00 00 00 00 00 03 ed 00 00 00 00 00 00 00 00 1e ef c9 f8 a1 01 00 00 01
     00 00 00 00 00 00 03 ee 00 00 00 00 00 00 00 00 1e ef c9 f8 a1 01 00 00 01
     02 05 61 6c 69 63 65 1e ef c9 f8 a1 01 00 00 1e ef c9 f8 a1 01 00 00 01 00 00 00 00 00 00 03 ed 00 00 00 00 00 00 00 00
     03 62 6f 62 1e ef c9 f8 a1 01 00 00 1e ef c9 f8 a1 01 00 00 01 00 00 00 00 00 00 03 ee 00 00 00 00 00 00 00 00
     0b 00 64 c1 4c 7f 0f a7 ca cb`,
    {
      entries: STREAM_ENTRIES,
      meta: {
        length: 3,
        lastId: '1006-0',
        firstId: '1000-0',
        maxDeletedId: '1000-1',
        entriesAdded: 4n,
        exact: true,
      },
      groups: [
        {
          name: 'grp',
          lastId: '1006-0',
          entriesRead: 4n,
          consumers: [
            ['alice', 1_795_175_345_950, 1_795_175_345_950],
            ['bob', 1_795_175_345_950, 1_795_175_345_950],
          ],
          pending: [
            ['1005-0', 'alice', 1_795_175_345_950, 1],
            ['1006-0', 'bob', 1_795_175_345_950, 1],
          ],
        },
      ],
    },
  ),
];
