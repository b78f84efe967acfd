/** Connections for questions that are asked again and again: opened when needed, opened anew after a break. */
import { ReplicantError } from '../errors.js';
import { ASK_TIMEOUT_MS, type Opener } from './ask-seeds.js';
import type { Connection } from './connection.js';
import { type Endpoint, formatAddress } from './endpoint.js';
import type { Side } from './socket.js';

export class KeptConnections {
  readonly #side: Side;
  readonly #open: Opener;
  readonly #kept = new Map<string, Connection>();
  #closed = false;

  constructor(side: Side, open: Opener) {
    this.#side = side;
    this.#open = open;
  }

  /** The connection to `place.address`; not for calls side by side. Errors: those of connecting. */
  async get(place: Endpoint): Promise<Connection> {
    const key = formatAddress(place.address);
    const kept = this.#kept.get(key);
    if (kept !== undefined && !kept.closed) return kept;
    const connection = await this.#open(place, this.#side, ASK_TIMEOUT_MS);
    if (this.#closed) {
      connection.close();
      throw new ReplicantError('INTERNAL', 'a connection is asked for after the end');
    }
    this.#kept.set(key, connection);
    return connection;
  }

  /** Closes those to other places. */
  retain(places: readonly Endpoint[]): void {
    const keys = new Set(places.map(({ address }) => formatAddress(address)));
    for (const [key, connection] of this.#kept) {
      if (keys.has(key)) continue;
      connection.close();
      this.#kept.delete(key);
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#kept.values()) connection.close();
    this.#kept.clear();
  }
}
