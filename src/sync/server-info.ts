/** What INFO says about a server, reduced to what a sync needs. */
import type { Position } from '../replication/position.js';
import type { ServerIdentity, ServerVersion } from '../rdb/server-support.js';

export interface ServerInfo {
  /** undefined when the server would not say. */
  readonly identity: ServerIdentity | undefined;
  readonly mode: 'standalone' | 'cluster' | 'sentinel';
  readonly role: 'primary' | 'replica';
  readonly loading: boolean;
  /** Changes with every start; tells two addresses of one server. */
  readonly runId: string;
  readonly replOffset: number;
  /** Empty before 4.0. */
  readonly replid: string;
  /** db → number of keys. */
  readonly keys: ReadonlyMap<number, number>;
  /** Hashes with deadlines of fields; 0 also where it is not counted. */
  readonly timedHashes: number;
}

/** `name:value` lines into a map; section titles are dropped. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

export function parseVersion(text: string): ServerVersion {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

function identityOf(fields: ReadonlyMap<string, string>): ServerIdentity | undefined {
  const valkey = fields.get('valkey_version');
  if (valkey !== undefined) return { family: 'valkey', version: parseVersion(valkey) };
  const redis = fields.get('redis_version');
  return redis === undefined ? undefined : { family: 'redis', version: parseVersion(redis) };
}

function modeOf(fields: ReadonlyMap<string, string>): ServerInfo['mode'] {
  const mode = fields.get('redis_mode') ?? fields.get('server_mode');
  if (mode === 'sentinel') return 'sentinel';
  return mode === 'cluster' || fields.get('cluster_enabled') === '1' ? 'cluster' : 'standalone';
}

export function readServerInfo(text: string): ServerInfo {
  const fields = parseInfo(text);
  const keys = new Map<number, number>();
  for (const [name, value] of fields) {
    const db = /^db(\d+)$/.exec(name);
    const count = /keys=(\d+)/.exec(value);
    if (db !== null && count !== null) keys.set(Number(db[1]), Number(count[1]));
  }
  return {
    identity: identityOf(fields),
    mode: modeOf(fields),
    role: fields.get('role') === 'slave' ? 'replica' : 'primary',
    loading: fields.get('loading') === '1',
    runId: fields.get('run_id') ?? '',
    replOffset: Number(fields.get('master_repl_offset') ?? -1),
    replid: fields.get('master_replid') ?? '',
    keys,
    timedHashes: [...fields.values()].reduce(
      (sum, value) => sum + Number(/(?:subexpiry|keys_with_volatile_items)=(\d+)/.exec(value)?.[1] ?? 0),
      0,
    ),
  };
}

/** What a source can still send to a replica that comes back. */
export interface Backlog {
  readonly replid: string;
  /** The history before, and the first byte of it that is no longer the same. */
  readonly formerReplid: string;
  readonly formerEnd: number;
  /** Offset of its first byte. */
  readonly first: number;
  readonly bytes: number;
}

/** From INFO; undefined where it does not say (before 4.0, or not allowed). */
export function readBacklog(info: string): Backlog | undefined {
  const fields = parseInfo(info);
  const number = (name: string): number => Number(fields.get(name) ?? Number.NaN);
  const replid = fields.get('master_replid');
  const active = fields.get('repl_backlog_active') === '1';
  if (replid === undefined) return undefined;
  return {
    replid,
    formerReplid: fields.get('master_replid2') ?? '',
    formerEnd: number('second_repl_offset'),
    first: number('repl_backlog_first_byte_offset'),
    bytes: active ? number('repl_backlog_histlen') : -1,
  };
}

/** As the server judges PSYNC: the next byte wanted must be in its backlog, or be the one to come. */
export function canContinue(backlog: Backlog, { replid, offset }: Position): boolean {
  const next = offset + 1;
  const known = replid === backlog.replid || (replid === backlog.formerReplid && next <= backlog.formerEnd);
  return known && backlog.bytes >= 0 && next >= backlog.first && next <= backlog.first + backlog.bytes;
}
