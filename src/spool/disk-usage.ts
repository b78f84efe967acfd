/**
 * How the disk stands, for both logs: how much lies there, whether more may, and whether it works at all.
 * What fails is tried again after a second, for as long as it takes.
 *
 *   usable ─ a write fails → failed ─ a second later → on trial ─ a write succeeds → usable
 *   usable ─ the limit is reached → full ─ there is room → usable
 */
import { diskErrorCode } from './disk.js';
import type { SpoolEvent } from './types.js';

const NEARLY_FULL = 0.8;
/** What has been announced is announced again only after it has been better by this much. */
const BETTER = 0.7;
const SCARCE = 0.5;
const ROOM = 0.9;

export interface DiskUsageOptions {
  readonly limit: number;
  /** So much more may be written when the spool is closed, however often that is. */
  readonly atTheEnd: number;
  readonly retryMs: number;
  readonly onEvent: (event: SpoolEvent) => void;
  /** It can be tried (again). */
  readonly onUsable: () => void;
}

export class DiskUsage {
  readonly #o: DiskUsageOptions;
  #bytes = 0;
  #nearly = false;
  #full = false;
  /** Code of what is wrong; stays until a write has succeeded. */
  #failure: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DiskUsageOptions) {
    this.#o = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Writing may be tried now. */
  get usable(): boolean {
    return !this.#full && this.#timer === undefined;
  }

  get full(): boolean {
    return this.#full;
  }

  /** Room should be saved. */
  get scarce(): boolean {
    return this.#bytes > this.#o.limit * SCARCE;
  }

  get failing(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether `bytes` more may be written; says so when they may not. */
  fits(bytes: number): boolean {
    if (this.#bytes + bytes <= this.#o.limit) return true;
    this.#announceNearly();
    const news = !this.#full;
    this.#full = true;
    if (news) this.#tell('full');
    return false;
  }

  /** Whether `bytes` more may be written when the spool is closed. */
  fitsAtTheEnd(bytes: number): boolean {
    return this.#bytes + bytes <= this.#o.limit + this.#o.atTheEnd;
  }

  added(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= this.#o.limit * NEARLY_FULL) this.#announceNearly();
  }

  removed(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < this.#o.limit * BETTER) this.#nearly = false;
    if (!this.#full || this.#bytes > this.#o.limit * ROOM) return;
    this.#full = false;
    this.#tell('room-again');
    this.#o.onUsable();
  }

  failed(path: string, error: unknown): void {
    const code = diskErrorCode(error);
    const news = code !== this.#failure;
    this.#failure = code;
    this.#timer ??= setTimeout(() => this.tryNow(), this.#o.retryMs);
    this.#timer.unref();
    if (!news) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#o.onEvent({ type: 'disk-failed', path, code, message });
  }

  worked(path: string): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#o.onEvent({ type: 'disk-ok', path });
  }

  /** Ends the wait after a failure. */
  tryNow(): void {
    this.stop();
    this.#o.onUsable();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #announceNearly(): void {
    if (this.#nearly) return;
    this.#nearly = true;
    this.#tell('nearly-full');
  }

  #tell(type: 'nearly-full' | 'full' | 'room-again'): void {
    this.#o.onEvent({ type, bytes: this.#bytes, limit: this.#o.limit });
  }
}
