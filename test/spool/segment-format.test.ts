import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeRecordHeader,
  decodeSegmentHeader,
  encodeRecordHeader,
  encodeSegmentHeader,
  MAX_META_BYTES,
  parseSegmentName,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  type SegmentHeader,
  segmentName,
} from '../../src/spool/segment-format.js';

const segment: SegmentHeader = {
  log: 'stream',
  complete: false,
  number: 7,
  position: 0x1234_5678_9abc,
  logId: 0xdeadbeef,
  bootId: '00112233445566778899aabbccddeeff',
  meta: { replid: 'é', base: 5, history: [['a', 1]] },
};

const record: RecordHeader = {
  end: false,
  lz4: true,
  stored: 1000,
  plain: 4096,
  position: 2 ** 52 + 1,
  stampMs: 1_780_000_000_123,
  synced: 2 ** 40,
  logId: 0xdeadbeef,
  payloadSum: 0xffffffff,
};

function encoded(header: RecordHeader): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + 3).fill(255);
  encodeRecordHeader(bytes, header);
  return bytes;
}

describe('the header of a segment', () => {
  test('comes back, and says where it ends', () => {
    const bytes = encodeSegmentHeader(segment);
    const read = decodeSegmentHeader(Buffer.concat([bytes, Buffer.from('more')]));
    expect(read).toEqual({ header: segment, headerBytes: bytes.length });
  });

  test('is at the bytes the format says', () => {
    const bytes = Buffer.from(encodeSegmentHeader({ ...segment, complete: true, meta: {} }));
    expect(bytes.toString('latin1', 0, 8)).toBe('RPLSPOOL');
    expect(bytes.subarray(8, 52).toString('hex')).toBe(
      ['0100', '02', '01', '07000000', 'bc9a785634120000', 'efbeadde', '02000000'].join('') +
        '00112233445566778899aabbccddeeff' +
        '00000000',
    );
    expect(bytes.toString('latin1', 56)).toBe('{}');
  });

  test('without a boot id has zeros there', () => {
    const read = decodeSegmentHeader(encodeSegmentHeader({ ...segment, bootId: '' }));
    expect(read?.header.bootId).toBe('');
  });

  test('with any bit flipped is none, nor when it is short', () => {
    const bytes = encodeSegmentHeader(segment);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeSegmentHeader(flipped), `bit ${bit}`).toBeUndefined();
    }
    for (let size = 0; size < bytes.length; size++) {
      expect(decodeSegmentHeader(bytes.subarray(0, size))).toBeUndefined();
    }
  });

  test('refuses a meta that is too large', () => {
    expect(() => encodeSegmentHeader({ ...segment, meta: { a: 'x'.repeat(MAX_META_BYTES) } })).toThrow(
      'meta',
    );
  });
});

describe('the header of a record', () => {
  test('is at the bytes the format says', () => {
    const bytes = Buffer.from(encoded({ ...record, position: 0x0102_0304_0506, stampMs: 1, synced: 2 }));
    expect(bytes.subarray(0, 44).toString('hex')).toBe(
      ['52504c52', '01', '01', '0000', 'e8030000', '00100000', '0605040302010000', '0100000000000000'].join(
        '',
      ) + ['0200000000000000', 'efbeadde'].join(''),
    );
    expect(bytes.readUInt32LE(48)).toBe(0xffffffff);
    expect(bytes.subarray(RECORD_HEADER_BYTES)).toEqual(Buffer.from([255, 255, 255]));
  });

  test('comes back, whatever is in it', () => {
    const position = fc.maxSafeNat();
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 262_144 }),
        fc.integer({ min: 1, max: 262_144 }),
        fc.boolean(),
        fc.tuple(position, position, position),
        fc.tuple(word, word),
        (plain, stored, lz4, [at, stampMs, synced], [logId, payloadSum]) => {
          const header = { end: false, lz4, stored: lz4 ? stored : plain, plain, position: at };
          const whole = { ...header, stampMs, synced, logId, payloadSum };
          expect(decodeRecordHeader(encoded(whole), 0)).toEqual(whole);
        },
      ),
    );
  });

  test('with any bit flipped is none', () => {
    const bytes = encoded(record);
    expect(decodeRecordHeader(bytes, 0)).toEqual(record);
    for (let bit = 0; bit < RECORD_HEADER_BYTES * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeRecordHeader(flipped, 0), `bit ${bit}`).toBeUndefined();
    }
    expect(decodeRecordHeader(bytes.subarray(0, RECORD_HEADER_BYTES - 1), 0)).toBeUndefined();
  });

  test.each<Partial<RecordHeader>>([
    { plain: 0 },
    { plain: 262_145 },
    { stored: 262_145 },
    { stored: 0 },
    { lz4: false },
    { end: true },
  ])('beyond the limits of the format is none: %j', (change) => {
    expect(decodeRecordHeader(encoded({ ...record, ...change }), 0)).toBeUndefined();
  });
});

test('names', () => {
  expect(segmentName('snapshot', 1)).toBe('snapshot-000001.seg');
  expect(parseSegmentName('stream-1234567.seg')).toEqual({ log: 'stream', number: 1_234_567 });
  for (const name of [
    'stream-01.seg',
    'stream-0000001.seg',
    'other-000001.seg',
    'stream-000001.seg~',
    'lock',
  ]) {
    expect(parseSegmentName(name)).toBeUndefined();
  }
});
