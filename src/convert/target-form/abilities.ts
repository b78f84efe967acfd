/**
 * What a target must be known to take before a command of the stream can be given the right form. Filled by
 * `target/capabilities.ts` from what the target answered, or from its version.
 */
import type { Dialect } from '../../rdb/dialect.js';
import type { ServerIdentity } from '../../rdb/server-support.js';

export interface TargetAbilities {
  readonly server: ServerIdentity;
  /** RESTORE … REPLACE: 3.0 and up. */
  readonly restoreReplace: boolean;
  /** RESTORE … ABSTTL, IDLETIME, FREQ: 5.0 and up. */
  readonly restoreAbsttl: boolean;
  /** SET … EXAT, PXAT, GET: 6.2 and up. */
  readonly setPxat: boolean;
  /** SET … KEEPTTL: 6.0 and up. */
  readonly setKeepTtl: boolean;
  /** EXPIRE … NX, XX, GT, LT: 7.0 and up. */
  readonly expireFlags: boolean;
  /** LPOP key count: 6.2 and up. */
  readonly popCount: boolean;
  /** HSET with many fields, LPUSHX with many items: 4.0 and up. */
  readonly hsetMany: boolean;
  /** ZADD … NX, XX, CH, INCR: 3.0.2 and up. */
  readonly zaddFlags: boolean;
  /** ZADD … GT, LT: 6.2 and up. */
  readonly zaddGt: boolean;
  /** BITOP DIFF, DIFF1, ANDOR, ONE: Redis 8.2 and up. */
  readonly bitopDiff: boolean;
  /** FLUSHALL ASYNC: 4.0 and up. */
  readonly flushAsync: boolean;
  /** FLUSHALL SYNC, SCRIPT FLUSH SYNC: 6.2 and up. */
  readonly flushSync: boolean;
  /** HPEXPIREAT and what goes with it: Redis 7.4, Valkey 9.0. */
  readonly fieldTtl: boolean;
  readonly functions: boolean;
  /** XADD NOMKSTREAM, XADD and XTRIM MINID: 6.2 and up. */
  readonly xaddMinid: boolean;
  /** XADD and XTRIM KEEPREF, DELREF, ACKED: Redis 8.2 and up. */
  readonly xaddRefs: boolean;
  /** XADD IDMP, IDMPAUTO: Redis 8.6 and up. */
  readonly xaddIdmp: boolean;
  /** XGROUP CREATECONSUMER: 6.2 and up. */
  readonly createConsumer: boolean;
  /** ENTRIESREAD of XGROUP, ENTRIESADDED of XSETID: 7.0 and up. */
  readonly xsetidFull: boolean;
  /** RESTORE takes what modules attach to keys (KEY_META): Redis 8.6 and up. */
  readonly keyMetadata: boolean;
  /** Does it know the command of this name (in upper case)? True for what nobody asked it about. */
  readonly has: (name: string) => boolean;
  /** Does RESTORE take a payload of this type, written by a server of that dialect? */
  acceptsType(id: number, dialect: Dialect): boolean;
  /** Does RESTORE take a payload whose footer says this version? */
  acceptsFooter(version: number): boolean;
}
