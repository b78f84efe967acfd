/** The status and summary of a job over several shards, from those of its runs. */
import type { ShardStatus, SyncPhase, SyncStatus, SyncSummary, SyncTotals } from '../status.js';

export interface ShardPart {
  readonly key: string;
  readonly status: SyncStatus;
  /** Where the shard's primary is. */
  readonly source: string;
  readonly waitingFor: string | undefined;
}

export interface JobFacts {
  readonly name: string;
  /** Of the job itself, before there are runs and after their end; undefined: that of the runs. */
  readonly phase: SyncPhase | undefined;
  readonly uptimeSeconds: number;
  readonly waitingFor: string | undefined;
  /** All runs have been caught up. */
  readonly complete: boolean;
  /** What runs that are over have done. */
  readonly before: SyncTotals;
  readonly parts: readonly ShardPart[];
}

/** The least advanced first. */
const PHASES: readonly SyncPhase[] = ['failed', 'connecting', 'full-sync', 'streaming', 'stopped'];

export function mergeStatus(job: JobFacts): SyncStatus {
  const { name, parts, uptimeSeconds } = job;
  const waiting = parts.find((part) => reasonOf(part) !== undefined);
  const rows = parts.flatMap(({ status, source }) =>
    status.shards.map((row): ShardStatus => ({ ...row, source })),
  );
  return {
    name,
    phase: job.phase ?? leastOf(parts.map(({ status }) => status.phase)),
    caughtUp: job.complete && job.phase !== 'failed' && parts.length > 0 && parts.every(isCaughtUp),
    uptimeSeconds,
    waitingFor:
      job.waitingFor ?? (waiting === undefined ? null : `${waiting.key}: ${reasonOf(waiting) ?? ''}`),
    targetAbilities:
      parts.find(({ status }) => status.targetAbilities.length > 0)?.status.targetAbilities ?? [],
    totals: parts.reduce((sum, { status }) => addTotals(sum, status.totals), job.before),
    shards: rows,
  };
}

/** The same of parts that run in threads of their own; `complete`: all have been caught up at one moment. */
export function joinStatuses(
  job: Pick<JobFacts, 'name' | 'phase' | 'uptimeSeconds' | 'complete'>,
  parts: readonly SyncStatus[],
): SyncStatus {
  const busy = parts.filter(({ shards }) => shards.length > 0);
  return {
    name: job.name,
    phase: job.phase ?? leastOf(busy.map(({ phase }) => phase)),
    caughtUp:
      job.complete && job.phase !== 'failed' && busy.length > 0 && busy.every(({ caughtUp }) => caughtUp),
    uptimeSeconds: job.uptimeSeconds,
    waitingFor: busy.find(({ waitingFor }) => waitingFor !== null)?.waitingFor ?? null,
    targetAbilities: busy.find(({ targetAbilities }) => targetAbilities.length > 0)?.targetAbilities ?? [],
    totals: parts.reduce((sum, { totals }) => addTotals(sum, totals), NO_TOTALS),
    shards: busy.flatMap(({ shards }) => shards),
  };
}

function reasonOf({ status, waitingFor }: ShardPart): string | undefined {
  return waitingFor ?? status.waitingFor ?? undefined;
}

function isCaughtUp(part: ShardPart): boolean {
  return part.status.caughtUp && part.waitingFor === undefined;
}

function leastOf(phases: readonly SyncPhase[]): SyncPhase {
  return PHASES.find((phase) => phases.includes(phase)) ?? 'connecting';
}

export function addTotals(a: SyncTotals, b: SyncTotals): SyncTotals {
  return {
    keys: a.keys + b.keys,
    commands: a.commands + b.commands,
    bytes: a.bytes + b.bytes,
    skipped: a.skipped + b.skipped,
    errors: a.errors + b.errors,
  };
}

export const NO_TOTALS: SyncTotals = { keys: 0, commands: 0, bytes: 0, skipped: 0, errors: 0 };

const SKIPPED_KEPT = 1000;

export function mergeSummaries(
  status: SyncStatus,
  reason: SyncSummary['reason'],
  parts: readonly SyncSummary[],
): SyncSummary {
  const sum = (count: (part: SyncSummary) => number): number =>
    parts.reduce((total, part) => total + count(part), 0);
  return {
    ok: reason !== 'failed' && status.totals.skipped === 0,
    name: status.name,
    reason,
    totals: status.totals,
    expiredKeys: sum(({ expiredKeys }) => expiredKeys),
    fullSyncs: sum(({ fullSyncs }) => fullSyncs),
    partialResyncs: sum(({ partialResyncs }) => partialResyncs),
    splitTransactions: sum(({ splitTransactions }) => splitTransactions),
    // Each shard has its own; see `shards` of the status.
    ...{ replid: '', appliedOffset: -1 },
    skipped: parts.flatMap(({ skipped }) => skipped).slice(0, SKIPPED_KEPT),
    seconds: status.uptimeSeconds,
  };
}
