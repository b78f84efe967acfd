import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeJsonText, type TextForm } from '../../src/export/json-text.js';
import { LongText } from '../../src/export/long-text.js';
import { Output } from '../../src/export/output.js';
import { readable } from '../support/rdb-hex.js';
import { MemoryTarget } from '../support/text-export.js';

function written(write: (out: Output) => void): string {
  const target = new MemoryTarget();
  const out = new Output(target);
  write(out);
  out.endSync();
  return target.bytes.toString('utf8');
}

function json(bytes: Uint8Array, form: TextForm): string {
  const framed = new Uint8Array([1, ...bytes, 2]);
  return written((out) => writeJsonText(out, framed, 1, framed.length - 1, form));
}

function inPieces(bytes: Uint8Array, sizes: readonly number[], form: TextForm): string {
  return written((out) => {
    const text = new LongText(out, form);
    text.begin();
    let at = 0;
    for (const size of [...sizes, bytes.length]) {
      const piece = new Uint8Array(bytes.subarray(at, at + size));
      if (piece.length > 0) text.add(piece);
      piece.fill(0xdd);
      at += size;
    }
    text.end();
  });
}

/** What Python's utf-8 decoder with redis-rdb-tools' escape handler makes of it: each wrong byte as `\xHH`. */
function escaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const size = [1, 2, 3, 4].find((length) => {
      const part = readable(bytes.subarray(at, at + length));
      return at + length <= bytes.length && typeof part === 'string' && Array.from(part).length === 1;
    });
    text +=
      size === undefined
        ? `\\x${bytes[at]!.toString(16).toUpperCase().padStart(2, '0')}`
        : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at, at + size));
    at += size ?? 1;
  }
  return text;
}

const utf8Text = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => new TextEncoder().encode(text));
const anyBytes = fc.oneof(
  utf8Text,
  fc.uint8Array({ maxLength: 60 }),
  fc
    .tuple(utf8Text, fc.uint8Array({ maxLength: 4 }), utf8Text)
    .map((parts) => new Uint8Array(Buffer.concat(parts))),
);
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 });

describe('lossless', () => {
  test.each([
    ['', '""'],
    ['plain', '"plain"'],
    ['"\\/', String.raw`"\"\\/"`],
    ['\b\t\n\f\r\0\u001F\u007F', String.raw`"\b\t\n\f\r\u0000\u001f` + '\u007F"'],
    ['\uFEFFé€😀\u2028', '"\uFEFFé€😀\u2028"'],
  ])('%j', (text, expected) => {
    expect(json(new TextEncoder().encode(text), 'lossless')).toBe(expected);
  });

  test.each([
    ['ff', '/w=='],
    ['c0af', 'wK8='],
    ['eda080', '7aCA'],
    ['f4908080', '9JCAgA=='],
    ['61e282', 'YeKC'],
  ])('%s is not UTF-8', (digits, base64) => {
    expect(json(Buffer.from(digits, 'hex'), 'lossless')).toBe(`{"base64":"${base64}"}`);
  });

  test('any bytes come back from the JSON', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(JSON.parse(json(bytes, 'lossless'))).toEqual(readable(bytes));
      }),
    );
  });

  test('in pieces it is the same', () => {
    fc.assert(
      fc.property(anyBytes, sizes, (bytes, cuts) => {
        expect(inPieces(bytes, cuts, 'lossless')).toBe(json(bytes, 'lossless'));
      }),
    );
  });

  test('beyond one piece and one chunk of output', () => {
    const long = Buffer.from('é"\n'.repeat(200_000));
    expect(JSON.parse(json(long, 'lossless'))).toBe(long.toString());
    const binary = Buffer.alloc(1_000_001, 0xfe);
    expect(JSON.parse(json(binary, 'lossless'))).toEqual({ base64: binary.toString('base64') });
    const halves = [400_000, 300_001];
    expect(inPieces(long, halves, 'lossless') === json(long, 'lossless')).toBe(true);
    expect(inPieces(binary, halves, 'lossless') === json(binary, 'lossless')).toBe(true);
  });
});

describe('readable', () => {
  test.each([
    ['ff61', String.raw`"\\xFFa"`],
    ['e28241', String.raw`"\\xE2\\x82A"`],
    ['c3a9e2', String.raw`"é\\xE2"`],
    ['00', String.raw`"\u0000"`],
  ])('%s', (digits, expected) => {
    expect(json(Buffer.from(digits, 'hex'), 'readable')).toBe(expected);
  });

  test('is what redis-rdb-tools makes of it', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(JSON.parse(json(bytes, 'readable'))).toBe(escaped(bytes));
      }),
    );
  });

  test('in pieces it is the same', () => {
    fc.assert(
      fc.property(anyBytes, sizes, (bytes, cuts) => {
        expect(inPieces(bytes, cuts, 'readable')).toBe(json(bytes, 'readable'));
      }),
    );
    const long = Buffer.concat([
      Buffer.from('é'.repeat(50_000)),
      Buffer.alloc(40_000, 0xe2),
      Buffer.from('z'),
    ]);
    expect(inPieces(long, [33_333], 'readable') === json(long, 'readable')).toBe(true);
  });
});
