/** A cluster as one of its nodes sees it, asked of whoever answers. */
import { askClusterMap } from '../net/ask-cluster.js';
import { ASK_TIMEOUT_MS, askSeeds } from '../net/ask-seeds.js';
import type { Connection } from '../net/connection.js';
import type { Endpoint } from '../net/endpoint.js';
import { addressesToAsk, rememberAddresses } from '../net/known-addresses.js';
import type { Side } from '../net/socket.js';
import { addressOf, allNodes, type ClusterMap } from './cluster-map.js';

/** So many nodes are asked when they say that the cluster is down. */
const MOST_DOUBTS = 3;

/**
 * The map of the first node that answers and is in touch with the others. When there is none, as where a part of the
 * cluster is down, the newest of those that answer: some slots may be served all the same. Errors: as `locate`.
 */
export async function readClusterMap(
  endpoint: Endpoint,
  side: Side,
  signal?: AbortSignal,
): Promise<ClusterMap> {
  const doubtful: ClusterMap[] = [];
  const ask = async (connection: Connection, place: Endpoint): Promise<ClusterMap | undefined> => {
    const map = await askClusterMap(connection, place, side, ASK_TIMEOUT_MS);
    const healthy = allNodes(map).filter((node) => node.healthy);
    if (map.ok) rememberAddresses(endpoint, place.address, healthy.map(addressOf));
    else doubtful.push(map);
    return map.ok || doubtful.length >= MOST_DOUBTS ? newestMap([...doubtful, map]) : undefined;
  };
  try {
    const addresses = addressesToAsk(endpoint);
    return await askSeeds({ endpoint, addresses, side, what: 'the cluster', signal, ask });
  } catch (error) {
    if (doubtful.length === 0) throw error;
    return newestMap(doubtful)!;
  }
}

/** Those in touch with the cluster first, then by the epoch they have seen, then the first. */
export function newestMap(maps: readonly ClusterMap[]): ClusterMap | undefined {
  const rank = (map: ClusterMap): number => (map.ok ? 1e15 : 0) + map.epoch;
  return maps.toSorted((a, b) => rank(b) - rank(a))[0];
}
