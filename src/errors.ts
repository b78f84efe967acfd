/**
 * The one error class of the project, and the table of what each code means to whoever runs the tool.
 *
 * An error is one line a person can act on: what failed, where (address, file, byte offset, db, key) and
 * what to do next. `exitCode` is the process exit code of the contract; `retry` says whether the program
 * may try again by itself.
 */

export type ErrorCode =
  | 'USAGE'
  | 'INCOMPLETE'
  | 'SOURCE_UNREACHABLE'
  | 'SOURCE_DENIED'
  | 'SOURCE_PROTOCOL'
  | 'SOURCE_BUSY'
  | 'TARGET_UNREACHABLE'
  | 'TARGET_DENIED'
  | 'TARGET_NOT_EMPTY'
  | 'TARGET_REFUSED'
  | 'TARGET_BUSY'
  | 'TARGET_MOVED'
  | 'TARGET_PROTOCOL'
  | 'TARGET_HELD'
  | 'CHECKPOINT'
  | 'SPOOL_DAMAGED'
  | 'RDB_CORRUPT'
  | 'RDB_TRUNCATED'
  | 'RDB_UNSUPPORTED'
  | 'RDB_LIMIT'
  | 'INTERNAL';

/** code → [exit code, may the program retry by itself] */
const CODES: Readonly<Record<ErrorCode, readonly [exitCode: number, retry: boolean]>> = {
  /** Wrong usage or configuration; nothing was touched. */
  USAGE: [2, false],
  /** Finished, but something was left out or differs. */
  INCOMPLETE: [3, false],
  /** Source: no connection, or the link broke. */
  SOURCE_UNREACHABLE: [4, true],
  /** Source: wrong password, no permission, command disabled. */
  SOURCE_DENIED: [4, false],
  /** Source: what answers there does not speak the protocol. */
  SOURCE_PROTOCOL: [4, false],
  /** Source: it said to wait (loading, no link to its own primary, fork failed). */
  SOURCE_BUSY: [4, true],
  /** Target: no connection, or the link broke. */
  TARGET_UNREACHABLE: [5, true],
  /** Target: wrong password or no permission. */
  TARGET_DENIED: [5, false],
  /** Target: it holds data and we were not told what to do with them. */
  TARGET_NOT_EMPTY: [5, false],
  /** Target: it refused a write. */
  TARGET_REFUSED: [5, false],
  /** Target: it cannot take writes now (OOM, READONLY, LOADING …). */
  TARGET_BUSY: [5, true],
  /** Target: a slot of the cluster is elsewhere, or on its way. */
  TARGET_MOVED: [5, true],
  /** Target: what answers there does not speak the protocol. */
  TARGET_PROTOCOL: [5, false],
  /** Target: another process holds the job. */
  TARGET_HELD: [5, false],
  /** Target: the checkpoint there cannot be used. */
  CHECKPOINT: [5, false],
  /** The spool: bytes on disk that are not what was written there, or that can't be read any more. */
  SPOOL_DAMAGED: [5, false],
  /** Input bytes that contradict the format. */
  RDB_CORRUPT: [6, false],
  /** Input that ends in the middle. */
  RDB_TRUNCATED: [6, false],
  /** Well-formed as far as we can tell, but of a kind we do not know or support. */
  RDB_UNSUPPORTED: [6, false],
  /** Input larger than a limit that keeps memory bounded. */
  RDB_LIMIT: [6, false],
  /** A bug: an invariant of ours does not hold. */
  INTERNAL: [70, false],
};

/** Where it happened. Every part is optional; `offset` is in bytes from the start of the file or stream. */
export interface ErrorPlace {
  readonly at?: string;
  readonly offset?: number;
  readonly db?: number;
  readonly key?: string;
}

export interface ErrorOptions {
  readonly place?: ErrorPlace | undefined;
  /** What to do next, in plain words. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class ReplicantError extends Error {
  override readonly name = 'ReplicantError';
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly retry: boolean;
  readonly place: ErrorPlace;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.exitCode = CODES[code][0];
    this.retry = CODES[code][1];
    this.place = options.place ?? {};
    this.hint = options.hint;
  }

  /** The same error with more of its place known; parts already set win. */
  within(place: ErrorPlace): ReplicantError {
    return new ReplicantError(this.code, this.message, {
      place: { ...place, ...this.place },
      hint: this.hint,
      cause: this.cause,
    });
  }
}

/** One line: message, place in brackets, hint after a dash. */
export function formatError(error: unknown): string {
  if (!(error instanceof ReplicantError)) return error instanceof Error ? error.message : String(error);
  const { at, offset, db, key } = error.place;
  const parts = [
    at,
    offset === undefined ? undefined : `byte offset ${offset}`,
    db === undefined ? undefined : `db ${db}`,
    key === undefined ? undefined : `key ${key}`,
  ].filter((part) => part !== undefined);
  const place = parts.length > 0 ? ` (${parts.join(', ')})` : '';
  return `${error.message}${place}${error.hint === undefined ? '' : ` — ${error.hint}`}`;
}
