/**
 * The library: the live sync as a function, the replication link, snapshots read and written. The decoder
 * and writer alone, without anything from Node, are `replicant/rdb`.
 */
export * from './rdb.js';
export { type InputOptions, openInput } from './io/input.js';
export { readKeys, readRdb } from './io/read-rdb.js';
export type { SnapshotEnd, SnapshotInput, SnapshotOptions } from './io/snapshot-input.js';
export { type Address, type Endpoint, formatAddress, type TlsOptions } from './net/endpoint.js';
export { parseEndpoint } from './net/parse-endpoint.js';
export { type LinkHandler, type LinkOptions, openReplica, ReplicationLink } from './replication/link.js';
export { formatPosition, type Position } from './replication/position.js';
export type { SyncHandle } from './sync/handle.js';
export type { FilterOptions, SyncOptions, ValueKind } from './sync/options.js';
export { SYNC_DEFAULTS } from './sync/defaults.js';
export { startJob as startSync } from './sync/start-job.js';
export type {
  ShardStatus,
  SyncEvent,
  SyncPhase,
  SyncStatus,
  SyncSummary,
  SyncTotals,
} from './sync/status.js';
