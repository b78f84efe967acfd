/**
 * Source database → target database, and a prefix that its keys get there. Databases that are not named keep
 * their number, and their keys their names.
 */
import { sameBytes, showKey, startsWith } from './words.js';

export interface DbCollision {
  readonly target: number;
  /** Ascending; two or more. */
  readonly sources: readonly number[];
  /** Names that begin so can come from each of them; undefined: any name. */
  readonly prefix?: Uint8Array;
}

export interface DbMap {
  /** False when every database keeps its number and its keys their names. */
  readonly active: boolean;
  /** Some database has a prefix. */
  readonly prefixed: boolean;
  toTarget(source: number): number;
  /** What stands in front of its keys on the target; undefined: nothing. */
  prefixOf(source: number): Uint8Array | undefined;
  /** Is a key of one source database and the key of the same name of the other one key of the target? */
  together(source: number, other: number): boolean;
  /** Every source database that lands on this target database, ascending. */
  sourcesOf(target: number): readonly number[];
  /**
   * Names on the target that several source databases can have: allowed, but keys overwrite each other there.
   * Where databases are together, FLUSHDB and SWAPDB cannot be carried over. `carried` leaves out databases.
   */
  collisions(carried?: (source: number) => boolean): readonly DbCollision[];
}

const NO_PREFIX = new Uint8Array(0);

/** Prefixes are not empty. */
export function createDbMap(
  map: ReadonlyMap<number, number>,
  prefixes: ReadonlyMap<number, Uint8Array> = new Map(),
): DbMap {
  const moved = new Map([...map].filter(([source, target]) => source !== target));
  const toTarget = (source: number): number => moved.get(source) ?? source;
  const prefixOf = (source: number): Uint8Array => prefixes.get(source) ?? NO_PREFIX;
  const sourcesOf = (target: number): number[] => {
    const sources = [...moved].filter(([, to]) => to === target).map(([source]) => source);
    if (!moved.has(target)) sources.push(target);
    return sources.toSorted((a, b) => a - b);
  };
  return {
    active: moved.size > 0 || prefixes.size > 0,
    prefixed: prefixes.size > 0,
    toTarget,
    prefixOf: (source) => prefixes.get(source),
    together: (source, other) =>
      toTarget(source) === toTarget(other) && sameBytes(prefixOf(source), prefixOf(other)),
    sourcesOf,
    collisions: (carried = () => true) =>
      [...new Set(moved.values())]
        .toSorted((a, b) => a - b)
        .flatMap((target) => collisionsIn(target, sourcesOf(target).filter(carried), prefixOf)),
  };
}

/** For each prefix those databases whose names can begin so. */
function collisionsIn(
  target: number,
  sources: readonly number[],
  prefixOf: (source: number) => Uint8Array,
): DbCollision[] {
  const prefixes: Uint8Array[] = [];
  for (const prefix of sources.map((source) => prefixOf(source))) {
    if (!prefixes.some((other) => sameBytes(other, prefix))) prefixes.push(prefix);
  }
  return prefixes
    .toSorted((a, b) => a.length - b.length)
    .map((prefix) => ({
      ...{ target, ...(prefix.length === 0 ? {} : { prefix }) },
      sources: sources.filter((source) => startsWith(prefix, prefixOf(source), 0, prefix.length)),
    }))
    .filter((collision) => collision.sources.length > 1);
}

/** One line for a warning; whether it comes to that depends on the keys there are. */
export function describeDbCollision({ target, sources, prefix }: DbCollision): string {
  const which = `databases ${sources.join(' and ')} of the source both go to db ${target}`;
  if (prefix === undefined) return `${which}: keys of the same name overwrite each other`;
  const names = `"${showKey(prefix).slice(1, -1)}…"`;
  return `${which}, where keys of each can be called ${names}: those that get the same name overwrite each other`;
}
