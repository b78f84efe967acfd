/**
 * What servers load: the first release that takes each value type (in a file and in RESTORE alike), and the
 * newest RDB version a release reads. §1.2 and §11.3 of the format, verified on real servers.
 */
import { ReplicantError } from '../errors.js';
import type { Dialect } from './dialect.js';

export type ServerVersion = readonly [major: number, minor: number, patch: number];

export interface ServerIdentity {
  readonly family: 'redis' | 'valkey';
  readonly version: ServerVersion;
}

export function atLeast(version: ServerVersion, major: number, minor = 0): boolean {
  return version[0] > major || (version[0] === major && version[1] >= minor);
}

/** First Redis release that takes the type, for the types of the common and the Redis dialect. */
const REDIS_SINCE: Readonly<Record<number, readonly [number, number]>> = {
  ...{ 0: [2, 6], 1: [2, 6], 2: [2, 6], 3: [2, 6], 4: [2, 6] },
  ...{ 9: [2, 6], 10: [2, 6], 11: [2, 6], 12: [2, 6], 13: [2, 6] },
  ...{ 14: [3, 2], 5: [4, 0], 7: [4, 0], 15: [5, 0] },
  ...{ 16: [7, 0], 17: [7, 0], 18: [7, 0], 19: [7, 0], 20: [7, 2], 21: [7, 2] },
  ...{ 22: [7, 4], 23: [7, 4], 24: [7, 4], 25: [7, 4], 26: [8, 6], 27: [8, 8], 28: [8, 8] },
};
/** The last type both families share. */
const LAST_COMMON_TYPE = 21;
const VALKEY_HASH_2 = 22;

/** Does the server take a value of this type, written by a server of that dialect? */
export function acceptsType(server: ServerIdentity, id: number, dialect: Dialect): boolean {
  if (server.family === 'valkey') {
    if (id <= LAST_COMMON_TYPE) return id !== 6 && id !== 8;
    return dialect === 'valkey' && id === VALKEY_HASH_2 && atLeast(server.version, 9);
  }
  const since = REDIS_SINCE[id];
  if (since === undefined || (dialect === 'valkey' && id > LAST_COMMON_TYPE)) return false;
  return atLeast(server.version, since[0], since[1]);
}

/** How a file is to be marked. */
export interface RdbFormat {
  readonly dialect: Dialect;
  readonly version: number;
}

/** The first nine bytes of a file. */
export function formatMagic({ dialect, version }: RdbFormat): string {
  return dialect === 'valkey'
    ? `VALKEY${String(version).padStart(3, '0')}`
    : `REDIS${String(version).padStart(4, '0')}`;
}

/** Release → the RDB version it writes, newest first. What is newer still reads the last one known. */
const REDIS_WRITES: readonly (readonly [major: number, minor: number, rdb: number])[] = [
  [8, 8, 14],
  [8, 6, 13],
  [7, 4, 12],
  [7, 2, 11],
  [7, 0, 10],
  [5, 0, 9],
  [4, 0, 8],
  [3, 2, 7],
  [2, 6, 6],
];

/** The format the server itself writes, which it therefore loads. */
export function formatFor({ family, version }: ServerIdentity): RdbFormat {
  if (family === 'valkey') {
    return atLeast(version, 9) ? { dialect: 'valkey', version: 80 } : { dialect: 'redis', version: 11 };
  }
  const row = REDIS_WRITES.find(([major, minor]) => atLeast(version, major, minor));
  if (row === undefined) throw unknownServer(`redis-${version.join('.')}`);
  return { dialect: 'redis', version: row[2] };
}

const NAME = /^(redis|valkey)-(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?$/;

/** `redis-7.2`, `valkey-9.1.2`, `redis-8`. */
export function parseServerName(name: string): ServerIdentity {
  const match = NAME.exec(name.toLowerCase());
  if (match === null) throw unknownServer(name);
  const family = match[1] === 'valkey' ? 'valkey' : 'redis';
  const version: ServerVersion = [Number(match[2]), Number(match[3] ?? 0), Number(match[4] ?? 0)];
  const known = family === 'valkey' ? atLeast(version, 7, 2) : atLeast(version, 2, 6);
  if (!known) throw unknownServer(name);
  return { family, version };
}

export function formatServer({ family, version }: ServerIdentity): string {
  return `${family} ${version.join('.')}`;
}

function unknownServer(name: string): ReplicantError {
  return new ReplicantError('USAGE', `no server ${JSON.stringify(name)} is known to write files for`, {
    hint: 'name it like redis-5.0, redis-7.2, redis-8.0 or valkey-9.1 (Redis from 2.6, Valkey from 7.2)',
  });
}
