/** Connections to everything that a target is: the server, or each primary of a cluster that owns slots. */
import { Client } from '../net/client.js';
import type { Endpoint } from '../net/endpoint.js';
import { discover } from '../topology/discover.js';
import { connectAll, findPrimaries } from './cluster/target-nodes.js';

/** The endpoint may name a server, any nodes of a cluster, or Sentinels. All or none. */
export async function connectPrimaries(endpoint: Endpoint): Promise<readonly Client[]> {
  const topology = await discover(endpoint, 'target');
  if (topology.kind === 'cluster') return await connectAll(await findPrimaries(endpoint));
  return [await Client.connect(topology.kind === 'sentinel' ? topology.endpoint : endpoint, 'target')];
}
