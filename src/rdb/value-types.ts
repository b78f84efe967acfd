/**
 * The grammar of every value type, as one table. A value is described by a small program over these steps:
 *
 *   STR        one str
 *   LEN        one len of any value
 *   COUNT      a len n; the steps up to the matching NEXT stand n times
 *   HOLD       a len n that is remembered; a later HELD … NEXT repeats n times
 *   ASCII      a type-3 score: one byte L, then L bytes (253–255: none)
 *   ITEMS      module items up to and including the end mark (len 0)
 *   FLAGGED    a len f; when f is 1, one more len (the insert index of an ARRAY)
 *   TAGGED     an ARRAY element's value: len tag, then str | i64 | double | str
 *   bytes(n)   n raw bytes
 *
 * The skipper (skip-value.ts) runs these programs; nothing else knows where a value ends. Which type byte
 * means what depends on the dialect, see dialect.ts.
 */
import type { Dialect } from './dialect.js';

export const STEP_END = 0;
export const STEP_STR = 1;
export const STEP_LEN = 2;
export const STEP_COUNT = 3;
export const STEP_NEXT = 4;
export const STEP_HOLD = 5;
export const STEP_HELD = 6;
export const STEP_ASCII = 7;
export const STEP_ITEMS = 8;
export const STEP_FLAGGED = 9;
export const STEP_TAGGED = 10;
/** STEP_BYTES + n: n raw bytes. */
export const STEP_BYTES = 16;

export type RdbKind = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream' | 'module' | 'array';

/** How a value begins, which tells where an element count of zero would stand. */
export type Opening = 'str' | 'packed' | 'count' | 'time+count' | 'time+packed' | 'other';

export interface ValueType {
  readonly id: number;
  readonly name: string;
  readonly kind: RdbKind;
  /** The server's word for the form: as OBJECT ENCODING has it, or had it. */
  readonly encoding: string;
  readonly opening: Opening;
  readonly program: Int32Array;
  /** For COUNT and HELD: index behind the matching NEXT; for NEXT: index behind its COUNT. */
  readonly jumps: Int32Array;
}

function compile(steps: readonly number[]): { program: Int32Array; jumps: Int32Array } {
  const program = Int32Array.from([...steps, STEP_END]);
  const jumps = new Int32Array(program.length);
  const open: number[] = [];
  program.forEach((step, at) => {
    if (step === STEP_COUNT || step === STEP_HELD) open.push(at);
    if (step !== STEP_NEXT) return;
    const start = open.pop()!;
    jumps[start] = at + 1;
    jumps[at] = start + 1;
  });
  return { program, jumps };
}

const many = (...unit: number[]): number[] => [STEP_COUNT, ...unit, STEP_NEXT];
const bytes = (count: number): number => STEP_BYTES + count;

const ID = bytes(16);
const TIME = bytes(8);
const STREAM_ID = [STEP_LEN, STEP_LEN];
const PENDING = many(ID, TIME, STEP_LEN);

/** The five stream layouts differ only in what later versions added. */
function stream(type: 15 | 19 | 21 | 26 | 27): number[] {
  const since = (first: number, steps: readonly number[]): readonly number[] => (type >= first ? steps : []);
  const consumer = [STEP_STR, TIME, ...since(21, [TIME]), ...many(ID)];
  const group = [
    ...[STEP_STR, ...STREAM_ID, ...since(19, [STEP_LEN])],
    ...[...PENDING, ...many(...consumer), ...since(27, many(ID))],
  ];
  const producers = many(STEP_STR, ...many(STEP_STR, ...STREAM_ID));
  return [
    ...[...many(STEP_STR, STEP_STR), STEP_LEN, ...STREAM_ID],
    ...since(19, [...STREAM_ID, ...STREAM_ID, STEP_LEN]),
    ...many(...group),
    ...since(26, [STEP_LEN, STEP_LEN, ...producers, STEP_LEN, STEP_LEN]),
  ];
}

function define(
  id: number,
  name: string,
  kind: RdbKind,
  encoding: string,
  opening: Opening,
  steps: readonly number[],
): ValueType {
  return { id, name, kind, encoding, opening, ...compile(steps) };
}

const PAIR = many(STEP_STR, STEP_STR);
const BLOB = [STEP_STR];

const COMMON: readonly ValueType[] = [
  define(0, 'STRING', 'string', 'raw', 'str', BLOB),
  define(1, 'LIST', 'list', 'linkedlist', 'count', many(STEP_STR)),
  define(2, 'SET', 'set', 'hashtable', 'count', many(STEP_STR)),
  define(3, 'ZSET', 'zset', 'skiplist', 'count', many(STEP_STR, STEP_ASCII)),
  define(4, 'HASH', 'hash', 'hashtable', 'count', PAIR),
  define(5, 'ZSET_2', 'zset', 'skiplist', 'count', many(STEP_STR, TIME)),
  define(7, 'MODULE_2', 'module', 'module', 'other', [STEP_LEN, STEP_ITEMS]),
  define(9, 'HASH_ZIPMAP', 'hash', 'zipmap', 'packed', BLOB),
  define(10, 'LIST_ZIPLIST', 'list', 'ziplist', 'packed', BLOB),
  define(11, 'SET_INTSET', 'set', 'intset', 'packed', BLOB),
  define(12, 'ZSET_ZIPLIST', 'zset', 'ziplist', 'packed', BLOB),
  define(13, 'HASH_ZIPLIST', 'hash', 'ziplist', 'packed', BLOB),
  define(14, 'LIST_QUICKLIST', 'list', 'quicklist', 'count', many(STEP_STR)),
  define(15, 'STREAM', 'stream', 'stream', 'other', stream(15)),
  define(16, 'HASH_LISTPACK', 'hash', 'listpack', 'packed', BLOB),
  define(17, 'ZSET_LISTPACK', 'zset', 'listpack', 'packed', BLOB),
  define(18, 'LIST_QUICKLIST_2', 'list', 'quicklist', 'count', many(STEP_LEN, STEP_STR)),
  define(19, 'STREAM_2', 'stream', 'stream', 'other', stream(19)),
  define(20, 'SET_LISTPACK', 'set', 'listpack', 'packed', BLOB),
  define(21, 'STREAM_3', 'stream', 'stream', 'other', stream(21)),
];

const REDIS_ONLY: readonly ValueType[] = [
  define(22, 'HASH_METADATA_PRE_GA', 'hash', 'hashtable', 'count', many(STEP_LEN, STEP_STR, STEP_STR)),
  define(23, 'HASH_LISTPACK_EX_PRE_GA', 'hash', 'listpackex', 'packed', BLOB),
  define(24, 'HASH_METADATA', 'hash', 'hashtable', 'time+count', [
    TIME,
    ...many(STEP_LEN, STEP_STR, STEP_STR),
  ]),
  define(25, 'HASH_LISTPACK_EX', 'hash', 'listpackex', 'time+packed', [TIME, ...BLOB]),
  define(26, 'STREAM_4', 'stream', 'stream', 'other', stream(26)),
  define(27, 'STREAM_5', 'stream', 'stream', 'other', stream(27)),
  define(28, 'ARRAY', 'array', 'array', 'other', [
    ...[STEP_HOLD, STEP_FLAGGED, STEP_HELD, STEP_LEN, STEP_TAGGED, STEP_NEXT],
  ]),
];

const VALKEY_ONLY: readonly ValueType[] = [
  define(22, 'HASH_2', 'hash', 'hashtable', 'count', many(STEP_STR, STEP_STR, TIME)),
];

/** What is known of ids whose layout is not: enough to say what stopped us. */
const UNSUPPORTED: Readonly<Record<Dialect, Readonly<Record<number, string>>>> = {
  redis: {
    6: 'MODULE (a 4.0 release candidate form that no release reads)',
    29: 'HASH_TMPL_LP (hash templates of Redis 8.10)',
    30: 'HASH_TMPL_LP_REF (hash templates of Redis 8.10)',
    31: 'HASH_TMPL_ARRAY (hash templates of Redis 8.10)',
    32: 'HASH_TMPL_ARRAY_REF (hash templates of Redis 8.10)',
    33: 'GCRA or BITMAP (pre-release builds)',
    64: 'CRON (KeyDB)',
  },
  valkey: {
    6: 'MODULE (a 4.0 release candidate form that no release reads)',
    23: 'PATH_HASH (Valkey 9.2)',
  },
};

function tableOf(...parts: (readonly ValueType[])[]): readonly (ValueType | undefined)[] {
  const table: (ValueType | undefined)[] = Array.from({ length: 256 }, () => undefined);
  for (const type of parts.flat()) table[type.id] = type;
  return table;
}

const TABLES: Readonly<Record<Dialect, readonly (ValueType | undefined)[]>> = {
  redis: tableOf(COMMON, REDIS_ONLY),
  valkey: tableOf(COMMON, VALKEY_ONLY),
};

/** The 256-entry table of a dialect; undefined where the layout is not known. */
export function valueTypes(dialect: Dialect): readonly (ValueType | undefined)[] {
  return TABLES[dialect];
}

/** Names a type byte for an error message, whether supported or not. */
export function describeType(id: number, dialect: Dialect): string {
  const name = TABLES[dialect][id]?.name ?? UNSUPPORTED[dialect][id] ?? 'unknown';
  return `value type ${id} in the ${dialect === 'redis' ? 'Redis' : 'Valkey'} dialect (${name})`;
}
