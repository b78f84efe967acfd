/**
 * What a server is: `redis_mode` in INFO (`server_mode` in Valkey: standalone, cluster, sentinel), `mode` in HELLO
 * (6.0+), and where both are forbidden what ROLE and CLUSTER INFO give away.
 */
import type { Connection } from '../net/connection.js';
import { parseRole } from '../net/role.js';
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import { replyFields, textField } from './reply-fields.js';

export type ServerMode = 'standalone' | 'cluster' | 'sentinel';

/** Standalone when nothing says otherwise. */
export async function askServerMode(connection: Connection, timeoutMs: number): Promise<ServerMode> {
  const ask = (...args: readonly string[]): Promise<Reply> => connection.request(args, timeoutMs);
  return (
    parseMode(/^(?:redis|server)_mode:(\w+)/mu.exec(replyText(await ask('INFO', 'server')) ?? '')?.[1]) ??
    parseMode(textField(replyFields(await ask('HELLO', '2')), 'mode')) ??
    (parseRole(await ask('ROLE'))?.role === 'sentinel' ? 'sentinel' : undefined) ??
    ((await ask('CLUSTER', 'INFO')) instanceof ReplyError ? 'standalone' : 'cluster')
  );
}

function parseMode(text: string | undefined): ServerMode | undefined {
  return text === 'standalone' || text === 'cluster' || text === 'sentinel' ? text : undefined;
}
