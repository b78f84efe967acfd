/**
 * Follows failovers of what Sentinels watch without waiting for a connection to break: the former primary may go on
 * answering for ten seconds and more, and loses everything that it takes meanwhile. What counts is not that a
 * change was told but whether the connection leads where the Sentinels point now, since messages get lost and a
 * connection may have been opened at the wrong moment.
 */
import { formatError } from '../errors.js';
import { type Address, type Endpoint, formatAddress } from '../net/endpoint.js';
import type { Side } from '../net/socket.js';
import { SentinelWatch } from '../topology/sentinel-watch.js';
import type { Emit } from './status.js';

export interface FailoverWatchOptions {
  /** Nothing is watched unless its primary is found by Sentinels. */
  readonly endpoint: Endpoint;
  readonly side: Side;
  readonly emit: Emit;
  /** Where the side is connected to; undefined: nowhere at the moment. */
  readonly address: () => string | undefined;
  /** Ends that connection; the next one is looked for anew. */
  readonly leave: (why: string) => void;
}

/** Sentinels that name one server differently must not end connections for ever. */
const MOST_TRIES = 3;

export class FailoverWatch {
  readonly #o: FailoverWatchOptions;
  readonly #watch: SentinelWatch | undefined;
  /** The last primary that a connection was ended for, and how often. */
  #wanted = '';
  #tries = 0;
  #silent = false;

  constructor(options: FailoverWatchOptions) {
    const { endpoint, side } = options;
    this.#o = options;
    if (endpoint.find?.kind !== 'sentinel') return;
    this.#watch = new SentinelWatch({
      ...{ endpoint, side },
      named: (primary) => this.#named(primary),
      failed: (error) => this.#failed(formatError(error)),
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#watch?.close();
  }

  #named(primary: Address): void {
    const { side, emit, address, leave } = this.#o;
    this.#silent = false;
    const wanted = formatAddress(primary);
    const here = address();
    if (here === undefined || here === wanted) return;
    this.#tries = wanted === this.#wanted ? this.#tries + 1 : 1;
    this.#wanted = wanted;
    if (this.#tries > MOST_TRIES) return;
    const why = `the Sentinels name ${wanted} as primary of the ${side} now`;
    emit('warn', 'note', `${why}: leaving ${here}`);
    leave(why);
  }

  #failed(why: string): void {
    if (!this.#silent) this.#o.emit('debug', 'note', why);
    this.#silent = true;
  }
}
