/**
 * Where the thing that an endpoint means is at the moment. Asked for each new connection, so that these follow
 * failovers, resharding and moved addresses:
 *
 *     no `find`   the address; the first of several that answers
 *     sentinel    the primary that a Sentinel names and that says of itself to be one (ROLE)
 *     slot        the primary that owns the slot
 *     shard       its primary, or a replica whose link to the primary is up
 *     node        the node with the id
 */
import { ReplicantError } from '../errors.js';
import {
  addressOf,
  allNodes,
  type ClusterMap,
  type ClusterNode,
  findShard,
  ownerOf,
} from '../topology/cluster-map.js';
import { readClusterMap } from '../topology/read-cluster-map.js';
import { ASK_TIMEOUT_MS, askSeeds } from './ask-seeds.js';
import { Connection } from './connection.js';
import {
  addressesOf,
  type Endpoint,
  endpointAt,
  type Find,
  formatAddress,
  formatEndpoint,
} from './endpoint.js';
import { addressesToAsk, rememberAddresses } from './known-addresses.js';
import { locatePrimary } from './locate-primary.js';
import { readRole } from './role.js';
import { type Side, UNREACHABLE } from './socket.js';

/**
 * An endpoint without `find` and `seeds`. Errors: the side's UNREACHABLE (may be retried) when nobody answers, or
 * what is looked for is not there; DENIED, PROTOCOL when that won't get better by itself.
 */
export async function locate(endpoint: Endpoint, side: Side): Promise<Endpoint> {
  const { find } = endpoint;
  if (find === undefined) {
    return addressesOf(endpoint).length === 1
      ? endpointAt(endpoint, endpoint.address)
      : firstAnswering(endpoint, side);
  }
  if (find.kind === 'sentinel') return locatePrimary(endpoint, find.master, side);
  const map = await readClusterMap(endpoint, side);
  if (find.kind === 'shard') return locateInShard(endpoint, find, map, side);
  const node =
    find.kind === 'slot'
      ? ownerOf(map, find.slot)?.primary
      : allNodes(map).find(({ id }) => id === find.nodeId);
  if (node === undefined) {
    throw nowhere(
      endpoint,
      side,
      find.kind === 'slot' ? `slot ${find.slot} has no primary` : `there is no node ${find.nodeId}`,
    );
  }
  return endpointAt(endpoint, addressOf(node));
}

async function firstAnswering(endpoint: Endpoint, side: Side): Promise<Endpoint> {
  const ask = async (_: Connection, place: Endpoint): Promise<Endpoint> => place;
  const found = await askSeeds({
    endpoint,
    addresses: addressesToAsk(endpoint),
    side,
    what: 'a server',
    ask,
  });
  rememberAddresses(endpoint, found.address);
  return found;
}

async function locateInShard(
  endpoint: Endpoint,
  find: Find & { kind: 'shard' },
  map: ClusterMap,
  side: Side,
): Promise<Endpoint> {
  const shard = findShard(map, find);
  if (shard === undefined) throw nowhere(endpoint, side, 'the cluster has no such shard');
  const replica = find.read === 'primary' ? undefined : await fitReplica(endpoint, shard.replicas, side);
  if (replica !== undefined) return replica;
  if (find.read === 'replica')
    throw nowhere(endpoint, side, 'no replica of the shard has a link to its primary');
  if (shard.primary === undefined) throw nowhere(endpoint, side, 'the shard has no primary');
  return endpointAt(endpoint, addressOf(shard.primary));
}

/** The first replica that says itself that it is in step with its primary. */
async function fitReplica(
  endpoint: Endpoint,
  replicas: readonly ClusterNode[],
  side: Side,
): Promise<Endpoint | undefined> {
  for (const node of replicas.filter(({ healthy }) => healthy)) {
    const place = endpointAt(endpoint, addressOf(node));
    try {
      const role = await readRole(place, side, ASK_TIMEOUT_MS);
      if (role === undefined || (role.role === 'replica' && role.linkUp)) return place;
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
    }
  }
  return undefined;
}

function nowhere(endpoint: Endpoint, side: Side, what: string): ReplicantError {
  return new ReplicantError(
    UNREACHABLE[side],
    `can't find the ${side} (${formatEndpoint(endpoint)}): ${what}`,
    {
      place: { at: addressesOf(endpoint).map(formatAddress).join(',') },
    },
  );
}
