/**
 * The shards of a job spread over threads, so that they use all cores: each thread runs a share of them
 * (`shard-worker.ts`), and here what they tell becomes one status, one stream of events, one summary and one end. The
 * first that fails ends all.
 */
import { Worker } from 'node:worker_threads';
import { ReplicantError } from '../../errors.js';
import type { ClusterMap } from '../../topology/cluster-map.js';
import { EventFeed } from '../event-feed.js';
import type { SyncHandle } from '../handle.js';
import type { ShardRun, SyncOptions } from '../options.js';
import { sleep } from '../patience.js';
import type { Emit, SyncEvent, SyncPhase, SyncStatus, SyncSummary } from '../status.js';
import { joinStatuses, mergeSummaries } from './merge-status.js';
import { prepareTarget } from './prepare-target.js';
import { readRoster } from './roster-store.js';
import { SnapshotGate } from './snapshot-gate.js';
import { TargetAccess } from './target-access.js';
import { fromPlain, type FromWorker, type ToWorker, type WorkerStart } from './worker-messages.js';

const POLL_MS = 100;
const REACHED_TIMEOUT_MS = 60_000;
/** Buffers that live for a moment are mostly outside the heap: a small one costs no time. */
const YOUNG_MIB = 8;
const LEAST_SPOOL_MEMORY = 4 * 1024 * 1024;

export function startShardWorkers(options: SyncOptions, map: ClusterMap, threads: number): SyncHandle {
  return new ShardWorkers(options, map, threads);
}

interface Thread {
  readonly worker: Worker;
  readonly turns: Map<number, () => void>;
  readonly questions: Map<number, (reached: boolean) => void>;
  status: SyncStatus | undefined;
  summary: SyncSummary | undefined;
  readonly over: Promise<void>;
}

class ShardWorkers implements SyncHandle {
  readonly done: Promise<SyncSummary>;
  readonly #o: SyncOptions;
  readonly #map: ClusterMap;
  readonly #count: number;
  readonly #startedMs = Date.now();
  readonly #feed = new EventFeed();
  readonly #abort = new AbortController();
  readonly #gate: SnapshotGate;
  readonly #emit: Emit = this.#feed.emit;
  #threads: Thread[] = [];
  #phase: SyncPhase | undefined = 'connecting';
  #reason: SyncSummary['reason'] = 'failed';
  #complete = false;
  #endedMs = 0;
  #failure: Error | undefined;
  #asked = 0;

  constructor(options: SyncOptions, map: ClusterMap, count: number) {
    this.#o = options;
    this.#map = map;
    this.#count = count;
    this.#gate = new SnapshotGate(options.cluster?.parallelSnapshots ?? 1);
    this.done = Promise.resolve().then(() => this.#run());
  }

  on(listener: (event: SyncEvent) => void): void {
    this.#feed.on(listener);
  }

  stop(): void {
    if (this.#abort.signal.aborted) return;
    this.#emit('info', 'stopping', 'stopping: applying what is in flight');
    this.#finish('stopped');
  }

  status(): SyncStatus {
    return joinStatuses(
      {
        ...{ name: this.#o.name, phase: this.#phase, complete: this.#complete },
        uptimeSeconds: ((this.#endedMs === 0 ? Date.now() : this.#endedMs) - this.#startedMs) / 1000,
      },
      this.#threads.flatMap(({ status }) => (status === undefined ? [] : [status])),
    );
  }

  summary(): SyncSummary {
    const parts = this.#threads.flatMap(({ summary }) => (summary === undefined ? [] : [summary]));
    return mergeSummaries(this.status(), this.#reason, parts);
  }

  #finish(reason: 'stopped' | 'caught-up'): void {
    this.#reason = reason;
    this.#abort.abort();
    for (const thread of this.#threads) this.#post(thread, { kind: 'stop' });
  }

  async #run(): Promise<SyncSummary> {
    try {
      const targetPrepared = await this.#prepare();
      if (targetPrepared !== undefined && !this.#abort.signal.aborted) {
        this.#phase = undefined;
        this.#threads = Array.from({ length: this.#count }, (_, index) => this.#start(index, targetPrepared));
        await this.#untilEnd();
      }
      await Promise.all(this.#threads.map(({ over }) => over));
      if (this.#failure !== undefined) throw this.#failure;
      this.#phase = 'stopped';
      this.#endedMs = Date.now();
      this.#emit(
        'info',
        'stopped',
        this.#reason === 'caught-up'
          ? 'caught up: the target holds what the source held'
          : 'all shards have stopped',
      );
      return this.summary();
    } catch (error) {
      this.#finish('stopped');
      await Promise.all(this.#threads.map(({ over }) => over));
      this.#phase = 'failed';
      this.#reason = 'failed';
      this.#endedMs = Date.now();
      throw this.#failure ?? error;
    }
  }

  async #prepare(): Promise<ShardRun['targetPrepared'] | undefined> {
    const access = new TargetAccess(this.#o.target, this.#o.targetIsCluster);
    try {
      const known = (await readRoster(access, this.#o.name)) !== undefined;
      const { signal } = this.#abort;
      return await prepareTarget({ sync: this.#o, known, signal, emit: this.#emit });
    } finally {
      await access.close();
    }
  }

  // ---- threads -----------------------------------------------------------------------------------------

  #start(index: number, targetPrepared: ShardRun['targetPrepared']): Thread {
    const worker = new Worker(new URL('./shard-worker.js', import.meta.url), {
      workerData: { options: this.#share(index), map: this.#map, targetPrepared } satisfies WorkerStart,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    const over = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
    const thread: Thread = {
      ...{ worker, over, status: undefined, summary: undefined },
      turns: new Map(),
      questions: new Map(),
    };
    worker.on('message', (message: FromWorker) => this.#heard(thread, message));
    worker.once('error', (error) => this.#fail(error));
    void over.then(() => {
      for (const turn of thread.turns.values()) turn();
      for (const answer of thread.questions.values()) answer(false);
      if (thread.summary === undefined)
        this.#fail(new ReplicantError('INTERNAL', 'a thread of shards ended without a word'));
    });
    return thread;
  }

  /** As a process of its own would be told; within the share of this process when there are several. */
  #share(index: number): SyncOptions {
    const { cluster, spoolMemoryBytes } = this.#o;
    const { shardIndex = 0, shardCount = 1 } = cluster ?? {};
    return {
      ...this.#o,
      until: 'stopped',
      spoolMemoryBytes: Math.max(LEAST_SPOOL_MEMORY, Math.floor(spoolMemoryBytes / this.#count)),
      cluster: {
        ...{ readFrom: 'primary', parallelSnapshots: 1, ...cluster, workers: 1 },
        shardIndex: shardIndex + shardCount * index,
        shardCount: shardCount * this.#count,
      },
    };
  }

  #post({ worker }: Thread, message: ToWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
    worker.postMessage(message);
  }

  #heard(thread: Thread, message: FromWorker): void {
    switch (message.kind) {
      case 'status':
        thread.status = message.status;
        return;
      case 'event':
        this.#feed.tell(message.event);
        return;
      case 'turn':
        void this.#takeTurn(thread, message.id, message.host);
        return;
      case 'turn-over':
        thread.turns.get(message.id)?.();
        thread.turns.delete(message.id);
        return;
      case 'reached':
        thread.questions.get(message.id)?.(message.reached);
        thread.questions.delete(message.id);
        return;
      default:
        thread.status = message.status;
        thread.summary = message.summary;
        if (message.kind === 'failed') this.#fail(fromPlain(message.error));
    }
  }

  async #takeTurn(thread: Thread, id: number, host: string): Promise<void> {
    thread.turns.set(id, await this.#gate.acquire(host));
    this.#post(thread, { kind: 'turn', id });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    if (!this.#abort.signal.aborted) this.#finish('stopped');
    else for (const thread of this.#threads) this.#post(thread, { kind: 'stop' });
  }

  // ---- the end -----------------------------------------------------------------------------------------

  async #untilEnd(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      /* oxlint-disable no-await-in-loop -- until it is so */
      await sleep(POLL_MS, signal);
      if (signal.aborted || (this.#complete && this.#o.until !== 'caught-up')) continue;
      if (!(await this.#reached()) || signal.aborted) continue;
      if (!this.#complete) this.#emit('info', 'caught-up', 'all shards are caught up');
      this.#complete = true;
      if (this.#o.until === 'caught-up') this.#finish('caught-up');
      /* oxlint-enable no-await-in-loop */
    }
  }

  /** A thread may have none of the shards; all of them together have. */
  async #reached(): Promise<boolean> {
    const busy = this.#threads.filter(({ status }) => (status?.shards.length ?? 0) > 0);
    if (busy.length === 0 || this.#threads.some(({ status }) => status === undefined)) return false;
    const answers = await Promise.all(busy.map((thread) => this.#ask(thread)));
    return answers.every(Boolean);
  }

  #ask(thread: Thread): Promise<boolean> {
    const id = ++this.#asked;
    this.#post(thread, { kind: 'reached', id });
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), REACHED_TIMEOUT_MS);
      thread.questions.set(id, (reached) => {
        clearTimeout(timer);
        resolve(reached);
      });
    });
  }
}
