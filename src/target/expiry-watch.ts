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
 *
 * A cluster counts on each primary; another one in the place of one of them is like a restart.
 */
import type { Client } from '../net/client.js';
import { replyText } from '../resp/reply-decoder.js';

export interface Expiry {
  readonly runId: string;
  readonly expiredKeys: number;
}

const COUNTERS = /^(?:expired_keys|expired_subkeys|expired_fields|rdb_last_load_keys_expired):(\d+)/gmu;

/** Of all primaries of a target together; undefined when one of them does not say. */
export async function readExpiryOf(clients: readonly Client[]): Promise<Expiry | undefined> {
  const all = await Promise.all(clients.map(readExpiry));
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length || known.length === 0) return undefined;
  return {
    runId: known
      .map(({ runId }) => runId)
      .toSorted()
      .join(','),
    expiredKeys: known.reduce((sum, { expiredKeys }) => sum + expiredKeys, 0),
  };
}

/** What is promised until a time is promised for the clock that is behind; what may be past is, for the one ahead. */
export interface Clocks {
  readonly earliestMs: number;
  readonly latestMs: number;
}

export async function readClocks(clients: readonly Client[]): Promise<Clocks> {
  const all = await Promise.all(clients.map(readClock));
  return { earliestMs: Math.min(...all), latestMs: Math.max(...all) };
}

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
