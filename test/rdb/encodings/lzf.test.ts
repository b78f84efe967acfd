import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decompressLzf } from '../../../src/rdb/encodings/lzf.js';
import { LzfStream } from '../../../src/rdb/encodings/lzf-stream.js';
import { fault, faultOf } from '../../support/rdb-error.js';
import { type Feed, feedIn, FEEDS } from '../../support/rdb-feeds.js';
import { ascii, embedded, hex, join } from '../../support/rdb-hex.js';
import { compressLzf } from '../../support/rdb-lzf-compressor.js';

function whole(data: Uint8Array, length: number): Uint8Array {
  return decompressLzf(embedded(data), 5, 5 + data.length, length);
}

/** The output, or the code of the error. */
function outcome(run: () => Uint8Array): Uint8Array | string {
  let output: Uint8Array | undefined;
  const found = faultOf(() => {
    output = run();
  });
  return output ?? found!.code;
}

/** The same through the stream. */
function streamed(data: Uint8Array, length: number, feed: Feed): Uint8Array {
  const stream = new LzfStream(data.length, length, 0);
  const chunks: Uint8Array[] = [];
  const decoder = {
    feed: (bytes: Uint8Array, start: number, end: number): number =>
      stream.feed(bytes, start, end, (chunk) => chunks.push(chunk.slice())),
  };
  expect(feedIn(feed, decoder, data)).toBe(data.length);
  expect(stream.done).toBe(true);
  return join(...chunks);
}

describe.each([
  ['30 × a', '01 61 61 e0 11 00 01 61 61', 'a'.repeat(30)],
  ['a distance of 3', '03 61 62 63 61 e0 0e 02 04 5f 78 79 7a 5f', 'abcabcabcabcabcabcabcabcabc_xyz_'],
  ['literals only', '02 61 62 63', 'abc'],
  ['a reference without a length byte', '01 61 62 20 01', 'ababa'],
  ['the longest literal run', `1f ${'61'.repeat(32)}`, 'a'.repeat(32)],
  ['the longest reference', '00 61 e0 ff 00', 'a'.repeat(265)],
  ['nothing', '', ''],
])('what servers wrote, or could: %s', (_, data, expected) => {
  test('whole', () => {
    expect(whole(hex(data), expected.length)).toEqual(ascii(expected));
  });

  test.each(FEEDS)('$name', (feed) => {
    expect(streamed(hex(data), expected.length, feed)).toEqual(ascii(expected));
  });
});

describe('whatever was compressed comes out', () => {
  const repetitive = fc
    .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 })), {
      maxLength: 20,
    })
    .map((parts) => join(...parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes))));

  test('whole', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), repetitive), (input) => {
        expect(whole(compressLzf(input), input.length)).toEqual(input);
      }),
    );
  });

  test.each(FEEDS)('streamed, $name', (feed) => {
    fc.assert(
      fc.property(repetitive, (input) => {
        expect(streamed(compressLzf(input), input.length, feed)).toEqual(input);
      }),
      { numRuns: 30 },
    );
  });

  test('streamed, more than the window holds, with references from far back', () => {
    const block = Uint8Array.from({ length: 8191 }, (_, at) => (at * at * 31 + (at >> 5)) & 255);
    const input = join(...Array.from({ length: 30 }, () => block));
    const data = compressLzf(input);
    expect(data.length).toBeLessThan(input.length / 4);
    for (const feed of FEEDS) {
      const output = streamed(data, input.length, feed);
      expect([feed.name, Buffer.compare(output, input)]).toEqual([feed.name, 0]);
    }
  });
});

test('a stream hands out in small chunks and keeps little', () => {
  const megabytes = 8;
  const data = join(hex('00 61'), ...Array.from({ length: 4096 * megabytes }, () => hex('e0 f7 00')));
  const length = 1 + 4096 * megabytes * 256;
  const stream = new LzfStream(data.length, length, 0);
  let total = 0;
  let largest = 0;
  stream.feed(data, 0, data.length, (chunk) => {
    total += chunk.length;
    largest = Math.max(largest, chunk.length);
  });
  expect(total).toBe(length);
  expect(largest).toBeLessThanOrEqual(72 * 1024);
});

describe('hostile', () => {
  const cases: readonly (readonly [string, string, number, number, RegExp])[] = [
    ['a literal run that is cut off', '02 61 62', 3, 0, /literal run/],
    ['a reference without its distance', '00 61 20', 4, 2, /reference/],
    ['a reference without its length', '00 61 e0', 4, 2, /reference/],
    ['a long reference without its distance', '00 61 e0 00', 10, 2, /reference/],
    ['a reference before the start', '00 61 20 01', 4, 2, /before the start/],
    ['a reference at the very start', '20 00', 3, 0, /before the start/],
    ['a literal run too many', '01 61 62', 1, 0, /more than the 1 bytes/],
    ['a reference too long', '00 61 20 00', 3, 2, /more than the 3 bytes/],
    ['too little', '01 61 62', 5, 3, /makes 2 bytes instead of 5/],
    ['more than any data can make', '00 61', 177, 0, /2 bytes of LZF can't hold the 177/],
    ['out of nothing', '', 1, 0, /0 bytes of LZF can't hold the 1/],
  ];

  test.each(cases)('%s', (_, data, length, offset, message) => {
    const bytes = hex(data);
    expect(faultOf(() => decompressLzf(bytes, 0, bytes.length, length))).toEqual(
      fault('RDB_CORRUPT', offset, message),
    );
  });

  test.each(cases)('streamed: %s', (_, data, length) => {
    const bytes = hex(data);
    for (const feed of FEEDS) {
      expect(outcome(() => streamed(bytes, length, feed))).toBe('RDB_CORRUPT');
    }
  });

  test('an absurd length is refused before memory is taken for it', () => {
    expect(faultOf(() => decompressLzf(hex('00 61'), 0, 2, 2 ** 50))).toEqual(
      fault('RDB_CORRUPT', 0, /can't hold/),
    );
    expect(faultOf(() => new LzfStream(2, 2 ** 50, 7))).toEqual(fault('RDB_CORRUPT', 7, /can't hold/));
  });

  test('any bytes end in output or an error, and both ways agree', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(300), (data, length) => {
        const expected = outcome(() => whole(data, length));
        for (const feed of FEEDS) expect(outcome(() => streamed(data, length, feed))).toEqual(expected);
      }),
    );
  });
});
