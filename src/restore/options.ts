/** What a restore is asked to do: everything decided, nothing optional. */
import type { Endpoint } from '../net/endpoint.js';
import type { FilterOptions, SyncOptions } from '../sync/options.js';
import type { SkippedItem } from '../sync/status.js';

/**
 * `auto` goes by the content: an RDB; NDJSON; commands, which count as `aof` in a file that is called so, and
 * as `resp` in any other. The difference: in an AOF of an old server relative times count from when the
 * file was last written.
 */
export const RESTORE_FORMATS = ['auto', 'rdb', 'aof', 'ndjson', 'resp'] as const;
export type RestoreFormat = (typeof RESTORE_FORMATS)[number];

export interface RestoreOptions {
  /** A path, or `-` for stdin. */
  readonly source: string;
  readonly format: RestoreFormat;
  readonly target: Endpoint;
  readonly targetNotEmpty: SyncOptions['targetNotEmpty'];
  readonly onError: SyncOptions['onError'];
  readonly filter: FilterOptions;
  readonly dbMap: ReadonlyMap<number, number>;
  /** A wrong checksum is an error. */
  readonly checksum: boolean;
  readonly truncatedTail: 'fail' | 'keep';
  /** Unix seconds: what an AOF says was written later is left out. */
  readonly toTime: number | undefined;
}

export interface RestoreProgress {
  /** Of the file as it is stored. */
  readonly bytesRead: number;
  readonly totalBytes: number | undefined;
  readonly keys: number;
  readonly commands: number;
}

export interface RestoreSummary extends RestoreProgress {
  readonly ok: boolean;
  readonly source: string;
  readonly target: string;
  readonly format: Exclude<RestoreFormat, 'auto'> | undefined;
  readonly expiredKeys: number;
  readonly emptyKeys: number;
  readonly filteredKeys: number;
  readonly skippedCount: number;
  /** The first of them, with why. */
  readonly skipped: readonly SkippedItem[];
  readonly seconds: number;
}

export interface RestoreEvent {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
}
