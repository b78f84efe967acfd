/// <reference types="node" />
/** Types of the real clusters: see cluster.mjs. */
import type { RunningServer, ServerBinary, StartOptions } from '../servers.mjs';
import type { Argument, Client, ConnectOptions, Reply } from './client.mjs';
import type { ClusterClient, ClusterConnectOptions, Place } from './cluster-client.mjs';
import type { NodeView } from './cluster-nodes.mjs';

export interface ClusterOptions {
  /** Primaries with slots, evenly; default 3. */
  shards?: number;
  /** Per primary; default 0. */
  replicas?: number;
  /** Directives for every node, over ours (`cluster-node-timeout 2000`). */
  args?: StartOptions['args'];
  /** Of the primaries, then the replicas of the first, the second …; each below 55 536. Default: free ones. */
  ports?: readonly number[];
  /** Of all nodes. */
  password?: string;
}

export interface ClusterNode {
  readonly server: RunningServer;
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** A new connection; the caller closes it. */
  client(options?: ConnectOptions): Promise<Client>;
  /** On a connection of its own, which is opened again after a break. No redirections are followed. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a reply's shape is the command's business
  call(...args: readonly Argument[]): Promise<any>;
  // oxlint-disable-next-line typescript/no-explicit-any
  text(...args: readonly Argument[]): Promise<any>;
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]>;
  /** How this node sees the cluster. */
  view(): Promise<NodeView[]>;
}

export interface Shard {
  readonly primary: ClusterNode;
  readonly replicas: readonly ClusterNode[];
}

export interface MoveOptions {
  /** Waits so long for each key that was moved. */
  readonly pauseMsPerKey?: number;
  /** Waits so long when a slot's keys have moved, before it gets its new owner. */
  readonly pauseMsPerSlot?: number;
  /** Keys per MIGRATE; default 10. */
  readonly keysPerCall?: number;
  /** The slot has a new owner. */
  readonly onSlot?: (slot: number) => void | Promise<void>;
}

/** A slot on its way, step by step. */
export interface SlotMove {
  readonly slot: number;
  readonly source: ClusterNode;
  readonly destination: ClusterNode;
  /** Moves up to so many keys; how many it were, 0 when the slot is empty. */
  moveKeys(count: number): Promise<number>;
  /** The slot gets its new owner. Does not wait until all nodes agree. */
  finish(): Promise<void>;
  /** What has been moved goes back, and the slot stays where it was. */
  giveUp(): Promise<void>;
}

/** One element of CLUSTER GETSLOTMIGRATIONS. */
export interface SlotMigration {
  readonly name: string;
  readonly operation: string;
  readonly slot_ranges: string;
  readonly source_node: string;
  readonly target_node: string;
  readonly state: string;
  readonly message: string;
}

export interface AtomicMoveOptions {
  /** Default 60 000. */
  readonly timeoutMs?: number;
  /** The state of a job has changed. */
  readonly onState?: (job: SlotMigration) => void | Promise<void>;
}

export interface RunningCluster {
  readonly binary: ServerBinary;
  readonly password: string | undefined;
  readonly nodes: readonly ClusterNode[];
  /**
   * As last seen: by `topology`, and everything here that changes it. A shard keeps its index through
   * failovers; one whose primary has become another shard's replica is gone, and those behind it move up.
   */
  readonly shards: readonly Shard[];
  /** `redis://127.0.0.1:port` of the first node that runs. */
  readonly url: string;
  /** All nodes. */
  readonly seeds: readonly Place[];
  /** Closed by `stop`. */
  client(options?: Partial<ClusterConnectOptions>): Promise<ClusterClient>;
  /** How the first node that answers sees it. Brings `shards` up to date. */
  topology(): Promise<NodeView[]>;
  /** Until all nodes that run say that all is well and see the same; brings `shards` up to date. */
  untilAgreed(timeoutMs?: number): Promise<void>;
  /** A primary without slots, or a replica of the shard with this index. */
  addNode(options?: { readonly replicaOf?: number }): Promise<ClusterNode>;
  /** A primary without slots; the index of its shard. */
  addShard(): Promise<number>;
  /** Everywhere forgotten, and ended. It must not own slots. */
  removeNode(node: ClusterNode): Promise<void>;
  /**
   * A replica becomes primary: asked to, or because the primary is killed (and stays so: `server.restart()` brings
   * it back as a replica). Waits until all nodes agree; the new primary.
   */
  failover(shardIndex: number, options?: { readonly kind?: 'graceful' | 'kill' }): Promise<ClusterNode>;
  /** The first step of moving a slot: it is importing there and migrating here. */
  startSlotMove(slot: number, fromIndex: number, toIndex: number): Promise<SlotMove>;
  /** Classic resharding, slot by slot, then waits until all nodes agree. */
  moveSlots(
    slots: readonly number[],
    fromIndex: number,
    toIndex: number,
    options?: MoveOptions,
  ): Promise<void>;
  /** CLUSTER MIGRATESLOTS (Valkey 9) and its end; fails when the job does. */
  migrateSlotsAtomically(
    ranges: readonly (readonly [number, number])[],
    fromIndex: number,
    toIndex: number,
    options?: AtomicMoveOptions,
  ): Promise<SlotMigration[]>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export declare function startCluster(binary: ServerBinary, options?: ClusterOptions): Promise<RunningCluster>;
