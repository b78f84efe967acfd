/** The answers of one node → its `ClusterMap`. */
import { SLOTS } from '../keyspace/key-slot.js';
import { type SlotRange, SlotSet } from '../keyspace/slot-set.js';
import { type Reply, replyText } from '../resp/reply-decoder.js';
import type { ClusterMap, ClusterNode, ClusterShard } from './cluster-map.js';
import { isHealthy, type NodeLine, parseClusterNodes } from './cluster-nodes.js';
import { parseClusterShards, type ShardEntry, type ShardNode } from './cluster-shards.js';
import { parseClusterSlots } from './cluster-slots.js';

/** What one node answered; error replies count as nothing. */
export interface ClusterAnswers {
  readonly nodes: Reply | undefined;
  readonly shards: Reply | undefined;
  readonly info: Reply | undefined;
  readonly myShardId: Reply | undefined;
  /** Only asked for when `nodes` is refused. */
  readonly slots?: Reply | undefined;
  /** The host by which it was asked. */
  readonly askedHost: string;
  readonly tls: boolean;
  /** Announced → where it is reached from here. */
  reach(host: string, port: number): { readonly host: string; readonly port: number };
}

/** Undefined when neither CLUSTER NODES nor CLUSTER SLOTS was answered as they should be. */
export function buildClusterMap(answers: ClusterAnswers): ClusterMap | undefined {
  const text = answers.nodes === undefined ? undefined : replyText(answers.nodes);
  const lines = text === undefined ? parseClusterSlots(answers.slots) : parseClusterNodes(text);
  if (lines === undefined) return undefined;
  const entries = parseClusterShards(answers.shards) ?? [];
  const myself = lines.find(({ flags }) => flags.includes('myself'));
  const shards = groupLines(lines, entries)
    .map((group) => buildShard(group, answers, entries))
    .map((shard) => withShardId(shard, myself?.id, idText(answers.myShardId)))
    .toSorted(byFirstSlot);
  const info = (answers.info === undefined ? undefined : replyText(answers.info)) ?? '';
  return {
    ...{ myself: myself?.id, shards, owner: ownersOf(shards), moving: myself?.moving ?? [] },
    size: lines.length,
    ok: !/^cluster_state:fail/mu.test(info),
    epoch: Number(/^cluster_current_epoch:(\d+)/mu.exec(info)?.[1] ?? 0),
  };
}

interface Group {
  readonly entry: ShardEntry | undefined;
  readonly lines: readonly NodeLine[];
}

/** A shard is a primary with its replicas; a primary that has lost its slots belongs to its successor's. */
function groupLines(lines: readonly NodeLine[], entries: readonly ShardEntry[]): Group[] {
  const entryOf = (id: string): ShardEntry | undefined =>
    entries.find(({ nodes }) => nodes.some((node) => node.id === id));
  const withSlots = new Set(lines.filter(({ slots }) => slots.length > 0).map(({ id }) => id));
  const groups = new Map<string, NodeLine[]>();
  for (const line of lines) {
    const head = primaryOf(line, lines);
    const successor = withSlots.has(head)
      ? head
      : entryOf(head)?.nodes.find(({ id }) => withSlots.has(id))?.id;
    const key = successor ?? head;
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return [...groups].map(([key, group]) => ({ entry: entryOf(key), lines: group }));
}

/** Replicas of replicas exist for a moment, when roles change. */
function primaryOf(line: NodeLine, lines: readonly NodeLine[]): string {
  let head = line;
  for (let step = 0; step < lines.length && head.role === 'replica'; step++) {
    const next = lines.find(({ id }) => id === head.primaryId);
    if (next === undefined) return head.primaryId ?? head.id;
    head = next;
  }
  return head.id;
}

function buildShard(
  { entry, lines }: Group,
  answers: ClusterAnswers,
  entries: readonly ShardEntry[],
): ClusterShard {
  const said = new Map(entries.flatMap(({ nodes }) => nodes.map((node) => [node.id, node])));
  const node = (line: NodeLine): ClusterNode => buildNode(line, said.get(line.id), answers);
  const primaries = lines.filter(({ role }) => role === 'primary');
  const rank = (line: NodeLine): number => (line.slots.length > 0 ? 2 : 0) + (isHealthy(line) ? 1 : 0);
  const primary = primaries.toSorted((a, b) => rank(b) - rank(a))[0];
  return {
    shardId: entry?.shardId,
    slots: SlotSet.of(lines.flatMap<SlotRange>(({ slots }) => slots)).ranges(),
    primary: primary === undefined ? undefined : node(primary),
    replicas: lines.filter(({ role }) => role === 'replica').map(node),
    nodeIds: lines.map(({ id }) => id),
  };
}

function buildNode(line: NodeLine, said: ShardNode | undefined, answers: ClusterAnswers): ClusterNode {
  const { askedHost, tls } = answers;
  const endpoint = said?.endpoint;
  const own = line.host === '' ? askedHost : line.host;
  const host = endpoint === 'asked' ? askedHost : (endpoint?.host ?? own);
  const reached = answers.reach(host, (tls ? said?.tlsPort : undefined) ?? line.port);
  return {
    ...{ id: line.id, host: reached.host, port: reached.port, role: line.role },
    ...{ healthy: isHealthy(line), linkUp: line.linkUp },
  };
}

function withShardId(shard: ClusterShard, myself: string | undefined, id: string | undefined): ClusterShard {
  const mine = myself !== undefined && shard.nodeIds.includes(myself);
  return mine && shard.shardId === undefined ? { ...shard, shardId: id } : shard;
}

function idText(reply: Reply | undefined): string | undefined {
  const text = reply === undefined ? undefined : replyText(reply);
  return text !== undefined && /^[0-9a-f]{40}$/u.test(text) ? text : undefined;
}

function byFirstSlot(a: ClusterShard, b: ClusterShard): number {
  const first = (shard: ClusterShard): number => shard.slots[0]?.[0] ?? SLOTS;
  return first(a) - first(b) || (a.nodeIds[0]! < b.nodeIds[0]! ? -1 : 1);
}

function ownersOf(shards: readonly ClusterShard[]): Int16Array {
  const owner = new Int16Array(SLOTS).fill(-1);
  shards.forEach(({ slots }, index) => {
    for (const [first, last] of slots) owner.fill(index, first, last + 1);
  });
  return owner;
}
