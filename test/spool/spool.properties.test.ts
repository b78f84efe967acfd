/** Anything in any order, closings, crashes and failing disks between: the bytes are always right. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SpoolLog } from '../../src/spool/spool.js';
import { expectSame } from '../support/same.js';
import {
  add,
  contentAt,
  copyFolder,
  diskError,
  FaultyDisk,
  newFolder,
  readRange,
  smallSpool,
  type TestSpool,
  textAt,
} from './support.js';

type Step =
  | { readonly kind: 'append'; readonly count: number }
  | { readonly kind: 'read'; readonly at: number; readonly count: number }
  | { readonly kind: 'release' | 'wait'; readonly share: number }
  | { readonly kind: 'meta' | 'finish' | 'reopen' | 'crash' | 'begin' | 'fail' | 'forget' };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4000 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      at: share,
      count: fc.integer({ min: 1, max: 3000 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'wait' as const), share }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(...(['meta', 'finish', 'reopen', 'crash', 'begin', 'fail', 'forget'] as const)),
    }),
  },
);

/** What the log should be. */
interface Model {
  /** Which content it has. */
  text: boolean;
  begin: number;
  start: number;
  released: number;
  end: number;
  round: number;
  complete: boolean;
}

/** Returns the bytes that were read and checked at the end. */
async function play(kind: 'snapshot' | 'stream', steps: readonly Step[], limits: Limits): Promise<number> {
  const disk = new FaultyDisk();
  const tuning = { disk, compressAfterBytes: 3000, now: () => Date.now() };
  const memoryBytes = limits.blocks * 512;
  let opened: TestSpool = await smallSpool(
    { dir: newFolder(), memoryBytes, maxBytes: limits.maxBytes },
    tuning,
  );
  let log: SpoolLog = opened.spool[kind];
  const model: Model = { text: false, begin: 0, start: 0, released: 0, end: 0, round: 0, complete: false };
  const content = (from: number, to: number): Uint8Array => (model.text ? textAt : contentAt)(from, to);

  const begin = (): void => {
    model.round++;
    model.text = model.round % 2 === 0;
    model.begin = model.start = model.released = model.end = model.round * 1000;
    model.complete = false;
    log.begin({ round: model.round }, model.begin);
  };
  const check = async (from: number, to: number): Promise<void> => {
    expectSame(await readRange(log, from, to), content(from, to));
  };
  const adopt = async (dir: string, least: number): Promise<void> => {
    disk.fail = () => undefined;
    opened = await smallSpool({ dir, memoryBytes, maxBytes: limits.maxBytes }, tuning);
    log = opened.spool[kind];
    // A crash right behind `begin` finds the log before it, or its beginning.
    const stale = log.open && log.meta['round'] !== model.round;
    expect(!stale || (log.meta['round'] === model.round - 1 && model.begin === least)).toBe(true);
    expect(log.open || least <= model.released).toBe(true);
    if (!log.open || stale) {
      begin();
      return;
    }
    expect(log.end).toBeGreaterThanOrEqual(least);
    expect(log.end).toBeLessThanOrEqual(model.end);
    expect(log.start).toBeLessThanOrEqual(Math.max(model.released, model.begin));
    expect(opened.spool.diskBytes).toBeGreaterThan(0);
    model.start = log.start;
    model.released = log.start;
    if (log.end < model.end) model.complete = false;
    model.end = log.end;
    await check(log.start, log.end);
  };
  const act: Record<Step['kind'], (step: Step) => Promise<void> | void> = {
    append: (step) => {
      if (step.kind !== 'append' || model.complete) return;
      add(log, step.count, 1000, content);
      model.end += step.count;
    },
    read: async (step) => {
      if (step.kind !== 'read') return;
      const from = log.start + Math.floor(step.at * (log.end - log.start));
      await check(from, Math.min(log.end, from + step.count));
    },
    release: (step) => {
      if (step.kind !== 'release') return;
      model.released += Math.floor(step.share ** 2 * (model.end - model.released));
      log.release(model.released);
    },
    wait: async (step) => {
      if (step.kind !== 'wait') return;
      for (let turn = 0; turn < step.share * 20; turn++)
        await new Promise((resolve) => setImmediate(resolve));
    },
    meta: () => log.changeMeta({ round: model.round, change: model.end }),
    finish: () => {
      log.finish();
      model.complete = true;
    },
    reopen: async () => {
      disk.fail = () => undefined;
      await opened.spool.close();
      if (limits.maxBytes > 0) await adopt(opened.dir, model.end);
      else await adopt(opened.dir, 0);
    },
    crash: async () => {
      const { written } = log;
      const copy = copyFolder(opened.dir);
      const before = opened.spool;
      await adopt(copy, Math.min(written, model.end));
      await before.destroy();
    },
    begin: () => begin(),
    fail: () => {
      let left = 3;
      disk.fail = (operation) => {
        if (left === 0 || !['write', 'create', 'sync'].includes(operation)) return undefined;
        left--;
        if (operation === 'write' && left > 0) return 60;
        throw diskError('EIO');
      };
    },
    forget: () => {
      log.retain = false;
    },
  };

  begin();
  for (const next of steps) {
    await act[next.kind](next);
    expect(log.end).toBe(model.end);
    expect(log.start).toBeLessThanOrEqual(model.released);
    expect(log.complete).toBe(model.complete);
    expect(opened.spool.bytes).toBe(model.end - model.released);
  }
  await check(log.start, log.end);
  const checked = log.end - log.start;
  await opened.spool.destroy();
  return checked;
}

interface Limits {
  readonly blocks: number;
  readonly maxBytes: number;
}

const limits: fc.Arbitrary<Limits> = fc.record({
  blocks: fc.constantFrom(8, 12, 40),
  maxBytes: fc.constantFrom(20_000, 1e9, 1e9),
});

const RUNS = 120;

test.each(['snapshot', 'stream'] as const)('the %s', async (kind) => {
  let bytes = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), limits, async (steps, some) => {
      bytes += await play(kind, steps, some);
    }),
    { numRuns: RUNS },
  );
  expect(bytes).toBeGreaterThan(RUNS * 100);
});
