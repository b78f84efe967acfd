/** What `runSync` is asked to do: everything decided, nothing optional. Defaults live in `config/`. */
import type { FilterOptions } from '../keyspace/filter-options.js';
import type { PrefixRule } from '../keyspace/key-map.js';
import type { CrossSlotPolicy } from '../keyspace/cross-slot-policy.js';
import type { Endpoint } from '../net/endpoint.js';

import type { ClusterOptions } from './shards/options.js';
import type { SlotDuty } from './slot-duty.js';

export { VALUE_KINDS } from '../keyspace/filter-options.js';
export type { FilterOptions, ValueKind } from '../keyspace/filter-options.js';

export interface SyncOptions {
  /** The job's name: shown in logs and status. */
  readonly name: string;
  readonly source: Endpoint;
  readonly target: Endpoint;
  readonly until: 'caught-up' | 'stopped';
  /** `mirror` removes what the source does not have, after everything has been copied. */
  readonly targetNotEmpty: 'fail' | 'merge' | 'flush' | 'mirror';
  readonly onError: 'stop' | 'skip';
  /**
   * What the target can't hold. `auto`: fail while nothing has been written, when it is known by then, and
   * report what turns up later.
   */
  readonly onUnsupported: 'fail' | 'skip' | 'report' | 'auto';
  /** Where it is listed; undefined: nowhere. */
  readonly reportFile: string | undefined;
  readonly filter: FilterOptions;
  /** source database → target database; databases not named keep their number. */
  readonly dbMap: ReadonlyMap<number, number>;
  /** source database → what stands in front of its keys on the target, not empty. */
  readonly dbPrefixes: ReadonlyMap<number, Uint8Array>;
  /** Prefixes of keys that are others on the target. */
  readonly keyMap: readonly PrefixRule[];
  /** The name of PSYNC on the source; some providers rename it. */
  readonly psyncCommand: string;
  /** Where the spool goes; undefined: memory only, and a crash in the full sync costs a second snapshot. */
  readonly stateDir: string | undefined;
  /** Most bytes that wait in memory, and on disk. */
  readonly spoolMemoryBytes: number;
  readonly spoolMaxBytes: number;
  /** A full spool: stop reading from the source until there is room, or end the run. */
  readonly spoolFull: 'pause' | 'stop';
  /** `at-least-once`: position behind the data instead of with them; a crash may repeat some commands. */
  readonly consistency: 'exactly-once' | 'at-least-once';
  /** `faithful`: the target expires nothing by itself; `plain`: by its own clock. */
  readonly expiry: 'faithful' | 'plain';
  /** Deadlines nearer than this are held back while the stream is followed. */
  readonly holdMarginMs: number;
  /** Another holder of the job that has shown no sign of life for so long is put aside. */
  readonly takeoverAfterMs: number;
  /** What is acknowledged to the source: all that is on the target, or one byte less (see FAILOVER in README). */
  readonly ack: 'exact' | 'behind';
  /** Go on here although there is no checkpoint, or another. */
  readonly resumeFrom: { readonly replid: string; readonly offset: number; readonly db: number } | undefined;
  /** The target is a cluster; `target` is any of its nodes. */
  readonly targetIsCluster: boolean;
  /** What is done with commands whose keys are in several slots of a cluster. */
  readonly crossSlot: CrossSlotPolicy;
  /** For a source that is a cluster, or one shard of it. */
  readonly cluster?: ClusterOptions | undefined;
  /** This run is one shard of several. */
  readonly shard?: ShardRun | undefined;
}

/** What a run over one shard is given by the job that it belongs to; see `shards/`. */
export interface ShardRun {
  readonly duty: SlotDuty;
  /** The target has been looked at, and emptied if that was asked for, for all shards together. */
  readonly targetPrepared: { readonly targetHasKeys: boolean; readonly known: boolean };
  /** Waits for the turn to ask the source's host for a snapshot; resolves to what gives the turn back. */
  readonly snapshotTurn: (host: string) => Promise<() => void>;
}
