/**
 * The status in the Prometheus text format (version 0.0.4): a HELP and a TYPE line per metric, then one
 * sample per shard or one for the whole sync. Values that are not known yet are left out.
 */
import type { ShardStatus, SyncPhase, SyncStatus } from '../sync/status.js';

const PHASES: readonly SyncPhase[] = ['connecting', 'full-sync', 'streaming', 'stopped', 'failed'];

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
}

export function formatMetrics(status: SyncStatus): string {
  return [...syncMetrics(status), ...shardMetrics(status)].map(formatMetric).join('');
}

function syncMetrics(status: SyncStatus): readonly Metric[] {
  const { totals, phase } = status;
  const one = (type: Metric['type'], name: string, help: string, value: number): Metric => ({
    name: `replicant_${name}`,
    type,
    help,
    samples: [{ labels: { job_name: status.name }, value }],
  });
  return [
    {
      name: 'replicant_phase',
      type: 'gauge',
      help: '1 for the phase the sync is in, 0 for the others.',
      samples: PHASES.map((label) => ({
        labels: { job_name: status.name, phase: label },
        value: label === phase ? 1 : 0,
      })),
    },
    one('gauge', 'caught_up', '1 when the target has caught up with the source.', status.caughtUp ? 1 : 0),
    one('gauge', 'uptime_seconds', 'Seconds since the sync started.', status.uptimeSeconds),
    one('counter', 'keys_total', 'Keys of snapshots written to the target.', totals.keys),
    one('counter', 'commands_total', 'Commands of the stream applied to the target.', totals.commands),
    one('counter', 'received_bytes_total', 'Bytes received from the source.', totals.bytes),
    one(
      'counter',
      'skipped_total',
      'Keys and commands left out because they could not be applied.',
      totals.skipped,
    ),
    one('counter', 'errors_total', 'Errors seen, including those that were recovered from.', totals.errors),
  ];
}

/** metric → field of the shard, help. Offsets are -1 and totals 0 while they are not known. */
const SHARD_METRICS: readonly (readonly [name: string, field: NumberField, help: string])[] = [
  ['lag_bytes', 'lagBytes', 'Bytes of the stream that the source has and the target does not.'],
  ['lag_seconds', 'lagSeconds', 'How far the target is behind the source, in seconds.'],
  ['received_offset', 'receivedOffset', 'Replication offset received from the source.'],
  ['applied_offset', 'appliedOffset', 'Replication offset applied to the target.'],
  ['source_offset', 'sourceOffset', 'Replication offset that the source last reported.'],
  ['rdb_bytes', 'rdbBytes', 'Bytes of the snapshot received.'],
  ['rdb_expected_bytes', 'rdbBytesTotal', 'Size of the snapshot, when the source says.'],
  ['snapshot_keys', 'keys', 'Keys of the snapshot written to the target.'],
  ['snapshot_expected_keys', 'keysTotal', 'Keys that the source holds, when it says.'],
  ['spool_bytes', 'spoolBytes', 'Bytes waiting on disk between source and target.'],
];

type NumberField = {
  [K in keyof ShardStatus]: ShardStatus[K] extends number ? K : never;
}[keyof ShardStatus];

function shardMetrics(status: SyncStatus): readonly Metric[] {
  return SHARD_METRICS.map(([name, field, help]) => ({
    name: `replicant_${name}`,
    type: 'gauge',
    help,
    samples: status.shards
      .filter((shard) => isKnown(field, shard[field]))
      .map((shard) => ({
        labels: { job_name: status.name, source: shard.source, target: shard.target },
        value: shard[field],
      })),
  }));
}

function isKnown(field: NumberField, value: number): boolean {
  if (field === 'rdbBytesTotal' || field === 'keysTotal') return value > 0;
  return value >= 0;
}

function formatMetric({ name, type, help, samples }: Metric): string {
  if (samples.length === 0) return '';
  const lines = samples.map(({ labels, value }) => `${name}{${formatLabels(labels)}} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function formatLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}="${escapeLabel(value)}"`)
    .join(',');
}

/** Backslash, quote and line feed are the three that the format escapes. */
function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
