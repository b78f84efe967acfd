/** Which keys of the target are the job's: what it may write, hold back and remove there. */
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { carriesTargetKey, type KeyMap } from '../keyspace/key-map.js';

/** By database and name on the target; undefined: all. */
export function targetKeys(
  filter: KeyFilter,
  dbMap: DbMap,
  keyMap: KeyMap | undefined,
): ((db: number, key: Uint8Array) => boolean) | undefined {
  if (!filter.keysActive && !filter.dbsActive && !dbMap.active && keyMap === undefined) return undefined;
  return (db, key) =>
    dbMap.sourcesOf(db).some((from) => filter.matchesDb(from)) && carriesTargetKey(key, filter, keyMap);
}
