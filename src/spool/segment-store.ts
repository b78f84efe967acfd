/**
 * The segments of one log on disk: beginning and ending files, writing, syncing, removing. One at a time is
 * written to, by `log-writer.ts`; a log that was found is gone on with in a new one.
 *
 * Removing goes from the first to the last, and is over before the next file is begun: what lies there is at
 * every moment one log without holes.
 *
 * Synced is at most once a second, when a segment ends, and when asked to; always beside the writing.
 */
import { join } from 'node:path';
import type { SpoolDisk, SpoolFile } from './disk.js';
import type { DiskUsage } from './disk-usage.js';
import { encodeSegmentHeader, segmentName } from './segment-format.js';
import { SparseIndex } from './sparse-index.js';
import type { LogKind, LogMeta } from './types.js';

export interface Segment {
  readonly path: string;
  readonly number: number;
  /** Of its first byte. */
  readonly position: number;
  readonly meta: LogMeta;
  readonly index: SparseIndex;
  /** Position behind its last byte. */
  end: number;
  /** Bytes of the file that are valid. */
  size: number;
}

/** Numbers go up for as long as files of this name are around. */
export interface SegmentNumbers {
  last: number;
}

export interface StoreOptions {
  readonly kind: LogKind;
  readonly dir: string;
  readonly disk: SpoolDisk;
  readonly usage: DiskUsage;
  readonly bootId: string;
  readonly segmentBytes: number;
  readonly syncMs: number;
  readonly logId: number;
  readonly numbers: SegmentNumbers;
  /** Resolved when the files of the log before this one are gone. */
  readonly after: Promise<void>;
}

/** Files that wait to be synced. More, and the writer waits too. */
const MAX_UNSYNCED = 32;

export class SegmentStore {
  readonly options: StoreOptions;
  readonly segments: Segment[];
  /** Position behind the last byte that has been written, whether it is still there or not. */
  written: number;
  /** Everything before this position has been synced. */
  synced: number;
  #current: Segment | undefined;
  readonly #files = new Map<Segment, SpoolFile>();
  /** The last write failed: what it left must be cut off first. */
  #torn = false;
  #dirChanged = false;
  #removals: Promise<void> = Promise.resolve();
  #unsynced: Segment[] = [];
  #syncing: Promise<void> | undefined;
  #syncTimer: NodeJS.Timeout | undefined;

  constructor(options: StoreOptions, found: readonly Segment[], written: number) {
    this.options = options;
    this.segments = [...found];
    this.written = written;
    this.synced = written;
  }

  get current(): Segment | undefined {
    return this.#current;
  }

  /** The segment in which the bytes from `position` on go. */
  async segmentFor(position: number, meta: LogMeta, complete: boolean): Promise<Segment> {
    const current = this.#current;
    if (current !== undefined && current.meta === meta && current.size < this.options.segmentBytes) {
      return current;
    }
    if (this.#torn) await this.#files.get(current!)!.truncate(current!.size);
    this.#torn = false;
    this.endCurrent();
    await this.options.after;
    await this.#removals;
    if (this.#unsynced.length > MAX_UNSYNCED) await this.sync();
    return this.#begin(position, meta, complete);
  }

  async #begin(position: number, meta: LogMeta, complete: boolean): Promise<Segment> {
    const { disk, dir, kind, numbers, logId, bootId } = this.options;
    await disk.makeDir(dir);
    const number = numbers.last + 1;
    const path = join(dir, segmentName(kind, number));
    const header = encodeSegmentHeader({ log: kind, complete, number, position, logId, bootId, meta });
    const file = await disk.create(path);
    try {
      await writeAll(file, [header], header.length, 0);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    numbers.last = number;
    const segment = {
      path,
      number,
      position,
      meta,
      index: new SparseIndex(),
      end: position,
      size: header.length,
    };
    this.segments.push(segment);
    this.#files.set(segment, file);
    this.#current = segment;
    this.#dirChanged = true;
    this.written = position;
    this.options.usage.added(header.length);
    this.#noteUnsynced(segment);
    return segment;
  }

  /** Where a file would be written, for messages. */
  get path(): string {
    return this.#current?.path ?? this.options.dir;
  }

  /** Appends `bytes` bytes in `parts`, records up to position `end`, to the current segment: all or nothing. */
  async write(parts: readonly Uint8Array[], bytes: number, end: number): Promise<void> {
    const segment = this.#current!;
    const file = this.#files.get(segment)!;
    if (this.#torn) await file.truncate(segment.size);
    this.#torn = true;
    await writeAll(file, parts, bytes, segment.size);
    this.#torn = false;
    segment.size += bytes;
    segment.end = end;
    this.written = end;
    this.options.usage.added(bytes);
    this.#noteUnsynced(segment);
    if (segment.size >= this.options.segmentBytes) this.endCurrent();
  }

  /** Nothing more goes into the current segment. */
  endCurrent(): void {
    // A failed write's remains must not stay in the middle of the log.
    if (this.#current === undefined || this.#torn) return;
    this.#current = undefined;
    // It is closed when it has been synced.
    void this.sync();
  }

  /**
   * Removes the segments all of whose bytes are before `position`; `busy`: the current one is being written to.
   * One without bytes that stands exactly there stays: it says where the log goes on.
   */
  release(position: number, busy: boolean): void {
    let count = 0;
    for (const segment of this.segments) {
      const needed = segment.end > position || (segment.end === position && segment.position === position);
      if (needed || (segment === this.#current && busy)) break;
      count++;
    }
    if (count > 0) this.#remove(this.segments.splice(0, count));
  }

  /** Ends everything, and removes all. */
  async removeAll(): Promise<void> {
    clearTimeout(this.#syncTimer);
    // The last first: what a crash leaves is then the log's beginning.
    this.#remove(this.segments.splice(0).toReversed());
    await this.#removals;
    await this.#syncing;
  }

  #remove(segments: readonly Segment[]): void {
    const { disk, usage } = this.options;
    const gone = new Set(segments);
    if (this.#current !== undefined && gone.has(this.#current)) {
      this.#current = undefined;
      this.#torn = false;
    }
    this.#unsynced = this.#unsynced.filter((segment) => !gone.has(segment));
    const files = segments.map((segment) => [segment, this.#files.get(segment)] as const);
    for (const segment of segments) this.#files.delete(segment);
    this.#removals = this.#removals.then(async () => {
      for (const [segment, file] of files) {
        await file?.close().catch(() => undefined);
        try {
          await disk.remove(segment.path);
          usage.removed(segment.size);
        } catch (error) {
          usage.failed(segment.path, error);
        }
      }
    });
  }

  /** Everything written so far is on stable storage, or `usage` knows why not. */
  async sync(): Promise<void> {
    await this.#syncing;
    this.#syncing ??= this.#syncAll().finally(() => {
      this.#syncing = undefined;
      if (this.#unsynced.length > 0) this.#syncLater();
    });
    await this.#syncing;
  }

  async close(): Promise<void> {
    await this.sync();
    clearTimeout(this.#syncTimer);
    this.#current = undefined;
    for (const segment of this.#files.keys()) this.#close(segment);
    await this.#removals;
  }

  async #syncAll(): Promise<void> {
    const { disk, dir, usage } = this.options;
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    const segments = this.#unsynced;
    this.#unsynced = [];
    let at = 0;
    try {
      if (this.#dirChanged) await disk.syncDir(dir);
      this.#dirChanged = false;
      for (; at < segments.length; at++) {
        const segment = segments[at]!;
        const { end } = segment;
        await this.#files.get(segment)?.sync();
        this.synced = Math.max(this.synced, end);
      }
      for (const segment of this.#files.keys()) {
        if (segment !== this.#current && !this.#unsynced.includes(segment)) this.#close(segment);
      }
    } catch (error) {
      const rest = segments.slice(at).filter((segment) => this.#files.has(segment));
      this.#unsynced = [...new Set([...rest, ...this.#unsynced])];
      // A file that was removed meanwhile is closed: that is no failure.
      if (rest.includes(segments[at]!)) usage.failed(segments[at]!.path, error);
    }
  }

  #noteUnsynced(segment: Segment): void {
    if (!this.#unsynced.includes(segment)) this.#unsynced.push(segment);
    this.#syncLater();
  }

  #syncLater(): void {
    if (this.#syncing !== undefined) return;
    this.#syncTimer ??= setTimeout(() => void this.sync(), this.options.syncMs).unref();
  }

  #close(segment: Segment): void {
    const file = this.#files.get(segment);
    this.#files.delete(segment);
    void file?.close().catch(() => undefined);
  }
}

class DiskFull extends Error {
  readonly code = 'ENOSPC';
}

async function writeAll(
  file: SpoolFile,
  parts: readonly Uint8Array[],
  bytes: number,
  offset: number,
): Promise<void> {
  const count = await file.write(parts, offset);
  if (count !== bytes) throw new DiskFull(`only ${count} of ${bytes} bytes could be written`);
}
