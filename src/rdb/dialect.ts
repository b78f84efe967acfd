/**
 * Redis and Valkey forked after RDB version 11: bytes 22, 23, 242 and 243 mean different things in their
 * files. The magic of a file (`REDIS` + 4 digits, `VALKEY` + 3 digits) or the footer version of a DUMP
 * payload (80 and up is Valkey) says which table applies.
 */
export type Dialect = 'redis' | 'valkey';

/** The first RDB version that Valkey numbers on its own. */
const VALKEY_FIRST_VERSION = 80;

export function dialectOfFooter(version: number): Dialect {
  return version >= VALKEY_FIRST_VERSION ? 'valkey' : 'redis';
}
