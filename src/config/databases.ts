/**
 * What the databases in the URLs mean. `redis://source/3` carries only database 3. `redis://target/5` puts
 * it into database 5, which only makes sense for a single source database.
 */
import { ReplicantError } from '../errors.js';
import { sameBytes } from '../keyspace/words.js';
import type { DbRule } from './parse-values.js';

export interface DatabaseChoice {
  readonly sourceDb: number | undefined;
  readonly targetDb: number | undefined;
  readonly include: readonly number[];
  readonly exclude: readonly number[];
  readonly map: readonly DbRule[];
}

export interface DatabasePlan {
  readonly include: readonly number[];
  readonly map: ReadonlyMap<number, number>;
  /** What is put in front of the keys of a source database. */
  readonly prefixes: ReadonlyMap<number, Uint8Array>;
}

export function planDatabases(choice: DatabaseChoice): DatabasePlan {
  const include = planInclude(choice);
  const map = new Map<number, number>();
  for (const { from, to } of choice.map) addPair(map, from, to, '--map-db names it twice');
  if (choice.targetDb !== undefined) {
    const [only, ...more] = include;
    if (only === undefined || more.length > 0) {
      throw new ReplicantError(
        'USAGE',
        `the target names database ${choice.targetDb}, but not one source database alone goes there`,
        {
          hint: `name it in the source (redis://host:6379/0), or leave out /${choice.targetDb} and use --map-db FROM=TO`,
        },
      );
    }
    addPair(map, only, choice.targetDb, 'the target and --map-db disagree');
  }
  return { include, map, prefixes: planPrefixes(choice.map) };
}

function planPrefixes(rules: readonly DbRule[]): ReadonlyMap<number, Uint8Array> {
  const prefixes = new Map<number, Uint8Array>();
  for (const [at, { from, prefix }] of rules.entries()) {
    const none = new Uint8Array(0);
    const other = rules
      .slice(0, at)
      .find((rule) => rule.from === from && !sameBytes(rule.prefix ?? none, prefix ?? none));
    if (other !== undefined) {
      throw new ReplicantError('USAGE', `source database ${from} has two prefixes: --map-db names it twice`, {
        hint: 'leave one of them out',
      });
    }
    if (prefix !== undefined) prefixes.set(from, prefix);
  }
  return prefixes;
}

function planInclude({ sourceDb, include, exclude }: DatabaseChoice): readonly number[] {
  const wanted = [...new Set(sourceDb === undefined ? include : [sourceDb])];
  if (sourceDb !== undefined && include.some((db) => db !== sourceDb)) {
    throw new ReplicantError('USAGE', `the source names database ${sourceDb}, but --include-db another`, {
      hint: 'leave one of them out',
    });
  }
  if (wanted.length > 0 && wanted.every((db) => exclude.includes(db))) {
    throw new ReplicantError('USAGE', 'every database that is included is excluded as well, nothing is left');
  }
  return wanted;
}

function addPair(map: Map<number, number>, from: number, to: number, problem: string): void {
  const before = map.get(from);
  if (before !== undefined && before !== to) {
    throw new ReplicantError(
      'USAGE',
      `source database ${from} cannot go into both ${before} and ${to}: ${problem}`,
    );
  }
  map.set(from, to);
}
