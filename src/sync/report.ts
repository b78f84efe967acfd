/** The status and summary of a run, put together from the parts that know. */
import type { SourceWatch } from './source-watch.js';
import type { SyncPhase, SyncStatus, SyncSummary } from './status.js';
import type { Tally } from './tally.js';

/** Not behind by more than this: still called caught up. */
const CAUGHT_UP_LAG_SECONDS = 5;

export interface RunFacts {
  readonly name: string;
  /** Addresses, without secrets. */
  readonly sourceAt: string;
  readonly targetAt: string;
  readonly phase: SyncPhase;
  readonly everCaughtUp: boolean;
  readonly startedMs: number;
  readonly nowMs: number;
  /** Keys the source said it had at the start. */
  readonly sourceKeys: number;
  readonly tally: Tally;
  readonly watch: SourceWatch;
  /** The history that is followed; '' when the source has no name for it. */
  readonly replid: string;
  /** Offsets; -1 while unknown. */
  readonly receivedOffset: number;
  readonly appliedOffset: number;
  readonly rdbBytes: number;
  readonly rdbBytesTotal: number;
  readonly keysHint: number;
  readonly spoolBytes: number;
  readonly waitingFor: string | undefined;
  readonly targetAbilities: readonly string[];
}

export function buildStatus(run: RunFacts): SyncStatus {
  const { name, phase, tally, watch, nowMs, receivedOffset, appliedOffset } = run;
  // After a bare SYNC our count has no known beginning, and can't be compared with the source's.
  const comparable = run.replid !== '';
  const sourceOffset = comparable ? Math.max(watch.offset, receivedOffset) : receivedOffset;
  const applying = appliedOffset >= 0;
  const lagSeconds = applying && comparable ? watch.lagSeconds(nowMs, appliedOffset, receivedOffset) : 0;
  return {
    name,
    phase,
    caughtUp:
      run.everCaughtUp &&
      applying &&
      phase !== 'failed' &&
      run.waitingFor === undefined &&
      lagSeconds < CAUGHT_UP_LAG_SECONDS,
    uptimeSeconds: (nowMs - run.startedMs) / 1000,
    waitingFor: run.waitingFor ?? null,
    targetAbilities: run.targetAbilities,
    totals: {
      keys: tally.keys,
      commands: tally.commands,
      bytes: tally.bytes,
      skipped: tally.skippedCount,
      errors: tally.errors,
    },
    shards: [
      {
        source: run.sourceAt,
        target: run.targetAt,
        phase,
        replid: run.replid,
        receivedOffset,
        appliedOffset,
        sourceOffset,
        lagBytes: applying ? Math.max(0, sourceOffset - appliedOffset) : 0,
        lagSeconds,
        rdbBytes: run.rdbBytes,
        rdbBytesTotal: run.rdbBytesTotal,
        keys: tally.keys,
        keysTotal: Math.max(run.sourceKeys, run.keysHint),
        spoolBytes: run.spoolBytes,
      },
    ],
  };
}

export function buildSummary(run: RunFacts, reason: SyncSummary['reason']): SyncSummary {
  const { totals, shards } = buildStatus(run);
  return {
    ok: reason !== 'failed' && totals.skipped === 0,
    name: run.name,
    reason,
    totals,
    expiredKeys: run.tally.expiredKeys,
    fullSyncs: run.tally.fullSyncs,
    partialResyncs: run.tally.partialResyncs,
    splitTransactions: run.tally.splitTransactions,
    replid: shards[0]?.replid ?? '',
    appliedOffset: shards[0]?.appliedOffset ?? -1,
    skipped: run.tally.skipped,
    seconds: (run.nowMs - run.startedMs) / 1000,
  };
}
