/** Brings parts of a log that are only on disk back into memory: what is asked for, then a little ahead. */
import { ReplicantError } from '../errors.js';
import type { LogMemory } from './log-memory.js';
import type { LogState } from './log-state.js';
import { SegmentReader } from './segment-reader.js';
import type { SegmentStore } from './segment-store.js';

export interface LoaderOptions {
  readonly blockBytes: number;
  /** Cells to have ready ahead of the reader. */
  readonly ahead: number;
  /** A block of the pool. */
  readonly take: () => Uint8Array;
  /** Whether a block may be had for a cell so far ahead without giving up a nearer one. */
  readonly mayLoad: (distance: number) => boolean;
  readonly give: (block: Uint8Array) => void;
}

export class LogLoader {
  readonly #o: LoaderOptions;
  readonly #log: LogState;
  readonly #memory: LogMemory;
  readonly #store: SegmentStore;
  readonly #reader: SegmentReader;
  #loading: Promise<void> | undefined;
  #stopped = false;

  constructor(options: LoaderOptions, log: LogState, memory: LogMemory, store: SegmentStore) {
    this.#o = options;
    this.#log = log;
    this.#memory = memory;
    this.#store = store;
    const { disk, logId } = store.options;
    this.#reader = new SegmentReader({ segments: store.segments, logId, disk });
  }

  /** After it, `position` is in memory, or is the end. */
  async load(position: number): Promise<void> {
    while (!this.#stopped && position < this.#log.end && !this.#memory.has(position)) {
      if (position < this.#log.start) {
        throw new ReplicantError('INTERNAL', `position ${position} of the spool has been released`);
      }
      // What went wrong there was for its own sake; here it is met again.
      if (this.#loading === undefined) await this.#begin(this.#memory.cellOf(position));
      else await this.#loading.catch(() => undefined);
    }
  }

  /** Loads the next cell that is missing ahead of the reader, in the background. */
  prefetch(): void {
    if (this.#loading !== undefined || this.#stopped) return;
    const first = this.#memory.cellOf(this.#log.reader);
    for (let cell = first + 1; cell <= first + this.#o.ahead; cell++) {
      const start = this.#memory.cellStart(cell);
      if (start >= this.#store.written) return;
      if (this.#memory.has(start)) continue;
      if (!this.#o.mayLoad(cell - first)) return;
      void this.#begin(cell).then(
        () => this.prefetch(),
        () => undefined,
      );
      return;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loading?.catch(() => undefined);
    await this.#reader.close();
  }

  #begin(cell: number): Promise<void> {
    this.#loading = this.#fetch(cell).finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #fetch(cell: number): Promise<void> {
    const { blockBytes, take, give } = this.#o;
    const cellStart = this.#memory.cellStart(cell);
    const from = Math.max(cellStart, this.#log.start);
    const to = Math.min(cellStart + blockBytes, this.#store.written, this.#memory.heldFrom(cell) ?? Infinity);
    if (to <= from) throw new ReplicantError('INTERNAL', `position ${from} of the spool is nowhere`);
    const block = take();
    try {
      await this.#reader.fill(block, from - cellStart, from, to);
    } catch (error) {
      give(block);
      // Released meanwhile, and removed perhaps: whoever still wants the rest asks again.
      if (this.#stopped || this.#log.start > from) return;
      throw error;
    }
    if (this.#stopped || to <= this.#log.start) give(block);
    else this.#memory.install(block, from, to);
  }
}
