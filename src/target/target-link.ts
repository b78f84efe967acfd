/** The data connection to a target: a pipeline over a socket. Used until it breaks; then it is replaced. */
import { bytesOf } from '../keyspace/words.js';
import { Client } from '../net/client.js';
import type { Endpoint } from '../net/endpoint.js';
import type { FailedCommand } from './failed-command.js';
import { Pipeline } from './pipeline.js';

export interface TargetLinkHandler {
  /** An error reply. Throw to end the link. */
  commandFailed(failed: FailedCommand): void;
  drained(): void;
  applied(): void;
  /** The target owes answers and has sent nothing for so many seconds; told once per stall. */
  stalled(seconds: number): void;
  /** May a PING be put between what is written now? Not inside a transaction or a half-sent command. */
  betweenCommands(): boolean;
  /** The connection is over, or a handler has thrown; called once. */
  lost(error: unknown): void;
}

const TICK_MS = 1000;
/** An idle connection is kept in use: servers may close idle clients (`timeout`), and a dead peer shows. */
const PING_AFTER_MS = 5000;
const STALLED_AFTER_MS = 30_000;
const PING = bytesOf('PING');

export class TargetLink {
  readonly pipeline: Pipeline;
  readonly #client: Client;
  readonly #timer: NodeJS.Timeout;
  #lastReplyMs: number = Date.now();
  #stalled = false;
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
    this.#timer = setInterval(() => this.#tick(handler, Date.now()), TICK_MS);
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
    clearInterval(this.#timer);
    this.#client.close();
    this.#wake();
  }

  #received(bytes: Uint8Array, start: number, end: number): void {
    this.#lastReplyMs = Date.now();
    this.#stalled = false;
    this.pipeline.replies(bytes, start, end);
    if (this.pipeline.pending === 0 && this.#idle.length > 0) this.#wake();
  }

  #tick(handler: TargetLinkHandler, nowMs: number): void {
    const silentMs = nowMs - this.#lastReplyMs;
    if (this.pipeline.pending > 0) {
      if (silentMs < STALLED_AFTER_MS || this.#stalled) return;
      this.#stalled = true;
      handler.stalled(Math.round(silentMs / 1000));
    } else if (silentMs >= PING_AFTER_MS && handler.betweenCommands()) {
      this.pipeline.command([PING]);
      this.pipeline.flush();
    }
  }

  #guard(handler: TargetLinkHandler, action: () => void): void {
    if (this.#over) return;
    try {
      action();
    } catch (error) {
      this.#lose(handler, error);
    }
  }

  #lose(handler: TargetLinkHandler, error: unknown): void {
    if (this.#over) return;
    this.close();
    handler.lost(error);
  }

  #wake(): void {
    for (const wake of this.#idle.splice(0)) wake();
  }
}
