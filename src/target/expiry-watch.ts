/**
 * Has the target let anything run out by its own clock since it was last asked? Both numbers the same as
 * before: no. The counter goes up with every key or field that is expired, actively or on being looked at. A
 * PEXPIREAT into the past counts on Valkey 8.1+ and not on Redis 6.0 to 8.0, such an HPEXPIREAT does on 8.0: so
 * ask again after a sweep that releases. CONFIG RESETSTAT sets it back: ask whether it differs, not whether it
 * grew. It counts everybody's keys.
 *
 *   INFO stats        expired_keys; expired_subkeys (Redis 7.4+) or expired_fields (Valkey 9) for hash fields
 *   INFO persistence  rdb_last_load_keys_expired (7.0+): not loaded at the start as they were past
 *   INFO server       run_id: another one after a restart, and what happened before it is not known
 */
import type { Client } from '../net/client.js';
import { replyText } from '../resp/reply-decoder.js';

export interface Expiry {
  readonly runId: string;
  readonly expiredKeys: number;
}

const COUNTERS = /^(?:expired_keys|expired_subkeys|expired_fields|rdb_last_load_keys_expired):(\d+)/gmu;

/** undefined: INFO is not permitted, or does not say. */
export async function readExpiry(client: Client): Promise<Expiry | undefined> {
  const [server, stats, persistence] = await Promise.all(
    ['server', 'stats', 'persistence'].map((section) => client.ask('INFO', section)),
  );
  const runId = /^run_id:(\w+)/mu.exec(server ?? '')?.[1];
  if (runId === undefined || stats === undefined) return undefined;
  let expiredKeys = 0;
  for (const [, count] of `${stats}\n${persistence ?? ''}`.matchAll(COUNTERS)) expiredKeys += Number(count);
  return { runId, expiredKeys };
}

/** The server's own clock, in ms; it is what it goes by when it expires keys. */
export async function readClock(client: Client): Promise<number> {
  const reply = await client.call('TIME');
  const [seconds, micros] = Array.isArray(reply) ? reply.map((part) => Number(replyText(part))) : [];
  return (seconds ?? Number.NaN) * 1000 + Math.floor((micros ?? Number.NaN) / 1000);
}
