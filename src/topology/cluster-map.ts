/**
 * A cluster as one of its nodes sees it: shards, their nodes, which shard owns which slot, and the moves of slots
 * that this node takes part in. `cluster-nodes.ts`, `cluster-shards.ts` and `cluster-slots.ts` parse the answers
 * that `build-cluster-map.ts` makes a map of. Plain data.
 */
import type { SlotRange } from '../keyspace/slot-set.js';
import type { Address } from '../net/endpoint.js';

export interface ClusterNode {
  /** 40 hex digits. */
  readonly id: string;
  /** Where it is reached from here (`addressMap`); the host that was asked where a node does not tell its own. */
  readonly host: string;
  /** Likewise; the TLS port when the map was asked for over TLS. */
  readonly port: number;
  readonly role: 'primary' | 'replica';
  /** Not failing in the eyes of the node that was asked, and its address is known. */
  readonly healthy: boolean;
  /** The cluster bus between the node that was asked and this one is up. */
  readonly linkUp: boolean;
}

export interface ClusterShard {
  /** 40 hex digits; from Valkey 9 on for all shards, from 7.2 on only for that of the node that was asked. */
  readonly shardId: string | undefined;
  /** In order. */
  readonly slots: readonly SlotRange[];
  /** Undefined where only replicas are known. */
  readonly primary: ClusterNode | undefined;
  readonly replicas: readonly ClusterNode[];
  /** All that belong to it, a failed primary of before too. */
  readonly nodeIds: readonly string[];
}

/** A slot that is moved key by key, which only the two nodes tell, each for itself. */
export interface SlotMove {
  readonly slot: number;
  /** Who says so: the node it leaves (`migrating`) or the node it comes to (`importing`). */
  readonly state: 'migrating' | 'importing';
  /** Node ids. */
  readonly from: string;
  readonly to: string;
}

export interface ClusterMap {
  /** The node that was asked; undefined when it did not tell. */
  readonly myself: string | undefined;
  /** Those with slots in the order of their first slot, then those without. */
  readonly shards: readonly ClusterShard[];
  /** Slot → index in `shards`; -1: nobody. */
  readonly owner: Int16Array;
  /** Moves of slots that `myself` takes part in. */
  readonly moving: readonly SlotMove[];
  /** Nodes of all kinds. */
  readonly size: number;
  /** `cluster_state:ok`: the node is in touch with most primaries. True when it can't be asked. */
  readonly ok: boolean;
  /** `cluster_current_epoch`: the higher, the newer what this node knows; 0 when it can't be asked. */
  readonly epoch: number;
}

export function ownerOf(map: ClusterMap, slot: number): ClusterShard | undefined {
  return map.shards[map.owner[slot] ?? -1];
}

export function shardOfNode(map: ClusterMap, nodeId: string): ClusterShard | undefined {
  return map.shards.find(({ nodeIds }) => nodeIds.includes(nodeId));
}

export function nodesOf(shard: ClusterShard): readonly ClusterNode[] {
  return shard.primary === undefined ? shard.replicas : [shard.primary, ...shard.replicas];
}

export function addressOf({ host, port }: ClusterNode): Address {
  return { kind: 'tcp', host, port };
}

export function allNodes(map: ClusterMap): readonly ClusterNode[] {
  return map.shards.flatMap(nodesOf);
}

/**
 * The shard that has the id, else the one with most of the nodes; those with slots go first, since a failed
 * primary of before may be listed as a shard of its own.
 */
export function findShard(
  map: ClusterMap,
  wanted: { readonly shardId: string | undefined; readonly nodeIds: readonly string[] },
): ClusterShard | undefined {
  const common = ({ nodeIds }: ClusterShard): number =>
    nodeIds.filter((id) => wanted.nodeIds.includes(id)).length;
  const named = map.shards.filter(({ shardId }) => shardId !== undefined && shardId === wanted.shardId);
  const related = named.length > 0 ? named : map.shards.filter((shard) => common(shard) > 0);
  const rank = (shard: ClusterShard): number => (shard.slots.length > 0 ? 1e6 : 0) + common(shard);
  return related.toSorted((a, b) => rank(b) - rank(a))[0];
}

/**
 * Two maps with the same text say the same of shards, roles, health, addresses and slots. Not of shard ids, which stay
 * what they are, but are not always known.
 */
export function describeMap(map: ClusterMap): string {
  const node = ({ id, host, port, role, healthy }: ClusterNode): string =>
    [id, host, port, role, healthy ? 'up' : 'down'].join(' ');
  const shard = (one: ClusterShard): string => {
    const slots = one.slots.map((range) => range.join('-')).join(',');
    return [slots, ...nodesOf(one).map(node).toSorted(), ...one.nodeIds.toSorted()].join(' | ');
  };
  return [map.ok ? 'ok' : 'not ok', ...map.shards.map(shard)].join('\n');
}
