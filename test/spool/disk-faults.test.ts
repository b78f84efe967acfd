/** A disk that is full, slow, or does not work. */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { expectSame } from '../support/same.js';
import {
  add,
  contentAt,
  diskError,
  FaultyDisk,
  newFolder,
  readRange,
  segmentsIn,
  smallSpool,
  type TestSpool,
  until,
} from './support.js';

function typesOf({ events }: TestSpool): string[] {
  return events.map(({ type }) => type);
}

describe('a disk that fails', () => {
  test.each(['ENOSPC', 'EIO', 'EACCES'])(
    '%s while writing: told once, memory only, and on when it is over',
    async (code) => {
      const disk = new FaultyDisk();
      const opened = await smallSpool({}, { disk });
      const { spool, events, dir } = opened;
      spool.snapshot.begin({}, 0);
      add(spool.snapshot, 3000);
      await until(() => spool.snapshot.written === 3000);
      let attempts = 0;
      disk.fail = (operation) => {
        if (operation !== 'write') return undefined;
        attempts++;
        throw diskError(code);
      };
      add(spool.snapshot, 4000);
      await until(() => attempts > 3);
      expect(events.map((event) => ({ ...event, path: '' }))).toEqual([
        { type: 'disk-failed', path: '', code, message: `${code}: as ordered` },
        { type: 'not-kept', log: 'snapshot', path: '' },
      ]);
      expect(spool.snapshot.retain).toBe(false);
      expectSame(await readRange(spool.snapshot, 0, 7000), contentAt(0, 7000));
      spool.snapshot.release(5000);
      expect(spool.snapshot.start).toBe(5000);
      disk.fail = () => undefined;
      await until(() => spool.snapshot.written === 7000);
      expect(typesOf(opened)).toEqual(['disk-failed', 'not-kept', 'disk-ok']);
      await spool.close();
      const second = await smallSpool({ dir });
      expect(second.snapshot).toMatchObject({ start: 5000, end: 7000 });
      expectSame(await readRange(second.spool.snapshot, 5000, 7000), contentAt(5000, 7000));
      await second.spool.destroy();
    },
  );

  test('a write that takes only some of it leaves nothing behind', async () => {
    const disk = new FaultyDisk();
    const { spool, dir, events } = await smallSpool({}, { disk });
    spool.stream.begin({}, 0);
    let left = 40;
    disk.fail = (operation) => {
      if (operation !== 'write' || left === 0) return undefined;
      left--;
      // Now in a header, now in a payload, now nothing at all.
      return (left * 37) % 300;
    };
    for (let round = 0; round < 30; round++) {
      add(spool.stream, 700);
      await until(() => spool.stream.written === spool.stream.end || spool.stream.end <= 1024);
    }
    await until(() => spool.stream.written === spool.stream.end);
    expect(events[0]).toMatchObject({ type: 'disk-failed', code: 'ENOSPC' });
    expect(disk.calls.filter((call) => call === 'truncate').length).toBeGreaterThan(5);
    await spool.close();
    const second = await smallSpool({ dir });
    expect(second.events).toEqual([]);
    expect(second.stream).toMatchObject({ start: 0, end: 21_000 });
    expectSame(await readRange(second.spool.stream, 0, 21_000), contentAt(0, 21_000));
    await second.spool.destroy();
  });

  test('the folder cannot be made: memory only, blocked when it is used up, never more', async () => {
    const disk = new FaultyDisk();
    disk.fail = (operation) => {
      if (operation === 'makeDir') throw diskError('EACCES');
      return undefined;
    };
    const opened = await smallSpool({}, { disk });
    const { spool } = opened;
    spool.snapshot.begin({}, 0);
    while (!spool.blocked) {
      add(spool.snapshot, 200);
      await Promise.resolve();
    }
    expect(spool.memoryBytes).toBeLessThanOrEqual(512 * 32);
    await until(() => opened.events.length > 0);
    spool.snapshot.release(spool.snapshot.end - 600);
    expect([spool.blocked, opened.rooms]).toEqual([false, 1]);
    // A new log does not pretend to keep anything while that lasts.
    spool.snapshot.begin({}, 0);
    expect(spool.snapshot.retain).toBe(false);
    await spool.close();
    expect(readdirSync(opened.dir)).toEqual([]);
  });

  test('syncing fails: told, tried again, nothing counts as synced', async () => {
    const disk = new FaultyDisk();
    disk.fail = (operation) => {
      if (operation === 'sync') throw diskError('EIO');
      return undefined;
    };
    const opened = await smallSpool({}, { disk });
    const { spool } = opened;
    spool.snapshot.begin({}, 0);
    add(spool.snapshot, 20_000);
    await until(
      () => spool.snapshot.written === 20_000 && disk.calls.filter((call) => call === 'sync').length > 3,
    );
    expect(spool.snapshot.synced).toBe(0);
    expect(typesOf(opened)).toContain('disk-failed');
    disk.fail = () => undefined;
    await until(() => spool.snapshot.synced === 20_000);
    await spool.close();
  });

  test('closing ends, though nothing can be written', async () => {
    const disk = new FaultyDisk();
    const { spool, events, dir } = await smallSpool({}, { disk });
    spool.stream.begin({}, 0);
    add(spool.stream, 900);
    disk.fail = (operation) => {
      if (operation === 'create' || operation === 'write') throw diskError('ENOSPC');
      return undefined;
    };
    await spool.close();
    expect(events.at(0)).toMatchObject({ type: 'disk-failed', code: 'ENOSPC' });
    expect(segmentsIn(dir)).toEqual([]);
  });

  test('reading fails: said so with the file, and works again later', async () => {
    const disk = new FaultyDisk();
    const { spool, dir } = await smallSpool({}, { disk });
    spool.stream.begin({}, 0);
    for (let round = 0; round < 100; round++) {
      add(spool.stream, 512);
      await until(() => spool.stream.written === spool.stream.end || spool.stream.end < 2000);
    }
    await readRange(spool.stream, 40_000, 51_200);
    disk.fail = (operation) => {
      if (operation === 'read') throw diskError('EIO');
      return undefined;
    };
    await expect(spool.stream.load(3000)).rejects.toMatchObject({
      code: 'SPOOL_DAMAGED',
      place: { at: expect.stringContaining(dir) as string },
    });
    disk.fail = () => undefined;
    expectSame(await readRange(spool.stream, 0, 51_200), contentAt(0, 51_200));
    await spool.destroy();
  });
});

describe('the cap on disk', () => {
  test('is announced, kept to, and over when there is room', async () => {
    const opened = await smallSpool({ maxBytes: 100_000 });
    const { spool, dir } = opened;
    spool.stream.begin({}, 0);
    while (!spool.blocked || opened.events.length < 3) {
      if (!spool.blocked) add(spool.stream, 600);
      await new Promise((resolve) => setImmediate(resolve));
      expect(spool.diskBytes).toBeLessThanOrEqual(100_000);
      expect(spool.full).toBe(typesOf(opened).includes('memory-full'));
    }
    expect(typesOf(opened)).toEqual(['nearly-full', 'full', 'memory-full']);
    for (const event of opened.events) expect(event).toMatchObject({ limit: 100_000 });
    expect(spool.memoryBytes).toBeLessThanOrEqual(512 * 33);
    const { end } = spool.stream;
    expect(spool.diskBytes).toBeGreaterThan(90_000);
    // And a memory full beyond what is there.
    expect(end - spool.stream.written).toBeGreaterThan(512 * 24);
    for (let at = 0; at < end; at += 1000) {
      const to = Math.min(end, at + 1000);
      expectSame(await readRange(spool.stream, at, to), contentAt(at, to));
      spool.stream.release(to);
    }
    await until(() => opened.rooms > 0 && segmentsIn(dir).length === 0);
    expect(spool.blocked).toBe(false);
    expect(typesOf(opened).slice(0, 3)).toEqual(['nearly-full', 'full', 'memory-full']);
    expect(typesOf(opened).slice(3).toSorted()).toEqual(['memory-room', 'room-again']);
    expect(spool.full).toBe(false);
    add(spool.stream, 5000);
    await until(() => spool.stream.written === spool.stream.end);
    expectSame(await readRange(spool.stream, end, end + 5000), contentAt(end, end + 5000));
    await spool.destroy();
  });

  test('a snapshot larger than that goes through, but is not kept', async () => {
    const opened = await smallSpool({ maxBytes: 80_000 });
    const { spool } = opened;
    spool.snapshot.begin({}, 0);
    const size = 300_000;
    for (let at = 0; at < size;) {
      // Comes faster than it goes.
      for (let piece = 0; piece < 3 && !spool.blocked && spool.snapshot.end < size; piece++) {
        add(spool.snapshot, Math.min(700, size - spool.snapshot.end));
      }
      const to = Math.min(spool.snapshot.end, at + 1500);
      expectSame(await readRange(spool.snapshot, at, to), contentAt(at, to));
      spool.snapshot.release(to);
      at = to;
      await new Promise((resolve) => setImmediate(resolve));
      expect(spool.memoryBytes).toBeLessThanOrEqual(512 * 34);
    }
    expect(typesOf(opened).slice(0, 3)).toEqual(['nearly-full', 'full', 'not-kept']);
    await until(() => typesOf(opened).includes('room-again'));
    await spool.destroy();
  });

  test('what is in memory is written beyond it at the end, but not again and again', async () => {
    const dir = newFolder();
    const [maxBytes, memoryBytes] = [66_000, 512 * 32];
    for (let run = 0; run < 4; run++) {
      const { spool, stream, events } = await smallSpool({ maxBytes, memoryBytes, dir });
      if (stream === undefined) spool.stream.begin({}, 0);
      expectSame(await readRange(spool.stream, 0, spool.stream.end), contentAt(0, spool.stream.end));
      while (!events.some(({ type }) => type === 'memory-full')) {
        if (!spool.blocked) add(spool.stream, 600);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await spool.close();
      expect(spool.diskBytes).toBeGreaterThan(maxBytes);
      // And the header of a segment.
      expect(spool.diskBytes).toBeLessThanOrEqual(maxBytes + memoryBytes + 100);
    }
  });

  test('what is in memory is written beyond it at the end', async () => {
    const opened = await smallSpool({ maxBytes: 66_000, dir: newFolder() });
    const { spool, dir } = opened;
    spool.stream.begin({}, 0);
    while (!spool.blocked || opened.events.length < 2) {
      if (!spool.blocked) add(spool.stream, 600);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { end } = spool.stream;
    await spool.close();
    const second = await smallSpool({ dir });
    expect(second.stream).toMatchObject({ start: 0, end });
    expectSame(await readRange(second.spool.stream, 0, end), contentAt(0, end));
    await second.spool.destroy();
  });
});
