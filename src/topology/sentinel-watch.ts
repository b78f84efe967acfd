/**
 * Watches which server is the primary of a name: subscribed to `+switch-master` on all Sentinels that can be reached,
 * and asking them all every second as well, since messages get lost. Of differing answers that of the highest
 * configuration epoch counts, which the Sentinel of a failover has first.
 */
import { ReplicantError } from '../errors.js';
import { type Address, type Endpoint, endpointAt, formatAddress } from '../net/endpoint.js';
import { KeptConnections } from '../net/kept-connections.js';
import { addressesToAsk, knownEpoch, rememberAddresses, rememberEpoch } from '../net/known-addresses.js';
import { askSentinel, judgeWords, openSentinel, type SentinelWord } from '../net/locate-primary.js';
import type { Side } from '../net/socket.js';
import { SentinelListener } from './sentinel-listener.js';

export interface SentinelWatchOptions {
  /** With `find` of the kind `sentinel`. */
  readonly endpoint: Endpoint;
  readonly side: Side;
  /** From the end of one round of questions to the next; default 1000. */
  readonly everyMs?: number;
  /** After each round, and at once when one of them has heard of a failover; as it is reached from here. */
  named(primary: Address): void;
  /** No Sentinel says where the primary is; told for each round. */
  failed?(error: ReplicantError): void;
}

const EVERY_MS = 1000;

export class SentinelWatch {
  readonly #o: SentinelWatchOptions;
  readonly #master: string;
  readonly #connections: KeptConnections;
  readonly #listeners = new Map<string, SentinelListener>();
  #primary: Address | undefined;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: SentinelWatchOptions) {
    const { find } = options.endpoint;
    if (find?.kind !== 'sentinel')
      throw new ReplicantError('INTERNAL', 'an endpoint without Sentinels is watched');
    this.#o = options;
    this.#master = find.master;
    this.#connections = new KeptConnections(options.side, openSentinel);
    this.#next();
  }

  /** As last heard; undefined before the first answer. */
  get primary(): Address | undefined {
    return this.#primary;
  }

  /** Idempotent; nothing is told after it. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const listener of this.#listeners.values()) listener.close();
    this.#connections.close();
    await this.#round;
  }

  /** A round of questions now, or another one behind that which is running. */
  #next(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    if (this.#round !== undefined) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#round = this.#ask().finally(() => {
      this.#round = undefined;
      if (this.#closed) return;
      this.#timer = setTimeout(() => this.#next(), this.#again ? 0 : (this.#o.everyMs ?? EVERY_MS));
    });
  }

  async #ask(): Promise<void> {
    const { endpoint } = this.#o;
    const places = addressesToAsk(endpoint).map((address) => endpointAt(endpoint, address));
    this.#listenTo(places);
    const answers = await Promise.all(places.map((place) => this.#askOne(place)));
    if (this.#closed) return;
    const words = answers.filter((answer) => 'epoch' in answer);
    const best = judgeWords(words, knownEpoch(endpoint));
    const error = answers.find((answer) => answer instanceof ReplicantError);
    if (best !== undefined) this.#take(best);
    else if (error !== undefined) this.#o.failed?.(error);
  }

  #take({ primary, epoch }: SentinelWord): void {
    rememberEpoch(this.#o.endpoint, epoch);
    this.#primary = primary;
    this.#o.named(primary);
  }

  async #askOne(place: Endpoint): Promise<SentinelWord | ReplicantError> {
    const { endpoint, side } = this.#o;
    try {
      const connection = await this.#connections.get(place);
      const word = await askSentinel(connection, endpoint, this.#master, side);
      rememberAddresses(endpoint, place.address, word.others);
      // Others may not answer for long.
      if (!this.#closed && this.#primary !== undefined && word.epoch > knownEpoch(endpoint)) this.#take(word);
      return word;
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      return error;
    }
  }

  #listenTo(places: readonly Endpoint[]): void {
    const { side } = this.#o;
    const keys = new Set(places.map(({ address }) => formatAddress(address)));
    this.#connections.retain(places);
    for (const [key, listener] of this.#listeners) {
      if (keys.has(key)) continue;
      listener.close();
      this.#listeners.delete(key);
    }
    for (const place of places) {
      const key = formatAddress(place.address);
      if (this.#listeners.has(key)) continue;
      this.#listeners.set(key, new SentinelListener(place, side, this.#master, () => this.#next()));
    }
  }
}
