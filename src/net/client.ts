/**
 * Connections to what an endpoint means at the moment: `connect` looks for it (`locate.ts`) each time, so that
 * a new connection follows a failover.
 */
import { Connection } from './connection.js';
import type { Endpoint } from './endpoint.js';
import { locate } from './locate.js';
import type { Side } from './socket.js';

export type Client = Connection;

export const Client = {
  /**
   * Finds the server, connects, authenticates, and names the connection. `timeoutMs` is for each of the steps of
   * the connection; to look for it takes up to `LOCATE_TIMEOUT_MS` more. Errors: see `locate`.
   */
  async connect(endpoint: Endpoint, side: Side, timeoutMs?: number): Promise<Client> {
    return Connection.open(await locate(endpoint, side), side, timeoutMs);
  },
};
