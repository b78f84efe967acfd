/**
 * The RDB decoder and writer alone: imports nothing from Node, so it also runs in a browser
 * (`import … from 'replicant/rdb'`).
 */
export { Crc64, crc64, formatCrc64 } from './bytes/crc64.js';
export { ByteWindow } from './bytes/window.js';
export { type ErrorCode, type ErrorPlace, formatError, ReplicantError } from './errors.js';
export type { Dialect } from './rdb/dialect.js';
export {
  type DumpPayload,
  decodeDumpPayload,
  encodeDumpPayload as dumpPayload,
  encodeDumpPayload,
} from './rdb/dump-payload.js';
export {
  type EncodeRdbOptions,
  encodeRdb,
  type RdbKey,
  visitValue,
  writeRdb,
} from './rdb/encode/encode-rdb.js';
export { convertValue, ValueConverter } from './rdb/encode/value-converter.js';
export { type DecoderOptions, RdbDecoder } from './rdb/file-decoder.js';
export type { Checksum, RdbEntry, RdbHandler, ValueSink } from './rdb/handler.js';
export { DEFAULT_LIMITS, type Limits } from './rdb/limits.js';
export { parseServerName, type ServerIdentity } from './rdb/server-support.js';
export { ValueSkipper } from './rdb/skip-value.js';
export { decodeValue, type RdbValue } from './rdb/value.js';
export { ValueDecoder } from './rdb/value-decoder.js';
export { type ValueStructure, readStructure } from './rdb/value-structure.js';
export type { RdbKind, ValueType } from './rdb/value-types.js';
export type * from './rdb/value-visitor.js';
