/**
 * Removes from a target what a snapshot written over it does not have (see `sweep-keys.ts`). Nobody else is
 * supposed to write: what appears meanwhile may be removed as well, as a mirror has no keys of others. Keys
 * outside the filters stay.
 */
import type { Client } from '../net/client.js';
import type { KeySet } from './key-set.js';
import { sweepKeys, type SweepKeysOptions, type Swept } from './sweep-keys.js';

export interface RemoveMissingOptions extends Omit<SweepKeysOptions, 'doomed'> {
  /** What stays, by database of the target. */
  readonly keys: Pick<KeySet, 'has'>;
  /** False for a key outside the job's filters. */
  readonly wanted: (db: number, key: Uint8Array) => boolean;
}

export async function removeMissing(
  clients: readonly Client[],
  { keys, wanted, ...options }: RemoveMissingOptions,
): Promise<Swept> {
  return await sweepKeys(clients, { ...options, doomed: (db, key) => !keys.has(db, key) && wanted(db, key) });
}
