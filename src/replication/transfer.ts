/**
 * The framing of a snapshot on the link (replication §3): `$<len>` and that many bytes, or `$EOF:<mark>`,
 * the bytes, and the mark again. The end of the snapshot is found by its own structure, never by searching
 * for the mark; the frame then has to agree.
 */
import { ReplicantError } from '../errors.js';
import type { TransferHeader } from './replies.js';

export const MARK_BYTES = 40;
const latin = new TextDecoder('latin1');

/** The reader of the snapshot's own structure. */
export interface SnapshotReader {
  /** Snapshot bytes; returns the position behind what was taken. */
  snapshot(bytes: Uint8Array, start: number, end: number): number;
  /** The snapshot's own end mark and checksum have been taken. */
  readonly snapshotDone: boolean;
  /** Nothing more can be taken now. */
  readonly blocked: boolean;
}

export class Transfer {
  readonly #reader: SnapshotReader;
  readonly #header: TransferHeader;
  /** Bytes of a sized snapshot still to come. */
  #left: number;

  constructor(reader: SnapshotReader, header: TransferHeader) {
    this.#reader = reader;
    this.#header = header;
    this.#left = header.kind === 'sized' ? header.bytes : Number.POSITIVE_INFINITY;
  }

  /** A mark has to follow the snapshot. */
  get marked(): boolean {
    return this.#header.kind === 'marked';
  }

  /** Hands snapshot bytes to the reader; returns the position behind what it took. */
  feed(bytes: Uint8Array, start: number, arrived: number): number {
    const reader = this.#reader;
    const end = Math.min(arrived, start + this.#left);
    const next = reader.snapshot(bytes, start, end);
    // Nothing more is to come, and what is here is not enough.
    const starved = next === start && end - start === this.#left && !reader.blocked;
    this.#left -= next - start;
    if (reader.snapshotDone) {
      if (this.#left > 0 && !this.marked) {
        throw new ReplicantError('RDB_CORRUPT', `${this.#left} bytes behind the end of the snapshot`);
      }
    } else if (starved || this.#left === 0) {
      throw new ReplicantError('RDB_TRUNCATED', 'the snapshot ends before its end mark');
    }
    return next;
  }

  /** Judges the 40 bytes behind a marked snapshot. */
  checkMark(bytes: Uint8Array, start: number): void {
    const mark = latin.decode(bytes.subarray(start, start + MARK_BYTES));
    if (this.#header.kind !== 'marked' || mark !== this.#header.mark) {
      throw new ReplicantError(
        'SOURCE_PROTOCOL',
        'the snapshot is not followed by the mark that was announced',
      );
    }
  }
}
