/** What `runSync` is asked to do: everything decided, nothing optional. Defaults live in `config/`. */
import type { Endpoint } from '../net/endpoint.js';

export const VALUE_KINDS = ['string', 'list', 'set', 'zset', 'hash', 'stream', 'module'] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

/** Which keys are carried. An empty `include…` list means all; an exclusion wins over an inclusion. */
export interface FilterOptions {
  readonly includeKeys: readonly string[];
  readonly excludeKeys: readonly string[];
  readonly includeDbs: readonly number[];
  readonly excludeDbs: readonly number[];
  readonly includeKinds: readonly ValueKind[];
  readonly excludeKinds: readonly ValueKind[];
}

export interface SyncOptions {
  /** The job's name: shown in logs and status. */
  readonly name: string;
  readonly source: Endpoint;
  readonly target: Endpoint;
  readonly until: 'caught-up' | 'stopped';
  readonly targetNotEmpty: 'fail' | 'merge' | 'flush';
  readonly onError: 'stop' | 'skip';
  readonly filter: FilterOptions;
  /** source database → target database; databases not named keep their number. */
  readonly dbMap: ReadonlyMap<number, number>;
  /** The name of PSYNC on the source; some providers rename it. */
  readonly psyncCommand: string;
}
