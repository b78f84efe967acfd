/**
 * The contract of everything that can be read: a snapshot told to an `RdbHandler`, and behind it, for an
 * append-only file, commands told to an `AofHandler`. `input.ts` opens one from what stands on the command
 * line.
 */
import type { Crc64 } from '../bytes/crc64.js';
import type { ReplicantError } from '../errors.js';
import type { Dialect } from '../rdb/dialect.js';
import type { Checksum, RdbHandler } from '../rdb/handler.js';
import type { Limits } from '../rdb/limits.js';

export interface SnapshotOptions {
  readonly limits?: Limits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `false`: a wrong checksum is no error. */
  readonly checksum?: boolean | undefined;
  /**
   * `skip`: what a damaged record takes along is left out and told to `onLost`; where nothing behind it can
   * be read, the snapshot ends there, with `SnapshotEnd.problem` set.
   */
  readonly onError?: 'stop' | 'skip' | undefined;
  readonly onLost?: ((error: ReplicantError) => void) | undefined;
  /**
   * Asked after each batch of bytes: a promise is waited for. A handler whose `entry` has returned false
   * gives it to be told when it can take more.
   */
  readonly drain?: (() => Promise<void> | undefined) | undefined;
  /** Told before each batch, and after it, before the bytes of its entries move or go. */
  readonly beforeBatch?: (() => void) | undefined;
  readonly afterBatch?: (() => void) | undefined;
  /** `false`: nobody looks for keys that stand twice, which takes a table of keys; for a second reading. */
  readonly duplicates?: boolean | undefined;
  /** Sums the bytes; made with a window (`WINDOW_BYTES`), the bytes are read straight into that. */
  readonly crc?: Crc64 | undefined;
}

export interface SnapshotEnd {
  /** `none`: there was no RDB (an AOF of commands only), and the handler has been told nothing. */
  readonly format: 'rdb' | 'none';
  readonly dialect: Dialect;
  readonly version: number;
  readonly checksum: Checksum | undefined;
  /** Bytes of the RDB, uncompressed. */
  readonly bytes: number;
  /** Commands follow: `SnapshotInput.commands` reads them. */
  readonly commandsFollow: boolean;
  /** With `onError: 'skip'`: why the snapshot ended early or is not to be trusted. */
  readonly problem: ReplicantError | undefined;
}

/** Takes the commands of an AOF, in runs. */
export interface AofHandler {
  /**
   * Whole commands, bytes[start, end); `offset` is where they stand in the file. Returns the position behind
   * the last command taken; what is left comes again. Bytes are only valid during the call. Afterwards
   * `options.drain` is asked.
   */
  commands(bytes: Uint8Array, start: number, end: number, offset: number): number;
  /** A file of the AOF begins, at its `offset`: database 0 is in force. */
  file?(name: string, offset: number, modifiedMs: number | undefined): void;
  /** A SELECT of the database stands at `offset`; told before `commands` has it. */
  select?(db: number, offset: number): void;
  /** A `#TS:` annotation: what follows was written in this second. */
  timestamp?(unixSeconds: number): void;
}

export interface AofOptions {
  readonly signal?: AbortSignal | undefined;
  readonly drain?: (() => Promise<void> | undefined) | undefined;
  /** `keep`: a command cut off at the end of the last file is left out and reported in `AofEnd`. */
  readonly truncatedTail?: 'fail' | 'keep' | undefined;
  /** Stop before the first command written after this second (`#TS:` annotations). */
  readonly toTime?: number | undefined;
}

export interface AofEnd {
  readonly commands: number;
  /** Where the tail was cut off: what `--truncated-tail keep` left out. */
  readonly truncated: ReplicantError | undefined;
  /** `toTime` was reached before the end. */
  readonly stoppedAtTime: boolean;
  /** Seconds of the first and last `#TS:` annotation. */
  readonly firstTime: number | undefined;
  readonly lastTime: number | undefined;
}

/** Use: `snapshot`, then `commands` when `commandsFollow`, then `close`. Each once. */
export interface SnapshotInput {
  /** Path or address, without secrets. */
  readonly label: string;
  /** Size of the file(s) or transfer as stored, for progress; undefined while not known. */
  readonly totalBytes: number | undefined;
  /** So much of `totalBytes` has been read. */
  readonly bytesRead: number;
  /**
   * Whether commands follow the snapshot. Known at once for `.rdb`-only inputs and multi-part AOFs;
   * undefined until `snapshot` has come to the end of a single file.
   */
  readonly hasCommands: boolean | undefined;
  snapshot(handler: RdbHandler, options?: SnapshotOptions): Promise<SnapshotEnd>;
  commands(handler: AofHandler, options?: AofOptions): Promise<AofEnd>;
  close(): Promise<void>;
}

/** Room for bytes between file and decoder; make a `Crc64` with it to save a copy. */
export const WINDOW_BYTES: number = 4 * 1024 * 1024;
