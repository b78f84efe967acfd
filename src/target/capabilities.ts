/**
 * What a target can take, by what it says it is. The floor of each ability is the release that brought it;
 * which value types RESTORE accepts stands in `rdb/server-support.ts`.
 */
import type { Dialect } from '../rdb/dialect.js';
import { acceptsType, atLeast, type ServerIdentity } from '../rdb/server-support.js';

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

/** Module values exist since 4.0, but up to 6.0 RESTORE of one whose module is missing ends the server. */
const MODULE_2 = 7;

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
    acceptsType: (id, dialect) => acceptsType(server, id, dialect) && (id !== MODULE_2 || since(6, 2)),
  };
}
