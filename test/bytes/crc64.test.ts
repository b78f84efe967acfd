import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Crc64, crc64, formatCrc64 } from '../../src/bytes/crc64.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The definition, bit by bit. */
function reference(data: Uint8Array): string {
  let crc = 0n;
  for (const byte of data) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc.toString(16).padStart(16, '0');
}

describe('crc64', () => {
  test('the known check value', () => {
    const { lo, hi } = crc64(bytes('123456789'));
    expect(formatCrc64(lo, hi)).toBe('e9c6d914c4b8d9ca');
  });

  test('nothing gives 0', () => {
    expect(crc64(new Uint8Array(0))).toEqual({ lo: 0, hi: 0 });
  });

  test('agrees with the definition on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (data) => {
        const { lo, hi } = crc64(data);
        expect(formatCrc64(lo, hi)).toBe(reference(data));
      }),
    );
  });

  test('pieces add up, in the window, beside it, and byte by byte', () => {
    const engine = new Crc64(200_000);
    const data = Uint8Array.from({ length: 180_001 }, (_, index) => (index * 7919) >>> 3);
    engine.window.set(data);
    const whole = crc64(data);
    engine.update(0, engine.window, 0, 77_777);
    engine.update(0, data, 77_777, 77_790);
    engine.byte(0, data[77_790]!);
    engine.update(0, data, 77_791, 180_001);
    expect({ lo: engine.lo(0), hi: engine.hi(0) }).toEqual(whole);
    expect({ lo: engine.lo(1), hi: engine.hi(1) }).toEqual({ lo: 0, hi: 0 });
  });
});
