/**
 * What a user may choose of a source's keys and commands. An empty `include…` list means all; an exclusion
 * wins over an inclusion. Keys are named as on the source: a key map is applied to what has passed.
 */

export const VALUE_KINDS = ['string', 'list', 'set', 'zset', 'hash', 'stream', 'module'] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

/** Lists that may be left out are empty by default. */
export interface FilterOptions {
  /** Globs, as KEYS understands them. A key must match one of them or of `includeKeyRegexes`. */
  readonly includeKeys: readonly string[];
  readonly excludeKeys: readonly string[];
  /** Regular expressions: see key-regex.ts. */
  readonly includeKeyRegexes?: readonly string[];
  readonly excludeKeyRegexes?: readonly string[];
  readonly includeDbs: readonly number[];
  readonly excludeDbs: readonly number[];
  readonly includeKinds: readonly ValueKind[];
  readonly excludeKinds: readonly ValueKind[];
  /**
   * Commands of the stream, in any case: `PUBLISH`, or `XGROUP|DESTROY` for one subcommand. The snapshot is
   * not concerned; nor are SELECT, MULTI and EXEC, which only say where and how the others run.
   */
  readonly includeCommands?: readonly string[];
  readonly excludeCommands?: readonly string[];
}
