/** What an error reply of the target means for the sync. */
import { ReplicantError } from '../errors.js';
import { showKey } from '../keyspace/words.js';
import { decodeDumpPayload } from '../rdb/dump-payload.js';
import { moduleTypeName } from '../rdb/encode/module-home.js';
import { formatServer, type ServerIdentity } from '../rdb/server-support.js';
import { valueTypes } from '../rdb/value-types.js';
import { plainScriptError } from '../target/cluster/lane-script.js';
import type { FailedCommand } from '../target/failed-command.js';
import { isMoved } from '../target/target-state.js';

/**
 * Errors that speak of the target's state, not of the one command: skipping would skip everything. Some pass
 * when somebody puts the target right, or by themselves: these are waited for.
 */
const STATES: readonly (readonly [pattern: RegExp, says: string, hint: string])[] = [
  [/^OOM/, 'the target is out of memory', 'raise maxmemory on the target, or give it more memory'],
  [/^READONLY/, 'the target is read-only', 'it has become a replica; it can be used again as a primary'],
  [
    /^MISCONF/,
    'the target refuses writes because it cannot save to disk',
    "look at the target's log and disk",
  ],
  [
    /^NOREPLICAS/,
    'the target refuses writes because it has too few replicas',
    'see min-replicas-to-write there',
  ],
  [/^(NOAUTH|WRONGPASS)/, 'the target wants another user or password', 'check REPLICANT_TARGET_PASSWORD'],
  [
    /^NOPERM/,
    'this user may not do that on the target',
    'give it the permission (ACL SETUSER on the target)',
  ],
  [
    /^(CLUSTERDOWN|MASTERDOWN)/,
    'the target is not able to take writes now',
    'see its cluster state or replication',
  ],
  [/^(BUSY|UNKILLABLE) /, 'the target is busy with a script', 'end it there (SCRIPT KILL)'],
  [/^LOADING/, 'the target is loading its data', 'it will be ready by itself'],
  [/^NOSCRIPT/, "the target has forgotten the lane's script", 'it is loaded anew'],
];
/** Nobody's patience helps against these. */
const LASTING = /^(NOAUTH|WRONGPASS|NOPERM)/;
/** How EXEC speaks of a state. */
const DISCARDED = /^EXECABORT Transaction discarded because of: (?:-?)/;

export interface Refusal {
  readonly error: ReplicantError;
  /** May `--on-error skip` leave this one command out? */
  readonly skippable: boolean;
}

/** `db` is the database in force when it is known; `where` says what the offset counts. */
export function judgeRefusal(failed: FailedCommand, at: string, where: 'snapshot' | 'stream'): Refusal {
  const text = plainScriptError(failed.error.replace(DISCARDED, ''));
  // A script that the source has and the target has not is another matter.
  const foreign = failed.offset >= 0 && text.startsWith('NOSCRIPT');
  const state = foreign ? undefined : STATES.find(([pattern]) => pattern.test(text));
  const passing = state !== undefined && !LASTING.test(text);
  const key = failed.args[1];
  const command = failed.name === '' ? 'a command' : failed.name;
  const place = {
    at,
    ...(failed.offset < 0 ? {} : { offset: failed.offset }),
    ...(key === undefined ? {} : { key: showKey(key) }),
  };
  const says = state?.[1] ?? 'the target refused a command';
  const origin = where === 'snapshot' ? 'of the snapshot' : 'of the stream';
  if (isMoved(text)) {
    const words = `a slot of the target has moved or is being moved: ${command} ${origin} was answered with "${failed.error}"`;
    const moved = new ReplicantError('TARGET_MOVED', words, { place, hint: 'going on where it is now' });
    return { error: moved, skippable: false };
  }
  const error = new ReplicantError(
    passing ? 'TARGET_BUSY' : 'TARGET_REFUSED',
    `${says}: ${command} ${origin} was answered with "${failed.error}"`,
    {
      place,
      hint: state?.[2] ?? '--on-error skip leaves such commands out and lists them',
    },
  );
  return { error, skippable: state === undefined };
}

/** The module type of a value that RESTORE would not take; undefined: it was something else that was refused. */
export function refusedModule({ name, args, error }: FailedCommand): string | undefined {
  const payload = args[3];
  if (name !== 'RESTORE' || payload === undefined || !/Bad data format/.test(error)) return undefined;
  try {
    const { type, dialect, valueStart } = decodeDumpPayload(payload);
    return valueTypes(dialect)[type]?.kind === 'module' ? moduleTypeName(payload, valueStart) : undefined;
  } catch (failure) {
    if (failure instanceof ReplicantError) return undefined;
    throw failure;
  }
}

/** For `refusedModule`; `refusal` knows the place. */
export function noModule(type: string, target: ServerIdentity, refusal: ReplicantError): ReplicantError {
  return new ReplicantError(
    'RDB_UNSUPPORTED',
    `the target (${formatServer(target)}) can't take values of the module type ${type}`,
    { place: refusal.place, hint: 'it needs the same module' },
  );
}

export interface Placeless {
  /** The stream leads there. */
  readonly offset?: number;
  /** All databases of the source that have no place, where they are known. */
  readonly all?: readonly number[];
}

/** A database of the source has no place on the target. */
export function noSuchDatabase(
  databases: number,
  to: number,
  db: number,
  { offset, all = [db] }: Placeless = {},
): ReplicantError {
  const place = { db, ...(offset === undefined ? {} : { offset }) };
  const has = databases === 1 ? 'one database only' : `${databases} databases`;
  return new ReplicantError('TARGET_REFUSED', `the target has ${has}, so there is no db ${to}`, {
    place,
    hint:
      databases === 1
        ? intoOne(all)
        : `raise "databases" on the target, or use --map-db ${db}=N or --exclude-db ${db}`,
  });
}

/** As in a cluster. */
function intoOne(dbs: readonly number[]): string {
  const maps = dbs.map((db) => `--map-db ${db}=0:db${db}:`).join(' ');
  const excludes = dbs.map((db) => `--exclude-db ${db}`).join(' ');
  return `${maps} puts all of it into one, with a prefix in front of the keys; ${excludes} leaves it out`;
}
