/** One of the spool's two logs: always there, with or without something in it. */
import { ActiveLog } from './active-log.js';
import type { Spare } from './log-memory.js';
import type { LogKind, LogMeta } from './types.js';

export interface SpoolLogOptions {
  readonly kind: LogKind;
  /** What an earlier run left. */
  readonly found: ActiveLog | undefined;
  /** Makes a new log; `after`: the files of the one before it are gone then. */
  readonly create: (meta: LogMeta, start: number, after: Promise<void>) => ActiveLog;
  readonly onMore: () => void;
  readonly onLess: () => void;
}

export class SpoolLog {
  readonly kind: LogKind;
  readonly #o: SpoolLogOptions;
  #log: ActiveLog | undefined;
  /** The files of logs that were dropped are gone. */
  #gone: Promise<void> = Promise.resolve();

  constructor(options: SpoolLogOptions) {
    this.#o = options;
    this.kind = options.kind;
    this.#log = options.found;
  }

  get open(): boolean {
    return this.#log !== undefined;
  }

  /** The first position that can be read. */
  get start(): number {
    return this.#log?.state.start ?? 0;
  }

  get end(): number {
    return this.#log?.state.end ?? 0;
  }

  get complete(): boolean {
    return this.#log?.state.complete ?? false;
  }

  get meta(): LogMeta {
    return this.#log?.state.meta ?? {};
  }

  /** Everything before it is on disk, unless it has been released: it is there after a crash of this process. */
  get written(): number {
    return this.#log?.written ?? 0;
  }

  /** Everything before it is on stable storage: it is there after a crash of the machine. */
  get synced(): number {
    return this.#log?.synced ?? 0;
  }

  /** Bytes received and not released. */
  get bytes(): number {
    return this.#log === undefined ? 0 : this.#log.state.end - this.#log.state.released;
  }

  /** Released bytes are kept, for reading again from the start. */
  get retain(): boolean {
    return this.#log?.state.retain ?? false;
  }

  /** false can't be taken back, but for a new log. */
  set retain(retain: boolean) {
    if (!retain && this.retain) this.#log!.stopRetaining();
  }

  /** Drops what was there, also on disk; a new log begins at `start`. */
  begin(meta: LogMeta, start: number): void {
    this.#drop();
    this.#log = this.#o.create(meta, start, this.#gone);
    this.#o.onLess();
  }

  drop(): void {
    this.#drop();
    this.#o.onLess();
  }

  /** Takes a copy of bytes[from, to), which arrived at `nowMs`. */
  append(bytes: Uint8Array, from: number, to: number, nowMs: number): void {
    this.#log?.append(bytes, from, to, nowMs);
    this.#o.onMore();
  }

  /** For what comes from here on. */
  changeMeta(meta: LogMeta): void {
    this.#log?.changeMeta(meta);
  }

  /** The log is complete. */
  finish(): void {
    this.#log?.finish();
  }

  /** Copies what is in memory from `position` on; 0 at the end of the log, and where it is on disk only. */
  read(position: number, into: Uint8Array): number {
    return this.#log?.read(position, into) ?? 0;
  }

  /** Brings what is at `position` back into memory, if it is not there. */
  async load(position: number): Promise<void> {
    await this.#log?.load(position);
  }

  /** Everything before `position` is not wanted again (but see `retain`). */
  release(position: number): void {
    this.#log?.release(position);
  }

  /** When the byte at `position` arrived, ms since 1970; 0 when that is not known. */
  stampAt(position: number): number {
    return this.#log?.state.stamps.at(position) ?? 0;
  }

  // ---- for the spool -----------------------------------------------------------------------------------

  get heldCells(): number {
    return this.#log?.heldCells ?? 0;
  }

  spare(): Spare | undefined {
    return this.#log?.spare();
  }

  evict(cell: number): void {
    this.#log?.memory.drop(cell);
  }

  poke(): void {
    this.#log?.poke();
  }

  endSegment(): void {
    this.#log?.endSegment();
  }

  async close(): Promise<void> {
    const log = this.#log;
    await this.#gone;
    await log?.close();
  }

  async destroy(): Promise<void> {
    this.drop();
    await this.#gone;
  }

  #drop(): void {
    const log = this.#log;
    if (log === undefined) return;
    this.#log = undefined;
    this.#gone = Promise.all([this.#gone, log.drop()]).then(() => undefined);
  }
}
