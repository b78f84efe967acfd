import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SpoolOptions } from '../../src/spool/spool.js';
import { expectSame } from '../support/same.js';
import {
  add,
  contentAt,
  newFolder,
  readRange,
  segmentsIn,
  smallSpool,
  type TestSpool,
  textAt,
  until,
} from './support.js';

describe('in memory only', () => {
  test('what went in comes out, and what is released is gone', async () => {
    const { spool } = await smallSpool({ dir: undefined });
    spool.stream.begin({ replid: 'a' }, 1_000_000);
    for (let round = 0; round < 200; round++) add(spool.stream, 1 + (round % 700));
    const { end } = spool.stream;
    expectSame(await readRange(spool.stream, 1_000_000, end), contentAt(1_000_000, end));
    spool.stream.release(end - 100);
    expect(spool.stream.start).toBe(end - 100);
    expect(spool.bytes).toBe(100);
    expect(spool.memoryBytes).toBeLessThanOrEqual(1024);
    expectSame(await readRange(spool.stream, end - 100, end), contentAt(end - 100, end));
    expect(spool.stream.read(end, new Uint8Array(10))).toBe(0);
    await expect(spool.snapshot.load(0)).resolves.toBeUndefined();
  });

  test('is blocked when memory is used up, and says when there is room', async () => {
    const opened = await smallSpool({ dir: undefined });
    const { spool } = opened;
    spool.snapshot.begin({}, 0);
    expect(spool.snapshot.retain).toBe(false);
    while (!spool.blocked) add(spool.snapshot, 100);
    expect(spool.memoryBytes).toBeLessThanOrEqual(512 * 32);
    expect(spool.snapshot.end).toBeGreaterThan(512 * 24);
    spool.snapshot.release(600);
    expect([spool.blocked, opened.rooms]).toEqual([true, 0]);
    spool.snapshot.release(spool.snapshot.end / 2);
    expect([spool.blocked, opened.rooms]).toEqual([false, 1]);
    expect(opened.events).toEqual([]);
  });

  test('a stream that fills it up is told of before, when it does, and when that is over', async () => {
    const opened = await smallSpool({ dir: undefined });
    const { spool, events } = opened;
    spool.stream.begin({}, 0);
    for (let blocked = false; !blocked; { blocked } = spool) {
      expect(events.some(({ type }) => type === 'memory-full')).toBe(false);
      add(spool.stream, 100);
    }
    const limit = 512 * 32;
    expect(events).toMatchObject([
      { type: 'memory-nearly-full', limit },
      { type: 'memory-full', limit },
    ]);
    // Taken again, and full again, is not told again until it has been much better.
    spool.stream.release(spool.stream.end / 2);
    expect([spool.blocked, spool.full]).toEqual([false, true]);
    while (!spool.blocked) add(spool.stream, 100);
    expect(events).toHaveLength(2);
    spool.stream.release(spool.stream.end - 100);
    expect([spool.blocked, spool.full]).toEqual([false, false]);
    expect(events.slice(2)).toEqual([{ type: 'memory-room' }]);
    while (!spool.blocked) add(spool.stream, 100);
    expect(events).toHaveLength(5);
  });

  test('two logs share it, and dropping one makes room', async () => {
    const opened = await smallSpool({ dir: undefined });
    const { spool } = opened;
    spool.snapshot.begin({}, 0);
    spool.stream.begin({}, 77);
    add(spool.snapshot, 512 * 20);
    while (!spool.blocked) add(spool.stream, 100);
    spool.snapshot.drop();
    expect([spool.blocked, opened.rooms, spool.snapshot.open]).toEqual([false, 1, false]);
    expectSame(await readRange(spool.stream, 77, spool.stream.end), contentAt(77, spool.stream.end));
  });

  test('nothing on disk is allowed: nothing is there', async () => {
    const { spool, dir } = await smallSpool({ maxBytes: 0 });
    spool.snapshot.begin({}, 0);
    add(spool.snapshot, 3000);
    spool.snapshot.finish();
    await spool.close();
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('the snapshot', () => {
  test('goes to disk while it arrives, and can be read again from the start', async () => {
    const { spool, dir } = await smallSpool();
    spool.snapshot.begin({ replid: 'a' }, 0);
    add(spool.snapshot, 60_000);
    spool.snapshot.finish();
    await until(() => spool.snapshot.written === 60_000);
    expect(spool.snapshot.retain).toBe(true);
    for (let pass = 0; pass < 2; pass++) {
      expectSame(await readRange(spool.snapshot, 0, 60_000), contentAt(0, 60_000));
      spool.snapshot.release(60_000);
    }
    expectSame(await readRange(spool.snapshot, 31_111, 60_000), contentAt(31_111, 60_000));
    expect(spool.snapshot.start).toBe(0);
    expect(segmentsIn(dir).length).toBeGreaterThan(10);
    expect(spool.memoryBytes).toBeLessThanOrEqual(512 * 34);
    expect(spool.diskBytes).toBeGreaterThan(60_000);
    spool.snapshot.drop();
    await spool.close();
    expect(segmentsIn(dir)).toEqual([]);
    expect(spool.diskBytes).toBe(0);
  });

  test('is found complete by the next run, and dropped by it', async () => {
    const first = await smallSpool();
    first.spool.snapshot.begin({ replid: 'abc', base: 12, list: [['x', 1]] }, 0);
    add(first.spool.snapshot, 20_000, 5000);
    first.spool.snapshot.finish();
    await first.spool.close();
    const second = await smallSpool({ dir: first.dir });
    expect(second.snapshot).toEqual({
      meta: { replid: 'abc', base: 12, list: [['x', 1]] },
      start: 0,
      end: 20_000,
      complete: true,
    });
    expect(second.stream).toBeUndefined();
    const { snapshot } = second.spool;
    expect([snapshot.open, snapshot.complete, snapshot.meta['base']]).toEqual([true, true, 12]);
    expect(snapshot.stampAt(19_999)).toBe(5000);
    expectSame(await readRange(snapshot, 0, 20_000), contentAt(0, 20_000));
    expect(second.events).toEqual([]);
    await second.spool.destroy();
    expect(readdirSync(first.dir)).toEqual([]);
  });

  test('that was not finished is found as far as it came, and can be gone on with', async () => {
    const first = await smallSpool();
    first.spool.snapshot.begin({}, 0);
    add(first.spool.snapshot, 5000);
    await first.spool.close();
    const second = await smallSpool({ dir: first.dir });
    expect(second.snapshot).toMatchObject({ start: 0, end: 5000, complete: false });
    add(second.spool.snapshot, 5000);
    second.spool.snapshot.finish();
    await second.spool.close();
    const third = await smallSpool({ dir: first.dir });
    expect(third.snapshot).toMatchObject({ start: 0, end: 10_000, complete: true });
    expectSame(await readRange(third.spool.snapshot, 0, 10_000), contentAt(0, 10_000));
    await third.spool.close();
  });

  test('without being kept leaves the disk as it is released', async () => {
    const { spool, dir } = await smallSpool();
    spool.snapshot.begin({}, 0);
    add(spool.snapshot, 40_000);
    await until(() => spool.snapshot.written === 40_000);
    const before = segmentsIn(dir).length;
    spool.snapshot.release(20_000);
    expect(spool.snapshot.start).toBe(0);
    spool.snapshot.retain = false;
    expect(spool.snapshot.start).toBe(20_000);
    await until(() => segmentsIn(dir).length < before / 2 + 2);
    expectSame(await readRange(spool.snapshot, 20_000, 40_000), contentAt(20_000, 40_000));
    await expect(spool.snapshot.load(3)).rejects.toThrow('released');
    spool.snapshot.release(40_000);
    await until(() => segmentsIn(dir).length === 0);
    await spool.close();
  });

  test('a new one takes the place of the old one, whatever is under way', async () => {
    const { spool, dir } = await smallSpool();
    for (let round = 0; round < 10; round++) {
      spool.snapshot.begin({ round }, 0);
      add(spool.snapshot, 9000);
      if (round % 3 === 0) await until(() => spool.snapshot.written > 2000);
    }
    expectSame(await readRange(spool.snapshot, 0, 9000), contentAt(0, 9000));
    await spool.close();
    const second = await smallSpool({ dir });
    expect(second.snapshot).toMatchObject({ meta: { round: 9 }, start: 0, end: 9000 });
    await second.spool.destroy();
  });
});

describe('the stream', () => {
  test('stays in memory while little of it waits', async () => {
    const { spool, dir } = await smallSpool();
    spool.stream.begin({}, 500);
    for (let round = 0; round < 300; round++) {
      add(spool.stream, 100);
      if (round > 5) spool.stream.release(spool.stream.end - 500);
      await Promise.resolve();
    }
    expect(readdirSync(dir)).toEqual([]);
    expect(spool.memoryBytes).toBeLessThanOrEqual(4 * 512);
    await spool.close();
  });

  test('stays in memory while what waits does not wait for long, be it much', async () => {
    let nowMs = 1000;
    const { spool, dir } = await smallSpool(
      { memoryBytes: 512 * 64 },
      { streamMemoryMs: 200, now: () => nowMs },
    );
    spool.stream.begin({}, 500);
    for (let round = 0; round < 100; round++) {
      add(spool.stream, 1000);
      if (round > 5) spool.stream.release(spool.stream.end - 5000);
      nowMs += 20;
      await Promise.resolve();
    }
    expect(readdirSync(dir)).toEqual([]);
    // Nothing is released any more.
    nowMs += 200;
    add(spool.stream, 10);
    await until(() => spool.stream.written === spool.stream.end);
    await spool.close();
  });

  test('goes to disk at once when more waits than memory should hold', async () => {
    const { spool } = await smallSpool({ memoryBytes: 512 * 64 }, { streamMemoryMs: 1e9 });
    spool.stream.begin({}, 500);
    add(spool.stream, 512 * 16);
    await Promise.resolve();
    expect(spool.stream.written).toBe(500);
    add(spool.stream, 1);
    await until(() => spool.stream.written === spool.stream.end);
    await spool.close();
  });

  test('goes to disk when much waits, and leaves it when that is over', async () => {
    const { spool, dir } = await smallSpool();
    spool.stream.begin({}, 500);
    add(spool.stream, 30_000);
    await until(() => spool.stream.written === 30_500);
    expect(segmentsIn(dir, 'stream').length).toBeGreaterThan(3);
    expectSame(await readRange(spool.stream, 500, 30_500), contentAt(500, 30_500));
    spool.stream.release(30_400);
    add(spool.stream, 50);
    spool.stream.release(30_520);
    await until(() => segmentsIn(dir).length === 0);
    expectSame(await readRange(spool.stream, 30_520, 30_550), contentAt(30_520, 30_550));
    // Once more, behind the part that was never written.
    add(spool.stream, 5000);
    await until(() => spool.stream.written === spool.stream.end);
    expectSame(await readRange(spool.stream, 30_520, 35_550), contentAt(30_520, 35_550));
    await spool.close();
    const second = await smallSpool({ dir });
    expect(second.stream).toMatchObject({ start: 30_520, end: 35_550 });
    await second.spool.destroy();
  });

  test('is written as a whole when the spool is closed, also when it is empty', async () => {
    const first = await smallSpool();
    first.spool.stream.begin({ replid: 'a' }, 500);
    add(first.spool.stream, 300);
    first.spool.stream.release(600);
    await first.spool.close();
    const second = await smallSpool({ dir: first.dir });
    expect(second.stream).toEqual({ meta: { replid: 'a' }, start: 600, end: 800, complete: false });
    expectSame(await readRange(second.spool.stream, 600, 800), contentAt(600, 800));
    second.spool.stream.release(800);
    await second.spool.close();
    const third = await smallSpool({ dir: first.dir });
    expect(third.stream).toEqual({ meta: { replid: 'a' }, start: 800, end: 800, complete: false });
    await third.spool.destroy();
  });

  test('has the latest meta, and each segment that of its bytes', async () => {
    const first = await smallSpool();
    const { stream } = first.spool;
    stream.begin({ replid: 'a' }, 0);
    add(stream, 1500);
    stream.changeMeta({ replid: 'b' });
    add(stream, 1500);
    await until(() => stream.written === 3000);
    stream.changeMeta({ replid: 'c' });
    expect(stream.meta).toEqual({ replid: 'c' });
    await until(() => segmentsIn(first.dir).length === 3);
    await first.spool.close();
    const metas = segmentsIn(first.dir).map((name) => {
      const text = readFileSync(join(first.dir, name)).toString('latin1');
      return /"replid":"(.)"/.exec(text)?.[1];
    });
    expect(metas).toEqual(['a', 'b', 'c']);
    const second = await smallSpool({ dir: first.dir });
    expect(second.stream).toMatchObject({ meta: { replid: 'c' }, start: 0, end: 3000 });
    expectSame(await readRange(second.spool.stream, 0, 3000), contentAt(0, 3000));
    await second.spool.close();
  });
});

test('a reader far behind: memory stays under its cap, and every byte is there', async () => {
  const { spool } = await smallSpool();
  spool.stream.begin({}, 0);
  let most = 0;
  let at = 0;
  const buffer = new Uint8Array(700);
  for (let round = 0; round < 400; round++) {
    while (spool.blocked) await until(() => !spool.blocked);
    add(spool.stream, 500);
    most = Math.max(most, spool.memoryBytes);
    if (round % 4 !== 0) continue;
    const count = spool.stream.read(at, buffer);
    if (count === 0) await spool.stream.load(at);
    expectSame(buffer.subarray(0, count), contentAt(at, at + count));
    at += count;
    spool.stream.release(Math.max(0, at - 1000));
  }
  expect(most).toBeLessThanOrEqual(512 * 34);
  expectSame(await readRange(spool.stream, at, spool.stream.end), contentAt(at, spool.stream.end));
  await spool.destroy();
});

test('a reader goes on behind segments that have been released since it read the last time', async () => {
  const { spool, dir } = await smallSpool({ memoryBytes: 512 * 8 }, { segmentBytes: 1024 });
  spool.stream.begin({}, 0);
  for (let round = 0; round < 20; round++) {
    add(spool.stream, 512 * (round === 0 ? 3 : 2));
    await until(() => spool.stream.written === spool.stream.end);
  }
  expectSame(await readRange(spool.stream, 0, 9000), contentAt(0, 9000));
  const before = segmentsIn(dir).length;
  expect(before).toBeGreaterThan(15);
  spool.stream.release(15_500);
  add(spool.stream, 1);
  await until(() => segmentsIn(dir).length < before - 10);
  const { end } = spool.stream;
  expectSame(await readRange(spool.stream, 15_500, end), contentAt(15_500, end));
  await spool.destroy();
});

describe('much that waits on disk', () => {
  let nowMs = 1000;

  async function fill(options: Partial<SpoolOptions>, taken: boolean): Promise<TestSpool> {
    const test = await smallSpool(
      { memoryBytes: 8 << 20, ...options },
      { blockBytes: 16_384, segmentBytes: 1 << 20, compressAfterBytes: 200_000, now: () => nowMs },
    );
    test.spool.stream.begin({}, 0);
    for (let round = 0; round < 100; round++) {
      add(test.spool.stream, 16_384, 1000, textAt);
      await until(() => test.spool.stream.written === test.spool.stream.end);
      nowMs += 500;
      if (taken) test.spool.stream.release(round * 1000);
    }
    return test;
  }

  test('is not compressed while the target takes something', async () => {
    const { spool } = await fill({}, true);
    expect(spool.diskBytes).toBeGreaterThan(99 * 16_384 - 100_000);
    await spool.destroy();
  });

  test('is compressed when room gets scarce', async () => {
    const { spool } = await fill({ maxBytes: 1_500_000 }, true);
    expect(spool.diskBytes).toBeLessThan(99 * 16_384 - 300_000);
    await spool.destroy();
  });
});

test('what waits on disk is compressed when there is much of it and nothing is taken', async () => {
  let nowMs = 1000;
  const { spool, dir } = await smallSpool(
    { memoryBytes: 8 << 20 },
    { blockBytes: 16_384, segmentBytes: 1 << 20, compressAfterBytes: 200_000, now: () => nowMs },
  );
  spool.stream.begin({}, 0);
  for (let round = 0; round < 100; round++) {
    add(spool.stream, 16_384, 1000, textAt);
    await until(() => spool.stream.written === spool.stream.end);
    nowMs += 500;
  }
  expect(spool.diskBytes).toBeLessThan(100 * 16_384 * 0.7);
  expect(spool.diskBytes).toBe(
    segmentsIn(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0),
  );
  await spool.close();
  const second = await smallSpool({ dir });
  expectSame(await readRange(second.spool.stream, 0, 1_638_400), textAt(0, 1_638_400));
  await second.spool.destroy();
});

test('when the bytes came is known to about 20 ms, also after a restart', async () => {
  const first = await smallSpool();
  first.spool.stream.begin({}, 0);
  for (let round = 0; round < 100; round++) add(first.spool.stream, 512, 10_000 + round * 100);
  expect(first.spool.stream.stampAt(512 * 50 + 7)).toBe(15_000);
  await first.spool.close();
  const second = await smallSpool({ dir: first.dir });
  for (let round = 0; round < 100; round++) {
    expect(second.spool.stream.stampAt(512 * round + 9)).toBe(10_000 + round * 100);
  }
  await second.spool.destroy();
});

test('what is not ours in the folder is left alone; ours is for nobody else', async () => {
  const dir = newFolder();
  const strange = ['notes.txt', 'snapshot-000001.seg.bak', 'stream-1.seg', 'lock'];
  for (const name of strange) writeFileSync(join(dir, name), 'mine');
  const { spool } = await smallSpool({ dir });
  spool.snapshot.begin({}, 0);
  add(spool.snapshot, 3000);
  await spool.close();
  expect(statSync(join(dir, segmentsIn(dir, 'snapshot-000001').at(0)!)).mode & 0o777).toBe(0o600);
  await (await smallSpool({ dir })).spool.destroy();
  expect(readdirSync(dir).toSorted()).toEqual(strange.toSorted());
  for (const name of strange) expect(readFileSync(join(dir, name), 'utf8')).toBe('mine');
});

test('the folder is made when it is needed, not before', async () => {
  const dir = join(newFolder(), 'job', 'spool');
  const { spool } = await smallSpool({ dir });
  expect(existsSync(dir)).toBe(false);
  spool.snapshot.begin({}, 0);
  add(spool.snapshot, 3000);
  await spool.close();
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

test('closing twice is closing once', async () => {
  const { spool } = await smallSpool();
  spool.snapshot.begin({}, 0);
  add(spool.snapshot, 100);
  expect(spool.close()).toBe(spool.close());
  await spool.close();
});
