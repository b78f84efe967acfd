/**
 * Everything that is asked before anything is written: what stands at both ends, whether they fit, whether
 * the target is empty. Fails with one clear line while nothing has been touched.
 */
import { ReplicantError } from '../errors.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { keySlot } from '../keyspace/key-slot.js';
import type { Client } from '../net/client.js';
import { ReplyError } from '../resp/reply-decoder.js';
import type { Reply } from '../resp/reply-decoder.js';
import { type Capabilities, capabilitiesOf } from '../target/capabilities.js';
import { onEachNode } from '../target/each-node.js';
import { sweepKeys } from '../target/sweep-keys.js';
import { untilSettled } from '../target/until-settled.js';
import type { SyncOptions } from './options.js';
import { noSuchDatabase } from './refusal.js';
import { parseVersion, readServerInfo, type ServerInfo } from './server-info.js';

/** Emptying a large target takes as long as it takes. */
const FLUSH_TIMEOUT_MS = 600_000;

/** INFO of a server; undefined when this user may not ask. A server that loads its data is an error to wait on. */
export async function askInfo(client: Client, side: 'source' | 'target'): Promise<ServerInfo | undefined> {
  const reply = await client.request(['INFO']);
  if (reply instanceof ReplyError) {
    if (/^(LOADING|BUSY|MASTERDOWN)/.test(reply.message)) throw busy(client, side, reply.message);
    return undefined;
  }
  if (!(reply instanceof Uint8Array)) return undefined;
  const info = readServerInfo(new TextDecoder().decode(reply));
  if (info.loading) throw busy(client, side, 'it is loading its data');
  return info;
}

function busy(client: Client, side: 'source' | 'target', why: string): ReplicantError {
  return new ReplicantError(
    side === 'source' ? 'SOURCE_BUSY' : 'TARGET_BUSY',
    `the ${side} is not ready: ${why}`,
    {
      place: { at: client.address },
    },
  );
}

/** Refuses what this version does not know how to sync. */
export function checkMode(info: ServerInfo | undefined, side: 'source' | 'target', at: string): void {
  if (info === undefined || info.mode === 'standalone') return;
  const what = info.mode === 'cluster' ? 'a cluster node' : 'a Sentinel';
  throw new ReplicantError('USAGE', `the ${side} is ${what}, which sync can't use yet`, {
    place: { at },
    hint: 'give the address of a standalone server (a primary or one of its replicas)',
  });
}

export function checkDifferent(source: ServerInfo | undefined, target: ServerInfo | undefined): void {
  if (source === undefined || target === undefined || source.runId === '') return;
  if (source.runId === target.runId) {
    throw new ReplicantError('USAGE', 'source and target are the same server', {
      hint: 'a server synced to itself would copy its own writes for ever',
    });
  }
}

export function checkWritable(info: ServerInfo | undefined, at: string): void {
  if (info?.role !== 'replica') return;
  throw new ReplicantError(
    'TARGET_REFUSED',
    'the target is a replica of another server and takes no writes',
    {
      place: { at },
      hint: 'use its primary, or detach it with REPLICAOF NO ONE',
    },
  );
}

/** Who the target is, when INFO is not allowed: HELLO (6.0 and up) tells as well. */
export async function askCapabilities(client: Client, info: ServerInfo | undefined): Promise<Capabilities> {
  if (info?.identity !== undefined) return capabilitiesOf(info.identity);
  const hello = await client.request(['HELLO', '2']);
  const fields = new Map<string, Reply>();
  if (Array.isArray(hello)) {
    for (let index = 0; index + 1 < hello.length; index += 2)
      fields.set(text(hello[index]), hello[index + 1]);
  }
  const version = text(fields.get('version') ?? null);
  if (version === '') {
    throw new ReplicantError('TARGET_DENIED', "can't find out which version the target is", {
      place: { at: client.address },
      hint: 'allow this user INFO on the target (+info)',
    });
  }
  const family = text(fields.get('server') ?? null) === 'valkey' ? 'valkey' : 'redis';
  return capabilitiesOf({ family, version: parseVersion(version) });
}

function text(reply: Reply | undefined): string {
  if (typeof reply === 'string') return reply;
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : '';
}

/** How many databases a server has; undefined when CONFIG is not allowed. */
export async function askDatabases(client: Client): Promise<number | undefined> {
  const reply = await client.request(['CONFIG', 'GET', 'databases']);
  const value = Array.isArray(reply) ? text(reply[1]) : '';
  return value === '' ? undefined : Number(value);
}

const MOST_DATABASES = 16_384;

/** The same by trying, where CONFIG is not allowed. Leaves database 0 selected. */
export async function probeDatabases(client: Client): Promise<number> {
  const exists = async (db: number): Promise<boolean> =>
    !((await client.request(['SELECT', db])) instanceof ReplyError);
  let low = 0;
  for (let high = MOST_DATABASES; high - low > 1;) {
    const middle = (low + high) >> 1;
    if (await exists(middle)) low = middle;
    else high = middle;
  }
  await client.request(['SELECT', '0']);
  return low + 1;
}

/** Every database of the source that has keys needs a place on the target. */
export function checkDatabases(
  source: ServerInfo | undefined,
  databases: number,
  filter: KeyFilter,
  dbMap: DbMap,
): void {
  if (source === undefined) return;
  const placeless = [...source.keys.keys()].filter(
    (db) => filter.matchesDb(db) && dbMap.toTarget(db) >= databases,
  );
  const [db] = placeless;
  if (db !== undefined) throw noSuchDatabase(databases, dbMap.toTarget(db), db, { all: placeless });
}

/** The difference of a server's clock to ours, in ms; undefined when it does not tell. */
export async function askClockOffset(client: Client): Promise<number | undefined> {
  const before = Date.now();
  const reply = await client.request(['TIME']);
  const after = Date.now();
  if (!Array.isArray(reply)) return undefined;
  const serverMs = Number(text(reply[0])) * 1000 + Number(text(reply[1])) / 1000;
  return Math.round(serverMs - (before + after) / 2);
}

/** Target databases this sync may write to; undefined: any. */
export function writtenDbs(
  options: Pick<SyncOptions, 'filter'>,
  dbMap: DbMap,
): ReadonlySet<number> | undefined {
  const { includeDbs, excludeDbs } = options.filter;
  if (includeDbs.length === 0) return undefined;
  return new Set(includeDbs.filter((db) => !excludeDbs.includes(db)).map((db) => dbMap.toTarget(db)));
}

/** How many keys there are in the databases this sync may write to, of all primaries, as far as is known. */
export async function countKeys(
  clients: readonly Client[],
  dbs: ReadonlySet<number> | undefined,
): Promise<number> {
  const counts = await Promise.all(clients.map((client) => countOn(client, dbs)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function countOn(client: Client, dbs: ReadonlySet<number> | undefined): Promise<number> {
  const info = await client.ask('INFO', 'keyspace');
  if (info !== undefined) {
    let sum = 0;
    for (const [db, keys] of readServerInfo(info).keys) if (dbs === undefined || dbs.has(db)) sum += keys;
    return sum;
  }
  const size = await client.request(['DBSIZE']);
  return typeof size === 'number' ? size : 0;
}

/**
 * Empties the databases this sync may write to; all of the target, functions too, when that is every one. What
 * moved between the nodes of a cluster meanwhile is removed key by key.
 */
export async function emptyTarget(
  clients: readonly Client[],
  capabilities: Capabilities,
  dbs: ReadonlySet<number> | undefined,
  signal?: AbortSignal,
): Promise<void> {
  await untilSettled(clients, signal, async ({ slots }) => {
    if (slots === undefined) {
      await onEachNode(clients, signal, (client) => flushAll(client, flushCommands(capabilities, dbs)));
    } else {
      const doomed = (_: number, key: Uint8Array): boolean => slots.has(keySlot(key));
      await sweepKeys(clients, { doomed, dbs, unlink: capabilities.unlink, signal });
    }
    return [];
  });
}

async function flushAll(client: Client, commands: readonly (readonly string[])[]): Promise<void> {
  for (const args of commands) {
    const reply = await client.request(args, FLUSH_TIMEOUT_MS);
    if (reply instanceof ReplyError) throw client.refusal(args.join(' '), reply);
  }
}

/** The commands that empty these databases; undefined: everything, functions too. */
export function flushCommands(
  capabilities: Capabilities,
  dbs: ReadonlySet<number> | undefined,
): readonly (readonly string[])[] {
  if (dbs === undefined) return [['FLUSHALL'], ...(capabilities.functions ? [['FUNCTION', 'FLUSH']] : [])];
  return [...[...dbs].flatMap((db) => [['SELECT', String(db)], ['FLUSHDB']]), ['SELECT', '0']];
}
