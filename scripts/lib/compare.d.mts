/** Types of the comparison of two servers: see compare.mjs. */
import type { Client } from './client.mjs';
import type { ClusterClient } from './cluster-client.mjs';

/** A server or a cluster. */
export type AnyClient = Client | ClusterClient;

export interface Difference {
  /** null for what belongs to no database: functions, the whole digest. */
  readonly db: number | null;
  /** Printable: `"user:1"`, other bytes as \xNN; long keys are cut. */
  readonly key: string | null;
  /** `missing`: only `a` has the key; `extra`: only `b` has it. */
  readonly what:
    | 'missing'
    | 'extra'
    | 'type'
    | 'value'
    | 'ttl'
    | 'field-ttl'
    | 'stream'
    | 'function'
    | 'digest';
  /** For people; null when that side has nothing. */
  readonly a: string | null;
  readonly b: string | null;
}

export interface CompareOptions {
  /** Databases 0 … dbs-1 are looked at key by key; the digest covers all. Default 16. */
  dbs?: number;
  /** Differences to report at most. Default 20. */
  limit?: number;
  /** Also TTLs, field TTLs, consumer groups and functions. Default: up to 100 000 keys. */
  deep?: boolean;
  /** For expiry times. Default 0; at least 50 where a server (< 7.0) knows only PTTL. */
  ttlToleranceMs?: number;
  /** `b` is the target of a sync that runs, which holds deadlines back. Default false. */
  held?: boolean;
  /**
   * Where a key of `a` is expected in `b`; default: in the same place. Undefined: in none, it is not looked at.
   * Differences are told by the key of `a`, but for what only `b` has.
   */
  mapKey?: (db: number, key: Buffer) => { readonly db: number; readonly key: Buffer } | undefined;
  /** With clusters and `mapKey`: also functions, as each primary has them. Default true. */
  functions?: boolean;
}

export interface Comparison {
  readonly equal: boolean;
  /** Whether the deep comparison was made. */
  readonly deep: boolean;
  /** Keys of the fuller side. */
  readonly keys: number;
  /** Empty with clusters and `mapKey`. May differ though `equal`: Redis 7.4+ digests a hash with expiring fields in its own way. */
  readonly digestA: string;
  readonly digestB: string;
  readonly differences: readonly Difference[];
}

export declare function digest(client: Client): Promise<string>;
/** Both clients are left in database 0. */
export declare function compareServers(
  a: AnyClient,
  b: AnyClient,
  options?: CompareOptions,
): Promise<Comparison>;
