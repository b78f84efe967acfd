/** One log, from its beginning to when it is dropped: its memory, and its files where there is a disk. */
import type { BlockPool } from './block-pool.js';
import type { FoundSegments } from './find-log.js';
import { LogLoader } from './log-loader.js';
import { LogMemory, type Spare } from './log-memory.js';
import { LogState } from './log-state.js';
import { LogWriter, type WriterOptions } from './log-writer.js';
import { SegmentStore, type StoreOptions } from './segment-store.js';
import type { LogMeta } from './types.js';

export interface ActiveLogOptions {
  readonly pool: BlockPool;
  /** A block of the pool, with room made for it. */
  readonly take: () => Uint8Array;
  readonly mayLoad: (distance: number) => boolean;
  readonly ahead: number;
  /** undefined: memory only. */
  readonly store: StoreOptions | undefined;
  /** undefined: nothing is written, what was found is only read. */
  readonly writer: WriterOptions | undefined;
  readonly retain: boolean;
  /** Less is held than before. */
  readonly onLess: () => void;
}

export class ActiveLog {
  readonly state: LogState;
  readonly memory: LogMemory;
  readonly #o: ActiveLogOptions;
  readonly #store: SegmentStore | undefined;
  readonly #writer: LogWriter | undefined;
  readonly #loader: LogLoader | undefined;
  /** Cells before this one have been dropped from memory. */
  #droppedTo = 0;

  constructor(options: ActiveLogOptions, meta: LogMeta, start: number, found?: FoundSegments) {
    const { pool, take, mayLoad, ahead, store, writer, retain } = options;
    this.#o = options;
    this.state = new LogState(meta, start, retain);
    this.memory = new LogMemory(pool, take);
    if (found !== undefined) {
      this.state.end = found.end;
      this.state.complete = found.complete;
      for (const [position, timeMs] of found.stamps) this.state.stamps.add(position, timeMs);
    }
    if (store === undefined) return;
    this.#store = new SegmentStore(store, found?.segments ?? [], this.state.end);
    const give = (block: Uint8Array): void => pool.give(block, true);
    const loading = { blockBytes: pool.blockBytes, ahead, take, give, mayLoad };
    this.#loader = new LogLoader(loading, this.state, this.memory, this.#store);
    if (writer === undefined) return;
    const onWritten = (): void => this.#written();
    this.#writer = new LogWriter({ ...writer, onWritten }, this.state, this.memory, this.#store);
  }

  /** What has been handed to the system: it survives the end of this process. */
  get written(): number {
    return this.#store?.written ?? this.state.start;
  }

  get synced(): number {
    return Math.min(this.#store?.synced ?? this.state.start, this.written);
  }

  /** Cells that can only be in memory. */
  get heldCells(): number {
    const { start, end } = this.state;
    const first = Math.max(this.written, start);
    return end === first ? 1 : this.memory.cellOf(end - 1) - this.memory.cellOf(first) + 1;
  }

  append(bytes: Uint8Array, from: number, to: number, nowMs: number): void {
    const { state } = this;
    if (to <= from) return;
    state.stamps.add(state.end, nowMs);
    this.memory.append(bytes, from, to, state.end);
    state.end += to - from;
    this.#writer?.poke();
  }

  changeMeta(meta: LogMeta): void {
    this.state.changeMeta(meta);
    this.#writer?.poke();
  }

  finish(): void {
    this.state.complete = true;
    this.#writer?.poke();
  }

  read(position: number, into: Uint8Array): number {
    const count = this.memory.read(position, into);
    if (count > 0) {
      this.state.reader = position + count;
      this.#loader?.prefetch();
    }
    return count;
  }

  async load(position: number): Promise<void> {
    this.state.reader = position;
    await this.#loader?.load(position);
  }

  release(position: number): void {
    const { state } = this;
    if (position <= state.released) return;
    state.released = Math.min(position, state.end);
    if (!state.retain) this.#forget();
    this.#dropRead();
    this.#o.onLess();
  }

  /** What has been released is gone from now on. */
  stopRetaining(): void {
    this.state.retain = false;
    this.#forget();
    this.#dropRead();
  }

  /** The disk is full: segments that are ended can go one by one. */
  endSegment(): void {
    if (this.#writer?.busy === false) this.#store?.endCurrent();
  }

  poke(): void {
    this.#writer?.poke();
  }

  spare(): Spare | undefined {
    return this.memory.spare(this.written, this.state.reader);
  }

  /** Writes everything, and ends. */
  async close(): Promise<void> {
    await this.#writer?.flush();
    await this.#writer?.stop();
    await this.#loader?.stop();
    await this.#store?.close();
    this.memory.clear();
  }

  /** Ends at once, without writing anything; then removes what is on disk. */
  async drop(): Promise<void> {
    const stopped = Promise.all([this.#writer?.stop(), this.#loader?.stop()]);
    this.memory.clear();
    await stopped;
    await this.#store?.removeAll();
  }

  #forget(): void {
    const { state } = this;
    state.start = state.released;
    state.stamps.release(state.start);
    this.#store?.release(state.start, this.#writer?.busy === true);
  }

  #written(): void {
    this.#store?.release(this.state.start, this.#writer?.busy === true);
    this.#dropRead();
    this.#o.onLess();
  }

  /** Blocks that are neither to be read nor to be written again. */
  #dropRead(): void {
    const { start, released } = this.state;
    const position = Math.min(released, Math.max(this.written, start));
    const cell = this.memory.cellOf(position);
    if (cell <= this.#droppedTo) return;
    this.#droppedTo = cell;
    this.memory.dropBefore(position);
  }
}
