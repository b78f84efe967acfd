import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProgress, formatTotals } from '../../src/observe/progress.js';
import { progressLogDue } from '../../src/observe/progress-ticker.js';
import type { ShardStatus, SyncPhase } from '../../src/sync/status.js';
import { shardStatus, syncStatus } from '../cli/fake-engine.js';

const rates = { bytes: 3_400_000, rdbBytes: 1_000_000, keys: 50_000, commands: 1200 };

const status = (phase: SyncPhase, shard: Partial<ShardStatus> = {}, more: readonly ShardStatus[] = []) => ({
  ...syncStatus,
  phase,
  shards: [{ ...shardStatus, ...shard }, ...more],
});

const half = { rdbBytes: 136_500_000, rdbBytesTotal: 273_000_000, keys: 1_200_000, keysTotal: 2_400_000 };

describe('full sync', () => {
  test.each([
    [half, 'full sync 50% · 136.5 MB of 273.0 MB · 1.2 M keys · 1.0 MB/s · 50.0 k keys/s · ETA 2m 17s'],
    [
      { ...half, rdbBytesTotal: 0 },
      'full sync 50% · 136.5 MB · 1.2 M keys · 1.0 MB/s · 50.0 k keys/s · ETA 24s',
    ],
    [
      { ...half, rdbBytesTotal: 0, keysTotal: 0 },
      'full sync · 136.5 MB · 1.2 M keys · 1.0 MB/s · 50.0 k keys/s',
    ],
    [
      { ...half, rdbBytes: 273_000_000 },
      'full sync 100% · 273.0 MB of 273.0 MB · 1.2 M keys · 1.0 MB/s · 50.0 k keys/s',
    ],
    [
      { ...half, rdbBytes: 272_999_999 },
      'full sync 99% · 273.0 MB of 273.0 MB · 1.2 M keys · 1.0 MB/s · 50.0 k keys/s · ETA 0s',
    ],
  ])('%j', (shard, line) => {
    expect(formatProgress(status('full-sync', shard), rates, Infinity)).toBe(line);
  });

  test('no rates yet, or nothing moving: no ETA', () => {
    expect(formatProgress(status('full-sync', half), undefined, Infinity)).toBe(
      'full sync 50% · 136.5 MB of 273.0 MB · 1.2 M keys',
    );
    expect(formatProgress(status('full-sync', half), { ...rates, rdbBytes: 0 }, Infinity)).not.toContain(
      'ETA',
    );
  });

  test('shards add up', () => {
    const other = { ...shardStatus, ...half };
    expect(formatProgress(status('full-sync', half, [other]), undefined, Infinity)).toBe(
      'full sync 50% · 273.0 MB of 546.0 MB · 2.4 M keys',
    );
  });
});

test('streaming', () => {
  expect(formatProgress(status('streaming'), rates, Infinity)).toBe(
    'streaming · 1.2 k commands/s · 3.4 MB/s · lag 200 B, 1.5s · 7 commands',
  );
  const behind = { ...shardStatus, lagBytes: 2000, lagSeconds: 90 };
  expect(formatProgress(status('streaming', {}, [behind]), rates, Infinity)).toContain('lag 2.2 kB, 1m 30s');
  const skipped = { ...status('streaming'), totals: { ...syncStatus.totals, skipped: 3 } };
  expect(formatProgress(skipped, undefined, Infinity)).toBe(
    'streaming · lag 200 B, 1.5s · 7 commands · 3 skipped',
  );
});

test.each([
  ['connecting', 'connecting, 1m 15s'],
  ['stopped', 'stopped'],
  ['failed', 'failed'],
] as const)('%s', (phase, line) => {
  expect(formatProgress(status(phase), rates, Infinity)).toBe(line);
});

test.each([
  [86, 'full sync 50% · 136.5 MB of 273.0 MB · 1.2 M keys · 1.0 MB/s · ETA 2m 17s'],
  [70, 'full sync 50% · 136.5 MB of 273.0 MB · 1.2 M keys · ETA 2m 17s'],
  [50, 'full sync 50% · 136.5 MB of 273.0 MB · ETA 2m 17s'],
  [40, 'full sync 50% · 136.5 MB of 273.0 MB'],
  [20, 'full sync 50%'],
  [6, 'full s'],
  [0, ''],
])('%d columns', (columns, line) => {
  expect(formatProgress(status('full-sync', half), rates, columns)).toBe(line);
});

test('never wider than the terminal', () => {
  const phase = fc.constantFrom<SyncPhase>('connecting', 'full-sync', 'streaming', 'stopped', 'failed');
  fc.assert(
    fc.property(phase, fc.integer({ min: -1, max: 200 }), (name, columns) => {
      expect(formatProgress(status(name, half), rates, columns).length).toBeLessThanOrEqual(
        Math.max(0, columns),
      );
    }),
  );
});

test.each([
  ['connecting', 9999, false],
  ['connecting', 10_000, true],
  ['full-sync', 10_000, true],
  ['streaming', 59_999, false],
  ['streaming', 60_000, true],
  ['stopped', 60_000, false],
  ['failed', 60_000, false],
] as const)('a log line in %s after %d ms: %s', (phase, ms, due) => {
  expect(progressLogDue(phase, ms)).toBe(due);
});

test('totals', () => {
  expect(formatTotals({ keys: 5, commands: 6, bytes: 7000, skipped: 0, errors: 0 }, 75)).toBe(
    '5 keys and 6 commands applied, 7.0 kB received, in 1m 15s',
  );
  expect(formatTotals({ keys: 5, commands: 6, bytes: 7000, skipped: 2, errors: 0 }, 1)).toContain(
    ', 2 skipped,',
  );
});
