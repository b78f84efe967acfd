/** Single commands about single keys of the target, which may be a cluster: one connection for each place asked. */
import { call } from '../../checkpoint/store.js';
import { ReplicantError } from '../../errors.js';
import { keySlot } from '../../keyspace/key-slot.js';
import { bytesOf } from '../../keyspace/words.js';
import { Client } from '../../net/client.js';
import type { Endpoint } from '../../net/endpoint.js';
import type { CommandArg } from '../../resp/encode.js';
import type { Reply } from '../../resp/reply-decoder.js';

const ATTEMPTS = 3;

export class TargetAccess {
  readonly #endpoint: Endpoint;
  readonly #cluster: boolean;
  readonly #clients = new Map<number, Promise<Client>>();

  constructor(endpoint: Endpoint, cluster: boolean) {
    this.#endpoint = endpoint;
    this.#cluster = cluster;
  }

  /** Commands about one key, in this order. A connection that breaks, or does not serve the slot any more, is opened anew. */
  async ask(key: string, commands: readonly (readonly CommandArg[])[]): Promise<Reply[]> {
    return await this.on(key, (client) => Promise.all(commands.map((args) => call(client, ...args))));
  }

  /** The value of a string key. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const [reply] = await this.ask(key, [['GET', key]]);
    if (reply === null) return undefined;
    if (reply instanceof Uint8Array) return reply;
    throw this.unexpected('GET', key);
  }

  /** Nothing may be concluded from it. */
  unexpected(command: string, key: string): ReplicantError {
    const message = `the target's answer to ${command} makes no sense`;
    return new ReplicantError('TARGET_PROTOCOL', message, { place: { key } });
  }

  /** On a connection of its own, for transactions: what others ask meanwhile must not get into them. */
  async apart<T>(key: string, work: (client: Client) => Promise<T>): Promise<T> {
    const other = new TargetAccess(this.#endpoint, this.#cluster);
    try {
      return await other.on(key, work);
    } finally {
      await other.close();
    }
  }

  /** On the connection to where the key is, which is everybody's. `work` is done again when that was not so, or the connection broke. */
  async on<T>(key: string, work: (client: Client) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      /* oxlint-disable no-await-in-loop -- one attempt after the other */
      try {
        return await work(await this.#client(key));
      } catch (error) {
        await this.#drop(key);
        if (!(error instanceof ReplicantError) || attempt === ATTEMPTS) throw error;
        if (!error.retry && !/\bMOVED\b/u.test(error.message)) throw error;
      }
      /* oxlint-enable no-await-in-loop */
    }
  }

  #place(key: string): number {
    return this.#cluster ? keySlot(bytesOf(key)) : 0;
  }

  #client(key: string): Promise<Client> {
    const slot = this.#place(key);
    const known = this.#clients.get(slot);
    if (known !== undefined) return known;
    const endpoint: Endpoint = this.#cluster
      ? { ...this.#endpoint, find: { kind: 'slot', slot } }
      : this.#endpoint;
    const client = Client.connect(endpoint, 'target');
    client.catch(() => {});
    this.#clients.set(slot, client);
    return client;
  }

  async #drop(key: string): Promise<void> {
    const slot = this.#place(key);
    const client = this.#clients.get(slot);
    this.#clients.delete(slot);
    (await client?.catch(() => undefined))?.close();
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map(async (client) => (await client.catch(() => undefined))?.close()));
  }
}
