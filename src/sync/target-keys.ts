/** Which keys of the target are the job's: what it may write, hold back and remove there. */
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { carriesTargetKey, type KeyMap } from '../keyspace/key-map.js';
import { keySlot } from '../keyspace/key-slot.js';

/**
 * By database and name on the target; undefined: all. `owns` is asked about the slot of the key's name on the
 * source, where the job answers for some slots only.
 */
export function targetKeys(
  filter: KeyFilter,
  dbMap: DbMap,
  keyMap: KeyMap | undefined,
  owns?: (slot: number) => boolean,
): ((db: number, key: Uint8Array) => boolean) | undefined {
  const named = namedKeys(filter, dbMap, keyMap);
  if (owns === undefined) return named;
  if (keyMap?.active === true) {
    return (db, key) =>
      named!(db, key) && keyMap.sourcesOf(key).some((from) => owns(keySlot(from)) && filter.matchesKey(from));
  }
  return (db, key) => owns(keySlot(key)) && (named === undefined || named(db, key));
}

function namedKeys(
  filter: KeyFilter,
  dbMap: DbMap,
  keyMap: KeyMap | undefined,
): ((db: number, key: Uint8Array) => boolean) | undefined {
  if (!filter.keysActive && !filter.dbsActive && !dbMap.active && keyMap === undefined) return undefined;
  return (db, key) =>
    dbMap.sourcesOf(db).some((from) => filter.matchesDb(from)) && carriesTargetKey(key, filter, keyMap);
}
