/**
 * The names that keys have on the target, database by database: the map of prefixes works on a key first, then
 * the prefix of the source's database is put in front. The map for one database is a key map again: its rules
 * with the prefix in front of what they give, and one more for the keys that no rule touches.
 */
import type { DbMap } from './db-map.js';
import { createKeyMap, type KeyMap } from './key-map.js';

/** A source database, and what its keys are called on the target. */
export interface NamedDb {
  readonly db: number;
  /** undefined: as on the source. */
  readonly keyMap: KeyMap | undefined;
}

export interface SourceKey {
  readonly db: number;
  readonly key: Uint8Array;
}

export interface KeyNames {
  /** False when every key of every database keeps its name. */
  readonly active: boolean;
  /** What keys of a source database are called on the target; undefined: as on the source. */
  of(db: number): KeyMap | undefined;
  /**
   * The source databases that go into this target database. The longest prefix comes first: where a key can be
   * several databases' it counts as the first one's.
   */
  into(targetDb: number): readonly NamedDb[];
}

export function keyNames(dbMap: DbMap, keyMap: KeyMap | undefined): KeyNames {
  const common = keyMap?.active === true ? keyMap : undefined;
  const of = dbMap.prefixed ? prefixedMaps(dbMap, common) : (): KeyMap | undefined => common;
  const known = new Map<number, readonly NamedDb[]>();
  const find = (targetDb: number): readonly NamedDb[] =>
    dbMap
      .sourcesOf(targetDb)
      .toSorted((a, b) => (dbMap.prefixOf(b)?.length ?? 0) - (dbMap.prefixOf(a)?.length ?? 0))
      .map((db) => ({ db, keyMap: of(db) }));
  return {
    active: dbMap.prefixed || common !== undefined,
    of,
    into(targetDb) {
      const found = known.get(targetDb) ?? find(targetDb);
      known.set(targetDb, found);
      return found;
    },
  };
}

function prefixedMaps(dbMap: DbMap, common: KeyMap | undefined): (db: number) => KeyMap | undefined {
  const made = new Map<number, KeyMap>();
  return (db) => {
    const prefix = dbMap.prefixOf(db);
    if (prefix === undefined) return common;
    const map = made.get(db) ?? (common ?? createKeyMap([])).under(prefix);
    made.set(db, map);
    return map;
  };
}

/** Every key of the source, existing or not, that has this name on the target. */
export function sourcesOfKey(names: KeyNames, targetDb: number, key: Uint8Array): readonly SourceKey[] {
  return names
    .into(targetDb)
    .flatMap(({ db, keyMap }) => (keyMap?.sourcesOf(key) ?? [key]).map((source) => ({ db, key: source })));
}
