/**
 * First releases of the commands that can stand in a replication stream, for those that not every server since
 * Redis 2.6 has: Redis, then Valkey (which began as Redis 7.2); `-` where the family does not have it.
 */
import { atLeast, type ServerIdentity } from '../../rdb/server-support.js';
import { parseRelease } from './rule.js';

type Floor = ReturnType<typeof parseRelease>;

const ROWS: readonly (readonly [redis: string, valkey: string, names: string])[] = [
  ['2.8', '7.2', 'PFADD PFCOUNT PFMERGE PFDEBUG'],
  ['3.0', '7.2', 'RESTORE-ASKING'],
  ['3.2', '7.2', 'BITFIELD GEOADD GEORADIUS GEORADIUSBYMEMBER TOUCH'],
  ['4.0', '7.2', 'SWAPDB UNLINK'],
  ['5.0', '7.2', 'BZPOPMAX BZPOPMIN ZPOPMAX ZPOPMIN'],
  ['5.0', '7.2', 'XACK XADD XCLAIM XDEL XGROUP XREADGROUP XSETID XTRIM'],
  ['6.2', '7.2', 'BLMOVE COPY GEOSEARCHSTORE GETDEL GETEX LMOVE XAUTOCLAIM ZDIFFSTORE ZRANGESTORE'],
  ['7.0', '7.2', 'BLMPOP BZMPOP FCALL FUNCTION LMPOP SPUBLISH ZMPOP'],
  ['7.4', '9.0', 'HEXPIRE HEXPIREAT HPERSIST HPEXPIRE HPEXPIREAT'],
  ['8.0', '9.0', 'HGETEX HSETEX'],
  ['8.0', '9.1', 'HGETDEL'],
  ['8.0', '-', 'VADD VREM VSETATTR'],
  ['8.2', '-', 'XACKDEL XDELEX'],
  ['8.4', '9.1', 'MSETEX'],
  ['8.4', '-', 'DELEX'],
  ['-', '9.0', 'DELIFEQ'],
  ['8.6', '-', 'XCFGSET XIDMPRECORD'],
  ['8.8', '-', 'ARDEL ARDELRANGE ARINSERT ARMSET ARRING ARSEEK ARSET BLMOVEM INCREX LMOVEM XNACK'],
  ['8.10', '-', 'HIMPORT'],
];

const SINCE: ReadonlyMap<string, Readonly<Record<ServerIdentity['family'], Floor>>> = new Map(
  ROWS.flatMap(([redis, valkey, names]) =>
    names
      .split(' ')
      .map((name) => [name, { redis: parseRelease(redis), valkey: parseRelease(valkey) }] as const),
  ),
);

/** By its version, does the server know this command (in upper case)? True for names not known here. */
export function knowsCommand(server: ServerIdentity, name: string): boolean {
  const row = SINCE.get(name);
  if (row === undefined) return true;
  const floor = row[server.family];
  return floor !== undefined && atLeast(server.version, floor[0], floor[1]);
}
