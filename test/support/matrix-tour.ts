/**
 * Commands that a target may need in other words, each once: what is rare in a random workload is seen in every run.
 * A source that does not know one refuses it, which changes nothing.
 */
import type { Client } from '../../scripts/lib/client.mjs';

const FAR = '9999999999999';

const TOUR: readonly string[] = [
  'SET tour:s 1',
  `SET tour:s 2 PXAT ${FAR}`,
  'SET tour:s 3 KEEPTTL',
  'SET tour:s 4 IFEQ 3',
  `EXPIRE tour:s 1000000 LT`,
  'PERSIST tour:s',
  'GETEX tour:s EX 1000',
  'COPY tour:s tour:copy',
  'COPY tour:s tour:copy DB 3 REPLACE',
  'RENAME tour:copy tour:renamed',
  'UNLINK tour:renamed',
  'SET tour:d v',
  'DELIFEQ tour:d v',
  'MSETEX 2 tour:m1 a tour:m2 b EX 1000',
  'RPUSH tour:l a b c d e f g h',
  'LPOP tour:l 2',
  'LMOVE tour:l tour:l LEFT RIGHT',
  'BLMOVE tour:l tour:l LEFT LEFT 1',
  'SADD tour:set a b c',
  'ZADD tour:z 1 a 2 b 3 c',
  'ZADD tour:z GT 5 a',
  'ZRANGESTORE tour:z2 tour:z 0 1',
  'ZDIFFSTORE tour:z3 2 tour:z tour:z2',
  'GEOADD tour:g 1 1 a 2 2 b',
  'GEOSEARCHSTORE tour:z4 tour:g FROMLONLAT 1 1 BYBOX 100 100 km STOREDIST',
  'HSET tour:h a 1 b 2',
  'HSET tour:hf a 1 b 2 c 3 d 4',
  'HPEXPIRE tour:hf 10000000 FIELDS 1 a',
  'HSETEX tour:hf EX 10000 FIELDS 1 b 3',
  'HGETEX tour:hf PERSIST FIELDS 1 b',
  'HGETDEL tour:hf FIELDS 1 c',
  'XADD tour:x NOMKSTREAM 1-1 a 1',
  'XADD tour:x 1-1 a 1',
  'XADD tour:x MINID = 1 2-1 a 1',
  'XADD tour:x 3-1 a 1',
  'XTRIM tour:x MINID = 2',
  'XGROUP CREATE tour:x g 0 ENTRIESREAD 1',
  'XGROUP CREATE tour:x g 0',
  'XGROUP CREATECONSUMER tour:x g c',
  'XREADGROUP GROUP g c COUNT 1 STREAMS tour:x >',
  'XSETID tour:x 9-9 ENTRIESADDED 20 MAXDELETEDID 1-1',
  'VADD tour:v VALUES 2 1 2 a',
  'VADD tour:v VALUES 2 3 1 b',
  'VREM tour:v a',
  'SELECT 7',
  'SET tour:s 1',
  'FLUSHDB ASYNC',
  'SET tour:s 1',
  'FLUSHDB SYNC',
  'SELECT 0',
];

const LIBRARY = "#!lua name=tour\nredis.register_function('tour', function() return 1 end)\n";

/** The same value under another name, by its payload. */
async function restoreCopy(client: Client, key: string): Promise<void> {
  const payload: Buffer | null = await client.call('DUMP', key);
  if (payload !== null) await client.call('RESTORE', `${key}:restored`, '0', payload);
}

export async function tour(client: Client): Promise<void> {
  await client.pipeline(TOUR.map((line) => line.split(' ')));
  await client.pipeline([['FUNCTION', 'LOAD', 'REPLACE', LIBRARY]]);
  for (const key of ['s', 'l', 'set', 'z', 'h', 'hf', 'x', 'v']) await restoreCopy(client, `tour:${key}`);
}
