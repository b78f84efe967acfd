/** What an error reply of the target means for the sync. */
import { ReplicantError } from '../errors.js';
import { showKey } from '../keyspace/words.js';
import type { FailedCommand } from '../target/failed-command.js';

/** Errors that speak of the target's state, not of the one command: skipping would skip everything. */
const STATES: readonly (readonly [pattern: RegExp, says: string, hint: string])[] = [
  [
    /^OOM/,
    'the target is out of memory',
    'raise maxmemory on the target, or give it more memory, then start again',
  ],
  [/^READONLY/, 'the target is read-only', 'it has become a replica: use its primary as the target'],
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
  [/^(BUSY|UNKILLABLE) /, 'the target is busy with a script', 'end it there (SCRIPT KILL), then start again'],
  [/^LOADING/, 'the target is loading its data', 'start again when it is ready'],
];

export interface Refusal {
  readonly error: ReplicantError;
  /** May `--on-error skip` leave this one command out? */
  readonly skippable: boolean;
}

/** `db` is the database in force when it is known; `where` says what the offset counts. */
export function judgeRefusal(failed: FailedCommand, at: string, where: 'snapshot' | 'stream'): Refusal {
  const state = STATES.find(([pattern]) => pattern.test(failed.error));
  const key = failed.args[1];
  const command = failed.name === '' ? 'a command' : failed.name;
  const place = {
    at,
    ...(failed.offset < 0 ? {} : { offset: failed.offset }),
    ...(key === undefined ? {} : { key: showKey(key) }),
  };
  const says = state?.[1] ?? 'the target refused a command';
  const origin = where === 'snapshot' ? 'of the snapshot' : 'of the stream';
  const error = new ReplicantError(
    'TARGET_REFUSED',
    `${says}: ${command} ${origin} was answered with "${failed.error}"`,
    {
      place,
      hint: state?.[2] ?? '--on-error skip leaves such commands out and lists them',
    },
  );
  return { error, skippable: state === undefined };
}

/** A database of the source has no place on the target; `offset` when the stream leads there. */
export function noSuchDatabase(databases: number, to: number, db: number, offset?: number): ReplicantError {
  return new ReplicantError(
    'TARGET_REFUSED',
    `the target has ${databases} databases, so there is no db ${to}`,
    {
      place: { db, ...(offset === undefined ? {} : { offset }) },
      hint: `raise "databases" on the target, or use --map-db ${db}=N or --exclude-db ${db}`,
    },
  );
}
