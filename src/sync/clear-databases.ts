/**
 * Carries out a FLUSHDB or FLUSHALL of the source beside the stream, while the stream waits: whole databases, or
 * under filters, and wherever something else must stay, only the keys that are the job's.
 */
import type { Client } from '../net/client.js';
import { ReplyError } from '../resp/reply-decoder.js';
import { onEachNode } from '../target/each-node.js';
import { readLayout } from '../target/slot-layout.js';
import { sweepKeys } from '../target/sweep-keys.js';
import { refusalOfTarget } from '../target/target-state.js';
import type { ValueKind } from './options.js';
import type { ClearRequest } from './stream-requests.js';
import type { TargetKeys } from './target-keys.js';

/** Emptying a large database takes as long as it takes. */
const FLUSH_TIMEOUT_MS = 600_000;

export interface ClearScope {
  /** Which keys are the job's, by their names on the target; undefined: all. */
  readonly wanted?: TargetKeys | undefined;
  readonly wantedKind?: ((kind: ValueKind) => boolean) | undefined;
  /** The target has UNLINK. */
  readonly unlink: boolean;
}

/** On connections of its own, one to each primary, whose database is another afterwards. */
export async function clearDatabases(
  clients: readonly Client[],
  request: ClearRequest,
  { wanted = () => true, wantedKind, unlink }: ClearScope,
  signal?: AbortSignal,
): Promise<void> {
  // A key that moves to a node which was flushed before would stay: on a cluster the keys are looked at.
  if (request.matching || (await readLayout(clients)) !== undefined) {
    const dbs = new Set(request.targetDbs);
    const doomed = (db: number, key: Uint8Array): boolean => wanted(db, key, request.sourceDbs);
    await sweepKeys(clients, { doomed, dbs, wantedKind, unlink, signal });
    return;
  }
  await onEachNode(clients, signal, async (client) => {
    for (const db of request.targetDbs) {
      signal?.throwIfAborted();
      await client.call('SELECT', db);
      await flush(client, request.async);
    }
  });
}

async function flush(client: Client, async: boolean): Promise<void> {
  const reply = await client.request(['FLUSHDB', ...(async ? ['ASYNC'] : [])], FLUSH_TIMEOUT_MS);
  if (reply instanceof ReplyError) throw refusalOfTarget(client, 'FLUSHDB', reply);
}
