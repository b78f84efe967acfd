/**
 * The spool: what has been received from the source and not been applied to the target. Two logs of bytes, the
 * snapshot (positions: index in the RDB) and the stream (positions: replication offsets), in memory and behind
 * that on disk. Whoever fills it is never kept waiting by who empties it, until memory and disk are both full
 * (`blocked`).
 *
 * Memory is counted in blocks for both logs. When it is used up, blocks that are on disk too are given up:
 * first those that have been read, then those that will be read last. What is not on disk yet can't be; when
 * that is nearly all, nothing more can be taken.
 */
import { randomInt } from 'node:crypto';
import { ReplicantError } from '../errors.js';
import { ActiveLog, type ActiveLogOptions } from './active-log.js';
import { BlockPool } from './block-pool.js';
import { DiskUsage } from './disk-usage.js';
import { findLog, type FindResult, type FoundSegments } from './find-log.js';
import type { SegmentNumbers, StoreOptions } from './segment-store.js';
import { SpoolLog } from './spool-log.js';
import { defaultTuning, type SpoolTuning } from './tuning.js';
import type { FoundLog, LogKind, LogMeta, SpoolEvent, SpoolOptions } from './types.js';

export type { FoundLog, LogKind, LogMeta, SpoolEvent, SpoolLog, SpoolOptions, SpoolTuning };

/** Blocks for loading what is on disk, while the rest is full of what is not. */
const RESERVED_BLOCKS = 4;
const MIN_BLOCKS = 8;
/** There is room again when no more than this share of the cap can't be given up. */
const ROOM = 0.75;
/** Where nothing can be put on disk: told from the one share on, over when less than the other is held. */
const NEARLY_FULL = 0.8;
const BETTER = 0.4;
/** A full disk must leave segments that can be removed. */
const SEGMENTS_PER_LIMIT = 8;
const MIN_SEGMENT_BYTES = 64 * 1024;
const AHEAD_BLOCKS = 4;

type Found = Readonly<Record<LogKind, FindResult>>;

export interface OpenedSpool {
  readonly spool: Spool;
  readonly snapshot: FoundLog | undefined;
  readonly stream: FoundLog | undefined;
}

/**
 * Reads what an earlier run left in the folder; the logs of the spool go on with it. SPOOL_DAMAGED when that
 * can't be trusted. The folder must not be in use by another process (`state-lock.ts`).
 */
export async function openSpool(
  options: SpoolOptions,
  tuning: Partial<SpoolTuning> = {},
): Promise<OpenedSpool> {
  const tuned = { ...defaultTuning(), ...tuning };
  const none = { found: undefined, lastNumber: 0 };
  const found = options.dir === undefined ? undefined : await findLogs(options.dir, options, tuned);
  const spool = new Spool(options, tuned, found ?? { snapshot: none, stream: none });
  return { spool, snapshot: summary(found?.snapshot.found), stream: summary(found?.stream.found) };
}

async function findLogs(dir: string, { onEvent }: SpoolOptions, tuning: SpoolTuning): Promise<Found> {
  const { disk, bootId } = tuning;
  const names = await disk.list(dir).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReplicantError('USAGE', `the folder of the spool can't be read: ${why}`, {
      place: { at: dir },
      cause,
    });
  });
  const options = { dir, disk, bootId, onEvent };
  return {
    snapshot: await findLog(options, 'snapshot', names),
    stream: await findLog(options, 'stream', names),
  };
}

function summary(found: FoundSegments | undefined): FoundLog | undefined {
  if (found === undefined) return undefined;
  const { meta, start, end, complete } = found;
  return { meta, start, end, complete };
}

export class Spool {
  readonly snapshot: SpoolLog;
  readonly stream: SpoolLog;
  readonly #o: SpoolOptions;
  readonly #tuning: SpoolTuning;
  readonly #pool: BlockPool;
  readonly #usage: DiskUsage;
  /** Blocks that may be in use without being on disk. */
  readonly #usable: number;
  #blocked = false;
  /** What has been told of memory where the disk can't help. */
  #told: 'nothing' | 'nearly' | 'full' = 'nothing';
  #closing: Promise<void> | undefined;

  constructor(options: SpoolOptions, tuning: SpoolTuning, found: Found) {
    this.#o = options;
    this.#tuning = tuning;
    const blocks = Math.max(MIN_BLOCKS, Math.floor(options.memoryBytes / tuning.blockBytes));
    this.#pool = new BlockPool(tuning.blockBytes, blocks);
    this.#usable = Math.max(2, blocks - Math.min(RESERVED_BLOCKS, Math.floor(blocks / 2)));
    this.#usage = new DiskUsage({
      limit: options.maxBytes,
      atTheEnd: options.memoryBytes,
      retryMs: tuning.retryMs,
      onEvent: (event) => this.#event(event),
      onUsable: () => this.#each((log) => log.poke()),
    });
    this.snapshot = this.#makeLog('snapshot', found.snapshot);
    this.stream = this.#makeLog('stream', found.stream);
  }

  /** Nothing more should be given to it; `onRoom` tells when that is over. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** `memory-full` has been told, and `memory-room` has not. */
  get full(): boolean {
    return this.#told === 'full';
  }

  /** Received and not released, of both logs. */
  get bytes(): number {
    return this.snapshot.bytes + this.stream.bytes;
  }

  /** In files, as they are stored. */
  get diskBytes(): number {
    return this.#usage.bytes;
  }

  /** In memory, whole blocks. */
  get memoryBytes(): number {
    return this.#pool.used * this.#pool.blockBytes;
  }

  /**
   * Writes what is in memory (also beyond `maxBytes`, by as much as may be in memory: what is not written is
   * lost), syncs, and closes. What could not be written has been told as an event.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Removes all segments. */
  async destroy(): Promise<void> {
    await this.snapshot.destroy();
    await this.stream.destroy();
    this.#usage.stop();
  }

  async #close(): Promise<void> {
    this.#usage.tryNow();
    await this.snapshot.close();
    await this.stream.close();
    this.#usage.stop();
  }

  // ---- making logs -------------------------------------------------------------------------------------

  #makeLog(kind: LogKind, { found, lastNumber }: FindResult): SpoolLog {
    const numbers = { last: lastNumber };
    const create = (meta: LogMeta, start: number, after: Promise<void>): ActiveLog =>
      this.#create(kind, { meta, start, logId: randomInt(1, 2 ** 32 - 1), numbers, after });
    const existing = found && this.#adopt(kind, found, numbers);
    return new SpoolLog({
      kind,
      found: existing,
      create,
      onMore: () => this.#more(),
      onLess: () => this.#less(),
    });
  }

  #adopt(kind: LogKind, found: FoundSegments, numbers: SegmentNumbers): ActiveLog {
    for (const { size } of found.segments) this.#usage.added(size);
    const { meta, start, logId } = found;
    return this.#create(kind, { meta, start, logId, numbers, after: Promise.resolve(), found });
  }

  get #writes(): boolean {
    return this.#o.dir !== undefined && this.#o.maxBytes > 0;
  }

  #create(kind: LogKind, log: NewLog): ActiveLog {
    const writes = this.#writes;
    const sound = this.#usage.usable && !this.#usage.failing;
    const options: ActiveLogOptions = {
      pool: this.#pool,
      take: () => this.#take(),
      mayLoad: (distance) => this.#mayLoad(distance),
      ahead: Math.max(
        1,
        Math.min(AHEAD_BLOCKS, Math.floor(this.#o.memoryBytes / this.#tuning.blockBytes / 4)),
      ),
      store: this.#storeOptions(kind, log),
      writer: writes ? this.#writerOptions(kind) : undefined,
      retain: kind === 'snapshot' && ((writes && sound) || log.found !== undefined),
      onLess: () => this.#less(),
    };
    return new ActiveLog(options, log.meta, log.start, log.found);
  }

  #storeOptions(kind: LogKind, { logId, numbers, after }: NewLog): StoreOptions | undefined {
    const { dir, maxBytes } = this.#o;
    const { disk, bootId, syncMs } = this.#tuning;
    if (dir === undefined) return undefined;
    const most = Math.max(MIN_SEGMENT_BYTES, Math.floor(maxBytes / SEGMENTS_PER_LIMIT));
    const segmentBytes = Math.min(this.#tuning.segmentBytes, most);
    return { kind, dir, disk, usage: this.#usage, bootId, segmentBytes, syncMs, logId, numbers, after };
  }

  #writerOptions(kind: LogKind): ActiveLogOptions['writer'] {
    const { batchMs, compressAfterBytes, now, streamMemoryBytes, streamMemoryMs } = this.#tuning;
    const most = this.#o.memoryBytes / 4;
    return {
      kept:
        kind === 'stream'
          ? { bytes: Math.min(streamMemoryBytes, most), most, ms: streamMemoryMs }
          : undefined,
      batchMs,
      compressAfterBytes,
      usage: this.#usage,
      waitingBytes: () => this.bytes,
      now,
      onWritten: () => undefined,
    };
  }

  // ---- memory ------------------------------------------------------------------------------------------

  #take(): Uint8Array {
    if (this.#pool.full) {
      const best = this.#bestSpare();
      best?.log.evict(best.cell);
    }
    return this.#pool.take();
  }

  #mayLoad(distance: number): boolean {
    return !this.#pool.full || (this.#bestSpare()?.rank ?? 0) > distance;
  }

  #bestSpare(): { readonly log: SpoolLog; readonly cell: number; readonly rank: number } | undefined {
    const snapshot = this.snapshot.spare();
    const stream = this.stream.spare();
    if (stream !== undefined && stream.rank >= (snapshot?.rank ?? 0)) return { log: this.stream, ...stream };
    return snapshot && { log: this.snapshot, ...snapshot };
  }

  #more(): void {
    if (!this.#blocked) this.#blocked = this.#held() >= this.#usable;
    this.#warn();
  }

  #less(): void {
    if (!this.#blocked && this.#told === 'nothing') return;
    const held = this.#held();
    if (this.#told !== 'nothing' && held <= this.#usable * BETTER) {
      if (this.#told === 'full') this.#o.onEvent({ type: 'memory-room' });
      this.#told = 'nothing';
    }
    if (!this.#blocked || held > this.#usable * ROOM) return;
    this.#blocked = false;
    this.#o.onRoom();
  }

  /** Tells of memory that fills up while nothing can be put on disk. */
  #warn(): void {
    if (this.#told === 'full' || (this.#writes && this.#usage.usable && !this.#usage.failing)) return;
    const { snapshot } = this;
    const held = this.#held();
    if ((snapshot.open && !snapshot.complete) || (!this.#blocked && held < this.#usable * NEARLY_FULL))
      return;
    const { full } = this.#usage;
    const { memoryBytes, maxBytes } = this.#o;
    const bytes = full ? this.#usage.bytes : held * this.#pool.blockBytes;
    const limit = full ? maxBytes : memoryBytes;
    if (this.#told === 'nothing') {
      this.#told = 'nearly';
      if (!full) this.#o.onEvent({ type: 'memory-nearly-full', bytes, limit });
    }
    if (!this.#blocked) return;
    this.#told = 'full';
    this.#o.onEvent({ type: 'memory-full', bytes, limit });
  }

  #held(): number {
    return this.snapshot.heldCells + this.stream.heldCells;
  }

  // ---- disk --------------------------------------------------------------------------------------------

  #event(event: SpoolEvent): void {
    this.#o.onEvent(event);
    if (event.type !== 'full' && event.type !== 'disk-failed') return;
    this.#each((log) => {
      if (log.retain) {
        log.retain = false;
        this.#o.onEvent({ type: 'not-kept', log: log.kind });
      }
      if (event.type === 'full') log.endSegment();
    });
    this.#warn();
  }

  #each(act: (log: SpoolLog) => void): void {
    act(this.snapshot);
    act(this.stream);
  }
}

interface NewLog {
  readonly meta: LogMeta;
  readonly start: number;
  readonly logId: number;
  readonly numbers: SegmentNumbers;
  readonly after: Promise<void>;
  readonly found?: FoundSegments;
}
