/** Which keys of the target are the job's: what it may write, hold back and remove there. */
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { KeyMap } from '../keyspace/key-map.js';
import { keyNames } from '../keyspace/key-names.js';
import { keySlot } from '../keyspace/key-slot.js';

/**
 * Is this key of the target one that the source's keys can be called there? By database and name on the target;
 * `of`: only keys that count as these source databases'.
 */
export type TargetKeys = (db: number, key: Uint8Array, of?: readonly number[]) => boolean;

/**
 * undefined: all are. `owns` is asked about the slot of the key's name on the source, where the job answers for
 * some slots only.
 */
export function targetKeys(
  filter: KeyFilter,
  dbMap: DbMap,
  keyMap: KeyMap | undefined,
  owns?: (slot: number) => boolean,
): TargetKeys | undefined {
  const names = keyNames(dbMap, keyMap);
  const some = filter.keysActive || filter.dbsActive || dbMap.active || names.active;
  if (!some && owns === undefined) return undefined;
  const carried = (source: Uint8Array): boolean =>
    filter.matchesKey(source) && (owns === undefined || owns(keySlot(source)));
  return (targetDb, key, of) => {
    for (const { db, keyMap: map } of names.into(targetDb)) {
      if (!filter.matchesDb(db)) continue;
      const its = map === undefined ? carried(key) : map.sourcesOf(key).some(carried);
      if (its) return of === undefined || of.includes(db);
    }
    return false;
  };
}
