/**
 * What to do with one command of the stream when the target is a cluster, where the keys of one command must
 * share a slot. The command stands here as it would be sent to a single server: filtered, mapped, with absolute
 * deadlines. It has succeeded on the source; that is what makes most rewrites right.
 *
 *  command                      | keys in one slot | keys in several slots
 *  -----------------------------+------------------+---------------------------------------------------------
 *  one key                      | slot             | –
 *  DEL UNLINK TOUCH MSET MSETEX | slot             | parts: one for each slot
 *  MSETNX                       | slot             | parts: MSET, as it was done
 *  PFCOUNT                      | slot             | no parts: over several keys it changes nothing
 *  SMOVE a b m                  | slot             | parts: SREM a m, SADD b m
 *  RENAME RENAMENX COPY         | slot             | carry: the value goes over
 *  LMOVE RPOPLPUSH BLMOVE …     | slot             | carry: one element goes over
 *  xSTORE BITOP GEO… PFMERGE    | slot             | carry: sources in, result out
 *  SORT k STORE d               | slot             | carry
 *  SORT … BY, GET of other keys | refuse, unless the pattern's hash tag leads to the slot of k
 *  EVAL EVALSHA FCALL with keys | slot             | carry: names that a script makes itself are not followed
 *  several keys otherwise       | slot             | carry
 *  unknown; keys unknown; EVAL … 0; MIGRATE | refuse
 *
 *  PUBLISH, keyless ones of modules     any
 *  SPUBLISH                             the slot of its channel
 *  SCRIPT FUNCTION FLUSHDB FLUSHALL     every
 *  SELECT n                             no parts when there is one database; every; refuse when there is no n
 *  SWAPDB                               refuse
 *  MOVE k n, COPY … DB n                slot on a cluster with more databases (Valkey 9), else refuse
 *  MULTI EXEC PING REPLCONF OPINFO      no parts: whoever sends decides about transactions
 *  CLUSTER ASKING TRIMSLOTS SFLUSH      refuse: they speak of the source's slots
 *
 * Pure. What is to become of commands over several slots is decided by a policy: cross-slot-policy.ts.
 */
import type { CommandSpec } from './command-data.js';
import { commandOf, type CommandTable, positionsOf } from './command-table.js';
import { argsSlot, MANY_SLOTS, NO_KEY, UNKNOWN } from './command-slot.js';
import { type CarryPlan, planCarry } from './cross-slot-carry.js';
import { NO_PARTS, planParts, type SlotPart } from './cross-slot-parts.js';
import { hashSlot } from './hash-slot.js';
import { copyOptions } from './plan-databases.js';
import { sortPatterns } from './special-keys.js';
import { parseCount, showKey } from './words.js';

type Args = readonly Uint8Array[];

export interface ClusterContext {
  readonly table: CommandTable;
  /** The target's database in force. */
  readonly db: number;
  /** How many the target has: 1, or more on Valkey 9 with `cluster-databases`. */
  readonly databases: number;
  /** SORT … BY and GET of keys in the very slot: Redis 7.4 and up, Valkey. Earlier clusters refuse BY and GET. */
  readonly sortPatterns: boolean;
}

export type ClusterPlan =
  | { readonly kind: 'slot'; readonly slot: number }
  /** To one primary, whichever. */
  | { readonly kind: 'any' }
  /** To all primaries. */
  | { readonly kind: 'every' }
  /** Each by itself, in any order; none: there is nothing to do. */
  | { readonly kind: 'parts'; readonly parts: readonly SlotPart[] }
  | CarryPlan
  /** It can't be done. `why` is one line, the same for all commands of one kind. */
  | { readonly kind: 'refuse'; readonly why: string };

export function planForCluster(args: Args, context: ClusterContext): ClusterPlan {
  const spec = commandOf(args, context.table);
  if (spec === undefined) return refuse(keysUnknown(args));
  return planWithoutKeys(args, spec, context) ?? planWithKeys(args, spec, context);
}

function refuse(why: string): ClusterPlan {
  return { kind: 'refuse', why };
}

function keysUnknown(args: Args): string {
  return `the keys of command ${showKey(args[0] ?? new Uint8Array(0))} are not known, nor is the node for it`;
}

/** What is decided by the role alone; undefined for commands that go by their keys. */
function planWithoutKeys(args: Args, spec: CommandSpec, context: ClusterContext): ClusterPlan | undefined {
  switch (spec.role) {
    case 'link':
    case 'transaction':
      return NO_PARTS;
    case 'script-cache':
    case 'function':
    case 'flush-db':
    case 'flush-all':
      return { kind: 'every' };
    case 'select':
      return planSelect(args, context);
    case 'swap-db':
      return refuse('SWAPDB: a cluster does not swap databases');
    case 'cluster':
      return refuse(`${spec.name} is about the slots of the source`);
    case 'move-db':
      return context.databases > 1 ? undefined : refuse('MOVE: the target has one database only');
    case 'opaque':
      return refuse(keysUnknown(args));
    default:
      return undefined;
  }
}

function planSelect(args: Args, { databases }: ClusterContext): ClusterPlan {
  const db = parseCount(args[1]) ?? 0;
  if (db >= databases) return refuse(`SELECT: the target has ${databases} database(s) only`);
  return databases > 1 ? { kind: 'every' } : NO_PARTS;
}

function planWithKeys(args: Args, spec: CommandSpec, context: ClusterContext): ClusterPlan {
  const slot = argsSlot(args, context.table);
  if (slot === UNKNOWN) return refuse(undeclared(args, spec));
  if (slot === NO_KEY) return { kind: 'any' };
  const obstacle = obstacleTo(args, spec, slot, context);
  if (obstacle !== undefined) return refuse(obstacle);
  if (slot !== MANY_SLOTS) return { kind: 'slot', slot };
  const positions = positionsOf(spec.keys, args);
  return planParts(args, spec, positions) ?? planCarry(args, spec, positions);
}

function undeclared(args: Args, { role, name }: CommandSpec): string {
  return role === 'script'
    ? `${name} declares no key: it can't be known which node is meant`
    : keysUnknown(args);
}

/** What no cluster would do, or not with this command's options. */
function obstacleTo(
  args: Args,
  spec: CommandSpec,
  slot: number,
  { db, databases, sortPatterns: takesPatterns }: ClusterContext,
): string | undefined {
  if (spec.name === 'MIGRATE') return 'MIGRATE moves keys between servers';
  if (spec.name === 'SORT' && readsElsewhere(args, takesPatterns)) {
    return 'SORT reads keys by a pattern, and they can be in any slot';
  }
  if (spec.role !== 'copy' || copyOptions(args, db).toDb === db) return undefined;
  if (databases === 1) return 'COPY … DB: the target has one database only';
  return slot === MANY_SLOTS ? 'COPY … DB between keys of different slots' : undefined;
}

/** A pattern whose hash tag has no `*` leads to one slot. */
function readsElsewhere(args: Args, takesPatterns: boolean): boolean {
  const patterns = sortPatterns(args);
  if (!takesPatterns) return patterns.length > 0;
  const key = args[1]!;
  const slot = hashSlot(key, 0, key.length);
  return patterns.some((at) => patternSlot(args[at]!) !== slot);
}

const STAR = 0x2a;
const LEFT_BRACE = 0x7b;
const RIGHT_BRACE = 0x7d;

function patternSlot(pattern: Uint8Array): number {
  const left = pattern.indexOf(LEFT_BRACE);
  const right = pattern.indexOf(RIGHT_BRACE, left + 1);
  if (left < 0 || right <= left + 1) return UNKNOWN;
  const star = pattern.indexOf(STAR);
  return star < left || star > right ? hashSlot(pattern, left + 1, right) : UNKNOWN;
}
