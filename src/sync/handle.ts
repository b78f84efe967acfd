/** A sync that runs: what the command line, the status page and a library user hold in hand. */
import type { SyncOptions } from './options.js';
import type { SyncEvent, SyncStatus, SyncSummary } from './status.js';

export interface SyncHandle {
  /** A snapshot of where it stands; cheap, callable at any time, also after the end. */
  status(): SyncStatus;
  /** Called for every event from now on; nothing is emitted before the caller of `startSync` had its turn. */
  on(listener: (event: SyncEvent) => void): void;
  /** Apply what is in flight, write the checkpoint, then end. Calling it again changes nothing. */
  stop(): void;
  /** Resolves with the summary; rejects with a ReplicantError when the sync failed. */
  readonly done: Promise<SyncSummary>;
  /** The summary so far; after a failure, the summary of the failed run. */
  summary(): SyncSummary;
}

export type StartSync = (options: SyncOptions) => SyncHandle;
