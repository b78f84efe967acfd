/**
 * Writes a log to disk behind its back: appending only fills memory, and when there is enough, or some time has
 * passed, a batch of records goes out in one write. One batch is under way at a time.
 *
 * The snapshot is written whole. The stream is written only while more of it waits for the target, and for longer,
 * than the source's backlog gives back anyway: a target that keeps up with a flood costs no disk. When the target
 * has taken everything that lies on disk, the files go.
 */
import { crc32 } from 'node:zlib';
import { Compressor } from './compressor.js';
import type { DiskUsage } from './disk-usage.js';
import type { LogMemory } from './log-memory.js';
import type { LogState } from './log-state.js';
import { encodeRecordHeader, RECORD_HEADER_BYTES, type RecordHeader } from './segment-format.js';
import type { Segment, SegmentStore } from './segment-store.js';

export interface WriterOptions {
  /** What stays in memory; undefined: nothing. */
  readonly kept: KeptInMemory | undefined;
  readonly batchMs: number;
  /** When more than this waits on disk, it is worth compressing. */
  readonly compressAfterBytes: number;
  readonly usage: DiskUsage;
  /** Bytes of both logs that wait, in memory and on disk. */
  readonly waitingBytes: () => number;
  readonly now: () => number;
  /** Something has been written. */
  readonly onWritten: () => void;
}

export interface KeptInMemory {
  /** Not released, and no more than this. */
  readonly bytes: number;
  /** … or than this, while nothing of it waits for longer than about `ms`. */
  readonly most: number;
  readonly ms: number;
}

/** So much is written without waiting for more. */
const LARGE_BYTES = 256 * 1024;
const MAX_RECORDS = 16;
/** A target that has taken nothing for so long stands still. */
const STANDS_MS = 1000;
/** With more than this unwritten there is no time to compress. */
const SHORT_QUEUE_BYTES = 1024 * 1024;

export class LogWriter {
  readonly #o: WriterOptions;
  readonly #log: LogState;
  readonly #memory: LogMemory;
  readonly #store: SegmentStore;
  readonly #compressor: Compressor;
  readonly #headers = new Uint8Array(MAX_RECORDS * RECORD_HEADER_BYTES);
  #ended: boolean;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastWriteMs = -Infinity;
  /** How long what had come by then has waited, and how long nothing has been released. */
  readonly #held = new Waiting();
  readonly #stands = new Waiting();
  #flushing = false;
  #stopped = false;

  constructor(options: WriterOptions, log: LogState, memory: LogMemory, store: SegmentStore) {
    this.#o = options;
    this.#log = log;
    this.#memory = memory;
    this.#store = store;
    this.#compressor = new Compressor(options.now);
    this.#ended = log.complete;
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** There may be something to write. */
  poke(): void {
    if (this.#running !== undefined) return;
    const wait = this.#dueIn();
    if (wait === undefined) return;
    if (wait > 0) {
      this.#timer ??= setTimeout(() => this.#wake(), wait).unref();
      return;
    }
    this.#running = Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
        if (this.#o.usage.full) this.#store.endCurrent();
        if (!this.#stopped) this.#o.onWritten();
        this.poke();
      });
  }

  #wake(): void {
    this.#timer = undefined;
    this.poke();
  }

  /** Writes everything there is, however little; gives up when the disk does not take it. */
  async flush(): Promise<void> {
    this.#flushing = true;
    this.poke();
    while (this.#running !== undefined) await this.#running;
  }

  /** Waits for what is under way; nothing follows. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    while (this.#running !== undefined) await this.#running;
  }

  /** Milliseconds until something is to be written; undefined: nothing is. */
  #dueIn(): number | undefined {
    const { start, end } = this.#log;
    const { usage, kept, batchMs, now } = this.#o;
    if (this.#stopped || !(usage.usable || (this.#flushing && !usage.failing))) return undefined;
    if (!this.#flushing && kept !== undefined) {
      if (end - start <= kept.bytes) return undefined;
      const young = kept.ms - this.#held.ms(start, end, now());
      if (young > 0 && end - start <= kept.most) return young;
    }
    const pending = end - Math.max(this.#store.written, start);
    if (pending === 0 && !this.#markDue()) return undefined;
    if (this.#flushing || pending === 0 || pending >= LARGE_BYTES) return 0;
    return Math.max(0, this.#lastWriteMs + batchMs - now());
  }

  /** All bytes are there, but not that the log is complete, or the latest meta. */
  #markDue(): boolean {
    if (this.#log.complete && !this.#ended) return true;
    const last = this.#store.segments.at(-1);
    return last === undefined ? this.#flushing : last.meta !== this.#log.meta;
  }

  async #run(): Promise<void> {
    const { usage } = this.#o;
    try {
      while (this.#dueIn() === 0) await this.#step();
    } catch (error) {
      usage.failed(this.#store.path, error);
    } finally {
      this.#memory.takeBack();
      this.#lastWriteMs = this.#o.now();
    }
  }

  async #step(): Promise<void> {
    const { usage } = this.#o;
    const log = this.#log;
    this.#store.release(log.start, false);
    const from = Math.max(this.#store.written, log.start);
    if (!this.#fits(RECORD_HEADER_BYTES)) return;
    if (this.#wantsCompression()) await this.#compressor.prepare();
    const segment = await this.#store.segmentFor(from, log.metaAt(from), this.#ended);
    // Meanwhile bytes were released, and the next ones do not follow what is there; or they have another meta.
    if (this.#stopped || log.start > segment.end || log.metaAt(segment.end) !== segment.meta) return;
    if (log.end > segment.end) await this.#writeData(segment);
    else if (log.complete && !this.#ended) await this.#writeEnd(segment);
    usage.worked(segment.path);
  }

  async #writeData(segment: Segment): Promise<void> {
    const log = this.#log;
    const stop = log.metaEnd(segment.end);
    const parts: Uint8Array[] = [];
    const places: (readonly [position: number, offset: number])[] = [];
    const room = this.#store.options.segmentBytes - segment.size;
    const compressing = this.#wantsCompression();
    let bytes = 0;
    let at = segment.end;
    while (at < stop && parts.length < 2 * MAX_RECORDS && bytes < room) {
      const plain = this.#memory.lend(at, stop);
      const frame = compressing ? this.#compressor.pack(plain) : undefined;
      const payload = frame ?? plain;
      const size = RECORD_HEADER_BYTES + payload.length;
      if (!this.#fits(bytes + size)) break;
      const lz4 = frame !== undefined;
      parts.push(
        this.#header(parts.length / 2, { at, payload, plain: plain.length, lz4, end: false }),
        payload,
      );
      places.push([at, segment.size + bytes]);
      bytes += size;
      at += plain.length;
    }
    if (parts.length > 0) await this.#store.write(parts, bytes, at);
    for (const [position, offset] of places) segment.index.add(position, offset);
    this.#log.forgetMetas(at);
    this.#memory.takeBack();
    if (!this.#stopped) this.#o.onWritten();
  }

  #fits(bytes: number): boolean {
    const { usage } = this.#o;
    if (!this.#flushing) return usage.fits(bytes);
    if (usage.fitsAtTheEnd(bytes)) return true;
    this.#stopped = true;
    return false;
  }

  async #writeEnd(segment: Segment): Promise<void> {
    const at = segment.end;
    const header = this.#header(0, { at, payload: new Uint8Array(0), plain: 0, lz4: false, end: true });
    await this.#store.write([header], header.length, at);
    this.#ended = true;
    // Not waited for: nothing here depends on it.
    void this.#store.sync();
  }

  #header(slot: number, record: NewRecord): Uint8Array {
    const into = this.#headers.subarray(slot * RECORD_HEADER_BYTES, (slot + 1) * RECORD_HEADER_BYTES);
    const { at, payload, plain, lz4, end } = record;
    const header: RecordHeader = {
      end,
      lz4,
      stored: payload.length,
      plain,
      position: at,
      stampMs: this.#log.stamps.at(at),
      synced: this.#store.synced,
      logId: this.#store.options.logId,
      payloadSum: crc32(payload),
    };
    encodeRecordHeader(into, header);
    return into;
  }

  /** While the target takes something, it needs the processor more than the disk needs the room. */
  #wantsCompression(): boolean {
    const { waitingBytes, compressAfterBytes, usage, kept, now } = this.#o;
    const { start, end } = this.#log;
    return (
      waitingBytes() > compressAfterBytes &&
      (usage.scarce || kept === undefined || this.#stands.ms(start, start + 1, now()) > STANDS_MS) &&
      end - Math.max(this.#store.written, start) <= SHORT_QUEUE_BYTES
    );
  }
}

/** For how long a position has not been released. */
class Waiting {
  #to = -1;
  #sinceMs = 0;

  /** `start`: of what is not released. When that has passed the position, `to` takes its place. */
  ms(start: number, to: number, nowMs: number): number {
    if (start >= this.#to) {
      this.#to = to;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs;
  }
}

interface NewRecord {
  readonly at: number;
  readonly payload: Uint8Array;
  readonly plain: number;
  readonly lz4: boolean;
  readonly end: boolean;
}
