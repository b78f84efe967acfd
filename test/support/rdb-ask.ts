/** Asks a running server for a key, and brings answer and corpus line into the same form. */
import type { Client } from '../../scripts/lib/client.mjs';
import type { ServerBinary } from '../../scripts/servers.mjs';
import type { ExpectedLine, Text } from './rdb-corpus.js';
import { comparableExpected } from './rdb-expected.js';
import { readable } from './rdb-hex.js';
import { isAtLeast } from './live.js';

type Json = Record<string, unknown>;

export function keyBytes(key: Text): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : Buffer.from(key.base64, 'base64');
}

/** What of a line this server can hold and tell. */
export function heldBy(line: ExpectedLine, binary: ServerBinary): Json {
  const { fieldExpiresAt, entriesAdded, maxDeletedId, ...rest } = comparableExpected(line);
  const timed = isAtLeast(binary, binary.family === 'redis' ? '7.4' : '9.0');
  return {
    ...rest,
    ...(timed && fieldExpiresAt !== undefined && { fieldExpiresAt }),
    // Unknown to sources below 7.0, which is what the file then says.
    ...(isAtLeast(binary, '7.0') && entriesAdded !== undefined && { entriesAdded, maxDeletedId }),
    ...(line.type === 'stream' && {
      groups: line.groups.map((group) => ({ ...group, entriesRead: undefined })),
    }),
  };
}

/** The client has selected the key's database. */
export async function askServer(client: Client, line: ExpectedLine, binary: ServerBinary): Promise<Json> {
  const key = keyBytes(line.key);
  const type: string = await client.text('TYPE', key);
  const pttl: number = await client.call('PTTL', key);
  const expiring = pttl >= 0 && 'expiresAt' in line;
  return {
    ...{ db: line.db, key: line.key, type: type === 'vectorset' ? 'module' : type },
    // PTTL is relative: as near as that may be.
    ...(expiring && {
      expiresAt: Math.abs(Date.now() + pttl - line.expiresAt) < 5000 ? line.expiresAt : pttl,
    }),
    ...(pttl >= 0 && !expiring && { expiresAt: pttl }),
    ...(await askValue(client, key, type, line, binary)),
  };
}

async function askValue(
  client: Client,
  key: Uint8Array,
  type: string,
  line: ExpectedLine,
  binary: ServerBinary,
): Promise<Json> {
  switch (type) {
    case 'string':
      return { value: readable(await client.call('GET', key)) };
    case 'list':
      return { value: (await client.call('LRANGE', key, 0, -1)).map(readable) };
    case 'set':
      return { value: sorted((await client.call('SMEMBERS', key)).map(readable)) };
    case 'zset': {
      const parts: Uint8Array[] = await client.call('ZRANGE', key, 0, -1, 'WITHSCORES');
      return { value: pairs(parts).map(([member, score]) => [readable(member), toScore(score)]) };
    }
    case 'hash':
      return askHash(client, key, line);
    case 'stream':
      return askStream(client, key, line, binary);
    default:
      return { value: null };
  }
}

async function askHash(client: Client, key: Uint8Array, line: ExpectedLine): Promise<Json> {
  const fields: [Uint8Array, Uint8Array][] = pairs(await client.call('HGETALL', key));
  const answer = { value: sorted(fields.map(([field, value]) => [readable(field), readable(value)])) };
  if (!('fieldExpiresAt' in line)) return answer;
  const names = fields.map(([field]) => field);
  const [times] = await client.pipeline([['HPEXPIRETIME', key, 'FIELDS', names.length, ...names]]);
  if (!Array.isArray(times)) return answer;
  const timed = names.flatMap((name, at) =>
    Number(times[at]) > 0 ? [[readable(name), Number(times[at])]] : [],
  );
  return timed.length > 0 ? { ...answer, fieldExpiresAt: sorted(timed) } : answer;
}

async function askStream(
  client: Client,
  key: Uint8Array,
  line: ExpectedLine,
  binary: ServerBinary,
): Promise<Json> {
  const entries: [Uint8Array, Uint8Array[]][] = await client.call('XRANGE', key, '-', '+');
  const info = asObject(await client.call('XINFO', 'STREAM', key));
  const groups: Uint8Array[][] = await client.call('XINFO', 'GROUPS', key);
  const counted = isAtLeast(binary, '7.0') && 'entriesAdded' in line;
  const described = [];
  for (const group of groups) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    described.push(await askGroup(client, key, asObject(group)));
  }
  return {
    value: entries.map(([id, fields]) => ({ id: text(id), fields: pairs(fields.map(readable)) })),
    lastId: text(info['last-generated-id']),
    ...(counted && {
      entriesAdded: Number(info['entries-added']),
      maxDeletedId: text(info['max-deleted-entry-id']),
    }),
    groups: described,
  };
}

async function askGroup(client: Client, key: Uint8Array, group: Json): Promise<Json> {
  const name = group['name'] as Uint8Array;
  const consumers: Uint8Array[][] = await client.call('XINFO', 'CONSUMERS', key, name);
  const pending: [Uint8Array, Uint8Array, number, number][] = await client.call(
    'XPENDING',
    key,
    name,
    '-',
    '+',
    10_000,
  );
  return {
    name: readable(name),
    lastId: text(group['last-delivered-id']),
    consumers: consumers.map((consumer) => readable(asObject(consumer)['name'] as Uint8Array)),
    pending: pending.map(([id, consumer, , count]) => [text(id), readable(consumer), count]),
  };
}

function asObject(reply: readonly unknown[]): Json {
  return Object.fromEntries(pairs(reply).map(([name, value]) => [text(name), value]));
}

function text(bytes: unknown): string {
  return new TextDecoder().decode(bytes as Uint8Array);
}

function toScore(bytes: Uint8Array): number {
  const shown = text(bytes);
  return (shown === 'inf' ? Infinity : shown === '-inf' ? -Infinity : Number(shown)) + 0;
}

function pairs<T>(parts: readonly T[]): [T, T][] {
  return Array.from({ length: parts.length / 2 }, (_, at) => [parts[2 * at]!, parts[2 * at + 1]!]);
}

function sorted<T>(list: readonly T[]): T[] {
  return list.toSorted((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1));
}
