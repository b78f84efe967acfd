/**
 * Watches a cluster: asks all its primaries every second how they see it, and tells when that has changed. While
 * none of them answers it looks for the cluster by the seeds and the nodes known from before.
 */
import { ReplicantError } from '../errors.js';
import type { Endpoint } from '../net/endpoint.js';
import type { Side } from '../net/socket.js';
import { type ClusterMap, type ClusterShard, describeMap, type SlotMove } from './cluster-map.js';
import { type ClusterViews, ClusterViewReader, movesIn, withShardIds } from './cluster-views.js';
import { newestMap, readClusterMap } from './read-cluster-map.js';

export interface TopologyState {
  /** The newest of the views. */
  readonly map: ClusterMap;
  readonly views: ClusterViews;
  /** What all primaries together say of moves; the map has those of one node only. */
  readonly moving: readonly SlotMove[];
}

export interface TopologyWatchOptions {
  readonly endpoint: Endpoint;
  readonly side: Side;
  /** From the end of one round of questions to the next; default 1000. */
  readonly everyMs?: number;
  /** The first state, and each that differs from the one before. */
  changed(state: TopologyState): void;
  /** Nobody answers; told for each round. */
  failed?(error: ReplicantError): void;
}

const EVERY_MS = 1000;

export class TopologyWatch {
  readonly #o: TopologyWatchOptions;
  readonly #reader: ClusterViewReader;
  #state: TopologyState | undefined;
  #text = '';
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(options: TopologyWatchOptions) {
    this.#o = options;
    this.#reader = new ClusterViewReader(options.endpoint, options.side);
    void this.#next();
  }

  /** As last seen; undefined before the first answer. */
  get state(): TopologyState | undefined {
    return this.#state;
  }

  /** Asks anew, out of turn; resolves once what was true at the call is in `state`, or the question has failed. */
  async refresh(): Promise<TopologyState | undefined> {
    await this.#round;
    await this.#next();
    return this.#state;
  }

  /** Idempotent; nothing is told after it. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    this.#reader.close();
    await this.#round;
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #next(): Promise<void> {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#round ??= this.#ask().finally(() => (this.#round = undefined));
    await this.#round;
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => void this.#next(), this.#o.everyMs ?? EVERY_MS);
  }

  async #ask(): Promise<void> {
    try {
      const state = await this.#read();
      const text = describeState(state);
      if (this.#closed) return;
      this.#state = state;
      if (text === this.#text) return;
      this.#text = text;
      this.#o.changed(state);
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      if (!this.#closed) this.#o.failed?.(error);
    }
  }

  async #read(): Promise<TopologyState> {
    const before = this.#state?.map;
    const views = before === undefined ? new Map<string, ClusterMap>() : await this.#reader.read(before);
    const known = newestMap([...views.values()]);
    if (known?.ok === true && samePrimaries(known, views)) return stateOf(known, views, before);
    // Somebody is missing: who that is now, others may know.
    const map = await readClusterMap(this.#o.endpoint, this.#o.side, this.#closing.signal);
    return stateOf(map, await this.#reader.read(map), before);
  }
}

/** Does the map have no primary that was not asked? */
function samePrimaries(map: ClusterMap, views: ClusterViews): boolean {
  return map.shards.every(
    ({ primary }) => primary === undefined || !primary.healthy || views.has(primary.id),
  );
}

function stateOf(map: ClusterMap, views: ClusterViews, before: ClusterMap | undefined): TopologyState {
  const newest = withShardIds(newestMap([map, ...views.values()])!, views);
  return { map: withKnownIds(newest, before), views, moving: movesIn(views) };
}

/** Who gave no answer this time has told its shard's id before. */
function withKnownIds(map: ClusterMap, before: ClusterMap | undefined): ClusterMap {
  const idOf = ({ nodeIds }: ClusterShard): string | undefined =>
    before?.shards.find((old) => old.nodeIds.some((id) => nodeIds.includes(id)))?.shardId;
  return { ...map, shards: map.shards.map((shard) => ({ ...shard, shardId: shard.shardId ?? idOf(shard) })) };
}

/** Equal texts: nothing has changed. */
function describeState({ map, views, moving }: TopologyState): string {
  const owners = [...views].map(([id, view]) => {
    const shards = view.shards.map(({ primary, slots }) => `${primary?.id}=${slots.join(' ')}`);
    return `${id} ${view.ok} ${shards.join(';')}`;
  });
  const moves = moving.map(({ slot, state, from, to }) => `${slot} ${state} ${from} ${to}`);
  return [describeMap(map), ...owners.toSorted(), ...moves].join('\n');
}
