import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startProgress } from '../../src/observe/progress-ticker.js';
import { createScreen } from '../../src/observe/screen.js';
import type { SyncStatus } from '../../src/sync/status.js';
import { syncStatus } from '../cli/fake-engine.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const ignore = (): void => {};

function start(terminal: boolean, status: () => SyncStatus) {
  const written: string[] = [];
  const logged: string[] = [];
  const output = { write: (text: string) => void written.push(text), terminal, columns: () => 80 };
  const log = { debug: ignore, info: (line: string) => void logged.push(line), warn: ignore, error: ignore };
  const ticker = startProgress({
    status,
    output,
    screen: createScreen(output),
    log,
    nowMs: () => Date.now(),
  });
  return { written, logged, ticker };
}

test('on a terminal: at once, then four times a second as it changes, and gone at the end', () => {
  let keys = 0;
  const { written, logged, ticker } = start(true, () => ({
    ...syncStatus,
    phase: 'full-sync',
    shards: [{ ...syncStatus.shards[0]!, keys: (keys += 100) }],
  }));
  expect(written).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  expect(written).toHaveLength(5);
  expect(written.at(-1)).toContain('400 keys/s');
  ticker.stop();
  expect(written.at(-1)).toBe('\r\u001B[2K');
  vi.advanceTimersByTime(5000);
  expect(written).toHaveLength(6);
  expect(logged).toEqual([]);
});

test('elsewhere: a log line every ten seconds, and none that says the same again', () => {
  let status: SyncStatus = { ...syncStatus, phase: 'full-sync' };
  const { written, logged, ticker } = start(false, () => status);
  vi.advanceTimersByTime(9999);
  expect(logged).toHaveLength(0);
  vi.advanceTimersByTime(1);
  expect(logged).toEqual(['full sync 25% · 1.0 kB of 4.0 kB · 25 keys · 0 B/s · 0 keys/s']);
  vi.advanceTimersByTime(30_000);
  expect(logged).toHaveLength(1);
  status = { ...status, phase: 'stopped' };
  vi.advanceTimersByTime(60_000);
  expect(logged).toHaveLength(1);
  ticker.stop();
  expect(written).toEqual([]);
});
