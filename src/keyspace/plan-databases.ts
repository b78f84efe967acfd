/** Plans for the commands that name databases: SELECT, FLUSHDB, FLUSHALL, SWAPDB, MOVE, COPY. */
import {
  DROP,
  dropWith,
  FORWARD,
  replaceHere,
  replaceWith,
  sharing,
  type Args,
  type FilterContext,
  type Plan,
  type PlannedCommand,
} from './plan.js';
import { bytesOf, isWord, parseCount, sameBytes, showKey } from './words.js';

const DEL: Uint8Array = bytesOf('DEL');

export function planSelect(args: Args, context: FilterContext): Plan {
  const db = parseCount(args[1]);
  if (db === undefined) return FORWARD;
  if (!context.filter.matchesDb(db)) return DROP;
  const targetDb = context.dbMap.toTarget(db);
  if (targetDb === db) return FORWARD;
  return replaceWith([{ targetDb, args: [args[0]!, bytesOf(String(targetDb))] }]);
}

export function planFlushDb(args: Args, context: FilterContext): Plan {
  const { db, dbMap, filter } = context;
  if (!filter.matchesDb(db)) return DROP;
  const shared = sharing(context, db);
  if (shared.length > 1) return dropWith(sharedReport('FLUSHDB', context, db));
  if (scopeOf(context) === 'all') return FORWARD;
  return { action: 'clear', targetDbs: [dbMap.toTarget(db)], scope: 'matching', async: isAsync(args) };
}

export function planFlushAll(args: Args, context: FilterContext): Plan {
  const { dbMap, filter, sourceDatabases } = context;
  if (!filter.dbsActive && !dbMap.active && scopeOf(context) === 'all') return FORWARD;
  const targets = new Set<number>();
  for (let db = 0; db < sourceDatabases; db++) {
    if (filter.matchesDb(db)) targets.add(dbMap.toTarget(db));
  }
  if (targets.size === 0) return DROP;
  const targetDbs = [...targets].toSorted((a, b) => a - b);
  return { action: 'clear', targetDbs, scope: scopeOf(context), async: isAsync(args) };
}

export function planSwapDb(args: Args, context: FilterContext): Plan {
  const { dbMap, filter } = context;
  const a = parseCount(args[1]);
  const b = parseCount(args[2]);
  if (a === undefined || b === undefined) return FORWARD;
  const carried = [a, b].filter((db) => filter.matchesDb(db));
  const inside = carried[0];
  if (inside === undefined || a === b) return DROP;
  if (carried.length === 1) return swapHalf(inside, inside === a ? b : a, context);
  const [targetA, targetB] = [dbMap.toTarget(a), dbMap.toTarget(b)];
  // Both in one target database: together they hold what they held before.
  if (targetA === targetB) return DROP;
  const shared = [a, b].find((db) => sharing(context, db).length > 1);
  if (shared !== undefined) return dropWith(sharedReport('SWAPDB', context, shared));
  if (targetA === a && targetB === b) return FORWARD;
  return replaceHere(context, [[args[0]!, bytesOf(String(targetA)), bytesOf(String(targetB))]]);
}

/** What was in `inside` leaves; what comes in from the database that is left out was never carried. */
function swapHalf(inside: number, outside: number, context: FilterContext): Plan {
  if (sharing(context, inside).length > 1) return dropWith(sharedReport('SWAPDB', context, inside));
  return {
    action: 'clear',
    targetDbs: [context.dbMap.toTarget(inside)],
    scope: scopeOf(context),
    async: false,
    report:
      `SWAPDB put database ${outside}, which the filter leaves out, in the place of database ${inside}: ` +
      `its keys are not on the target until the next full sync`,
  };
}

export function planMove(args: Args, context: FilterContext): Plan {
  const { db, dbMap, filter } = context;
  const key = args[1];
  const to = parseCount(args[2]);
  if (key === undefined) return FORWARD;
  if (!filter.matchesKey(key)) return DROP;
  if (to === undefined) return FORWARD;
  if (!filter.matchesDb(to)) return filter.matchesDb(db) ? replaceHere(context, [[DEL, key]]) : DROP;
  if (!filter.matchesDb(db)) return dropWith(notCarried('MOVE', key, `database ${db}`));
  const target = dbMap.toTarget(to);
  if (target === dbMap.toTarget(db)) return DROP;
  return target === to ? FORWARD : replaceHere(context, [[args[0]!, key, bytesOf(String(target))]]);
}

export function planCopy(args: Args, context: FilterContext): Plan {
  const { db, dbMap, filter } = context;
  const [name, from, to] = args;
  if (name === undefined || from === undefined || to === undefined) return FORWARD;
  const { toDb, dbAt, replace } = copyOptions(args, db);
  if (!filter.matchesDb(toDb) || !filter.matchesKey(to)) return DROP;
  const targetDb = dbMap.toTarget(toDb);
  const clear: PlannedCommand[] = replace ? [{ targetDb, args: [DEL, to] }] : [];
  if (!filter.matchesDb(db) || !filter.matchesKey(from)) {
    const report = notCarried('COPY', to, filter.matchesDb(db) ? `key ${showKey(from)}` : `database ${db}`);
    return clear.length > 0 ? replaceWith(clear, { report }) : dropWith(report);
  }
  const sourceTarget = dbMap.toTarget(db);
  if (sourceTarget === targetDb && sameBytes(from, to)) return DROP;
  const mapped = dbAt === 0 ? args : args.with(dbAt, bytesOf(String(targetDb)));
  const copy = { targetDb: sourceTarget, args: mapped };
  if (filter.kindsActive) return replaceWith([...clear, copy], { tolerateErrors: true });
  return targetDb === toDb ? FORWARD : replaceWith([copy]);
}

export function copyOptions(args: Args, db: number): { toDb: number; dbAt: number; replace: boolean } {
  let toDb = db;
  let dbAt = 0;
  let replace = false;
  for (let at = 3; at < args.length; at++) {
    if (isWord(args[at]!, 'REPLACE')) replace = true;
    else if (isWord(args[at]!, 'DB') && at + 1 < args.length) {
      dbAt = ++at;
      toDb = parseCount(args[at]) ?? db;
    }
  }
  return { toDb, dbAt, replace };
}

/** With a key map, keys may stand on the target that no key of the source is mapped to: they stay. */
function scopeOf({ filter, keyMap }: FilterContext): 'all' | 'matching' {
  return filter.keysActive || filter.kindsActive || keyMap?.active === true ? 'matching' : 'all';
}

function isAsync(args: Args): boolean {
  return args[1] !== undefined && isWord(args[1], 'ASYNC');
}

function notCarried(command: string, key: Uint8Array, from: string): string {
  return `${command} brought key ${showKey(key)} in from ${from}, which the filter leaves out: its value is not known`;
}

function sharedReport(command: string, context: FilterContext, db: number): string {
  const sources = sharing(context, db).join(', ');
  const target = context.dbMap.toTarget(db);
  return `${command} was not applied: source databases ${sources} share target database ${target}, and whose keys are whose is not known`;
}
