/** Source database → target database. Databases that are not named keep their number. */

export interface DbCollision {
  readonly target: number;
  /** Ascending; two or more. */
  readonly sources: readonly number[];
}

export interface DbMap {
  /** False when every database keeps its number. */
  readonly active: boolean;
  toTarget(source: number): number;
  /** Every source database that lands on this target database, ascending. */
  sourcesOf(target: number): readonly number[];
  /**
   * Target databases that several source databases land on: allowed, but keys of the same name overwrite each
   * other there, and FLUSHDB and SWAPDB cannot be carried over. `carried` leaves out filtered databases.
   */
  collisions(carried?: (source: number) => boolean): readonly DbCollision[];
}

export function createDbMap(map: ReadonlyMap<number, number>): DbMap {
  const moved = new Map([...map].filter(([source, target]) => source !== target));
  const sourcesOf = (target: number): number[] => {
    const sources = [...moved].filter(([, to]) => to === target).map(([source]) => source);
    if (!moved.has(target)) sources.push(target);
    return sources.toSorted((a, b) => a - b);
  };
  return {
    active: moved.size > 0,
    toTarget: (source) => moved.get(source) ?? source,
    sourcesOf,
    collisions: (carried = () => true) =>
      [...new Set(moved.values())]
        .toSorted((a, b) => a - b)
        .map((target) => ({ target, sources: sourcesOf(target).filter(carried) }))
        .filter(({ sources }) => sources.length > 1),
  };
}
