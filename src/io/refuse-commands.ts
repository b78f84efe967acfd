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
      hint: 'have a server carry them out first: replicant export -f rdb does so, and its result is such a snapshot; or export with -f resp; after a BGREWRITEAOF there are none',
    },
  );
}
