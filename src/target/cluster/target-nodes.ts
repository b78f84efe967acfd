/** Connections to all primaries of a cluster that own slots, or to the one server that a standalone target is. */
import { ReplicantError } from '../../errors.js';
import { SlotSet } from '../../keyspace/slot-set.js';
import { Client } from '../../net/client.js';
import { type Endpoint, endpointAt } from '../../net/endpoint.js';
import type { ClusterMap } from '../../topology/cluster-map.js';
import { readClusterMap } from '../../topology/read-cluster-map.js';

export interface TargetNode {
  readonly nodeId: string;
  readonly endpoint: Endpoint;
  readonly slots: SlotSet;
}

/** The primaries by what a node says now. Every slot must have one, or there is no writing to it. */
export async function findPrimaries(endpoint: Endpoint): Promise<TargetNode[]> {
  return primariesOf(await readClusterMap(endpoint, 'target'), endpoint);
}

function primariesOf(map: ClusterMap, endpoint: Endpoint): TargetNode[] {
  return map.shards.flatMap(({ primary, slots }) => {
    if (slots.length === 0) return [];
    if (primary === undefined) {
      throw new ReplicantError('TARGET_BUSY', 'a shard of the target has no primary', {
        hint: 'waiting for its failover; see cluster nodes there',
      });
    }
    const address = { kind: 'tcp' as const, host: primary.host, port: primary.port };
    return [{ nodeId: primary.id, endpoint: endpointAt(endpoint, address), slots: SlotSet.of(slots) }];
  });
}

/** All or none. */
export async function connectAll(nodes: readonly TargetNode[]): Promise<Client[]> {
  const settled = await Promise.allSettled(nodes.map(({ endpoint }) => Client.connect(endpoint, 'target')));
  const failed = settled.find((one) => one.status === 'rejected');
  const clients = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return clients;
  for (const client of clients) client.close();
  throw failed.reason;
}
