/**
 * Checkpoints on a target. `clients` are one for each primary; a client stands in database 0, where a new connection stands; nothing here
 * selects another.
 */
import { ReplicantError } from '../errors.js';
import { sameBytes } from '../keyspace/words.js';
import type { Client } from '../net/client.js';
import type { CommandArg } from '../resp/encode.js';
import { type Reply, ReplyError } from '../resp/reply-decoder.js';
import { askHolder } from '../target/ask-holder.js';
import { refusalOfTarget } from '../target/target-state.js';
import { damaged } from './fields.js';
import { CHECKPOINT_PREFIX, type Checkpoint, checkpointKey, parseCheckpoint } from './record.js';

/** Keys looked at by one SCAN: some milliseconds of the server's time. */
const SCAN_COUNT = '10000';
const latin = new TextDecoder('latin1');

export async function readCheckpoint(client: Client, job: string): Promise<Checkpoint | undefined> {
  const text = await readCheckpointText(client, job);
  return text === undefined ? undefined : parseStored(client, job, text);
}

/** The exact bytes, which whoever writes next compares with what it expects. */
export async function readCheckpointText(client: Client, job: string): Promise<Uint8Array | undefined> {
  return textIn(client, job, await client.request(['GET', checkpointKey(job)]));
}

function textIn(client: Client, job: string, reply: Reply): Uint8Array | undefined {
  if (reply instanceof ReplyError && reply.message.startsWith('WRONGTYPE'))
    throw damaged('it is not a string').within(placeOf(client, job));
  const value = accept(client, 'GET', reply);
  return value instanceof Uint8Array ? value : undefined;
}

/** `parseCheckpoint` with the key in its errors. */
export function parseStored(client: Client, job: string, text: Uint8Array): Checkpoint {
  try {
    return parseCheckpoint(text);
  } catch (error) {
    throw error instanceof ReplicantError ? error.within(placeOf(client, job)) : error;
  }
}

/** A checkpoint as it was found: either it can be read, or it can be said why not. */
export type StoredCheckpoint =
  | { readonly job: string; readonly checkpoint: Checkpoint; readonly error?: undefined }
  | { readonly job: string; readonly checkpoint?: undefined; readonly error: ReplicantError };

/** All of them, by name. Walks over all keys of database 0, of each node of a cluster. */
export async function listCheckpoints(clients: readonly Client[]): Promise<StoredCheckpoint[]> {
  const keys = await listKeys(clients, checkpointKey('*'));
  const jobs = new Set(keys.map(jobOf).filter((job) => job !== undefined));
  const found = await Promise.all([...jobs].toSorted().map((job) => readStored(clients, job)));
  return found.filter((stored) => stored !== undefined);
}

/** All keys of ours, of all jobs, as latin1; likewise. */
export async function listOurs(clients: readonly Client[]): Promise<readonly string[]> {
  return await listKeys(clients, `${CHECKPOINT_PREFIX}*`);
}

export async function countOurs(clients: readonly Client[]): Promise<number> {
  return (await listOurs(clients)).length;
}

async function listKeys(clients: readonly Client[], pattern: string): Promise<readonly string[]> {
  const found = await Promise.all(clients.map((client) => scanKeys(client, pattern)));
  return [...new Set(found.flat())].toSorted();
}

async function scanKeys(client: Client, pattern: string): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    // oxlint-disable-next-line no-await-in-loop -- each cursor comes from the reply before
    const reply = await call(client, 'SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    const [next, keys] = Array.isArray(reply) ? reply : [];
    if (!(next instanceof Uint8Array) || !Array.isArray(keys)) throw unexpected(client, 'SCAN');
    cursor = latin.decode(next);
    for (const key of keys) if (key instanceof Uint8Array) found.push(latin.decode(key));
  } while (cursor !== '0');
  return found;
}

/** Undefined when there is none. */
export async function readStored(
  clients: readonly Client[],
  job: string,
): Promise<StoredCheckpoint | undefined> {
  const [client, reply] = await askHolder(clients, ['GET', checkpointKey(job)]);
  try {
    const text = textIn(client, job, reply);
    return text === undefined ? undefined : { job, checkpoint: parseStored(client, job, text) };
  } catch (error) {
    if (error instanceof ReplicantError && error.code === 'CHECKPOINT') return { job, error };
    throw error;
  }
}

/** Keys of ours by their names in latin1; how many there were. */
export async function deleteOurs(clients: readonly Client[], keys: readonly string[]): Promise<number> {
  let deleted = 0;
  for (const key of keys) {
    // oxlint-disable-next-line no-await-in-loop -- few
    const [client, reply] = await askHolder(clients, ['DEL', Buffer.from(key, 'latin1')]);
    deleted += Number(accept(client, 'DEL', reply));
  }
  return deleted;
}

/** Writes `next` if what stands there is still exactly `seen`; otherwise nothing, and the answer is false. */
export async function replaceCheckpoint(
  client: Client,
  job: string,
  seen: Uint8Array,
  next: Uint8Array,
): Promise<boolean> {
  const key = checkpointKey(job);
  await call(client, 'WATCH', key);
  const current = await readCheckpointText(client, job);
  if (current === undefined || !sameBytes(current, seen)) {
    await call(client, 'UNWATCH');
    return false;
  }
  // One after the other: where MULTI is refused, the SET would be carried out by itself.
  await call(client, 'MULTI');
  const queued = await client.request(['SET', key, next]);
  const done = await client.request(['EXEC']);
  accept(client, 'SET', queued);
  accept(client, 'EXEC', done);
  if (!Array.isArray(done)) return false;
  accept(client, 'SET', done[0] ?? null);
  return true;
}

/** Sends a command; an error reply is thrown: TARGET_BUSY when it may go away by itself. */
export async function call(client: Client, ...args: readonly CommandArg[]): Promise<Reply> {
  return accept(client, String(args[0]), await client.request(args));
}

function accept(client: Client, command: string, reply: Reply): Reply {
  if (!(reply instanceof ReplyError)) return reply;
  throw refusalOfTarget(client, command, reply);
}

function unexpected(client: Client, command: string): ReplicantError {
  return new ReplicantError('TARGET_PROTOCOL', `the target's answer to ${command} makes no sense`, {
    place: { at: client.address },
  });
}

function placeOf(client: Client, job: string): { readonly at: string; readonly key: string } {
  return { at: client.address, key: checkpointKey(job) };
}

/** Ours are printable ASCII; others may be called nearly so. */
function jobOf(key: string): string | undefined {
  const job = key.slice(CHECKPOINT_PREFIX.length + 1, key.lastIndexOf('}'));
  return /^[!-~]+$/u.test(job) && checkpointKey(job) === key ? job : undefined;
}
