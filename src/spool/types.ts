/** What the parts of the spool and its users speak of. */

export type LogKind = 'snapshot' | 'stream';

/** Small JSON of the caller's, stored in the header of each segment. */
export interface LogMeta {
  readonly [name: string]: string | number | readonly unknown[];
}

export type SpoolEvent =
  /** 80 % of what may lie on disk does; always told before `full`. */
  | { readonly type: 'nearly-full'; readonly bytes: number; readonly limit: number }
  | { readonly type: 'full'; readonly bytes: number; readonly limit: number }
  | { readonly type: 'room-again'; readonly bytes: number; readonly limit: number }
  /**
   * The same for memory, where the disk can't help: there is none, or it is full (then only `memory-full` is
   * told), or fails. Not told of a snapshot that is coming in: it comes as fast as it goes.
   */
  | { readonly type: 'memory-nearly-full'; readonly bytes: number; readonly limit: number }
  /** The spool is `blocked`. `limit`: of the disk, where that is what is full. */
  | { readonly type: 'memory-full'; readonly bytes: number; readonly limit: number }
  | { readonly type: 'memory-room' }
  /** The disk takes nothing now (`code`: ENOSPC, EIO, EACCES …); it is tried again every second. */
  | { readonly type: 'disk-failed'; readonly path: string; readonly code: string; readonly message: string }
  | { readonly type: 'disk-ok'; readonly path: string }
  /** The log can't be read from its start any more: what is released is gone from now on. */
  | { readonly type: 'not-kept'; readonly log: LogKind }
  /** At opening: an earlier run ended in the middle of a write; `bytes` behind `offset` were cut off. */
  | { readonly type: 'tail-cut'; readonly path: string; readonly offset: number; readonly bytes: number };

/** What an earlier run left of one log: the bytes from `start` to `end`. */
export interface FoundLog {
  /** The latest. */
  readonly meta: LogMeta;
  readonly start: number;
  readonly end: number;
  readonly complete: boolean;
}

export interface SpoolOptions {
  /** Where segments go; undefined: memory only. */
  readonly dir: string | undefined;
  /** Cap on the bytes of blocks held in memory. */
  readonly memoryBytes: number;
  /** Cap on the bytes on disk, as they are stored; 0: memory only. */
  readonly maxBytes: number;
  readonly onEvent: (event: SpoolEvent) => void;
  /** `blocked` has become false. */
  readonly onRoom: () => void;
}
