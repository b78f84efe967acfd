/**
 * Where a delivery writes: one connection to a standalone server (`target-link`, `transactions`), or one to each
 * primary of a cluster (`cluster/lanes`).
 */
import type { Pipeline } from './pipeline.js';

export interface Outlet {
  /** So much is in flight that nothing more should be written now. */
  readonly blocked: boolean;
  /** Commands written and not answered. */
  readonly pending: number;
  readonly pipelines: readonly Pipeline[];
  /** Which of the pipelines leads to the key bytes[start, end); undefined: there is only one. */
  readonly pipelineOf: ((bytes: Uint8Array, start: number, end: number) => number) | undefined;
  flush(): void;
  /** A question to be asked later: has everything been answered that had been written when `mark` was called? */
  mark(): () => boolean;
  /** Resolves when every command has been answered, or the outlet is over, or the time is up: only then true. */
  idle(timeoutMs: number): Promise<boolean>;
  close(): void;
}

/** Makes what is written final together with the position it reaches. */
export interface Commits {
  /** Something has been begun that only a commit ends. */
  readonly open: boolean;
  /** A commit has not been confirmed: the next must wait. */
  readonly waiting: boolean;
  /** So many bytes of the stream make a commit due: few where answers come soon, more where the way is long. */
  readonly batchBytes: number;
  /** Before the first commit: nothing is written by anybody else from now on. `expected` is what stands there. */
  guard(expected: Uint8Array | undefined): void;
  /** A command is about to be written. */
  begin(): void;
  /**
   * Writes `text` as the job's record with what has been written since the last commit. Not while `waiting`.
   * `tag`: an offset of the stream, or below 0 what is not about one. `selected`: the database in force on the
   * target's connection, `db` on the source's.
   */
  commit(text: Uint8Array, tag: number, selected: number, db: number): void;
}

export interface CommitEvents {
  /** What was committed under `tag` is on the target, and nobody else has written since. */
  settled(tag: number): void;
  /** The record holds something else than what was written; undefined: it is gone, or can't be told. */
  disturbed(found: Uint8Array | undefined): void;
}

/** What a snapshot is written to. */
export type KeyOutlet = Pick<Outlet, 'blocked' | 'pipelines' | 'pipelineOf'>;

/** One pipeline as that. */
export function keysTo(pipeline: Pipeline): KeyOutlet {
  return {
    get blocked() {
      return pipeline.blocked;
    },
    pipelines: [pipeline],
    pipelineOf: undefined,
  };
}

/** The same for one pipeline. */
export function markOf(pipeline: Pipeline): () => boolean {
  const { commands } = pipeline;
  return () => pipeline.commands - pipeline.pending >= commands;
}
