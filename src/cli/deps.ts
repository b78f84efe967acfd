/** What commands need of the process they run in; tests hand in their own. */
import type { ReadFile } from '../config/read-file.js';
import type { Destination } from '../export/destination.js';
import type { StartSync } from '../sync/handle.js';

export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface SignalSource {
  /** Returns the function that takes the listener away. */
  on(signal: StopSignal, listener: () => void): () => void;
}

export interface ErrorOutput {
  write(text: string): void;
  readonly isTty: boolean;
  columns(): number;
}

export interface CliDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Data only. */
  readonly stdout: { write(text: string): void };
  /** Data by the megabyte go to this; default: the process's own stdout. */
  readonly openStdout?: () => Destination;
  /** Logs and progress. */
  readonly stderr: ErrorOutput;
  readonly readFile: ReadFile;
  readonly startSync: StartSync;
  readonly signals: SignalSource;
  /** Ends the process now. */
  readonly exit: (code: number) => void;
  readonly nowMs: () => number;
}
