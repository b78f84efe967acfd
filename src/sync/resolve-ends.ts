/** What stands at both ends of a sync, and whether that can be synced at all; asked before anything else. */
import { checkpointKey } from '../checkpoint/record.js';
import { ReplicantError } from '../errors.js';
import { keySlot } from '../keyspace/key-slot.js';
import { bytesOf } from '../keyspace/words.js';
import { type Endpoint, formatEndpoint } from '../net/endpoint.js';
import { allNodes, type ClusterMap } from '../topology/cluster-map.js';
import { discover, type Topology } from '../topology/discover.js';
import type { SyncOptions } from './options.js';

export interface ResolvedEnds {
  /** With the name of the primary where Sentinels have been found. */
  readonly sync: SyncOptions;
  /** Of a source that is a cluster. */
  readonly sourceMap: ClusterMap | undefined;
}

export async function resolveEnds(options: SyncOptions): Promise<ResolvedEnds> {
  const [source, target] = await Promise.all([
    discover(options.source, 'source'),
    discover(options.target, 'target'),
  ]);
  refuseSameCluster(source, target);
  if (source.kind === 'cluster') refusePosition(options);
  else refuseShare(options);
  return {
    sync: {
      ...options,
      source: found(options.source, source),
      target: found(options.target, target),
      targetIsCluster: target.kind === 'cluster',
    },
    sourceMap: source.kind === 'cluster' ? source.map : undefined,
  };
}

/** Of a cluster the node that the job's record is on is the target's address. */
export function atHome(options: SyncOptions): SyncOptions {
  const slot = keySlot(bytesOf(checkpointKey(options.name)));
  return { ...options, target: { ...options.target, find: { kind: 'slot', slot } } };
}

function found(endpoint: Endpoint, topology: Topology): Endpoint {
  return topology.kind === 'sentinel' ? topology.endpoint : endpoint;
}

function refusePosition({ resumeFrom, source }: SyncOptions): void {
  if (resumeFrom === undefined) return;
  throw new ReplicantError('USAGE', '--resume-from names one position, and the source has several shards', {
    place: { at: formatEndpoint(source) },
  });
}

/** One server can't be shared out: all the processes would be after the same job. */
function refuseShare({ cluster, source }: SyncOptions): void {
  if (cluster?.shardIndex === undefined || cluster.shardIndex === 0) return;
  throw new ReplicantError(
    'USAGE',
    'the source is one server: there is nothing to do for this --shard-index',
    {
      place: { at: formatEndpoint(source) },
      hint: 'run it once, without --shard-index',
    },
  );
}

function refuseSameCluster(source: Topology, target: Topology): void {
  if (source.kind !== 'cluster' || target.kind !== 'cluster') return;
  const ids = new Set(allNodes(source.map).map(({ id }) => id));
  if (!allNodes(target.map).some(({ id }) => ids.has(id))) return;
  throw new ReplicantError('USAGE', 'source and target are the same cluster', {
    hint: 'a cluster synced to itself would copy its own writes for ever',
  });
}
