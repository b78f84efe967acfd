/** The data connection to a target: a pipeline over a socket. Used until it breaks; then it is replaced. */
import { ReplicantError } from '../errors.js';
import { bytesOf } from '../keyspace/words.js';
import { Client } from '../net/client.js';
import type { Endpoint } from '../net/endpoint.js';
import { ReplyError } from '../resp/reply-decoder.js';
import type { FailedCommand } from './failed-command.js';
import { markOf, type Outlet } from './outlet.js';
import { Pipeline } from './pipeline.js';

export interface TargetLinkHandler {
  /** An error reply. Throw to end the link. */
  commandFailed(failed: FailedCommand): void;
  drained(): void;
  applied(): void;
  /** The target owes answers and has sent nothing for so many seconds; told once per stall. */
  stalled(seconds: number): void;
  /** It answers again after `stalled`. */
  answers(): void;
  /** May a PING be put between what is written now? Not inside a transaction or a half-sent command. */
  betweenCommands(): boolean;
  /** The connection is over, or a handler has thrown; called once. */
  lost(error: unknown): void;
}

const TICK_MS = 1000;
/**
 * An idle connection is kept in use: servers may close idle clients (`timeout`), a dead peer shows, and whoever
 * wants to take the job over sees that it is alive.
 */
const PING_AFTER_MS = 1000;
const STALLED_AFTER_MS = 10_000;
/** Is it the target that is silent for so long, or only this connection? Asked again after as long. */
const DOUBT_AFTER_MS = 20_000;
/** What was said to us before it was said to others may come so much later. */
const DOUBT_GRACE_MS = 5000;
const PING = bytesOf('PING');

export class TargetLink implements Outlet {
  readonly pipeline: Pipeline;
  readonly pipelineOf: undefined;
  readonly #client: Client;
  readonly #endpoint: Endpoint;
  readonly #timer: NodeJS.Timeout;
  #lastReplyMs: number = Date.now();
  #stalled = false;
  #doubtedMs = 0;
  #over = false;
  #idle: (() => void)[] = [];

  private constructor(client: Client, endpoint: Endpoint, handler: TargetLinkHandler) {
    this.#client = client;
    this.#endpoint = endpoint;
    const socket = client.takeOver({
      received: (bytes, start, end) => this.#guard(handler, () => this.#received(handler, bytes, start, end)),
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

  /** `name`: what the connection is called in the target's CLIENT LIST. */
  static async open(endpoint: Endpoint, handler: TargetLinkHandler, name?: string): Promise<TargetLink> {
    const client = await Client.connect(endpoint, 'target');
    if (name !== undefined) await client.request(['CLIENT', 'SETNAME', name]);
    return new TargetLink(client, endpoint, handler);
  }

  /** The server it leads to. */
  get address(): string {
    return this.#client.address;
  }

  get over(): boolean {
    return this.#over;
  }

  get pipelines(): readonly Pipeline[] {
    return [this.pipeline];
  }

  get blocked(): boolean {
    return this.pipeline.blocked;
  }

  get pending(): number {
    return this.pipeline.pending;
  }

  flush(): void {
    this.pipeline.flush();
  }

  mark(): () => boolean {
    return markOf(this.pipeline);
  }

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

  #received(handler: TargetLinkHandler, bytes: Uint8Array, start: number, end: number): void {
    this.#lastReplyMs = Date.now();
    if (this.#stalled) {
      this.#stalled = false;
      handler.answers();
    }
    this.pipeline.replies(bytes, start, end);
    if (this.pipeline.pending === 0 && this.#idle.length > 0) this.#wake();
  }

  #tick(handler: TargetLinkHandler, nowMs: number): void {
    const silentMs = nowMs - this.#lastReplyMs;
    if (this.pipeline.pending > 0) {
      if (silentMs >= DOUBT_AFTER_MS && nowMs - this.#doubtedMs >= DOUBT_AFTER_MS) {
        this.#doubtedMs = nowMs;
        void this.#doubt(handler);
      }
      if (silentMs < STALLED_AFTER_MS || this.#stalled) return;
      this.#stalled = true;
      handler.stalled(Math.round(silentMs / 1000));
    } else if (silentMs >= PING_AFTER_MS && handler.betweenCommands()) {
      this.pipeline.command([PING]);
      this.pipeline.flush();
    }
  }

  /** A target that answers others while we hear nothing: something in between has forgotten this connection. */
  async #doubt(handler: TargetLinkHandler): Promise<void> {
    const last = this.#lastReplyMs;
    try {
      const other = await Client.connect(this.#endpoint, 'target');
      const answer = await other.request(['PING']).finally(() => other.close());
      if (answer instanceof ReplyError) return;
    } catch {
      // It answers nobody: it is waited for.
      return;
    }
    await new Promise<void>((resolve) => void setTimeout(resolve, DOUBT_GRACE_MS).unref());
    if (this.#lastReplyMs !== last) return;
    const message = 'the target answers others, but not on this connection';
    this.#lose(
      handler,
      new ReplicantError('TARGET_UNREACHABLE', message, { place: { at: this.#client.address } }),
    );
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
