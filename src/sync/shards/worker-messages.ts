/** What a job's thread and the threads of its shards say to each other. All of it is plain data. */
import { type ErrorCode, type ErrorPlace, ReplicantError } from '../../errors.js';
import type { ClusterMap } from '../../topology/cluster-map.js';
import type { ShardRun, SyncOptions } from '../options.js';
import type { SyncEvent, SyncStatus, SyncSummary } from '../status.js';

/** What a thread is started with. */
export interface WorkerStart {
  /** With the share of the shards that the thread runs. */
  readonly options: SyncOptions;
  readonly map: ClusterMap;
  readonly targetPrepared: ShardRun['targetPrepared'];
}

export type ToWorker =
  | { readonly kind: 'stop' }
  /** It may ask this source for a snapshot now. */
  | { readonly kind: 'turn'; readonly id: number }
  /** Is everything applied that the shards' sources hold now? */
  | { readonly kind: 'reached'; readonly id: number };

export type FromWorker =
  | { readonly kind: 'status'; readonly status: SyncStatus }
  | { readonly kind: 'event'; readonly event: SyncEvent }
  | { readonly kind: 'turn'; readonly id: number; readonly host: string }
  | { readonly kind: 'turn-over'; readonly id: number }
  | { readonly kind: 'reached'; readonly id: number; readonly reached: boolean }
  | { readonly kind: 'done'; readonly summary: SyncSummary; readonly status: SyncStatus }
  | {
      readonly kind: 'failed';
      readonly error: PlainError;
      readonly summary: SyncSummary;
      readonly status: SyncStatus;
    };

/** An error that has crossed from one thread to another. */
export interface PlainError {
  /** undefined: none of ours. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly place: ErrorPlace;
  readonly hint: string | undefined;
}

export function toPlain(error: unknown): PlainError {
  const stack = error instanceof Error ? error.stack : undefined;
  if (error instanceof ReplicantError) {
    const { code, message, place, hint } = error;
    return { code, message, stack, place, hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: undefined, message, stack, place: {}, hint: undefined };
}

export function fromPlain({ code, message, stack, place, hint }: PlainError): Error {
  const error = code === undefined ? new Error(message) : new ReplicantError(code, message, { place, hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
