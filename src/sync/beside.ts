/**
 * Work on connections of its own, beside a delivery: emptying databases, removing what a snapshot lacks, carrying
 * commands over slots. When the delivery is over, so is this: a key that the next one writes must not be removed
 * for the sake of an older snapshot, or a second time.
 */
import { connectionName } from '../checkpoint/connections.js';
import { confirmOwner } from '../checkpoint/lease.js';
import type { Owner } from '../checkpoint/record.js';
import { readCheckpoint } from '../checkpoint/store.js';
import { Client } from '../net/client.js';
import { connectAll, findPrimaries, type TargetNode } from '../target/cluster/target-nodes.js';
import type { SyncOptions } from './options.js';

/** Connections to the server, or to each primary of a cluster; `nodes` says which are whose. */
export interface Connected {
  readonly clients: readonly Client[];
  readonly nodes: readonly TargetNode[];
}

export type Connect = () => Promise<Connected>;

const LEAVE_TIMEOUT_MS = 5000;

export class Beside {
  readonly #sync: SyncOptions;
  readonly #owner: Owner;
  #leave = new AbortController();
  /** Resolves when all that was begun is over. */
  #over: Promise<unknown> = Promise.resolve();
  /** Of a cluster: kept for as long as the delivery lasts. */
  #kept: Promise<Connected> | undefined;

  constructor(sync: SyncOptions, owner: Owner) {
    this.#sync = sync;
    this.#owner = owner;
  }

  /** Nothing of what was begun for an earlier delivery goes on. */
  get over(): Promise<unknown> {
    return this.#over;
  }

  get signal(): AbortSignal {
    return this.#leave.signal;
  }

  /** The delivery is over. */
  leave(): void {
    this.#leave.abort();
    this.#leave = new AbortController();
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept === undefined) return;
    const closed = Promise.race([
      this.#over,
      new Promise((resolve) => void setTimeout(resolve, LEAVE_TIMEOUT_MS)),
    ]);
    void closed.then(async () => closeAll(await kept)).catch(() => {});
  }

  run<T>(work: (connect: Connect, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#leave;
    const done = this.#run(work, signal);
    this.#over = Promise.allSettled([this.#over, done]);
    return done;
  }

  async #run<T>(
    work: (connect: Connect, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const opened: Connected[] = [];
    let timer: NodeJS.Timeout | undefined;
    const leave = (): void => {
      // What has been sent is waited for, if it takes not too long; after that the next claim closes it.
      timer = setTimeout(() => opened.forEach(closeAll), LEAVE_TIMEOUT_MS);
    };
    signal.addEventListener('abort', leave);
    try {
      return await work(async () => {
        const connected = await this.#connect();
        opened.push(connected);
        return connected;
      }, signal);
    } catch (error) {
      // A node may be another one by now.
      this.#kept = undefined;
      opened.forEach(closeAll);
      throw error;
    } finally {
      signal.removeEventListener('abort', leave);
      clearTimeout(timer);
      if (!this.#sync.targetIsCluster) opened.forEach(closeAll);
    }
  }

  /** They end with the job when it is taken over. */
  async #connect(): Promise<Connected> {
    if (!this.#sync.targetIsCluster) {
      const client = await Client.connect(this.#sync.target, 'target');
      return await this.#named({ nodes: [], clients: [client] });
    }
    this.#kept ??= this.#connectNodes();
    const kept = await this.#kept;
    if (!kept.clients.some(({ closed }) => closed)) return kept;
    this.#kept = this.#connectNodes();
    return await this.#kept;
  }

  async #connectNodes(): Promise<Connected> {
    const nodes = await findPrimaries(this.#sync.target);
    return await this.#named({ nodes, clients: await connectAll(nodes) });
  }

  async #named(connected: Connected): Promise<Connected> {
    const name = connectionName(this.#sync.name, this.#owner.id);
    await Promise.all(connected.clients.map((client) => client.request(['CLIENT', 'SETNAME', name])));
    await this.#confirm();
    return connected;
  }

  /** Connections that had their names before the job was taken over have been closed; later ones are found out here. */
  async #confirm(): Promise<void> {
    const client = await Client.connect(this.#sync.target, 'target');
    try {
      const checkpoint = await readCheckpoint(client, this.#sync.name);
      if (checkpoint !== undefined) confirmOwner(checkpoint, this.#owner.id);
    } finally {
      client.close();
    }
  }
}

function closeAll({ clients }: Connected): void {
  for (const client of clients) client.close();
}
