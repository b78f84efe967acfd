/**
 * Every command that can stand in the replication stream of Redis 2.6–8.10 and Valkey 7.2–9.1, and the write
 * commands which servers rewrite before they propagate them (BLPOP, XREADGROUP …), so that the table can be
 * compared with a server's COMMAND reply. Positions count from the name, which is 0; a negative last key
 * counts from the end. The facts are those of COMMAND; the roles are ours.
 */
import type { ValueKind } from './filter-options.js';
import { geoKeys, himportKeys, migrateKeys, sortKeys, streamsKeys, subcommandKeys } from './special-keys.js';

/**
 * The kind of value a command works on or creates. `any`: it takes whatever the key holds. Vector sets and
 * arrays (`VADD`, `ARSET`) count as `module`: they are opaque to us.
 */
export type CommandKind = ValueKind | 'any';

/** What the keys of a command are to each other, and what a command without keys is about. */
export type CommandRole =
  /** One key. */
  | 'single'
  /** Keys that do not depend on each other: the command may be cut down to some of them. */
  | 'each'
  /** A destination that is replaced by something computed from the other keys. */
  | 'store'
  /** A destination that grows by what the other keys hold. */
  | 'merge'
  | 'rename'
  | 'copy'
  | 'move-db'
  | 'smove'
  | 'lmove'
  | 'restore'
  /** Keys declared for a script. */
  | 'script'
  /** Several keys that hang together in a way not known here: all or nothing. */
  | 'group'
  /** It has keys, but nobody told us where: COMMAND GETKEYS would, for one command at a time. */
  | 'opaque'
  | 'select'
  | 'flush-db'
  | 'flush-all'
  | 'swap-db'
  | 'transaction'
  | 'message'
  | 'script-cache'
  | 'function'
  | 'cluster'
  /** Talk between primary and replica; nothing to apply. */
  | 'link'
  /** No keys, no meaning known here. */
  | 'keyless';

export type KeyRule =
  | { readonly at: 'none' }
  | { readonly at: 'range'; readonly first: number; readonly last: number; readonly step: number }
  /** `numkeys` is the position of the count; keys follow it. `before`: one more key in front (a destination). */
  | { readonly at: 'numkeys'; readonly numkeys: number; readonly step: number; readonly before?: number }
  | { readonly at: 'special'; readonly find: (args: readonly Uint8Array[]) => number[] };

export interface CommandSpec {
  /** In upper case. */
  readonly name: string;
  readonly kind: CommandKind;
  readonly role: CommandRole;
  readonly keys: KeyRule;
  /** It replaces what its key (or destination) held, whatever kind that was. */
  readonly overwrites: boolean;
  /** For `store` and `merge`: which of the key positions is the destination. */
  readonly destination: 'first' | 'last';
  /** By their name in upper case; they count instead of what is said here. */
  readonly subcommands?: ReadonlyMap<string, CommandSpec>;
}

export const NO_KEYS: KeyRule = { at: 'none' };

export function range(first: number, last: number, step = 1): KeyRule {
  return { at: 'range', first, last, step };
}

function numkeys(position: number, step = 1, before?: number): KeyRule {
  return { at: 'numkeys', numkeys: position, step, ...(before === undefined ? {} : { before }) };
}

export function special(find: (args: readonly Uint8Array[]) => number[]): KeyRule {
  return { at: 'special', find };
}

type Row = readonly [
  kind: CommandKind,
  role: CommandRole,
  keys: KeyRule,
  names: string,
  more?: { readonly overwrites?: boolean; readonly destination?: 'last' },
];

const ONE = range(1, 1);
const TWO = range(1, 2);
const ALL = range(1, -1);
const OVERWRITES = { overwrites: true };

const ROWS: readonly Row[] = [
  [
    'string',
    'single',
    ONE,
    'APPEND BITFIELD DECR DECRBY DELEX DELIFEQ GETDEL GETEX GETSET INCR INCRBY INCRBYFLOAT INCREX PFADD SETBIT ' +
      'SETNX SETRANGE',
  ],
  ['string', 'single', ONE, 'SET SETEX PSETEX', OVERWRITES],
  ['string', 'each', range(1, -1, 2), 'MSET MSETNX', OVERWRITES],
  ['string', 'each', numkeys(1, 2), 'MSETEX', OVERWRITES],
  ['string', 'each', ALL, 'PFCOUNT'],
  ['string', 'merge', ALL, 'PFMERGE'],
  ['string', 'single', range(2, 2), 'PFDEBUG'],
  ['string', 'store', range(2, -1), 'BITOP', OVERWRITES],

  ['list', 'single', ONE, 'LINSERT LPOP LPUSH LPUSHX LREM LSET LTRIM RPOP RPUSH RPUSHX'],
  ['list', 'lmove', TWO, 'LMOVE LMOVEM RPOPLPUSH BLMOVE BRPOPLPUSH'],
  ['list', 'group', TWO, 'BLMOVEM'],
  ['list', 'group', range(1, -2), 'BLPOP BRPOP'],
  ['list', 'group', numkeys(1), 'LMPOP'],
  ['list', 'group', numkeys(2), 'BLMPOP'],

  ['set', 'single', ONE, 'SADD SPOP SREM'],
  ['set', 'smove', TWO, 'SMOVE'],
  ['set', 'store', ALL, 'SDIFFSTORE SINTERSTORE SUNIONSTORE', OVERWRITES],

  [
    'zset',
    'single',
    ONE,
    'GEOADD ZADD ZINCRBY ZPOPMAX ZPOPMIN ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE',
  ],
  ['zset', 'store', numkeys(2, 1, 1), 'ZDIFFSTORE ZINTERSTORE ZUNIONSTORE', OVERWRITES],
  ['zset', 'store', TWO, 'GEOSEARCHSTORE ZRANGESTORE', OVERWRITES],
  [
    'zset',
    'store',
    special(geoKeys),
    'GEORADIUS GEORADIUSBYMEMBER',
    { overwrites: true, destination: 'last' },
  ],
  ['zset', 'group', range(1, -2), 'BZPOPMAX BZPOPMIN'],
  ['zset', 'group', numkeys(1), 'ZMPOP'],
  ['zset', 'group', numkeys(2), 'BZMPOP'],

  [
    'hash',
    'single',
    ONE,
    'HDEL HEXPIRE HEXPIREAT HGETDEL HGETEX HINCRBY HINCRBYFLOAT HMSET HPERSIST HPEXPIRE HPEXPIREAT HSET HSETEX ' +
      'HSETNX',
  ],
  ['hash', 'single', special(himportKeys), 'HIMPORT', OVERWRITES],

  [
    'stream',
    'single',
    ONE,
    'XACK XACKDEL XADD XAUTOCLAIM XCFGSET XCLAIM XDEL XDELEX XIDMPRECORD XNACK XSETID XTRIM',
  ],
  ['stream', 'single', special(subcommandKeys), 'XGROUP'],
  ['stream', 'group', special(streamsKeys), 'XREADGROUP'],

  ['module', 'single', ONE, 'VADD VREM VSETATTR'],
  ['module', 'single', ONE, 'ARDEL ARDELRANGE ARINSERT ARMSET ARRING ARSEEK ARSET'],

  ['any', 'each', ALL, 'DEL TOUCH UNLINK'],
  ['any', 'single', ONE, 'EXPIRE EXPIREAT PERSIST PEXPIRE PEXPIREAT'],
  ['any', 'rename', TWO, 'RENAME RENAMENX'],
  ['any', 'copy', TWO, 'COPY'],
  ['any', 'move-db', ONE, 'MOVE'],
  ['any', 'restore', ONE, 'RESTORE RESTORE-ASKING'],
  ['any', 'script', numkeys(2), 'EVAL EVALSHA FCALL'],
  ['any', 'group', special(migrateKeys), 'MIGRATE'],
  ['list', 'store', special(sortKeys), 'SORT', { overwrites: true, destination: 'last' }],

  ['any', 'transaction', NO_KEYS, 'MULTI EXEC DISCARD'],
  ['any', 'select', NO_KEYS, 'SELECT'],
  ['any', 'flush-db', NO_KEYS, 'FLUSHDB'],
  ['any', 'flush-all', NO_KEYS, 'FLUSHALL'],
  ['any', 'swap-db', NO_KEYS, 'SWAPDB'],
  ['any', 'message', NO_KEYS, 'PUBLISH SPUBLISH'],
  ['any', 'script-cache', NO_KEYS, 'SCRIPT'],
  ['any', 'function', NO_KEYS, 'FUNCTION'],
  ['any', 'cluster', NO_KEYS, 'ASKING CLUSTER SFLUSH TRIMSLOTS'],
  ['any', 'link', NO_KEYS, 'OPINFO PING REPLCONF'],
];

export const COMMANDS: readonly CommandSpec[] = ROWS.flatMap(([kind, role, keys, names, more]) =>
  names.split(' ').map((name) => ({
    name,
    kind,
    role,
    keys,
    overwrites: more?.overwrites ?? false,
    destination: more?.destination ?? ('first' as const),
  })),
);
