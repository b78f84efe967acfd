/** The data connection to a target: a pipeline over a socket. Used until it breaks; then it is replaced. */
import type { ReplicantError } from '../errors.js';
import { Client } from '../net/client.js';
import type { Endpoint } from '../net/endpoint.js';
import type { FailedCommand } from './failed-command.js';
import { Pipeline } from './pipeline.js';

export interface TargetLinkHandler {
  /** An error reply. Throw to end the link. */
  commandFailed(failed: FailedCommand): void;
  drained(): void;
  applied(): void;
  /** The connection is over, or a handler has thrown; called once. */
  lost(error: unknown): void;
}

export class TargetLink {
  readonly pipeline: Pipeline;
  readonly #client: Client;
  #over = false;
  #idle: (() => void)[] = [];

  private constructor(client: Client, handler: TargetLinkHandler) {
    this.#client = client;
    const socket = client.takeOver({
      received: (bytes, start, end) => this.#guard(handler, () => this.#received(bytes, start, end)),
      closed: (error) => this.#lose(handler, error),
    });
    this.pipeline = new Pipeline(
      { write: (bytes, written) => void socket.write(bytes, (error) => error ?? written()) },
      {
        onError: (failed) => handler.commandFailed(failed),
        onDrain: () => handler.drained(),
        onApplied: () => handler.applied(),
      },
    );
  }

  static async open(endpoint: Endpoint, handler: TargetLinkHandler): Promise<TargetLink> {
    return new TargetLink(await Client.connect(endpoint, 'target'), handler);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Resolves when every command has been answered, or the link is over, or the time is up. */
  idle(timeoutMs: number): Promise<boolean> {
    if (this.#over || this.pipeline.pending === 0) return Promise.resolve(!this.#over);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve(!this.#over);
      });
    });
  }

  close(): void {
    this.#over = true;
    this.#client.close();
    this.#wake();
  }

  #received(bytes: Uint8Array, start: number, end: number): void {
    this.pipeline.replies(bytes, start, end);
    if (this.pipeline.pending === 0 && this.#idle.length > 0) this.#wake();
  }

  #guard(handler: TargetLinkHandler, action: () => void): void {
    if (this.#over) return;
    try {
      action();
    } catch (error) {
      this.#lose(handler, error);
    }
  }

  #lose(handler: TargetLinkHandler, error: ReplicantError | unknown): void {
    if (this.#over) return;
    this.close();
    handler.lost(error);
  }

  #wake(): void {
    for (const wake of this.#idle.splice(0)) wake();
  }
}
