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
const RENAME: Uint8Array = bytesOf('RENAME');
const COPY: Uint8Array = bytesOf('COPY');
const DB: Uint8Array = bytesOf('DB');
const REPLACE: Uint8Array = bytesOf('REPLACE');

export function planSelect(args: Args, context: FilterContext): Plan {
  const db = parseCount(args[1]);
  if (db === undefined) return FORWARD;
  if (!context.filter.matchesDb(db)) return DROP;
  const targetDb = context.dbMap.toTarget(db);
  if (targetDb === db) return FORWARD;
  return replaceWith([{ targetDb, args: [args[0]!, bytesOf(String(targetDb))] }]);
}

export function planFlushDb(args: Args, context: FilterContext): Plan {
  const { db, filter } = context;
  if (!filter.matchesDb(db)) return DROP;
  const mixed = mixedReport('FLUSHDB', context, db);
  if (mixed !== undefined) return dropWith(mixed);
  const clear = clearOf(context, db, isAsync(args));
  return clear.scope === 'all' ? FORWARD : clear;
}

/** What the target has of one source database, whose keys can be told from those of others. */
function clearOf(context: FilterContext, db: number, async: boolean): Plan & { action: 'clear' } {
  const { dbMap } = context;
  const scope = sharing(context, db).length > 1 ? 'matching' : scopeOf(context, db);
  const sourceDbs = dbMap.prefixed ? { sourceDbs: [db] } : {};
  return { action: 'clear', targetDbs: [dbMap.toTarget(db)], ...sourceDbs, scope, async };
}

export function planFlushAll(args: Args, context: FilterContext): Plan {
  const { dbMap, filter, sourceDatabases } = context;
  if (!filter.dbsActive && !dbMap.active && scopeOf(context) === 'all') return FORWARD;
  const carried: number[] = [];
  for (let db = 0; db < sourceDatabases; db++) if (filter.matchesDb(db)) carried.push(db);
  if (carried.length === 0) return DROP;
  const targets = new Set(carried.map((db) => dbMap.toTarget(db)));
  const targetDbs = [...targets].toSorted((a, b) => a - b);
  const sourceDbs = dbMap.prefixed ? { sourceDbs: carried } : {};
  return { action: 'clear', targetDbs, ...sourceDbs, scope: scopeOf(context), async: isAsync(args) };
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
  // Both in one target database: together they hold what they held before.
  if (dbMap.together(a, b)) return DROP;
  const mixed = mixedReport('SWAPDB', context, a) ?? mixedReport('SWAPDB', context, b);
  if (mixed !== undefined) return dropWith(mixed);
  const among = [a, b].find((db) => sharing(context, db).length > 1 || dbMap.prefixOf(db) !== undefined);
  if (among !== undefined) return dropWith(prefixReport(context, among));
  const [targetA, targetB] = [dbMap.toTarget(a), dbMap.toTarget(b)];
  if (targetA === a && targetB === b) return FORWARD;
  return replaceHere(context, [[args[0]!, bytesOf(String(targetA)), bytesOf(String(targetB))]]);
}

/** What was in `inside` leaves; what comes in from the database that is left out was never carried. */
function swapHalf(inside: number, outside: number, context: FilterContext): Plan {
  const mixed = mixedReport('SWAPDB', context, inside);
  if (mixed !== undefined) return dropWith(mixed);
  return {
    ...clearOf(context, inside, false),
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
  if (dbMap.together(db, to)) return DROP;
  if (!sameNames(db, to, context)) return moveByName(key, to, context);
  const target = dbMap.toTarget(to);
  return target === to ? FORWARD : replaceHere(context, [[args[0]!, key, bytesOf(String(target))]]);
}

/** Into another database, where the key gets another name. It was not there before, or MOVE would have failed. */
function moveByName(key: Uint8Array, to: number, { db, dbMap, filter }: FilterContext): Plan {
  const [targetDb, target] = [dbMap.toTarget(db), dbMap.toTarget(to)];
  const keyDbs = [db, to];
  if (targetDb === target)
    return replaceWith([{ targetDb, args: [RENAME, key, key], keyDbs }], {
      tolerateErrors: filter.kindsActive,
    });
  const copy = [COPY, key, key, DB, bytesOf(String(target)), REPLACE];
  return replaceWith([
    { targetDb, args: copy, keyDbs },
    { targetDb, args: [DEL, key] },
  ]);
}

/** Keys of the same name have the same name on the target, in whichever database. */
function sameNames(a: number, b: number, { dbMap }: FilterContext): boolean {
  const none = new Uint8Array(0);
  return a === b || sameBytes(dbMap.prefixOf(a) ?? none, dbMap.prefixOf(b) ?? none);
}

export function planCopy(args: Args, context: FilterContext): Plan {
  const { db, dbMap, filter } = context;
  const [name, from, to] = args;
  if (name === undefined || from === undefined || to === undefined) return FORWARD;
  const { toDb, dbAt, replace } = copyOptions(args, db);
  if (!filter.matchesDb(toDb) || !filter.matchesKey(to)) return DROP;
  const targetDb = dbMap.toTarget(toDb);
  const clear: PlannedCommand[] = replace ? [{ targetDb, args: [DEL, to], keyDbs: [toDb] }] : [];
  if (!filter.matchesDb(db) || !filter.matchesKey(from)) {
    const report = notCarried('COPY', to, filter.matchesDb(db) ? `key ${showKey(from)}` : `database ${db}`);
    return clear.length > 0 ? replaceWith(clear, { report }) : dropWith(report);
  }
  if (dbMap.together(db, toDb) && sameBytes(from, to)) return DROP;
  const mapped = dbAt === 0 ? args : args.with(dbAt, bytesOf(String(targetDb)));
  const copy = { targetDb: dbMap.toTarget(db), args: mapped, keyDbs: [db, toDb] };
  if (filter.kindsActive) return replaceWith([...clear, copy], { tolerateErrors: true });
  return targetDb === toDb && sameNames(db, toDb, context) ? FORWARD : replaceWith([copy]);
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

/**
 * Where keys have other names on the target, some may stand there that no key of the source is mapped to: they
 * stay. `db`: of one database only.
 */
function scopeOf({ filter, names }: FilterContext, db?: number): 'all' | 'matching' {
  const renamed = db === undefined ? names?.active === true : names?.of(db) !== undefined;
  return filter.keysActive || filter.kindsActive || renamed ? 'matching' : 'all';
}

function isAsync(args: Args): boolean {
  return args[1] !== undefined && isWord(args[1], 'ASYNC');
}

function notCarried(command: string, key: Uint8Array, from: string): string {
  return `${command} brought key ${showKey(key)} in from ${from}, which the filter leaves out: its value is not known`;
}

/** undefined when the database has its part of the target to itself. */
function mixedReport(command: string, context: FilterContext, db: number): string | undefined {
  const { dbMap } = context;
  const sources = sharing(context, db).filter((other) => dbMap.together(other, db));
  if (sources.length < 2) return undefined;
  return `${command} was not applied: source databases ${sources.join(', ')} share target database ${dbMap.toTarget(db)}, and whose keys are whose is not known`;
}

function prefixReport({ dbMap }: FilterContext, db: number): string {
  const how =
    dbMap.prefixOf(db) === undefined ? 'share it with those of others' : 'have a prefix of their own';
  return `SWAPDB was not applied: the keys of source database ${db} ${how} in target database ${dbMap.toTarget(db)}, and it swaps whole databases only`;
}
