/**
 * The start of every sync: what stands at both ends is asked first, and decides how it is done.
 *
 *   source                           target
 *   one server         run-sync      one server        a connection
 *   behind Sentinels   run-sync      behind Sentinels  a connection, looked for anew each time
 *   cluster            run-shards    cluster           lanes (`target/cluster`)
 */
import { availableParallelism } from 'node:os';
import type { ClusterMap } from '../topology/cluster-map.js';
import type { SyncHandle } from './handle.js';
import type { SyncOptions } from './options.js';
import { resolveEnds } from './resolve-ends.js';
import { startSync } from './run-sync.js';
import { startShards } from './shards/run-shards.js';
import { startShardWorkers } from './shards/shard-workers.js';
import type { SyncEvent, SyncStatus, SyncSummary } from './status.js';

export function startJob(options: SyncOptions): SyncHandle {
  return new Job(options);
}

class Job implements SyncHandle {
  readonly done: Promise<SyncSummary>;
  readonly #o: SyncOptions;
  readonly #startedMs = Date.now();
  readonly #listeners: ((event: SyncEvent) => void)[] = [];
  #inner: SyncHandle | undefined;
  #stopped = false;
  #failed = false;

  constructor(options: SyncOptions) {
    this.#o = options;
    this.done = Promise.resolve().then(() => this.#run());
  }

  on(listener: (event: SyncEvent) => void): void {
    if (this.#inner === undefined) this.#listeners.push(listener);
    else this.#inner.on(listener);
  }

  stop(): void {
    this.#stopped = true;
    this.#inner?.stop();
  }

  status(): SyncStatus {
    return this.#inner?.status() ?? this.#before();
  }

  summary(): SyncSummary {
    return this.#inner?.summary() ?? this.#nothing();
  }

  async #run(): Promise<SyncSummary> {
    try {
      const start = await chooseRun(this.#o);
      if (this.#stopped) return this.#nothing();
      const inner = start();
      this.#inner = inner;
      for (const listener of this.#listeners) inner.on(listener);
      return await inner.done;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  #before(): SyncStatus {
    return {
      name: this.#o.name,
      phase: this.#failed ? 'failed' : 'connecting',
      ...{ caughtUp: false, waitingFor: null, targetAbilities: [], shards: [] },
      uptimeSeconds: (Date.now() - this.#startedMs) / 1000,
      totals: { keys: 0, commands: 0, bytes: 0, skipped: 0, errors: 0 },
    };
  }

  #nothing(): SyncSummary {
    const { name, totals, uptimeSeconds: seconds } = this.#before();
    return {
      ...{ ok: !this.#failed, name, totals, seconds, reason: this.#failed ? 'failed' : 'stopped' },
      ...{
        expiredKeys: 0,
        fullSyncs: 0,
        partialResyncs: 0,
        splitTransactions: 0,
        replid: '',
        appliedOffset: -1,
        skipped: [],
      },
    };
  }
}

/** The run that fits both ends. */
async function chooseRun(options: SyncOptions): Promise<() => SyncHandle> {
  const { sync, sourceMap } = await resolveEnds(options);
  if (sourceMap === undefined) return () => startSync(sync);
  const threads = threadsFor(sync, sourceMap);
  return () => (threads > 1 ? startShardWorkers(sync, sourceMap, threads) : startShards(sync, sourceMap));
}

/** Threads run the built program only. */
function threadsFor({ cluster }: SyncOptions, map: ClusterMap): number {
  if (!import.meta.url.endsWith('.js')) return 1;
  const shards = map.shards.filter(({ slots }) => slots.length > 0).length;
  const ours = Math.ceil(shards / (cluster?.shardCount ?? 1));
  return Math.max(1, Math.min(cluster?.workers ?? availableParallelism(), ours));
}
