/**
 * A primary with replicas and Sentinels, for tests of failovers: which of the servers is the primary now, and
 * writers that go where it goes.
 */
import type { Client, Reply } from '../../scripts/lib/client.mjs';
import type { RunningSentinels } from '../../scripts/lib/sentinel.mjs';
import type { RunningServer, ServerBinary, StartOptions } from '../../scripts/servers.mjs';
import type { Clusters } from './cluster.js';
import { type Run, type Servers, waitFor } from './live.js';

export interface WatchedOptions {
  /** Default 1. */
  readonly replicas?: number;
  readonly sentinels?: number;
  readonly quorum?: number;
  /** Of every server. */
  readonly args?: StartOptions['args'];
}

type Command = readonly (string | number)[];

const RETRY_MS = 50;
const PATIENCE_MS = 30_000;

export class Watched {
  readonly servers: readonly RunningServer[];
  readonly sentinels: RunningSentinels;

  private constructor(servers: readonly RunningServer[], sentinels: RunningSentinels) {
    this.servers = servers;
    this.sentinels = sentinels;
  }

  static async start(
    [servers, clusters]: readonly [Servers, Clusters],
    binary: ServerBinary,
    { replicas = 1, sentinels: count = 3, quorum = 2, args = {} }: WatchedOptions = {},
  ): Promise<Watched> {
    const primary = await servers.start(binary, { args });
    const { port } = primary;
    const others = await Promise.all(
      Array.from({ length: replicas }, () => servers.start(binary, { args, replicaOf: { port } })),
    );
    for (const other of others) {
      const client = await servers.client(other);
      await waitFor('the replica is attached', async () => (await client.text('ROLE'))[3] === 'connected');
    }
    const options = { primary, count, quorum, downAfterMs: 500 };
    return new Watched([primary, ...others], await clusters.sentinels(binary, options));
  }

  /** Of the Sentinels, or of some of them. */
  urlOf(sentinels: readonly RunningServer[] = this.sentinels.servers): string {
    const seeds = sentinels.map(({ host, port }) => `${host}:${port}`);
    return `redis://${seeds.join(',')}?master=${this.sentinels.name}`;
  }

  async primary(): Promise<RunningServer> {
    const { port } = await this.sentinels.primary();
    return this.at(port);
  }

  at(port: number): RunningServer {
    return this.servers.find((server) => server.port === port)!;
  }

  /** Kills the primary; resolves when the Sentinels have another. */
  async killPrimary(): Promise<RunningServer> {
    const former = await this.primary();
    await former.kill();
    const { port } = await this.sentinels.untilMovedFrom(former.port);
    return this.at(port);
  }

  async failover(): Promise<RunningServer> {
    const { port } = await this.sentinels.failover();
    return this.at(port);
  }
}

/** Writes and reads where the primary is. What a command is answered that meets no primary counts as never sent. */
export class Following {
  readonly #watched: Watched;
  #client: Client | undefined;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  async pipeline(commands: readonly Command[]): Promise<Reply[]> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        this.#client ??= await (await this.#watched.primary()).client();
        const replies = await this.#client.pipeline(commands);
        if (!replies.some((reply) => reply instanceof Error)) return replies;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
      if (Date.now() > deadline) throw new Error('no primary takes the writes');
      await this.close();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- a reply's shape is the command's business
  async text(...args: Command): Promise<any> {
    const [reply] = await this.pipeline([args]);
    return Buffer.isBuffer(reply) ? reply.toString() : reply;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
  }
}

/** The run follows this server, and has applied all that it holds. */
export async function settledWith(run: Run, source: RunningServer, timeoutMs = 40_000): Promise<void> {
  const client = await source.client();
  try {
    await run.until(
      'what the present primary holds to be applied',
      async () => {
        const info: string = await client.text('INFO', 'replication');
        const offset = Number(/master_repl_offset:(\d+)/u.exec(info)?.[1]);
        const replid = /master_replid:(\w+)/u.exec(info)?.[1];
        const { shard } = run;
        return (
          run.handle.status().caughtUp &&
          shard.source === `${source.host}:${source.port}` &&
          shard.replid === replid &&
          shard.appliedOffset >= offset
        );
      },
      timeoutMs,
    );
  } finally {
    await client.close();
  }
}
