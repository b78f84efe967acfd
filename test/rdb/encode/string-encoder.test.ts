import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../src/rdb/encode/byte-writer.js';
import { canonicalInteger, StringEncoder } from '../../../src/rdb/encode/string-encoder.js';
import { Header, readString } from '../../../src/rdb/primitives.js';
import { stringBytes } from '../../../src/rdb/string-bytes.js';
import { bytes } from '../../support/rdb-arbitrary.js';
import { ascii, hex } from '../../support/rdb-hex.js';

function encode(text: Uint8Array, compress = false): Uint8Array {
  const out = new ByteWriter();
  new StringEncoder(compress).write(out, text);
  return out.view();
}

describe('as servers write', () => {
  test.each([
    ['-7', 'c0 f9'],
    ['127', 'c0 7f'],
    ['-128', 'c0 80'],
    ['128', 'c1 80 00'],
    ['-300', 'c1 d4 fe'],
    ['32768', 'c2 00 80 00 00'],
    ['123456789', 'c2 15 cd 5b 07'],
    ['-2147483648', 'c2 00 00 00 80'],
    ['2147483648', '0a 32 31 34 37 34 38 33 36 34 38'],
    ['3000000000', '0a 33 30 30 30 30 30 30 30 30 30'],
    ['007', '03 30 30 37'],
    ['+5', '02 2b 35'],
    ['-0', '02 2d 30'],
    ['0', 'c0 00'],
    ['-', '01 2d'],
    ['', '00'],
    ['1.5', '03 31 2e 35'],
  ])('%j', (text, expected) => expect(encode(ascii(text))).toEqual(hex(expected)));

  test('30 × "a", compressed', () => {
    const packed = encode(ascii('a'.repeat(30)), true);
    expect(packed[0]).toBe(0xc3);
    expect(packed.length).toBeLessThanOrEqual(12);
  });
});

test('every string comes back, compressed or not', () => {
  const header = new Header();
  fc.assert(
    fc.property(bytes, fc.boolean(), (text, compress) => {
      const encoded = encode(text, compress);
      expect(readString(header, encoded, 0, encoded.length) + header.fileBytes).toBe(encoded.length);
      expect([...stringBytes(header, encoded)]).toEqual([...text]);
      expect(encoded.length).toBeLessThanOrEqual(text.length + 5);
    }),
    { numRuns: 3000 },
  );
});

test('canonical integers are those that print the same', () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer().map(String), fc.stringMatching(/^-?[0-9]{1,18}$/)), (text) => {
      const value = canonicalInteger(ascii(text));
      const canonical = text.replace('-', '').length <= 15 && String(Number(text)) === text && text !== '-0';
      expect(value).toBe(canonical ? Number(text) : undefined);
    }),
    { numRuns: 3000 },
  );
});
