import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lz4Source } from '../../src/io/lz4-source.js';
import { decodeLz4Frame, encodeLz4Frame } from '../../src/spool/lz4-frame.js';
import { MemorySource, readToEnd } from '../io/support.js';
import { contentAt, textAt } from './support.js';

const hasTool = spawnSync('lz4', ['--version']).status === 0;

/** Pieces that repeat, so that there is something to find, up to the last byte. */
const bytes = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 40 })), {
    maxLength: 30,
  })
  .map((pieces) =>
    Buffer.concat(pieces.flatMap(([piece, times]) => Array.from({ length: times }, () => piece))),
  );

function frameOf(plain: Uint8Array): Uint8Array | undefined {
  return encodeLz4Frame(plain, plain.length)?.slice();
}

test('what was compressed comes back, also from a decoder that checks everything', async () => {
  let frames = 0;
  await fc.assert(
    fc.asyncProperty(bytes, async (plain) => {
      const frame = frameOf(plain);
      if (frame === undefined) return;
      frames++;
      const back = new Uint8Array(plain.length);
      decodeLz4Frame(frame, back, plain.length);
      expect(Buffer.compare(back, plain)).toBe(0);
      expect(Buffer.compare(await readToEnd(new Lz4Source(new MemorySource(frame))), plain)).toBe(0);
    }),
  );
  expect(frames).toBeGreaterThan(10);
});

test.skipIf(!hasTool)('the lz4 command reads them', () => {
  // Matches that end near the end of the block at every distance: its decoder is strict about those.
  const frames: Uint8Array[] = [];
  const plains: Uint8Array[] = [];
  for (let tail = 0; tail < 48; tail++) {
    for (const size of [40, 300, 70_000, 262_000]) {
      const plain = Buffer.concat([textAt(0, size), Buffer.from('abcdefgh'), contentAt(0, tail)]);
      const frame = frameOf(plain);
      if (frame === undefined) continue;
      frames.push(frame);
      plains.push(plain);
    }
  }
  expect(frames.length).toBeGreaterThan(100);
  const { status, stdout, stderr } = spawnSync('lz4', ['-dc'], {
    input: Buffer.concat(frames),
    maxBuffer: 1e9,
  });
  expect(stderr.toString()).toBe('');
  expect(status).toBe(0);
  expect(Buffer.compare(stdout, Buffer.concat(plains))).toBe(0);
});

test('what does not get smaller is left alone', () => {
  expect(frameOf(contentAt(0, 10))).toBeUndefined();
  const random = randomBytes(10_000);
  expect(encodeLz4Frame(random, Math.floor(random.length * 0.75))).toBeUndefined();
  expect(encodeLz4Frame(new Uint8Array(0), 0)).toBeUndefined();
});

test('a damaged frame is refused, or what comes out is right all the same', () => {
  const plain = textAt(0, 400);
  const frame = frameOf(plain)!;
  const into = new Uint8Array(plain.length);
  let refused = 0;
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const flipped = frame.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    // Magic and header checksum are the record checksum's business.
    if (bit < 4 * 8 || (bit >= 10 * 8 && bit < 15 * 8)) continue;
    let said = '';
    try {
      decodeLz4Frame(flipped, into, plain.length);
    } catch (error) {
      said = String(error);
      refused++;
    }
    expect([bit, said.includes('LZ4') || Buffer.compare(into, plain) === 0]).toEqual([bit, true]);
  }
  expect(refused).toBeGreaterThan(frame.length * 6);
  expect(() => decodeLz4Frame(frame.subarray(0, 20), into, plain.length)).toThrow(/LZ4/);
  expect(() => decodeLz4Frame(frame, into, plain.length + 1)).toThrow(/LZ4/);
});
