/** The roster of a job on its target. */
import { bytesOf, sameBytes } from '../../keyspace/words.js';
import type { Client } from '../../net/client.js';
import { call } from '../../checkpoint/store.js';
import { ReplicantError } from '../../errors.js';
import { EMPTY_ROSTER, formatRoster, parseRoster, type Roster, rosterKey } from './roster.js';
import type { TargetAccess } from './target-access.js';

/** How often somebody else may be faster. */
const ATTEMPTS = 20;

export async function readRoster(access: TargetAccess, job: string): Promise<Roster | undefined> {
  const key = rosterKey(job);
  const text = await access.get(key);
  return text === undefined ? undefined : parseRoster(text);
}

/** What `change` makes of it, whoever else changes it meanwhile; returns what then stands there. */
export async function changeRoster(
  access: TargetAccess,
  job: string,
  change: (roster: Roster) => Roster,
): Promise<Roster> {
  const key = rosterKey(job);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
    const done = await access.apart(key, (client) => exchange(client, key, change));
    if (done !== undefined) return done;
  }
  throw new ReplicantError('TARGET_BUSY', 'the list of shards is being changed by others all the time', {
    place: { key },
  });
}

/** Undefined when somebody else was faster. */
async function exchange(
  client: Client,
  key: string,
  change: (roster: Roster) => Roster,
): Promise<Roster | undefined> {
  await call(client, 'WATCH', key);
  const found = await call(client, 'GET', key);
  const before = found instanceof Uint8Array ? found : undefined;
  const next = change(before === undefined ? EMPTY_ROSTER : parseRoster(before));
  const text = bytesOf(formatRoster(next));
  if (before !== undefined && sameBytes(before, text)) {
    await call(client, 'UNWATCH');
    return next;
  }
  // One after the other: where MULTI is refused, the SET would be carried out by itself.
  await call(client, 'MULTI');
  await call(client, 'SET', key, text);
  return Array.isArray(await call(client, 'EXEC')) ? next : undefined;
}
