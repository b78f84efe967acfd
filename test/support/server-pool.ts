/** Real servers for tests below the engine: started once, ended with the test file. */
import { afterAll } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import {
  findServers,
  type RunningServer,
  type ServerBinary,
  startServer,
  type StartOptions,
} from '../../scripts/servers.mjs';

export const BINARIES: readonly ServerBinary[] = await findServers({ fetch: false });

/** The newest of this series, such as `redis-8.0`. */
export function binaryOf(series: string): ServerBinary | undefined {
  return BINARIES.filter((binary) => binary.series === series).at(-1);
}

export class ServerPool {
  readonly #servers: RunningServer[] = [];
  readonly #clients: Client[] = [];

  constructor() {
    afterAll(async () => {
      await Promise.all(this.#clients.map((client) => client.close()));
      await Promise.all(this.#servers.map((server) => server.stop()));
    });
  }

  async start(binary: ServerBinary, options?: StartOptions): Promise<RunningServer> {
    const server = await startServer(binary, options);
    this.#servers.push(server);
    return server;
  }

  async client(server: RunningServer): Promise<Client> {
    const client = await server.client();
    this.#clients.push(client);
    return client;
  }
}
