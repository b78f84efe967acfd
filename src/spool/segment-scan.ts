/**
 * Walks through one segment from its header to its end: what is in it, and where it stops being valid.
 * Headers are always checked, payloads on request; without them a file is read only where headers are.
 */
import { crc32 } from 'node:zlib';
import { unreadable } from './damage.js';
import type { SpoolDisk, SpoolFile } from './disk.js';
import {
  decodeRecordHeader,
  decodeSegmentHeader,
  MAX_META_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  SEGMENT_HEADER_BYTES,
  type RecordHeader,
  type SegmentHeader,
} from './segment-format.js';
import { SparseIndex } from './sparse-index.js';

export interface ScannedSegment {
  readonly path: string;
  readonly fileBytes: number;
  /** undefined: not even the header is valid. */
  readonly header: SegmentHeader | undefined;
  readonly index: SparseIndex;
  readonly stamps: readonly (readonly [position: number, timeMs: number])[];
  /** Position behind the last valid record. */
  readonly end: number;
  /** Offset behind it: the file's size when all of it is valid. */
  readonly size: number;
  readonly complete: boolean;
  /** The highest that a record of it says. */
  readonly synced: number;
}

/** Enough for the header of a record and those of a few small ones behind it. */
const PEEK_BYTES = 16 * 1024;
const WINDOW_BYTES = 1024 * 1024;
/** Nearer ones would not be kept anyway. */
const STAMP_SPACING_MS = 20;
const SEARCH_BYTES = 1024 * 1024;

export async function scanSegment(disk: SpoolDisk, path: string, payloads: boolean): Promise<ScannedSegment> {
  let file: SpoolFile | undefined;
  try {
    const fileBytes = await disk.size(path);
    file = await disk.open(path);
    return await walk(new Walk(file, payloads ? WINDOW_BYTES : PEEK_BYTES), path, fileBytes, payloads);
  } catch (error) {
    throw unreadable(path, 0, error);
  } finally {
    await file?.close();
  }
}

async function walk(from: Walk, path: string, fileBytes: number, payloads: boolean): Promise<ScannedSegment> {
  const index = new SparseIndex();
  const stamps: (readonly [number, number])[] = [];
  const head = decodeSegmentHeader(await from.bytes(0, SEGMENT_HEADER_BYTES + MAX_META_BYTES));
  const nothing = { path, fileBytes, index, stamps, synced: 0, complete: false };
  if (head === undefined) return { ...nothing, header: undefined, end: 0, size: 0 };
  const { header } = head;
  let size = head.headerBytes;
  let end = header.position;
  let synced = 0;
  let { complete } = header;
  for (;;) {
    const record = decodeRecordHeader(await from.bytes(size, RECORD_HEADER_BYTES), 0);
    if (record === undefined || record.logId !== header.logId || record.position !== end || complete) break;
    const next = size + RECORD_HEADER_BYTES + record.stored;
    if (next > fileBytes || (payloads && !(await isSound(from, size, record)))) break;
    if (record.end) {
      complete = true;
    } else {
      index.add(end, size);
      if (record.stampMs - (stamps.at(-1)?.[1] ?? -Infinity) >= STAMP_SPACING_MS) {
        stamps.push([end, record.stampMs]);
      }
    }
    synced = Math.max(synced, record.synced);
    end += record.plain;
    size = next;
  }
  return { path, fileBytes, header, index, stamps, end, size, complete, synced };
}

async function isSound(from: Walk, offset: number, record: RecordHeader): Promise<boolean> {
  const payload = await from.bytes(offset + RECORD_HEADER_BYTES, record.stored);
  return payload.length === record.stored && crc32(payload) === record.payloadSum;
}

export interface WantedRecord {
  /** undefined: of any log. */
  readonly logId: number | undefined;
  /** At least. */
  readonly position: number;
}

/** A valid record of the log behind `offset`, with what is behind it being unknown. */
export async function findRecord(
  disk: SpoolDisk,
  path: string,
  offset: number,
  log: WantedRecord,
): Promise<RecordHeader | undefined> {
  const file = await disk.open(path);
  try {
    const from = new Walk(file, SEARCH_BYTES);
    for (let at = offset; ;) {
      const bytes = await from.bytes(at, SEARCH_BYTES);
      const found = recordIn(bytes, log);
      if (found !== undefined || bytes.length < SEARCH_BYTES) return found;
      at += bytes.length - RECORD_HEADER_BYTES;
    }
  } catch (error) {
    throw unreadable(path, offset, error);
  } finally {
    await file.close();
  }
}

function recordIn(bytes: Uint8Array, log: WantedRecord): RecordHeader | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = buffer.indexOf(RECORD_MAGIC); at >= 0; at = buffer.indexOf(RECORD_MAGIC, at + 1)) {
    const record = decodeRecordHeader(bytes, at);
    if (record === undefined || record.position < log.position) continue;
    if (log.logId === undefined || record.logId === log.logId) return record;
  }
  return undefined;
}

/** Reading with a window: small pieces near each other cost one read. */
class Walk {
  readonly #file: SpoolFile;
  readonly #least: number;
  #window: Uint8Array = new Uint8Array(0);
  #at = 0;
  #filled = 0;

  constructor(file: SpoolFile, least: number) {
    this.#file = file;
    this.#least = least;
  }

  /** The bytes from `offset` on, fewer where the file ends; valid until the next call. */
  async bytes(offset: number, count: number): Promise<Uint8Array> {
    if (offset < this.#at || offset + count > this.#at + this.#filled) {
      const size = Math.max(count, this.#least);
      if (this.#window.length < size) this.#window = new Uint8Array(size);
      this.#filled = await this.#file.read(this.#window.subarray(0, size), offset);
      this.#at = offset;
    }
    const start = offset - this.#at;
    return this.#window.subarray(start, Math.min(start + count, this.#filled));
  }
}
