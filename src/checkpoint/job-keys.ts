/**
 * Which keys of a target belong to a job, beside its checkpoint:
 *
 *     __replicant:{<job>}:checkpoint      where it stands
 *     __replicant:{<tag>}:lane:<job>      on a cluster: how far each node has come (`target/cluster/lane-text`)
 *     __replicant:{<tag>}:carry:<job>     on a cluster: what was on its way between two slots …
 *     __replicant:{<tag>}:carry:<job>:1   … and copies for that
 *     __replicant:{<job>}:shards          of a source that is a cluster: which job is which shard's; and others,
 *                                         by which these jobs come to terms
 *
 * The shards of `orders` are the jobs `orders.s1`, `orders.s2` …; then `orders` has no checkpoint of its own.
 */
import { CHECKPOINT_PREFIX } from './record.js';

/** Is `name` that of a shard of the job? */
export function isShardOf(name: string, job: string): boolean {
  return name.startsWith(`${job}.`) && /^s[1-9]\d*$/u.test(name.slice(job.length + 1));
}

const KEY = new RegExp(`^${CHECKPOINT_PREFIX}\\{([^}]+)\\}:(?:(lane|carry):([^:]+)|[^:]+)(?::\\d+)?$`, 'u');

/** The job (it may be a shard) that a key of ours belongs to; undefined for one that we do not know. */
export function ownerOfKey(key: string): string | undefined {
  const [, tag, kind, job] = KEY.exec(key) ?? [];
  return kind === undefined ? tag : job;
}
