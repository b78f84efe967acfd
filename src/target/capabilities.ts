/**
 * What a target can take, by what it says it is. The floor of each ability is the release that brought it;
 * which value types RESTORE accepts is §11.3 of the RDB format facts, verified on real servers.
 */
import type { Dialect } from '../rdb/dialect.js';

export type ServerVersion = readonly [major: number, minor: number, patch: number];

export interface ServerIdentity {
  readonly family: 'redis' | 'valkey';
  readonly version: ServerVersion;
}

export interface Capabilities {
  readonly server: ServerIdentity;
  readonly restoreReplace: boolean;
  readonly restoreAbsttl: boolean;
  readonly setPxat: boolean;
  readonly unlink: boolean;
  readonly hsetMany: boolean;
  readonly fieldTtl: boolean;
  readonly xsetidFull: boolean;
  readonly createConsumer: boolean;
  readonly functions: boolean;
  readonly flushAsync: boolean;
  /** RESTORE takes what modules attach to keys (KEY_META). */
  readonly keyMetadata: boolean;
  /** Does RESTORE take a payload of this type, written by a server of that dialect? */
  acceptsType(id: number, dialect: Dialect): boolean;
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

function acceptsType(server: ServerIdentity, id: number, dialect: Dialect): boolean {
  if (server.family === 'valkey') {
    if (id <= LAST_COMMON_TYPE) return id !== 6 && id !== 8;
    return dialect === 'valkey' && id === VALKEY_HASH_2 && atLeast(server.version, 9);
  }
  const since = REDIS_SINCE[id];
  if (since === undefined || (dialect === 'valkey' && id > LAST_COMMON_TYPE)) return false;
  return atLeast(server.version, since[0], since[1]);
}

export function capabilitiesOf(server: ServerIdentity): Capabilities {
  const since = (major: number, minor = 0): boolean => atLeast(server.version, major, minor);
  return {
    server,
    restoreReplace: since(3),
    restoreAbsttl: since(5),
    setPxat: since(6, 2),
    unlink: since(4),
    hsetMany: since(4),
    fieldTtl: server.family === 'valkey' ? since(9) : since(7, 4),
    xsetidFull: since(7),
    createConsumer: since(6, 2),
    functions: since(7),
    flushAsync: since(4),
    keyMetadata: server.family === 'redis' && since(8, 6),
    acceptsType: (id, dialect) => acceptsType(server, id, dialect),
  };
}
