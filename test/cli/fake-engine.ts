/** An engine whose life the test decides: `startSync` records what it was asked, the rest is driven by hand. */
import type { StartSync, SyncHandle } from '../../src/sync/handle.js';
import type { SyncOptions } from '../../src/sync/options.js';
import type { ShardStatus, SyncEvent, SyncStatus, SyncSummary } from '../../src/sync/status.js';

export const shardStatus: ShardStatus = {
  source: 'a:1',
  target: 'b:2',
  phase: 'streaming',
  replid: 'f'.repeat(40),
  receivedOffset: 1500,
  appliedOffset: 1400,
  sourceOffset: 1600,
  lagBytes: 200,
  lagSeconds: 1.5,
  rdbBytes: 1000,
  rdbBytesTotal: 4000,
  keys: 25,
  keysTotal: 100,
  spoolBytes: 0,
};

export const syncStatus: SyncStatus = {
  name: 'job',
  phase: 'streaming',
  caughtUp: true,
  uptimeSeconds: 75,
  waitingFor: null,
  targetAbilities: [],
  totals: { keys: 25, commands: 7, bytes: 5000, skipped: 0, errors: 0 },
  shards: [shardStatus],
};

export const syncSummary: SyncSummary = {
  ok: true,
  name: 'job',
  reason: 'stopped',
  totals: syncStatus.totals,
  expiredKeys: 0,
  fullSyncs: 1,
  partialResyncs: 0,
  splitTransactions: 0,
  replid: 'f'.repeat(40),
  appliedOffset: 1400,
  skipped: [],
  seconds: 75,
};

export interface FakeEngine {
  readonly startSync: StartSync;
  readonly started: SyncOptions[];
  stops: number;
  status: SyncStatus;
  emit(event: SyncEvent): void;
  finish(summary?: Partial<SyncSummary>): void;
  fail(error: unknown): void;
}

/** `onStop` runs at every `stop()`; a real engine would finish after the first. */
export function fakeEngine(onStop: (engine: FakeEngine) => void = () => {}): FakeEngine {
  const listeners: ((event: SyncEvent) => void)[] = [];
  let settle: { resolve(summary: SyncSummary): void; reject(error: unknown): void } | undefined;
  const done = new Promise<SyncSummary>((resolve, reject) => (settle = { resolve, reject }));
  done.catch(() => {});
  const engine: FakeEngine = {
    started: [],
    stops: 0,
    status: syncStatus,
    startSync(options): SyncHandle {
      engine.started.push(options);
      return {
        status: () => engine.status,
        on: (listener) => void listeners.push(listener),
        stop() {
          engine.stops += 1;
          onStop(engine);
        },
        done,
        summary: () => syncSummary,
      };
    },
    emit: (event) => listeners.forEach((listener) => listener(event)),
    finish: (summary = {}) => settle?.resolve({ ...syncSummary, ...summary }),
    fail: (error) => settle?.reject(error),
  };
  return engine;
}
