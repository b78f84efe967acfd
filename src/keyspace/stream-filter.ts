/**
 * Decides what becomes of one command of the stream when filters or maps are in force. Pure: the engine
 * carries the plan out. Commands in the stream have succeeded on the source; that is what makes most
 * rewrites right. `in` and `out` below say whether a key (with its database) passes the filters.
 *
 *  command                  | all in            | partly                           | all out
 *  -------------------------+-------------------+----------------------------------+--------
 *  one key                  | forward           | –                                | drop
 *  DEL UNLINK TOUCH PFCOUNT | forward           | only the keys that are in        | drop
 *  MSET MSETEX              | forward           | only the pairs that are in       | drop
 *  MSETNX                   | forward           | MSET of the pairs that are in    | drop
 *  RENAME a b, RENAMENX     | forward           | a in: DEL a. b in: DEL b, report | drop
 *  COPY a b [DB n]          | forward, n mapped | a in: drop. b in: DEL b, report  | drop
 *  MOVE k n                 | n mapped, RENAME  | from in: DEL k. to in: report    | drop
 *                           | COPY + DEL        |                                  |
 *  SMOVE a b m              | forward           | a in: SREM a m. b in: SADD b m   | drop
 *  LMOVE(M), RPOPLPUSH a b  | forward           | a in: LPOP/RPOP a. b in: report  | drop
 *  xSTORE BITOP SORT GEO…   | forward           | dest out: drop. dest in: DEL     | drop
 *                           |                   | dest, report                     |
 *  PFMERGE                  | forward           | dest out: drop. dest in: only    | drop
 *                           |                   | the sources that are in, report  |
 *  EVAL                     | forward           | drop, report                     | drop
 *  EVAL with 0 keys         | forward, report when keys or kinds are filtered        |
 *  several keys otherwise   | forward           | drop, report                     | drop
 *  unknown, keys unknown    | drop, report when keys or kinds are filtered (or an argument could be a key
 *                           | that is mapped); else forward by database
 *
 *  SELECT n   n mapped; drop when n is out
 *  FLUSHDB    forward; under key or kind filters or a key map only the keys that can be the source's; where
 *             databases share a target, only those with its prefix; report when that does not tell them apart
 *  FLUSHALL   under any filter or map: the target databases of all source databases that are in
 *  SWAPDB     both in: mapped. One in: empty it, report. None: drop. Shared targets, prefixes: drop, report
 *  MULTI EXEC PUBLISH SCRIPT FUNCTION CLUSTER   forward (the engine has a policy for each of them)
 *  PING REPLCONF OPINFO                         drop
 *
 * A key that is out because its new value cannot be known is deleted (DEL b, DEL dest) rather than left with
 * an old one: the old value is certainly gone on the source, and one of another kind would make every later
 * command on it fail.
 *
 * Kinds: a command of an excluded kind is dropped, but when it replaces whatever was there (SET, xSTORE …)
 * its key is deleted, since a value of an included kind may have stood there. RESTORE goes by the type in its
 * payload. Commands for any kind (DEL, EXPIRE …) are forwarded: harmless when the key is not there. RENAME
 * and COPY … REPLACE become DEL of the destination and the command itself with errors tolerated. SORT and
 * ZUNIONSTORE & co. may have read values of an excluded kind: forwarded with a report.
 *
 * Keys on the target which do not come from the source: under key or kind filters or a key map SWAPDB still
 * swaps whole databases, as there is no other way.
 *
 * Commands left out by their name are dropped, whatever they say; SELECT, MULTI and EXEC are not asked about.
 *
 * A key map comes last: everything above speaks of the source's names, and plan-mapping.ts gives the keys of
 * the outcome their names on the target, each by the database it is of. Between databases with different prefixes
 * MOVE is RENAME when both go into one database of the target, else COPY and DEL.
 */
import type { CommandSpec } from './command-data.js';
import { commandOf } from './command-table.js';
import { planCopy, planFlushAll, planFlushDb, planMove, planSelect, planSwapDb } from './plan-databases.js';
import { planKeyed, planUnknown } from './plan-keys.js';
import { mapPlan } from './plan-mapping.js';
import { DROP, FORWARD, type Args, type FilterContext, type Plan } from './plan.js';

export function planFiltered(args: Args, context: FilterContext): Plan {
  const plan = planBySource(args, context);
  const { names } = context;
  return names?.active === true ? mapPlan(plan, args, context, names) : plan;
}

/** Databases are the target's here, keys still the source's. */
function planBySource(args: Args, context: FilterContext): Plan {
  const { filter, table } = context;
  const spec = commandOf(args, table);
  if (spec?.role === 'select') return planSelect(args, context);
  if (spec?.role === 'transaction') return FORWARD;
  if (filter.commandsActive && !filter.matchesCommand(args)) return DROP;
  return spec === undefined ? planUnknown(args, context) : planByRole(args, spec, context);
}

function planByRole(args: Args, spec: CommandSpec, context: FilterContext): Plan {
  switch (spec.role) {
    case 'flush-db':
      return planFlushDb(args, context);
    case 'flush-all':
      return planFlushAll(args, context);
    case 'swap-db':
      return planSwapDb(args, context);
    case 'move-db':
      return planMove(args, context);
    case 'copy':
      return planCopy(args, context);
    case 'link':
      return DROP;
    case 'message':
    case 'script-cache':
    case 'function':
    case 'cluster':
    case 'keyless':
      return FORWARD;
    default:
      return planKeyed(args, spec, context);
  }
}
