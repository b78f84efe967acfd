import { describe, expect, test } from 'vitest';
import { CHUNK_BYTES, Output } from '../../src/export/output.js';
import { Spill } from '../../src/export/spill.js';
import { MemoryTarget } from '../support/text-export.js';

const bytes = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);

test.each([false, true])('everything arrives in order (slow target: %s)', async (slow) => {
  const target = new MemoryTarget(slow);
  const out = new Output(target);
  const parts = [1, CHUNK_BYTES, 3, 3 * CHUNK_BYTES + 7, CHUNK_BYTES - 1, 12].map((size, n) =>
    bytes(size, n),
  );
  for (const part of parts) {
    out.put(part, 0, part.length);
    await out.drain();
  }
  out.ascii('end');
  out.integer(-12);
  out.integer(2 ** 40);
  await out.end();
  const expected = Buffer.concat([...parts, Buffer.from(`end-12${2 ** 40}`)]);
  expect(target.bytes.equals(expected)).toBe(true);
  expect(out.total).toBe(expected.length);
});

test('room for more than a chunk', () => {
  const target = new MemoryTarget();
  const out = new Output(target);
  out.ascii('a');
  out.room(3 * CHUNK_BYTES);
  out.bytes.fill(98, out.at, out.at + 3 * CHUNK_BYTES);
  out.at += 3 * CHUNK_BYTES;
  out.ascii('c');
  out.endSync();
  expect(target.bytes.toString()).toBe(`a${'b'.repeat(3 * CHUNK_BYTES)}c`);
});

describe.each([false, true])('a held key (slow target: %s)', (slow) => {
  test.each([10, CHUNK_BYTES, 5 * CHUNK_BYTES])('of %i bytes is taken back', async (size) => {
    const target = new MemoryTarget(slow);
    const out = new Output(target);
    out.ascii('before ');
    out.hold();
    out.put(bytes(size, 1), 0, size);
    expect(target.chunks).toEqual([]);
    expect(out.rollback()).toBe(true);
    out.ascii('after');
    out.hold();
    out.ascii('!');
    out.release();
    await out.end();
    expect(target.bytes.toString()).toBe('before after!');
    expect(out.total).toBe(13);
  });

  test('that is too large is let go, and says so', async () => {
    const target = new MemoryTarget(slow);
    const out = new Output(target);
    out.hold();
    for (let n = 0; n < 200; n++) out.put(bytes(CHUNK_BYTES, 2), 0, CHUNK_BYTES);
    expect(out.rollback()).toBe(false);
    await out.end();
    expect(target.bytes.length).toBe(200 * CHUNK_BYTES);
  });
});

test('a slow target does not let memory grow without end', () => {
  const target = new MemoryTarget(true);
  const out = new Output(target);
  for (let n = 0; n < 100; n++) out.put(bytes(CHUNK_BYTES, 3), 0, CHUNK_BYTES);
  expect(target.chunks.length).toBeGreaterThan(50);
});

test.each([
  [100, [30, 30]],
  [100, [30, 80, 5]],
  [100, [250, 1, 99, 1]],
])('a spill of %i bytes in memory gives back %j and is empty then', (limit, sizes) => {
  const spill = new Spill(undefined, limit);
  for (let round = 0; round < 2; round++) {
    const parts = sizes.map((size, n) => bytes(size, 10 * round + n));
    for (const part of parts) spill.append(part, 0, part.length);
    expect(spill.size).toBe(sizes.reduce((sum, size) => sum + size, 0));
    const taken: Buffer[] = [];
    spill.empty((from, start, end) => taken.push(Buffer.from(from.subarray(start, end))));
    expect(Buffer.concat(taken).equals(Buffer.concat(parts))).toBe(true);
    expect(spill.size).toBe(0);
  }
});
