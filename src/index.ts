/**
 * The library: the live sync as a function, the replication link, and the RDB decoder, which imports nothing
 * from Node and runs wherever JavaScript does.
 */
export { Crc64, crc64, formatCrc64 } from './bytes/crc64.js';
export { ByteWindow } from './bytes/window.js';
export { type ErrorCode, type ErrorPlace, formatError, ReplicantError } from './errors.js';
export { type Address, type Endpoint, formatAddress, type TlsOptions } from './net/endpoint.js';
export { parseEndpoint } from './net/parse-endpoint.js';
export type { Dialect } from './rdb/dialect.js';
export { type DumpPayload, decodeDumpPayload, encodeDumpPayload } from './rdb/dump-payload.js';
export { type DecoderOptions, RdbDecoder } from './rdb/file-decoder.js';
export type { Checksum, RdbEntry, RdbHandler, ValueSink } from './rdb/handler.js';
export { DEFAULT_LIMITS, type Limits } from './rdb/limits.js';
export { ValueSkipper } from './rdb/skip-value.js';
export { decodeValue, type RdbValue } from './rdb/value.js';
export { ValueDecoder } from './rdb/value-decoder.js';
export { readStructure, type ValueStructure } from './rdb/value-structure.js';
export type { RdbKind, ValueType } from './rdb/value-types.js';
export type * from './rdb/value-visitor.js';
export { type LinkHandler, type LinkOptions, ReplicationLink } from './replication/link.js';
export { formatPosition, type Position } from './replication/position.js';
export type { SyncHandle } from './sync/handle.js';
export type { FilterOptions, SyncOptions, ValueKind } from './sync/options.js';
export { startSync } from './sync/run-sync.js';
export type {
  ShardStatus,
  SyncEvent,
  SyncPhase,
  SyncStatus,
  SyncSummary,
  SyncTotals,
} from './sync/status.js';
