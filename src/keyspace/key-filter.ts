/**
 * Which keys, databases, kinds of values and commands are carried: an empty inclusion means all, exclusion
 * wins. Globs and regular expressions stand beside each other: a key is included when one of either matches.
 */
import type { FilterOptions, ValueKind } from './filter-options.js';
import { compileGlob, type Matcher } from './glob.js';
import { compileKeyRegex } from './key-regex.js';
import { bytesOf, isWord } from './words.js';

export interface KeyFilter {
  /** Anything to filter at all? */
  readonly active: boolean;
  readonly keysActive: boolean;
  readonly dbsActive: boolean;
  readonly kindsActive: boolean;
  readonly commandsActive: boolean;
  /** The key bytes[start, end), the whole array by default. */
  matchesKey(bytes: Uint8Array, start?: number, end?: number): boolean;
  /** A database of the source. */
  matchesDb(db: number): boolean;
  matchesKind(kind: ValueKind): boolean;
  /** A command of the stream. */
  matchesCommand(args: readonly Uint8Array[]): boolean;
}

/** Throws for a regular expression that is none, or that is refused. */
export function createKeyFilter(options: FilterOptions): KeyFilter {
  const includes = matchersOf(options.includeKeys, options.includeKeyRegexes);
  const excludes = matchersOf(options.excludeKeys, options.excludeKeyRegexes);
  const commands = commandSelector(options.includeCommands ?? [], options.excludeCommands ?? []);
  const keysActive = includes.length + excludes.length > 0;
  const dbsActive = options.includeDbs.length + options.excludeDbs.length > 0;
  const kindsActive = options.includeKinds.length + options.excludeKinds.length > 0;
  return {
    active: keysActive || dbsActive || kindsActive || commands !== undefined,
    keysActive,
    dbsActive,
    kindsActive,
    commandsActive: commands !== undefined,
    matchesKey: (bytes, start = 0, end = bytes.length) =>
      !keysActive ||
      ((includes.length === 0 || matchesSome(includes, bytes, start, end)) &&
        !matchesSome(excludes, bytes, start, end)),
    matchesDb: selector(options.includeDbs, options.excludeDbs),
    matchesKind: selector(options.includeKinds, options.excludeKinds),
    matchesCommand: commands ?? (() => true),
  };
}

/** Globs first: they cost less. */
function matchersOf(globs: readonly string[], regexes: readonly string[] = []): readonly Matcher[] {
  return [
    ...globs.map((pattern) => compileGlob(bytesOf(pattern))),
    ...regexes.map((pattern) => compileKeyRegex(pattern)),
  ];
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

type NamesCommand = (args: readonly Uint8Array[]) => boolean;

function commandSelector(include: readonly string[], exclude: readonly string[]): NamesCommand | undefined {
  if (include.length + exclude.length === 0) return undefined;
  const included = include.map((name) => commandNamed(name));
  const excluded = exclude.map((name) => commandNamed(name));
  return (args) =>
    (included.length === 0 || included.some((names) => names(args))) &&
    !excluded.some((names) => names(args));
}

/** `NAME`, or `NAME|SUBCOMMAND` as in the server's ACLs. */
function commandNamed(text: string): NamesCommand {
  const [name = '', subcommand] = text.toUpperCase().split('|');
  return (args) =>
    args[0] !== undefined &&
    isWord(args[0], name) &&
    (subcommand === undefined || (args[1] !== undefined && isWord(args[1], subcommand)));
}
