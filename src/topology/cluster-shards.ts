/**
 * `CLUSTER SHARDS` (7.0+): shards as lists of names and values,
 *
 *     slots [first last …]  nodes [[id … port … tls-port … ip … endpoint … hostname … role … health …] …]  id …
 *
 * It says what `CLUSTER NODES` does not: which nodes form a shard (7.0 lists a failed primary as a shard of its
 * own, 7.2+ with its successor), the endpoint that clients are to use, and from Valkey 9 on the shard's id. The
 * `endpoint` is the ip or, under `cluster-preferred-endpoint-type hostname`, the hostname, `?` when there is none;
 * under `unknown-endpoint` it is null (empty in RESP2): the host by which the node was asked.
 *
 * `health` is no help: replicas of a shard that has not been written to are `loading`.
 */
import { type Reply, replyText } from '../resp/reply-decoder.js';
import { replyFields, replyList, textField } from './reply-fields.js';

export interface ShardEntry {
  readonly shardId: string | undefined;
  readonly nodes: readonly ShardNode[];
}

export interface ShardNode {
  readonly id: string;
  /** Which host to use; `asked`: the one by which the answer came; undefined: nothing is said. */
  readonly endpoint: { readonly host: string } | 'asked' | undefined;
  readonly tlsPort: number | undefined;
}

/** Undefined when it is no such answer. */
export function parseClusterShards(reply: Reply | undefined): ShardEntry[] | undefined {
  const shards = replyList(reply)?.map(parseShard);
  return shards?.every((shard) => shard !== undefined) === true ? shards : undefined;
}

function parseShard(reply: Reply): ShardEntry | undefined {
  const fields = replyFields(reply);
  const nodes = replyList(fields?.get('nodes'))?.map(parseNode);
  if (nodes === undefined || !nodes.every((node) => node !== undefined)) return undefined;
  return { shardId: textField(fields, 'id'), nodes };
}

function parseNode(reply: Reply): ShardNode | undefined {
  const fields = replyFields(reply);
  const id = textField(fields, 'id');
  if (fields === undefined || id === undefined) return undefined;
  const tlsPort = Number(textField(fields, 'tls-port') ?? 0);
  return { id, endpoint: parseShardEndpoint(fields.get('endpoint')), tlsPort: tlsPort || undefined };
}

function parseShardEndpoint(reply: Reply | undefined): ShardNode['endpoint'] {
  if (reply === undefined) return undefined;
  const host = reply === null ? '' : replyText(reply);
  if (host === '') return 'asked';
  return host === undefined || host === '?' ? undefined : { host };
}
