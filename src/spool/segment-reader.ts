/**
 * Reads a log back from its segments, mostly forwards: a window of a file is read, and records are taken from
 * it, each verified. Used by one caller at a time.
 */
import { crc32 } from 'node:zlib';
import { ReplicantError } from '../errors.js';
import { damaged, unreadable } from './damage.js';
import type { SpoolDisk, SpoolFile } from './disk.js';
import {
  decodeRecordHeader,
  MAX_RECORD_BYTES,
  RECORD_HEADER_BYTES,
  type RecordHeader,
} from './segment-format.js';
import type { Segment } from './segment-store.js';

const WINDOW_BYTES = 1024 * 1024;

export interface ReadableSegments {
  readonly segments: readonly Segment[];
  readonly logId: number;
  readonly disk: SpoolDisk;
}

export class SegmentReader {
  readonly #from: ReadableSegments;
  #segment: Segment | undefined;
  #file: SpoolFile | undefined;
  /** The next record begins at this offset of the file, with this position. */
  #offset = 0;
  #position = 0;
  /** #window[0, #filled) is the file from #windowAt on. */
  #window: Uint8Array = new Uint8Array(0);
  #windowAt = 0;
  #filled = 0;
  #plain: Uint8Array = new Uint8Array(0);

  constructor(from: ReadableSegments) {
    this.#from = from;
  }

  /** Fills `into` from `at` on with the positions [from, to), all of which have been written. */
  async fill(into: Uint8Array, at: number, from: number, to: number): Promise<void> {
    if (this.#segment === undefined || this.#position > from || this.#position < from - MAX_RECORD_BYTES) {
      await this.#seek(from);
    }
    while (this.#position < to) {
      const segment = this.#segment!;
      if (this.#position >= segment.end) {
        // Between where it stood and `from` nothing need be any more, or ever have been written.
        await this.#seek(Math.max(this.#position, from));
        continue;
      }
      const record = await this.#record(segment);
      const end = record.position + record.plain;
      if (end > from) {
        const bytes = await this.#payload(segment, record);
        const first = Math.max(from, record.position);
        const last = Math.min(to, end);
        into.set(bytes.subarray(first - record.position, last - record.position), at + first - from);
      }
      // A record that reaches beyond `to` is read again for the rest.
      if (end > to) return;
      this.#offset += RECORD_HEADER_BYTES + record.stored;
      this.#position = end;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#segment = undefined;
    await file?.close().catch(() => undefined);
  }

  async #seek(position: number): Promise<void> {
    const segment = this.#find(position);
    if (segment !== this.#segment) {
      await this.close();
      this.#file = await attempt(segment.path, 0, () => this.#from.disk.open(segment.path));
      this.#segment = segment;
      this.#filled = 0;
    }
    const offset = segment.index.find(position);
    if (offset === undefined) throw damaged(segment.path, 0, `nothing is known of position ${position}`);
    this.#offset = offset;
    this.#position = -Infinity;
    this.#position = (await this.#record(segment)).position;
  }

  #find(position: number): Segment {
    const { segments } = this.#from;
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (segments[middle]!.end > position) high = middle;
      else low = middle + 1;
    }
    const found = segments[low];
    if (found === undefined || found.position > position) {
      throw new ReplicantError('INTERNAL', `position ${position} is not in the spool`);
    }
    return found;
  }

  /** The header of the record at #offset. */
  async #record(segment: Segment): Promise<RecordHeader> {
    await this.#need(segment, RECORD_HEADER_BYTES);
    const record = decodeRecordHeader(this.#window.subarray(0, this.#filled), this.#offset - this.#windowAt);
    if (record === undefined || record.end || record.logId !== this.#from.logId) {
      throw damaged(segment.path, this.#offset, 'here should be the header of a record');
    }
    return record;
  }

  async #payload(segment: Segment, record: RecordHeader): Promise<Uint8Array> {
    await this.#need(segment, RECORD_HEADER_BYTES + record.stored);
    const start = this.#offset - this.#windowAt + RECORD_HEADER_BYTES;
    const stored = this.#window.subarray(start, start + record.stored);
    if (crc32(stored) !== record.payloadSum) {
      throw damaged(segment.path, this.#offset, 'the checksum of a record is wrong');
    }
    if (!record.lz4) return stored;
    const { decodeLz4Frame } = await import('./lz4-frame.js');
    if (this.#plain.length < record.plain) this.#plain = new Uint8Array(MAX_RECORD_BYTES);
    try {
      decodeLz4Frame(stored, this.#plain, record.plain);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw damaged(segment.path, this.#offset, what);
    }
    return this.#plain.subarray(0, record.plain);
  }

  /** Has `bytes` bytes from #offset on in the window. */
  async #need(segment: Segment, bytes: number): Promise<void> {
    const inside = this.#offset >= this.#windowAt;
    if (inside && this.#offset + bytes <= this.#windowAt + this.#filled) return;
    if (this.#window.length === 0) this.#window = new Uint8Array(WINDOW_BYTES);
    // Beyond `size` a write may be under way.
    const most = Math.min(this.#window.length, segment.size - this.#offset);
    const file = this.#file!;
    this.#filled = 0;
    this.#filled = await attempt(segment.path, this.#offset, () =>
      file.read(this.#window.subarray(0, most), this.#offset),
    );
    this.#windowAt = this.#offset;
    if (this.#filled < bytes) throw damaged(segment.path, this.#offset, 'the file ends in a record');
  }
}

async function attempt<T>(path: string, offset: number, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw unreadable(path, offset, error);
  }
}
