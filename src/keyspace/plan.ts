/** What to do with one command of the stream when filters or maps of databases or keys are in force. */
import type { CommandTable } from './command-table.js';
import type { DbMap } from './db-map.js';
import type { KeyFilter } from './key-filter.js';
import type { KeyNames } from './key-names.js';

export type Args = readonly Uint8Array[];

/** A command to run on the target in database `targetDb`. */
export interface PlannedCommand {
  readonly targetDb: number;
  readonly args: Args;
  /** Of which source database each of its keys is; undefined: all of the one in force. */
  readonly keyDbs?: readonly number[];
}

/**
 * `report` says in one line what comes out different from the source, and why; the action is the part that
 * can be done nevertheless.
 */
export type Plan =
  /** As it is, in the target's database for the one in force. */
  | { readonly action: 'forward' }
  | { readonly action: 'drop'; readonly report?: string }
  | {
      readonly action: 'replace';
      /** In order; one unit when there are several. */
      readonly commands: readonly PlannedCommand[];
      /** An error reply here only says that a filtered key is not on the target. */
      readonly tolerateErrors: boolean;
      readonly report?: string;
    }
  /** Empty target databases: whole ones, or only the keys in them that are the job's and pass the kinds. */
  | {
      readonly action: 'clear';
      readonly targetDbs: readonly number[];
      /** When matching, only keys of these source databases; undefined: whichever they are of. */
      readonly sourceDbs?: readonly number[];
      readonly scope: 'all' | 'matching';
      /** The source asked for ASYNC. */
      readonly async: boolean;
      readonly report?: string;
    };

export interface FilterContext {
  /** The source database in force. */
  readonly db: number;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  /** None: keys keep their names. */
  readonly names?: KeyNames | undefined;
  readonly table: CommandTable;
  /** How many databases the source has: which ones FLUSHALL means, and which can share a target. */
  readonly sourceDatabases: number;
}

export const FORWARD: Plan = { action: 'forward' };
export const DROP: Plan = { action: 'drop' };

export function dropWith(report: string): Plan {
  return { action: 'drop', report };
}

export interface ReplaceOptions {
  readonly tolerateErrors?: boolean;
  readonly report?: string;
}

export function replaceWith(commands: readonly PlannedCommand[], options: ReplaceOptions = {}): Plan {
  const { tolerateErrors = false, report } = options;
  return { action: 'replace', commands, tolerateErrors, ...(report === undefined ? {} : { report }) };
}

/** One or more commands in the target's database for the one in force. */
export function replaceHere(
  context: FilterContext,
  commands: readonly Args[],
  options?: ReplaceOptions,
): Plan {
  const targetDb = context.dbMap.toTarget(context.db);
  return replaceWith(
    commands.map((args) => ({ targetDb, args })),
    options,
  );
}

/** Source databases that exist, pass the filter and share the target of `db`; `db` is one of them. */
export function sharing(context: FilterContext, db: number): readonly number[] {
  const { dbMap, filter, sourceDatabases } = context;
  return dbMap
    .sourcesOf(dbMap.toTarget(db))
    .filter((source) => source < sourceDatabases && filter.matchesDb(source));
}
