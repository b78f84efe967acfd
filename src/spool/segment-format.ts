/**
 * The format of a segment, version 1. A log (the snapshot, or the stream) is a row of files
 *
 *   snapshot-000001.seg, snapshot-000002.seg …      stream-000001.seg …
 *
 * each a header and then records, one directly behind the other. The first record of a segment begins at the
 * position where the last one of the segment before it ended: there are no holes. A file is only ever
 * appended to. All numbers are unsigned and little-endian; all sums are CRC-32 (the one of zlib and gzip).
 *
 * Segment header, 56 bytes and the meta behind them:
 *
 *    0  8  "RPLSPOOL"
 *    8  2  version of the format: 1
 *   10  1  which log: 1 snapshot, 2 stream
 *   11  1  flags: bit 0: the log was complete when this segment was begun
 *   12  4  number of the segment, the same as in the file's name
 *   16  8  position of its first byte: index in the RDB (snapshot), replication offset (stream)
 *   24  4  id of the log, at random; the same in all segments of one log and in all their records
 *   28  4  length of the meta, at most 65536
 *   32 16  boot id of the machine that wrote it; zeros when there is none
 *   48  4  0
 *   52  4  sum of the 52 bytes before it and of the meta
 *   56     the meta: a JSON object, UTF-8, what the log's owner wants to find again
 *
 * Record, 52 bytes and the payload behind them:
 *
 *    0  4  "RPLR"
 *    4  1  kind: 1 data, 2 the log is complete and ends here (no payload)
 *    5  1  flags: bit 0: the payload is one LZ4 frame (standard, with content size and content checksum)
 *    6  2  0
 *    8  4  length of the payload as stored, at most 262144
 *   12  4  length of the bytes it stands for, 1 to 262144 (kind 2: 0)
 *   16  8  position of the first of them
 *   24  8  when they arrived, ms since 1970
 *   32  8  up to this position all was on stable storage when this was written
 *   40  4  id of the log
 *   44  4  sum of the 44 bytes before it and of the payload's sum (below), 4 bytes
 *   48  4  sum of the payload as stored
 *   52     the payload
 *
 * So headers can be checked without reading payloads. CRC-32 rather than the project's CRC-64: records are
 * small, the routine in zlib is three times as fast, and every byte received goes through it.
 *
 * After a crash. A record that is cut short or wrong, with nothing valid of the same log behind it, is a write
 * that did not end: it is cut off. With something valid behind it, it is damage, unless the machine has been
 * restarted since (another boot id) and nothing behind it says that the place had been synced: then the power
 * failed before the disk had it, and the log is cut there as well.
 */
import { crc32 } from 'node:zlib';
import type { LogKind, LogMeta } from './types.js';

export const SEGMENT_HEADER_BYTES = 56;
export const RECORD_HEADER_BYTES = 52;
export const MAX_RECORD_BYTES: number = 256 * 1024;
export const MAX_META_BYTES: number = 64 * 1024;

const VERSION = 1;
const SEGMENT_MAGIC = Uint8Array.from('RPLSPOOL', (letter) => letter.charCodeAt(0));
export const RECORD_MAGIC: Uint8Array = Uint8Array.from('RPLR', (letter) => letter.charCodeAt(0));
const RECORD_MAGIC_WORD = 0x524c5052;
const LOGS: readonly LogKind[] = ['snapshot', 'stream'];
const DATA = 1;
const END = 2;
const COMPLETE_FLAG = 1;
const LZ4_FLAG = 1;
const WORD = 0x1_0000_0000;

export interface SegmentHeader {
  readonly log: LogKind;
  readonly complete: boolean;
  readonly number: number;
  readonly position: number;
  readonly logId: number;
  /** 32 hexadecimal digits, or '' when it is not known. */
  readonly bootId: string;
  readonly meta: LogMeta;
}

export interface RecordHeader {
  readonly end: boolean;
  readonly lz4: boolean;
  readonly stored: number;
  readonly plain: number;
  readonly position: number;
  readonly stampMs: number;
  readonly synced: number;
  readonly logId: number;
  readonly payloadSum: number;
}

export function segmentName(log: LogKind, number: number): string {
  return `${log}-${String(number).padStart(6, '0')}.seg`;
}

/** undefined: not a file of ours. */
export function parseSegmentName(name: string): { log: LogKind; number: number } | undefined {
  const match = /^(snapshot|stream)-(\d{6,9})\.seg$/.exec(name);
  if (match === null) return undefined;
  const log = match[1] === 'snapshot' ? 'snapshot' : 'stream';
  const number = Number(match[2]);
  return segmentName(log, number) === name ? { log, number } : undefined;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const meta = new TextEncoder().encode(JSON.stringify(header.meta));
  if (meta.length > MAX_META_BYTES) throw new RangeError(`meta of ${meta.length} bytes`);
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES + meta.length);
  const view = viewOf(bytes);
  bytes.set(SEGMENT_MAGIC);
  view.setUint16(8, VERSION, true);
  bytes[10] = LOGS.indexOf(header.log) + 1;
  bytes[11] = header.complete ? COMPLETE_FLAG : 0;
  view.setUint32(12, header.number, true);
  putLong(view, 16, header.position);
  view.setUint32(24, header.logId, true);
  view.setUint32(28, meta.length, true);
  for (let byte = 0; byte < header.bootId.length / 2; byte++) {
    bytes[32 + byte] = Number.parseInt(header.bootId.slice(byte * 2, byte * 2 + 2), 16);
  }
  bytes.set(meta, SEGMENT_HEADER_BYTES);
  view.setUint32(52, segmentSum(bytes), true);
  return bytes;
}

/** undefined: these bytes do not begin with a valid header. `bytes` is what of the file may be one. */
export function decodeSegmentHeader(
  bytes: Uint8Array,
): { readonly header: SegmentHeader; readonly headerBytes: number } | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (SEGMENT_MAGIC.some((byte, at) => bytes[at] !== byte)) return undefined;
  const metaBytes = view.getUint32(28, true);
  const headerBytes = SEGMENT_HEADER_BYTES + metaBytes;
  if (metaBytes > MAX_META_BYTES || headerBytes > bytes.length) return undefined;
  const own = bytes.subarray(0, headerBytes);
  if (view.getUint32(52, true) !== segmentSum(own)) return undefined;
  const log = LOGS[bytes[10]! - 1];
  if (view.getUint16(8, true) !== VERSION || log === undefined) return undefined;
  const bootId = Array.from(own.subarray(32, 48), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return {
    header: {
      log,
      complete: (bytes[11]! & COMPLETE_FLAG) !== 0,
      number: view.getUint32(12, true),
      position: getLong(view, 16),
      logId: view.getUint32(24, true),
      bootId: /^0*$/.test(bootId) ? '' : bootId,
      meta: JSON.parse(new TextDecoder().decode(own.subarray(SEGMENT_HEADER_BYTES))) as LogMeta,
    },
    headerBytes,
  };
}

/** Writes the header of a record to the start of `into`. */
export function encodeRecordHeader(into: Uint8Array, record: RecordHeader): void {
  const view = viewOf(into);
  into.set(RECORD_MAGIC);
  into[4] = record.end ? END : DATA;
  into[5] = record.lz4 ? LZ4_FLAG : 0;
  view.setUint16(6, 0, true);
  view.setUint32(8, record.stored, true);
  view.setUint32(12, record.plain, true);
  putLong(view, 16, record.position);
  putLong(view, 24, record.stampMs);
  putLong(view, 32, record.synced);
  view.setUint32(40, record.logId, true);
  view.setUint32(48, record.payloadSum, true);
  view.setUint32(44, recordSum(into), true);
}

/** undefined: at `at` stands no valid header of a record. */
export function decodeRecordHeader(bytes: Uint8Array, at: number): RecordHeader | undefined {
  if (bytes.length - at < RECORD_HEADER_BYTES) return undefined;
  const own = bytes.subarray(at, at + RECORD_HEADER_BYTES);
  const view = viewOf(own);
  if (view.getUint32(0, true) !== RECORD_MAGIC_WORD) return undefined;
  if (view.getUint32(44, true) !== recordSum(own)) return undefined;
  const record = {
    end: own[4] === END,
    lz4: (own[5]! & LZ4_FLAG) !== 0,
    stored: view.getUint32(8, true),
    plain: view.getUint32(12, true),
    position: getLong(view, 16),
    stampMs: getLong(view, 24),
    synced: getLong(view, 32),
    logId: view.getUint32(40, true),
    payloadSum: view.getUint32(48, true),
  };
  return isSound(record, own[4]!) ? record : undefined;
}

/** What no sum can vouch for: that whoever wrote it kept to the limits. */
function isSound({ end, lz4, stored, plain }: RecordHeader, kind: number): boolean {
  if (end) return stored === 0 && plain === 0;
  if (kind !== DATA || plain < 1 || plain > MAX_RECORD_BYTES || stored > MAX_RECORD_BYTES) return false;
  return lz4 ? stored > 0 : stored === plain;
}

function segmentSum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(SEGMENT_HEADER_BYTES), crc32(bytes.subarray(0, 52)));
}

function recordSum(header: Uint8Array): number {
  return crc32(header.subarray(48, RECORD_HEADER_BYTES), crc32(header.subarray(0, 44)));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function putLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % WORD, true);
  view.setUint32(at + 4, Math.floor(value / WORD), true);
}

function getLong(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);
}
