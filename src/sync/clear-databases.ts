/**
 * Carries out a FLUSHDB or FLUSHALL of the source beside the stream, while the stream waits: whole
 * databases, or under key and type filters only the keys that pass them.
 */
import { CHECKPOINT_PREFIX } from '../checkpoint/record.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { carriesTargetKey, type KeyMap } from '../keyspace/key-map.js';
import { bytesOf, startsWith } from '../keyspace/words.js';
import type { Client } from '../net/client.js';
import { type Reply, ReplyError } from '../resp/reply-decoder.js';
import { VALUE_KINDS, type ValueKind } from './options.js';
import type { ClearRequest } from './stream-applier.js';

const SCAN_COUNT = 1000;
/** Emptying a large database takes as long as it takes. */
const FLUSH_TIMEOUT_MS = 600_000;

/** On a connection of its own, whose database is another afterwards. */
export async function clearDatabases(
  client: Client,
  request: ClearRequest,
  filter: KeyFilter,
  keyMap: KeyMap | undefined,
  signal?: AbortSignal,
): Promise<void> {
  for (const db of request.targetDbs) {
    signal?.throwIfAborted();
    await client.call('SELECT', db);
    if (request.matching) await clearMatching(client, filter, keyMap, signal);
    else await flush(client, request.async);
  }
}

async function flush(client: Client, async: boolean): Promise<void> {
  const reply = await client.request(['FLUSHDB', ...(async ? ['ASYNC'] : [])], FLUSH_TIMEOUT_MS);
  if (reply instanceof ReplyError) throw client.refusal('FLUSHDB', reply);
}

async function clearMatching(
  client: Client,
  filter: KeyFilter,
  keyMap: KeyMap | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  let cursor = '0';
  do {
    signal?.throwIfAborted();
    const reply = await client.call('SCAN', cursor, 'COUNT', SCAN_COUNT);
    const [next, found] = reply as readonly [Uint8Array, readonly Uint8Array[]];
    cursor = new TextDecoder().decode(next);
    const named = found.filter((key) => !isOurs(key) && carriesTargetKey(key, filter, keyMap));
    const keys = filter.kindsActive ? await ofWantedKind(client, named, filter) : named;
    if (keys.length > 0) await client.call('UNLINK', ...keys);
  } while (cursor !== '0');
}

const OURS = bytesOf(CHECKPOINT_PREFIX);

function isOurs(key: Uint8Array): boolean {
  return startsWith(key, OURS, 0, key.length);
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
