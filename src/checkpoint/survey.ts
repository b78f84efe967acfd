/** The checkpoints of a target with what can be said of their owners, for people. */
import { ReplicantError } from '../errors.js';
import type { Client } from '../net/client.js';
import { idleSecondsOf, listOwnerConnections, type OwnerConnection } from './connections.js';
import { describeOwner, STALE_AFTER_MS } from './lease.js';
import { checkpointKey } from './record.js';
import { isShardOf } from './job-keys.js';
import { listCheckpoints, readStored, type StoredCheckpoint } from './store.js';

/**
 * `none`: released by a clean stop. `alive`: connected and in use; `stuck`: connected, but not used for long;
 * `gone`: not connected; `unknown`: this user may not list connections.
 */
export type OwnerState = 'none' | 'alive' | 'stuck' | 'gone' | 'unknown';

export type SurveyedCheckpoint = StoredCheckpoint & {
  readonly ownerState: OwnerState;
  /** Since the owner's connection was last used. */
  readonly idleSeconds: number | undefined;
};

/** That of one job or those of its shards (or none), or those of all; `clients` are one for each primary. */
export async function surveyCheckpoints(
  clients: readonly Client[],
  job?: string,
): Promise<SurveyedCheckpoint[]> {
  const lists = await Promise.all(clients.map(listOwnerConnections));
  const known = lists.filter((list) => list !== undefined);
  // A job may be connected to one of them only.
  const connections = known.length === lists.length ? known.flat() : undefined;
  const stored = job === undefined ? await listCheckpoints(clients) : await readJob(clients, job);
  return stored
    .filter((found) => found !== undefined)
    .map((found) => ({ ...found, ...stateOf(found, connections) }));
}

async function readJob(clients: readonly Client[], job: string): Promise<(StoredCheckpoint | undefined)[]> {
  const whole = await readStored(clients, job);
  if (whole !== undefined) return [whole];
  return (await listCheckpoints(clients)).filter((stored) => isShardOf(stored.job, job));
}

function stateOf(
  { job, checkpoint }: StoredCheckpoint,
  connections: readonly OwnerConnection[] | undefined,
): Pick<SurveyedCheckpoint, 'ownerState' | 'idleSeconds'> {
  const owner = checkpoint?.owner;
  if (owner === undefined) return { ownerState: 'none', idleSeconds: undefined };
  if (connections === undefined) return { ownerState: 'unknown', idleSeconds: undefined };
  const idleSeconds = idleSecondsOf(connections, job, owner.id);
  if (idleSeconds === undefined) return { ownerState: 'gone', idleSeconds };
  return { ownerState: idleSeconds * 1000 >= STALE_AFTER_MS ? 'stuck' : 'alive', idleSeconds };
}

/** Throws TARGET_HELD when a sync may be running that needs it. */
export function confirmNotHeld({ job, checkpoint, ownerState, idleSeconds }: SurveyedCheckpoint): void {
  const owner = checkpoint?.owner;
  if (owner === undefined || (ownerState !== 'alive' && ownerState !== 'unknown')) return;
  const sign =
    ownerState === 'alive'
      ? `last sign of life ${idleSeconds} s ago`
      : 'whether it is still running cannot be seen: CLIENT LIST is refused';
  throw new ReplicantError('TARGET_HELD', `job ${job} is held by ${describeOwner(owner)} (${sign})`, {
    place: { key: checkpointKey(job) },
    hint: 'stop that sync first, or use --force',
  });
}
