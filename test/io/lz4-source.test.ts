/** LZ4 frames: the lz4 command's own, and what must not be taken for data. */
import { describe, expect, test } from 'vitest';
import { ReplicantError } from '../../src/errors.js';
import { Lz4Source } from '../../src/io/lz4-source.js';
import { unwrap } from '../../src/io/unwrap.js';
import { independent, legacy, linked, plain, short, stored } from './lz4-files.js';
import { concat, failureOf, MemorySource, readToEnd } from './support.js';

const decode = (bytes: Uint8Array, atOnce?: number, bufferBytes?: number): Promise<Uint8Array> =>
  readToEnd(new Lz4Source(new MemorySource(bytes, atOnce)), bufferBytes);

const skippable = concat('\x53\x2a\x4d\x18\x05\x00\x00\x00', 'notes');

describe('what the lz4 command wrote', () => {
  const files = { linked, independent };
  test.each(Object.entries(files))('%s', async (_, bytes) => {
    expect(Buffer.compare(await decode(bytes), plain)).toBe(0);
    expect(Buffer.compare(await decode(bytes, 1, 7), plain)).toBe(0);
  });

  test('a block stored as it is', async () => {
    expect(Buffer.from(await decode(stored)).toString()).toBe(Buffer.from(short).toString());
  });

  test('several frames, and frames to be skipped before, between and behind them', async () => {
    const all = concat(skippable, stored, skippable, independent, stored, skippable);
    expect(Buffer.compare(await decode(all, 100), concat(short, plain, short))).toBe(0);
  });

  test('nothing but a frame to be skipped', async () => {
    expect(await decode(skippable)).toHaveLength(0);
  });
});

describe('damage', () => {
  test('of any bit of a block with checksums, sizes and header is noticed', async () => {
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const bytes = Buffer.from(stored);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const error = await failureOf(() => decode(bytes));
      expect(error.code).toMatch(/^RDB_/);
    }
  });

  test('of any byte of a compressed frame is noticed, unless the same comes out', async () => {
    for (const file of [linked, independent]) {
      for (let at = 0; at < file.length; at++) {
        const bytes = Buffer.from(file);
        bytes[at]! ^= 0x55;
        // Where the text repeats itself, another offset may copy the same.
        const what = await decode(bytes).then(
          (out) => Buffer.compare(out, plain) === 0,
          (error: unknown) => error instanceof ReplicantError && error.code.startsWith('RDB_'),
        );
        expect(what, `byte ${at}`).toBe(true);
      }
    }
  });

  test('a frame that ends in the middle, at any byte', async () => {
    for (let end = 1; end < linked.length; end++) {
      const error = await failureOf(() => decode(linked.subarray(0, end)));
      expect(error.code).toBe('RDB_TRUNCATED');
    }
  });

  test('a block without checksum that reaches back before the beginning', async () => {
    // Flags: version 01, independent, nothing else. One block: token 0x10, "a", offset 9, then nothing.
    const header = concat('\x04\x22\x4d\x18\x60\x40\x82');
    const block = concat('\x10a\x09\x00\x10b');
    const error = await failureOf(() =>
      decode(concat(header, '\x06\x00\x00\x00', block, '\x00\x00\x00\x00')),
    );
    expect(error).toMatchObject({ code: 'RDB_CORRUPT', message: expect.stringContaining('an offset of 9') });
  });

  test('garbage behind the last frame', async () => {
    const error = await failureOf(() => decode(concat(stored, 'garbage')));
    expect(error).toMatchObject({ code: 'RDB_CORRUPT', place: { offset: stored.length + 4 } });
  });
});

test('the legacy format is refused by name', async () => {
  for (const bytes of [legacy, concat(stored, legacy)]) {
    const error = await failureOf(async () => readToEnd(await unwrap(new MemorySource(bytes))));
    expect(error).toMatchObject({ code: 'RDB_UNSUPPORTED', message: expect.stringContaining('legacy') });
    expect(error.hint).toContain('lz4 -dc');
  }
});
