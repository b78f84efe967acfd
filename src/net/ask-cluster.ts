/** Asks one node of a cluster what it knows: all questions in one write. */
import { ReplicantError } from '../errors.js';
import { type Reply, ReplyError } from '../resp/reply-decoder.js';
import { buildClusterMap } from '../topology/build-cluster-map.js';
import type { ClusterMap } from '../topology/cluster-map.js';
import { mapAddress } from './address-map.js';
import type { Connection } from './connection.js';
import type { Endpoint } from './endpoint.js';
import { PROTOCOL, type Side, UNREACHABLE } from './socket.js';

/**
 * The cluster as the node at `endpoint.address` sees it. Errors: PROTOCOL when it is no node of a cluster, DENIED
 * when the commands are forbidden, UNREACHABLE when it can't answer now.
 */
export async function askClusterMap(
  connection: Connection,
  endpoint: Endpoint,
  side: Side,
  timeoutMs: number,
): Promise<ClusterMap> {
  const ask = (...args: readonly string[]): Promise<Reply> => connection.request(args, timeoutMs);
  const [nodes, shards, info, myShardId] = await Promise.all([
    ask('CLUSTER', 'NODES'),
    ask('CLUSTER', 'SHARDS'),
    ask('CLUSTER', 'INFO'),
    ask('CLUSTER', 'MYSHARDID'),
  ]);
  const slots = nodes instanceof ReplyError ? await ask('CLUSTER', 'SLOTS') : undefined;
  const { address, addressMap, tls } = endpoint;
  const map = buildClusterMap({
    ...{ nodes, shards, info, myShardId, slots },
    askedHost: address.kind === 'tcp' ? address.host : 'localhost',
    tls: tls !== undefined,
    reach: (host, port) => mapAddress(addressMap, host, port),
  });
  if (map !== undefined) return map;
  if (nodes instanceof ReplyError) throw explainRefusal(connection, side, nodes);
  throw new ReplicantError(PROTOCOL[side], 'the answer to CLUSTER NODES is not understood', {
    place: { at: connection.address },
  });
}

function explainRefusal(connection: Connection, side: Side, reply: ReplyError): ReplicantError {
  const place = { at: connection.address };
  if (/cluster support disabled/.test(reply.message)) {
    return new ReplicantError(PROTOCOL[side], 'this server is not a node of a cluster', { place });
  }
  if (/^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)/.test(reply.message)) {
    return new ReplicantError(UNREACHABLE[side], `it can't answer CLUSTER NODES now: ${reply.message}`, {
      place,
    });
  }
  return connection.refusal('CLUSTER NODES', reply);
}
