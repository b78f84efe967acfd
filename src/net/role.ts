/**
 * `ROLE` (2.8.12+): `[master, offset, replicas]`, `[slave, host, port, state, offset]`, `[sentinel, names]`. The
 * state of a replica is `connected` once its link carries the stream.
 */
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import { Connection } from './connection.js';
import type { Endpoint } from './endpoint.js';
import type { Side } from './socket.js';

export type Role =
  | { readonly role: 'primary' }
  | { readonly role: 'replica'; readonly linkUp: boolean }
  | { readonly role: 'sentinel'; readonly masters: readonly string[] };

/** What the server says it is; undefined when it won't say. Errors: those of connecting. */
export async function readRole(endpoint: Endpoint, side: Side, timeoutMs: number): Promise<Role | undefined> {
  const connection = await Connection.open(endpoint, side, timeoutMs);
  try {
    return parseRole(await connection.request(['ROLE'], timeoutMs));
  } finally {
    connection.close();
  }
}

export function parseRole(reply: Reply): Role | undefined {
  if (reply instanceof ReplyError || !Array.isArray(reply)) return undefined;
  const items = reply as readonly Reply[];
  const text = (item: Reply | undefined): string | undefined =>
    item === undefined ? undefined : replyText(item);
  switch (text(items[0])) {
    case 'master':
      return { role: 'primary' };
    case 'slave':
      return { role: 'replica', linkUp: text(items[3]) === 'connected' };
    case 'sentinel': {
      const names = Array.isArray(items[1]) ? (items[1] as readonly Reply[]) : [];
      return { role: 'sentinel', masters: names.map(text).filter((name) => name !== undefined) };
    }
    default:
      return undefined;
  }
}
