/** zstd by its frames. Frames of raw blocks can be made by hand; real ones need a Node that has zstd. */
import * as zlib from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/io/unwrap.js';
import { ZstdFrames } from '../../src/io/zstd-frames.js';
import { failureOf, MemorySource, readToEnd } from './support.js';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPABLE = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

interface Shape {
  readonly blocks: readonly string[];
  readonly checksum: boolean;
  readonly single: boolean;
}

function block(text: string, last: boolean): Buffer {
  const header = (text.length << 3) | (last ? 1 : 0);
  return Buffer.concat([
    Buffer.from([header & 255, (header >> 8) & 255, header >> 16]),
    Buffer.from(text, 'latin1'),
  ]);
}

/** With a window byte, or with a content size of two bytes. */
function frame({ blocks, checksum, single }: Shape): Buffer {
  const described = (checksum ? 4 : 0) | (single ? 0x60 : 0);
  return Buffer.concat([
    Buffer.from([...MAGIC, described, ...(single ? [1, 2] : [0x58])]),
    ...blocks.map((text, index) => block(text, index === blocks.length - 1)),
    Buffer.from(checksum ? [9, 9, 9, 9] : []),
  ]);
}

async function split(bytes: Uint8Array, atOnce: number): Promise<readonly Buffer[]> {
  const frames = new ZstdFrames(new MemorySource(bytes, atOnce));
  const found: Buffer[] = [];
  const into = new Uint8Array(7);
  /* oxlint-disable no-await-in-loop -- one after the other */
  while (await frames.next()) {
    const parts: Buffer[] = [];
    for (let count = 1; count > 0;) {
      count = await frames.read(into);
      parts.push(Buffer.from(into.slice(0, count)));
    }
    found.push(Buffer.concat(parts));
  }
  /* oxlint-enable no-await-in-loop */
  return found;
}

const shapes = fc.record({
  blocks: fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 4 }),
  checksum: fc.boolean(),
  single: fc.boolean(),
});

test('frames come out one by one, without what is to be skipped', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(shapes, { minLength: 1 }),
      fc.integer({ min: 1, max: 50 }),
      async (all, atOnce) => {
        const frames = all.map(frame);
        const file = Buffer.concat(frames.flatMap((one) => [SKIPPABLE, one]));
        expect(await split(file, atOnce)).toEqual(frames);
      },
    ),
  );
});

test('a file that ends in the middle, at every byte', async () => {
  const one = frame({ blocks: ['abc', 'def'], checksum: true, single: false });
  const file = Buffer.concat([one, SKIPPABLE]);
  for (let end = 1; end < file.length; end++) {
    if (end === one.length) continue;
    // oxlint-disable-next-line no-await-in-loop
    const error = await failureOf(() => split(file.subarray(0, end), Infinity));
    expect([end, error.code, error.place.at]).toEqual([end, 'RDB_TRUNCATED', 'memory']);
  }
});

test('what is no frame is told with its place', async () => {
  const one = frame({ blocks: ['abc'], checksum: false, single: true });
  expect(await failureOf(() => split(Buffer.concat([one, Buffer.from('garbage!')]), 10))).toMatchObject({
    code: 'RDB_CORRUPT',
    place: { at: 'memory', offset: one.length },
  });
});

const compress = Reflect.get(zlib, 'zstdCompressSync') as ((bytes: Uint8Array) => Buffer) | undefined;

describe.skipIf(compress === undefined)('with a Node that has zstd', () => {
  const [first, second] = [Buffer.alloc(300_000, 'abcdefgh'), Buffer.from('the end')];
  const packed = (): Buffer => Buffer.concat([SKIPPABLE, compress!(first), compress!(second)]);

  test.each([1000, Infinity])('all frames are decompressed, fed %d at a time', async (atOnce) => {
    const source = await unwrap(new MemorySource(packed(), atOnce));
    expect(Buffer.concat([first, second]).equals(await readToEnd(source))).toBe(true);
    await source.close();
  });

  test('a second frame that is cut off', async () => {
    const cut = packed().subarray(0, -2);
    const error = await failureOf(async () => readToEnd(await unwrap(new MemorySource(cut))));
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED', place: { at: 'memory' } });
  });
});
