/**
 * What a running sync tells about itself: a snapshot that anyone may poll (`SyncStatus`, the JSON of
 * `--status-file`), and things that happen once (`SyncEvent`, which the log prints).
 */

export type SyncPhase = 'connecting' | 'full-sync' | 'streaming' | 'stopped' | 'failed';

export interface ShardStatus {
  /** Addresses, without secrets. */
  readonly source: string;
  readonly target: string;
  readonly phase: SyncPhase;
  readonly replid: string;
  /** Replication offsets in bytes; -1 while unknown. */
  readonly receivedOffset: number;
  readonly appliedOffset: number;
  readonly sourceOffset: number;
  readonly lagBytes: number;
  readonly lagSeconds: number;
  readonly rdbBytes: number;
  /** Total size of the snapshot; 0 while unknown (a diskless transfer does not say). */
  readonly rdbBytesTotal: number;
  readonly keys: number;
  /** Sum of the RESIZEDB hints seen so far or, better, of the source's keyspace at the start. */
  readonly keysTotal: number;
  readonly spoolBytes: number;
}

export interface SyncTotals {
  /** Keys of snapshots written to the target. */
  readonly keys: number;
  /** Commands of the stream applied. */
  readonly commands: number;
  /** Bytes received from the source. */
  readonly bytes: number;
  /** Keys and commands left out: unsupported, refused under `--on-error skip`. Filtered ones do not count. */
  readonly skipped: number;
  readonly errors: number;
}

export interface SyncStatus {
  readonly name: string;
  readonly phase: SyncPhase;
  readonly caughtUp: boolean;
  readonly uptimeSeconds: number;
  /** What it waits for, in plain words; null when it waits for nothing. */
  readonly waitingFor: string | null;
  /** What the target is and can do, in plain words; empty before it has been asked. */
  readonly targetAbilities: readonly string[];
  readonly totals: SyncTotals;
  readonly shards: readonly ShardStatus[];
}

/** Something that happened once. `level` is the log level it deserves; `message` is one plain sentence. */
export interface SyncEvent {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event:
    | 'connecting'
    | 'connected'
    | 'full-sync-start'
    | 'full-sync-done'
    | 'stream-start'
    | 'caught-up'
    | 'link-lost'
    | 'target-lost'
    | 'retry'
    | 'partial-resync'
    | 'full-resync'
    | 'skipped'
    | 'waiting'
    | 'stopping'
    | 'stopped'
    | 'note';
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** How the parts of a run tell what happens. */
export type Emit = (
  level: SyncEvent['level'],
  event: SyncEvent['event'],
  message: string,
  details?: SyncEvent['details'],
) => void;

/** What a finished sync reports; the summary object of `--json`. */
export interface SyncSummary {
  readonly ok: boolean;
  readonly name: string;
  readonly reason: 'caught-up' | 'stopped' | 'failed';
  readonly totals: SyncTotals;
  readonly expiredKeys: number;
  readonly fullSyncs: number;
  readonly partialResyncs: number;
  /** Transactions of the source over several slots of the target: each slot's part is one there. */
  readonly splitTransactions: number;
  readonly replid: string;
  readonly appliedOffset: number;
  /** The first skipped keys and commands, with why; `totals.skipped` has the count of all. */
  readonly skipped: readonly SkippedItem[];
  readonly seconds: number;
}

export interface SkippedItem {
  readonly what: 'key' | 'command' | 'function' | 'script';
  readonly name: string;
  readonly db: number;
  readonly offset: number;
  readonly why: string;
}
