/** What a crash leaves, and what can only be damage. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ReplicantError } from '../../src/errors.js';
import { SEGMENT_HEADER_BYTES } from '../../src/spool/segment-format.js';
import type { SpoolTuning } from '../../src/spool/tuning.js';
import { failureOf } from '../io/support.js';
import { expectSame } from '../support/same.js';
import {
  add,
  contentAt,
  copyFolder,
  diskError,
  FaultyDisk,
  newFolder,
  readRange,
  segmentsIn,
  smallSpool,
  type TestSpool,
  until,
} from './support.js';

const BASE = 10_000;
const BOOT = 'a'.repeat(32);
const OTHER_BOOT = 'b'.repeat(32);

/** A stream of some segments; synced before each segment but the last, or never. */
async function make(bytes: number, synced: boolean, tuning: Partial<SpoolTuning> = {}): Promise<string> {
  const dir = newFolder();
  const options = { segmentBytes: 1500, bootId: BOOT, syncMs: 1, ...tuning };
  const { spool } = await smallSpool({ dir }, options);
  spool.stream.begin({ replid: 'a' }, BASE);
  for (let left = bytes; left > 0; left -= 500) {
    add(spool.stream, Math.min(500, left));
    if (bytes < 1024) continue;
    if (spool.stream.end - BASE > 1024) await until(() => spool.stream.written === spool.stream.end);
    if (synced) await until(() => spool.stream.synced === spool.stream.written);
  }
  await spool.close();
  return dir;
}

/** A disk on which nothing ever counts as synced. */
const syncless = new FaultyDisk();
syncless.fail = (operation) => {
  if (operation === 'sync') throw diskError('EIO');
  return undefined;
};

function change(dir: string, name: string, edit: (bytes: Buffer<ArrayBuffer>) => Uint8Array): string {
  const copy = copyFolder(dir);
  writeFileSync(join(copy, name), edit(Buffer.from(readFileSync(join(dir, name)))));
  return copy;
}

function flip(bit: number): (bytes: Buffer<ArrayBuffer>) => Uint8Array {
  return (bytes) => {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  };
}

/** What is there from BASE on is right. Returns up to where. */
async function checked({ spool }: TestSpool): Promise<number> {
  const { start, end, open } = spool.stream;
  if (!open) return BASE;
  expectSame(await readRange(spool.stream, start, end), contentAt(start, end));
  return end;
}

describe('a last file that was cut short', () => {
  let dir = '';
  let names: string[] = [];
  let whole = 0;

  beforeAll(async () => {
    dir = await make(2600, true);
    const { spool } = await smallSpool({ dir }, { bootId: BOOT });
    for (let record = 0; record < 4; record++) {
      add(spool.stream, 100);
      await until(() => spool.stream.written === spool.stream.end);
    }
    await spool.close();
    names = segmentsIn(dir);
    whole = readFileSync(join(dir, names.at(-1)!)).length;
  });

  test('at any byte: the rest is a prefix, and can be gone on with', async () => {
    const ends = new Set<number>();
    let cuts = 0;
    const resumed: number[][] = [];
    for (let size = 0; size < whole; size++) {
      const copy = change(dir, names.at(-1)!, (bytes) => bytes.subarray(0, size));
      const opened = await smallSpool({ dir: copy }, { bootId: BOOT });
      const end = await checked(opened);
      ends.add(end);
      cuts += opened.events.filter(({ type }) => type === 'tail-cut').length;
      if (size % 50 === 0) {
        add(opened.spool.stream, 800);
        await opened.spool.close();
        const again = await smallSpool({ dir: copy }, { bootId: BOOT });
        resumed.push([size, again.events.length, (await checked(again)) - end]);
        await again.spool.destroy();
      } else {
        await opened.spool.destroy();
      }
      rmSync(copy, { recursive: true });
    }
    expect(resumed.length).toBeGreaterThan(5);
    expect(resumed).toEqual(resumed.map(([size]) => [size, 0, 800]));
    // Where the header or a record ends, there is nothing to be cut.
    expect(cuts).toBe(whole - ends.size);
    expect(ends.size).toBeGreaterThanOrEqual(4);
    expect(Math.max(...ends)).toBeLessThan(BASE + 3000);
  });

  test('with rubbish behind it, or zeros', async () => {
    for (const rubbish of [new Uint8Array(5000), contentAt(0, 300), Buffer.from('RPLRRPLR'.repeat(20))]) {
      const copy = change(dir, names.at(-1)!, (bytes) => Buffer.concat([bytes, rubbish]));
      const opened = await smallSpool({ dir: copy }, { bootId: BOOT });
      expect(await checked(opened)).toBe(BASE + 3000);
      expect(opened.events).toEqual([
        { type: 'tail-cut', path: join(copy, names.at(-1)!), offset: whole, bytes: rubbish.length },
      ]);
      await opened.spool.close();
    }
  });

  test('a payload in it that looks like a segment is no record of this log', async () => {
    const other = readFileSync(join(await make(900, true), 'stream-000001.seg'));
    const copy = change(dir, names.at(-1)!, (bytes) => Buffer.concat([bytes, other]));
    const opened = await smallSpool({ dir: copy }, { bootId: BOOT });
    expect(await checked(opened)).toBe(BASE + 3000);
    await opened.spool.close();
  });
});

describe('damage', () => {
  /** Opening, or reading, must fail with the file's name; returns at which offset. */
  async function damageOf(
    dir: string,
    tuning: Partial<SpoolTuning> = { bootId: BOOT },
  ): Promise<ReplicantError> {
    return failureOf(async () => {
      const opened = await smallSpool({ dir }, tuning);
      try {
        await checked(opened);
      } finally {
        await opened.spool.close();
      }
    });
  }

  test('any flipped bit in the middle is refused, by file and offset', async () => {
    const dir = await make(4000, true);
    const name = segmentsIn(dir)[1]!;
    const bits = readFileSync(join(dir, name)).length * 8;
    for (let bit = 0; bit < bits; bit += 43) {
      const copy = change(dir, name, flip(bit));
      const error = await damageOf(copy);
      expect([error.code, error.exitCode, error.place.at]).toEqual(['SPOOL_DAMAGED', 5, join(copy, name)]);
      expect(error.place.offset).toBeLessThanOrEqual(bit >> 3);
      rmSync(copy, { recursive: true });
    }
  });

  test('a flipped bit before the last record of the last file is refused, in the last record cut', async () => {
    const dir = await make(1500, false, { segmentBytes: 1e6, syncMs: 1e6 });
    expect(segmentsIn(dir)).toEqual(['stream-000001.seg']);
    const bits = readFileSync(join(dir, 'stream-000001.seg')).length * 8;
    const outcomes = new Set<string>();
    for (let bit = 0; bit < bits; bit += 53) {
      const copy = change(dir, 'stream-000001.seg', flip(bit));
      try {
        const opened = await smallSpool({ dir: copy }, { bootId: BOOT });
        const end = await checked(opened).finally(() => opened.spool.close());
        expect(end).toBeLessThan(BASE + 1500);
        expect(bit >> 3).toBeGreaterThan(end - BASE);
        outcomes.add('cut');
      } catch (error) {
        if (!(error instanceof ReplicantError)) throw error;
        outcomes.add(error.code);
      }
      rmSync(copy, { recursive: true });
    }
    expect([...outcomes].toSorted()).toEqual(['SPOOL_DAMAGED', 'cut']);
  });

  test('a missing file, or one cut short, in the middle is refused', async () => {
    const dir = await make(4000, true);
    const [first, second, third] = segmentsIn(dir);
    const missing = copyFolder(dir);
    rmSync(join(missing, second!));
    const error = await damageOf(missing);
    expect(error.message).toContain('are missing');
    expect(error.place).toEqual({ at: join(missing, third!), offset: 0 });
    for (const size of [0, 10, 200, 1000]) {
      const copy = change(dir, second!, (bytes) => bytes.subarray(0, size));
      const short = await damageOf(copy);
      expect([short.code, short.place.at]).toEqual(['SPOOL_DAMAGED', join(copy, second!)]);
    }
    const renamed = copyFolder(dir);
    writeFileSync(join(renamed, 'stream-000099.seg'), readFileSync(join(renamed, first!)));
    expect((await damageOf(renamed)).code).toBe('SPOOL_DAMAGED');
  });

  test('is also met while reading back, what was sound when it was found', async () => {
    const dir = await make(4000, true);
    const opened = await smallSpool({ dir }, { bootId: BOOT });
    const path = join(dir, segmentsIn(dir)[1]!);
    const bytes = readFileSync(path);
    bytes[SEGMENT_HEADER_BYTES + 200]! ^= 1;
    writeFileSync(path, bytes);
    const error = await failureOf(() => checked(opened));
    expect([error.code, error.place.at]).toEqual(['SPOOL_DAMAGED', path]);
    await opened.spool.close();
  });

  test('what the power took before it was synced is cut off, what had been synced is damage', async () => {
    const never = await make(4000, false, { syncMs: 1e6, disk: syncless });
    const [, second] = segmentsIn(never);
    const hole = (bytes: Buffer): Uint8Array => bytes.fill(0, 200, 400);
    expect((await damageOf(change(never, second!, hole))).code).toBe('SPOOL_DAMAGED');
    const opened = await smallSpool({ dir: change(never, second!, hole) }, { bootId: OTHER_BOOT });
    expect(await checked(opened)).toBeGreaterThan(BASE + 500);
    expect(opened.spool.stream.end).toBeLessThan(BASE + 3000);
    expect(opened.events.map(({ type }) => type)).toEqual(['tail-cut']);
    await opened.spool.close();
    expect((await smallSpool({ dir: opened.dir }, { bootId: OTHER_BOOT })).stream?.end).toBe(
      opened.spool.stream.end,
    );
    const always = await make(4000, true);
    const later = await damageOf(change(always, segmentsIn(always)[1]!, hole), { bootId: OTHER_BOOT });
    expect(later.code).toBe('SPOOL_DAMAGED');
  });
});

test('segments of a log before this one, whose removal was cut short, are removed', async () => {
  const old = await make(4000, true);
  const first = await smallSpool({ dir: copyFolder(old) }, { bootId: BOOT });
  first.spool.stream.begin({ replid: 'new' }, 0);
  add(first.spool.stream, 2000);
  await first.spool.close();
  const before = segmentsIn(old);
  for (const name of before.slice(0, 2)) {
    writeFileSync(join(first.dir, name), readFileSync(join(old, name)));
  }
  const second = await smallSpool({ dir: first.dir }, { bootId: BOOT });
  expect(second.stream).toEqual({ meta: { replid: 'new' }, start: 0, end: 2000, complete: false });
  expect(segmentsIn(first.dir)).not.toContain(before[0]);
  await second.spool.destroy();
});

test('a folder that cannot be read is a matter of usage', async () => {
  const file = join(newFolder(), 'file');
  writeFileSync(file, '');
  const error = await failureOf(() => smallSpool({ dir: file }));
  expect([error.code, error.place.at]).toEqual(['USAGE', file]);
});
