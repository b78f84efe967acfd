/**
 * Asks the source once a second where its stream stands, on a connection of its own: for lag, and to know
 * when we are caught up. A source that does not allow INFO is judged by its silence instead.
 */
import { Client } from '../net/client.js';
import type { Endpoint } from '../net/endpoint.js';
import { ReplyError } from '../resp/reply-decoder.js';
import { LagMeter } from './lag.js';
import { readServerInfo } from './server-info.js';

const EVERY_MS = 1000;
/** Until we are caught up for the first time, ask more often. */
const EAGER_MS = 50;
const QUIET_MS = 1000;

export class SourceWatch {
  readonly #source: Endpoint;
  readonly #changed: () => void;
  readonly #lag = new LagMeter();
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Counts what makes an answer that is still to come worthless. */
  #turn = 0;
  #running = false;
  #closed = false;
  #refused = false;
  #answeredMs = 0;
  /** The history it spoke of; empty before 4.0. */
  #replid = '';
  /** When received and applied were last seen to differ, or either moved. */
  #quietSinceMs = 0;
  #quietOffset = -1;
  #eager = true;

  /** `changed` is called when something new is known. */
  constructor(source: Endpoint, changed: () => void) {
    this.#source = source;
    this.#changed = changed;
  }

  /** The last offset the source has told; -1 before. */
  get offset(): number {
    return this.#lag.sourceOffset;
  }

  start(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    void this.#poll();
  }

  /** A new history: what was told of the old one means nothing. */
  forget(): void {
    this.#answeredMs = 0;
    this.#quietOffset = -1;
    this.#eager = true;
    this.#lag.forget();
  }

  /** The source may be another server now: it is looked for anew. */
  reconnect(): void {
    this.#turn++;
    this.#client?.close();
    this.#client = undefined;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client?.close();
  }

  lagSeconds(nowMs: number, applied: number, received: number): number {
    if (applied >= Math.max(received, this.offset)) return 0;
    return this.#lag.seconds(nowMs, applied);
  }

  /** Has everything been applied that the source had when it was last asked? */
  reachedBy(applied: number, received: number, replid: string): boolean {
    // After a bare SYNC our count has no known beginning.
    if (!this.#refused && replid !== '') {
      // A source that has restarted tells low offsets of another history.
      const same = this.#replid === '' || this.#replid === replid;
      const reached = same && this.#answeredMs > 0 && applied >= this.offset;
      if (reached) this.#eager = false;
      return reached;
    }
    const now = Date.now();
    if (applied < 0 || applied !== received || received !== this.#quietOffset) {
      this.#quietOffset = received;
      this.#quietSinceMs = now;
      return false;
    }
    this.#eager = false;
    return now - this.#quietSinceMs >= QUIET_MS;
  }

  async #poll(): Promise<void> {
    const turn = this.#turn;
    let client = this.#client;
    try {
      client ??= await Client.connect(this.#source, 'source');
      const reply = await client.request(['INFO', 'replication']);
      if (turn !== this.#turn) client.close();
      else if (reply instanceof ReplyError) this.#refused = true;
      else if (reply instanceof Uint8Array) this.#heard(new TextDecoder().decode(reply));
    } catch {
      // The link itself tells when the source is gone; here it only means: no news.
      client?.close();
    }
    this.#client = client?.closed === false ? client : undefined;
    if (this.#closed) {
      this.#client?.close();
      return;
    }
    this.#changed();
    this.#timer = setTimeout(() => void this.#poll(), this.#eager ? EAGER_MS : EVERY_MS);
  }

  #heard(info: string): void {
    const { replOffset, replid } = readServerInfo(info);
    if (replOffset < 0) {
      this.#refused = true;
      return;
    }
    this.#replid = replid;
    this.#answeredMs = Date.now();
    this.#lag.sample(this.#answeredMs, replOffset);
  }
}
