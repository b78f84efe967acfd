/**
 * Hashes, and TTLs of their fields:
 *
 *   HSET k f v f v …                      < 4.0            HMSET
 *   HSETEX k … PXAT t FIELDS n f v …      Redis 7.4        HSET, HPEXPIREAT
 *   HSETEX k … KEEPTTL FIELDS n f v …     Redis 7.4        a script that keeps the deadlines
 *   HGETDEL k FIELDS n f …                                 HDEL
 *   HGETEX k PXAT t | PERSIST FIELDS …    Redis 7.4        HPEXPIREAT, HPERSIST
 *   anything about deadlines              no field TTLs    left out; the values stay, and as long as the stream
 *                                                          runs the source's HDELs delete what expires
 *
 * Redis and Valkey name the conditions of HSETEX differently (Valkey has NX and XX for the key as well). They
 * held, so they go.
 */
import { parseCount } from '../../keyspace/words.js';
import type { TargetAbilities } from './abilities.js';
import { evalScript, HSET_KEEP_TTL } from './lua.js';
import {
  type Args,
  command,
  DROPPED,
  leftOut,
  need,
  only,
  optionOf,
  type Rewritten,
  type Rule,
  type TargetContext,
  type TargetForm,
} from './rule.js';
import { readTiming, type Timing } from './string-rules.js';

const NO_FIELD_TTL = "the target can't hold TTLs of hash fields";

interface FieldList extends Timing {
  readonly key: Uint8Array;
  /** What stands behind `FIELDS n`. */
  readonly items: Args;
}

/** `NAME key [options] FIELDS n item …`; options may also stand behind. */
function readFields(args: Args, itemsPerField: number): FieldList | undefined {
  const key = args[1];
  const at = args.findIndex((arg, index) => index >= 2 && optionOf(arg) === 'FIELDS');
  const count = at < 0 ? undefined : parseCount(args[at + 1]);
  if (key === undefined || count === undefined) return undefined;
  const end = at + 2 + count * itemsPerField;
  if (args.length < end) return undefined;
  const before = readTiming(args, 2, at);
  const behind = readTiming(args, end);
  return {
    key,
    items: args.slice(at + 2, end),
    until: before.until ?? behind.until,
    keep: before.keep || behind.keep,
    persist: before.persist || behind.persist,
  };
}

function setFields(key: Uint8Array, items: Args, can: TargetAbilities): Args {
  return command(can.hsetMany ? 'HSET' : 'HMSET', key, ...items);
}

function expireFields(key: Uint8Array, until: readonly [string, Uint8Array], fields: Args): Args {
  const names: Readonly<Record<string, string>> = { EX: 'HEXPIRE', PX: 'HPEXPIRE', EXAT: 'HEXPIREAT' };
  return command(names[until[0]] ?? 'HPEXPIREAT', key, until[1], 'FIELDS', String(fields.length), ...fields);
}

function rewriteHsetex(args: Args, { can }: TargetContext): TargetForm {
  const list = readFields(args, 2);
  if (list === undefined) return null;
  const { key, items, until, keep } = list;
  if (can.has('HSETEX')) return sameHsetex(list);
  const set = setFields(key, items, can);
  if (!can.fieldTtl) return { commands: [set], ...(until === undefined ? {} : { report: NO_FIELD_TTL }) };
  if (keep) return { commands: [evalScript(HSET_KEEP_TTL, [key], items)] };
  if (until === undefined) return { commands: [set] };
  const fields = items.filter((_, at) => at % 2 === 0);
  return { commands: [set, expireFields(key, until, fields)] };
}

/** For the other family: the same without the conditions. */
function sameHsetex({ key, items, until, keep }: FieldList): Rewritten {
  const timing = keep ? ['KEEPTTL'] : (until ?? []);
  return only('HSETEX', key, ...timing, 'FIELDS', String(items.length / 2), ...items);
}

function rewriteHgetex(args: Args, { can }: TargetContext): TargetForm {
  const list = readFields(args, 1);
  if (list === undefined) return null;
  const { key, items, until, persist } = list;
  if (until !== undefined && !can.fieldTtl) return leftOut(NO_FIELD_TTL);
  if (until !== undefined) return { commands: [expireFields(key, until, items)] };
  if (!persist || !can.fieldTtl) return DROPPED;
  return only('HPERSIST', key, 'FIELDS', String(items.length), ...items);
}

function rewriteHgetdel(args: Args): TargetForm {
  const list = readFields(args, 1);
  return list === undefined ? null : only('HDEL', list.key, ...list.items);
}

export const HASH_RULES: readonly Rule[] = [
  {
    names: ['HSET'],
    leastArgc: 5,
    needs: [need('4.0', '7.2', (can) => !can.hsetMany)],
    rewrite: (args) => only('HMSET', ...args.slice(1)),
  },
  {
    names: ['HSETEX'],
    leastArgc: 6,
    needs: [need('8.0', '9.0', (can, source) => !can.has('HSETEX') || source?.family !== can.server.family)],
    rewrite: rewriteHsetex,
  },
  {
    names: ['HGETEX'],
    leastArgc: 5,
    needs: [need('8.0', '9.0', (can) => !can.has('HGETEX'))],
    rewrite: rewriteHgetex,
  },
  {
    names: ['HGETDEL'],
    leastArgc: 5,
    needs: [need('8.0', '9.1', (can) => !can.has('HGETDEL'))],
    rewrite: rewriteHgetdel,
  },
  {
    names: ['HEXPIRE', 'HPEXPIRE', 'HEXPIREAT', 'HPEXPIREAT'],
    leastArgc: 3,
    needs: [need('7.4', '9.0', (can) => !can.fieldTtl)],
    rewrite: () => leftOut(NO_FIELD_TTL),
  },
  {
    names: ['HPERSIST'],
    leastArgc: 3,
    needs: [need('7.4', '9.0', (can) => !can.fieldTtl)],
    rewrite: () => DROPPED,
  },
];
