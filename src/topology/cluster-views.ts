/**
 * How each primary of a cluster sees it. They need not agree: who owns a slot spreads by gossip, and moves of slots
 * are only told by the two nodes that take part.
 */
import { ReplicantError } from '../errors.js';
import { askClusterMap } from '../net/ask-cluster.js';
import { ASK_TIMEOUT_MS } from '../net/ask-seeds.js';
import { Connection } from '../net/connection.js';
import { type Endpoint, endpointAt } from '../net/endpoint.js';
import { KeptConnections } from '../net/kept-connections.js';
import type { Side } from '../net/socket.js';
import { addressOf, type ClusterMap, ownerOf, type SlotMove } from './cluster-map.js';

/** Node id → what that primary says; those that gave no answer are missing. */
export type ClusterViews = ReadonlyMap<string, ClusterMap>;

/** Keeps its connections from one `read` to the next; not for calls side by side. */
export class ClusterViewReader {
  readonly #endpoint: Endpoint;
  readonly #side: Side;
  readonly #connections: KeptConnections;

  constructor(endpoint: Endpoint, side: Side) {
    this.#endpoint = endpoint;
    this.#side = side;
    this.#connections = new KeptConnections(side, (place, ...rest) => Connection.open(place, ...rest));
  }

  /** Asks all primaries of the map at once. Never fails for one that can't be asked. */
  async read(map: ClusterMap): Promise<ClusterViews> {
    const primaries = map.shards.flatMap(({ primary }) => (primary === undefined ? [] : [primary]));
    const places = primaries.map((node) => endpointAt(this.#endpoint, addressOf(node)));
    this.#connections.retain(places);
    const answers = await Promise.all(places.map((place) => this.#ask(place)));
    return new Map(
      primaries.flatMap(({ id }, at) => {
        const view = answers[at];
        // Another node may have come to this address.
        return view === undefined || (view.myself ?? id) !== id ? [] : [[id, view] as const];
      }),
    );
  }

  close(): void {
    this.#connections.close();
  }

  async #ask(place: Endpoint): Promise<ClusterMap | undefined> {
    try {
      const connection = await this.#connections.get(place);
      return await askClusterMap(connection, place, this.#side, ASK_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      return undefined;
    }
  }
}

/** Asks all primaries of the map once. */
export async function readViews(endpoint: Endpoint, map: ClusterMap, side: Side): Promise<ClusterViews> {
  const reader = new ClusterViewReader(endpoint, side);
  try {
    return await reader.read(map);
  } finally {
    reader.close();
  }
}

/** All moves of slots that are under way, by what each primary says of itself. */
export async function readMoving(
  endpoint: Endpoint,
  map: ClusterMap,
  side: Side,
): Promise<readonly SlotMove[]> {
  return movesIn(await readViews(endpoint, map, side));
}

export function movesIn(views: ClusterViews): readonly SlotMove[] {
  return [...views.values()].flatMap(({ moving }) => moving);
}

/** The node that owns the slot in this view. */
export function ownerIn(map: ClusterMap, slot: number): string | undefined {
  return ownerOf(map, slot)?.primary?.id;
}

/**
 * The node that owns the slot for good: all views say so, its own is among them, and nobody is moving the slot.
 * Undefined otherwise.
 */
export function settledOwner(views: ClusterViews, slot: number): string | undefined {
  const owners = new Set([...views.values()].map((view) => ownerIn(view, slot)));
  const [owner] = owners;
  if (owners.size !== 1 || owner === undefined || !views.has(owner)) return undefined;
  return movesIn(views).some((move) => move.slot === slot) ? undefined : owner;
}

/** Each primary knows the id of its own shard (7.2+). */
export function withShardIds(map: ClusterMap, views: ClusterViews): ClusterMap {
  const idOf = (nodeId: string | undefined): string | undefined => {
    const view = nodeId === undefined ? undefined : views.get(nodeId);
    return view?.shards.find(({ primary }) => primary?.id === nodeId)?.shardId;
  };
  const shards = map.shards.map((shard) => ({ ...shard, shardId: shard.shardId ?? idOf(shard.primary?.id) }));
  return { ...map, shards };
}
