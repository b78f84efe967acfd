/** Removes what jobs have left on a target beside the data. */
import type { Client } from '../net/client.js';
import { readLayout } from '../target/slot-layout.js';
import { isShardOf, ownerOfKey } from './job-keys.js';
import { checkpointKey } from './record.js';
import { deleteOurs, listOurs, readStored } from './store.js';

/**
 * Everything of this job and its shards, or of all jobs; how many keys there were. The checkpoints go first: a job
 * without one begins anew, one without the rest of its keys would go on from the wrong place.
 */
export async function clearJobs(clients: readonly Client[], job: string | undefined): Promise<number> {
  const keys = await keysOf(clients, job);
  const [first, later] = [keys.filter(isCheckpoint), keys.filter((key) => !isCheckpoint(key))];
  return await deleteOurs(clients, [...first, ...later]);
}

async function keysOf(clients: readonly Client[], job: string | undefined): Promise<readonly string[]> {
  const belongs = (key: string): boolean => {
    const owner = ownerOfKey(key);
    return owner !== undefined && (job === undefined || owner === job || isShardOf(owner, job));
  };
  // Elsewhere than on a cluster a job that has a checkpoint of its own has nothing else.
  if (job !== undefined && (await readLayout(clients)) === undefined) {
    if ((await readStored(clients, job)) !== undefined) return [checkpointKey(job)];
  }
  return (await listOurs(clients)).filter(belongs);
}

function isCheckpoint(key: string): boolean {
  return key.endsWith('}:checkpoint');
}
