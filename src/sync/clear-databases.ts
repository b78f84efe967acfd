/**
 * Carries out a FLUSHDB or FLUSHALL of the source beside the stream, while the stream waits: whole
 * databases, or under key and type filters only the keys that pass them.
 */
import type { KeyFilter } from '../keyspace/key-filter.js';
import { Client } from '../net/client.js';
import type { Endpoint } from '../net/endpoint.js';
import { type Reply, ReplyError } from '../resp/reply-decoder.js';
import { VALUE_KINDS, type ValueKind } from './options.js';
import type { ClearRequest } from './stream-applier.js';

const SCAN_COUNT = 1000;
/** Emptying a large database takes as long as it takes. */
const FLUSH_TIMEOUT_MS = 600_000;

export async function clearDatabases(
  target: Endpoint,
  request: ClearRequest,
  filter: KeyFilter,
): Promise<void> {
  const client = await Client.connect(target, 'target');
  try {
    for (const db of request.targetDbs) {
      await client.call('SELECT', db);
      if (request.matching) await clearMatching(client, filter);
      else await flush(client, request.async);
    }
  } finally {
    client.close();
  }
}

async function flush(client: Client, async: boolean): Promise<void> {
  const reply = await client.request(['FLUSHDB', ...(async ? ['ASYNC'] : [])], FLUSH_TIMEOUT_MS);
  if (reply instanceof ReplyError) throw client.refusal('FLUSHDB', reply);
}

async function clearMatching(client: Client, filter: KeyFilter): Promise<void> {
  let cursor = '0';
  do {
    const reply = await client.call('SCAN', cursor, 'COUNT', SCAN_COUNT);
    const [next, found] = reply as readonly [Uint8Array, readonly Uint8Array[]];
    cursor = new TextDecoder().decode(next);
    const named = found.filter((key) => filter.matchesKey(key));
    const keys = filter.kindsActive ? await ofWantedKind(client, named, filter) : named;
    if (keys.length > 0) await client.call('UNLINK', ...keys);
  } while (cursor !== '0');
}

async function ofWantedKind(
  client: Client,
  keys: readonly Uint8Array[],
  filter: KeyFilter,
): Promise<Uint8Array[]> {
  const types: Reply[] = await Promise.all(keys.map((key) => client.call('TYPE', key)));
  return keys.filter((_, index) => filter.matchesKind(kindOf(types[index]!)));
}

/** TYPE answers with a module's own type name for module values. */
function kindOf(type: Reply): ValueKind {
  return VALUE_KINDS.find((kind) => kind === type) ?? 'module';
}
