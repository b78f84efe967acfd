import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACK_EVERY_MS,
  ackEveryMs,
  BUSY,
  backOffMs,
  EAGER_ACK_EVERY_MS,
  FULL_RESYNC,
  isSilent,
  RECONNECT,
  SILENCE_MS,
} from '../../src/replication/policies.js';

describe('how long to wait before trying again', () => {
  const kinds = fc.constantFrom(RECONNECT, FULL_RESYNC, BUSY);
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('between half of the doubled time and all of it, and never above the cap', () => {
    fc.assert(
      fc.property(kinds, fc.nat(5000), random, (kind, attempt, chance) => {
        const full = Math.min(kind.mostMs, kind.firstMs * 2 ** attempt);
        const wait = backOffMs(kind, attempt, chance);
        expect(Number.isSafeInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(Math.floor(full / 2));
        expect(wait).toBeLessThanOrEqual(full);
      }),
    );
  });

  test('never shorter than after the attempt before, with the same luck', () => {
    fc.assert(
      fc.property(kinds, fc.nat(100), random, (kind, attempt, chance) => {
        expect(backOffMs(kind, attempt + 1, chance)).toBeGreaterThanOrEqual(backOffMs(kind, attempt, chance));
      }),
    );
  });

  test('in figures', () => {
    const most = (attempt: number): number => backOffMs(RECONNECT, attempt, 0.9999999);
    expect([0, 1, 2, 6, 7, 8, 1000].map(most)).toEqual([250, 500, 1000, 16_000, 30_000, 30_000, 30_000]);
    expect(backOffMs(FULL_RESYNC, 0, 0)).toBe(500);
    expect(backOffMs(BUSY, 20, 0)).toBe(7500);
  });
});

describe('silence', () => {
  test.each([
    [SILENCE_MS, 0, false, false],
    [SILENCE_MS + 1, 0, false, true],
    [SILENCE_MS + 1, 0, true, false],
    [10 * SILENCE_MS, 9 * SILENCE_MS, false, false],
    // A clock that was set back is no silence.
    [0, SILENCE_MS, false, false],
  ])('at %i, last byte at %i, paused: %s → %s', (now, last, paused, silent) => {
    expect(isSilent(now, last, paused)).toBe(silent);
  });
});

describe('acknowledging', () => {
  test.each([
    [0, 0, EAGER_ACK_EVERY_MS],
    [4999, 0, EAGER_ACK_EVERY_MS],
    [5000, 0, ACK_EVERY_MS],
    [0, 1, ACK_EVERY_MS],
    [4999, 1_000_000, ACK_EVERY_MS],
    [Number.POSITIVE_INFINITY, 0, ACK_EVERY_MS],
  ])('%i ms behind the snapshot, %i bytes of the stream seen: every %i ms', (since, bytes, every) => {
    expect(ackEveryMs(since, bytes)).toBe(every);
  });
});
