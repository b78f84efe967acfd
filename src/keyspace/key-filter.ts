/** Which keys, databases and kinds of values are carried: an empty inclusion means all, exclusion wins. */
import type { FilterOptions, ValueKind } from '../sync/options.js';
import { compileGlob, type Matcher } from './glob.js';
import { bytesOf } from './words.js';

export interface KeyFilter {
  /** Anything to filter at all? */
  readonly active: boolean;
  readonly keysActive: boolean;
  readonly dbsActive: boolean;
  readonly kindsActive: boolean;
  /** The key bytes[start, end), the whole array by default. */
  matchesKey(bytes: Uint8Array, start?: number, end?: number): boolean;
  /** A database of the source. */
  matchesDb(db: number): boolean;
  matchesKind(kind: ValueKind): boolean;
}

export function createKeyFilter(options: FilterOptions): KeyFilter {
  const includes = options.includeKeys.map((pattern) => compileGlob(bytesOf(pattern)));
  const excludes = options.excludeKeys.map((pattern) => compileGlob(bytesOf(pattern)));
  const keysActive = includes.length + excludes.length > 0;
  const dbsActive = options.includeDbs.length + options.excludeDbs.length > 0;
  const kindsActive = options.includeKinds.length + options.excludeKinds.length > 0;
  return {
    active: keysActive || dbsActive || kindsActive,
    keysActive,
    dbsActive,
    kindsActive,
    matchesKey: (bytes, start = 0, end = bytes.length) =>
      !keysActive ||
      ((includes.length === 0 || matchesSome(includes, bytes, start, end)) &&
        !matchesSome(excludes, bytes, start, end)),
    matchesDb: selector(options.includeDbs, options.excludeDbs),
    matchesKind: selector(options.includeKinds, options.excludeKinds),
  };
}

function matchesSome(matchers: readonly Matcher[], bytes: Uint8Array, start: number, end: number): boolean {
  for (const matcher of matchers) {
    if (matcher(bytes, start, end)) return true;
  }
  return false;
}

function selector<T>(include: readonly T[], exclude: readonly T[]): (item: T) => boolean {
  const included = new Set(include);
  const excluded = new Set(exclude);
  return (item) => (included.size === 0 || included.has(item)) && !excluded.has(item);
}
