/** For outputs made of values: an AOF whose values only a server can work out is no input for them. */
import { ReplicantError } from '../errors.js';
import type { SnapshotInput } from './snapshot-input.js';

/**
 * To be called before `snapshot` (catches what is known by then) and after it. `what` is what was asked for,
 * such as `-f ndjson`.
 */
export function refuseCommands({ label, hasCommands }: SnapshotInput, what: string): void {
  if (hasCommands !== true) return;
  throw new ReplicantError(
    'RDB_UNSUPPORTED',
    `this AOF has commands behind its snapshot, which ${what} can't carry`,
    {
      place: { at: label },
      hint: 'use -f resp, or load it into a server with replicant restore and export from there; after a BGREWRITEAOF there are none',
    },
  );
}
