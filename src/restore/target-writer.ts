/** The target's connection as a restore sees it: somewhere to write, to wait for, and to be told of errors. */
import { ReplicantError } from '../errors.js';
import type { Endpoint } from '../net/endpoint.js';
import type { FailedCommand } from '../target/failed-command.js';
import type { Pipeline } from '../target/pipeline.js';
import { TargetLink } from '../target/target-link.js';

const LOOK_MS = 60_000;

export interface TargetEvents {
  /** An error reply; throwing ends the restore. */
  commandFailed(failed: FailedCommand): void;
  stalled(seconds: number): void;
}

export class TargetWriter {
  #link: TargetLink | undefined;
  #broken: unknown;
  #wake: () => void = () => {};
  #fail: (error: unknown) => void = () => {};

  static async open(endpoint: Endpoint, events: TargetEvents): Promise<TargetWriter> {
    const writer = new TargetWriter();
    writer.#link = await TargetLink.open(endpoint, {
      commandFailed: (failed) => events.commandFailed(failed),
      drained: () => writer.#wake(),
      applied: () => {},
      stalled: (seconds) => events.stalled(seconds),
      answers: () => {},
      // Nobody needs to be kept awake: there is always something to write.
      betweenCommands: () => false,
      lost: (error) => writer.#lost(error),
    });
    return writer;
  }

  get pipeline(): Pipeline {
    return this.#link!.pipeline;
  }

  /** What must be waited for before more is written; undefined: nothing. */
  drain(): Promise<void> | undefined {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (!this.pipeline.blocked) return undefined;
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      this.#fail = reject;
    });
  }

  /** Everything written has been answered. */
  async finish(): Promise<void> {
    this.pipeline.flush();
    while (!(await this.#link!.idle(LOOK_MS))) {
      if (this.#link!.over) break;
    }
    if (this.#broken !== undefined) throw this.#broken;
  }

  close(): void {
    this.#link?.close();
  }

  #lost(error: unknown): void {
    this.#broken ??=
      error instanceof ReplicantError && error.code === 'TARGET_UNREACHABLE'
        ? new ReplicantError(error.code, error.message, {
            place: error.place,
            hint: 'what was written stays there; start again with --target-not-empty flush or merge',
            cause: error,
          })
        : error;
    this.#fail(this.#broken);
  }
}
