/** Sorts stream commands by name: which may be forwarded unseen, and which need a look. */
import { XADD_LIMIT_ARGC, XTRIM_LIMIT_ARGC } from '../convert/client-form.js';
import { isWord } from '../keyspace/words.js';

export type CommandClass = 'plain' | 'ping' | 'replconf' | 'select' | 'multi' | 'exec' | 'publish' | 'look';

export interface ClassifierOptions {
  /** Every data command needs a look (filters, database map). */
  readonly all: boolean;
  /** Commands that may carry a relative time need one. */
  readonly ttls: boolean;
  /** More names that need one, in upper case. */
  readonly names?: readonly string[];
}

const ALWAYS: readonly (readonly [string, CommandClass])[] = [
  ['PING', 'ping'],
  ['REPLCONF', 'replconf'],
  ['SELECT', 'select'],
  ['MULTI', 'multi'],
  ['EXEC', 'exec'],
  ['PUBLISH', 'publish'],
];
const WITH_TTL: readonly string[] = [
  'SETEX',
  'PSETEX',
  'EXPIRE',
  'PEXPIRE',
  'RESTORE',
  'RESTORE-ASKING',
  'GETEX',
];

type Classify = (bytes: Uint8Array, from: number, length: number, argc: number) => CommandClass;

/** Names by length and first letter, so that most commands are told from all of them by one look-up. */
export function createClassifier({ all, ttls, names = [] }: ClassifierOptions): Classify {
  const other: CommandClass = all ? 'look' : 'plain';
  const buckets: (readonly (readonly [string, CommandClass])[] | undefined)[] = [];
  const add = (name: string, found: CommandClass): void => {
    const index = bucketOf(name.length, name.charCodeAt(0));
    buckets[index] = [...(buckets[index] ?? []), [name, found]];
  };
  for (let index = 0; index < BUCKETS; index++) buckets.push(undefined);
  for (const [name, found] of ALWAYS) add(name, found);
  // A plain `SET key value` carries no time and no condition.
  const longSets = ttls || names.includes('SET');
  const looked = new Set([...(ttls ? WITH_TTL : []), ...names]);
  for (const name of looked) if (name !== 'SET') add(name, 'look');
  return (bytes, from, length, argc) => {
    if (length === 0 || length > MAX_NAME) return other;
    const bucket = buckets[bucketOf(length, bytes[from]!)];
    if (length === 4 && argc >= XADD_LIMIT_ARGC && isWord(bytes, 'XADD', from, from + 4)) return 'look';
    if (length === 5 && argc >= XTRIM_LIMIT_ARGC && isWord(bytes, 'XTRIM', from, from + 5)) return 'look';
    if (bucket !== undefined) {
      for (const [name, found] of bucket) if (isWord(bytes, name, from, from + length)) return found;
    }
    if (longSets && argc > 3 && length === 3 && isWord(bytes, 'SET', from, from + 3)) return 'look';
    return other;
  };
}

const MAX_NAME = 31;
const BUCKETS = (MAX_NAME + 1) * 32;

function bucketOf(length: number, first: number): number {
  return (length << 5) | (first & 31);
}
