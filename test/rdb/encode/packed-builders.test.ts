import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ListpackBuilder, ZiplistBuilder } from '../../../src/rdb/encode/packed-builders.js';
import { canonicalInteger } from '../../../src/rdb/encode/string-encoder.js';
import { checkListpack, ListpackCursor } from '../../../src/rdb/encodings/listpack.js';
import { Scratch } from '../../../src/rdb/encodings/scratch.js';
import { checkZiplist, ZiplistCursor } from '../../../src/rdb/encodings/ziplist.js';
import { bytes } from '../../support/rdb-arbitrary.js';
import { expectSame } from '../../support/same.js';
import { listpack, ziplist } from '../../support/rdb-packed.js';

const long = fc.integer({ min: 4000, max: 20_000 }).map((size) => new Uint8Array(size).fill(120));
const elements = fc.array(fc.oneof({ weight: 12, arbitrary: bytes }, { weight: 1, arbitrary: long }), {
  maxLength: 20,
});

function texts(cursor: ListpackCursor | ZiplistCursor, packed: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  cursor.reset(packed, 0, packed.length);
  while (cursor.next()) out.push(Uint8Array.from(cursor.text(new Scratch())));
  return out;
}

test('listpacks hold what was added, in the bytes that another builder makes', () => {
  const builder = new ListpackBuilder();
  fc.assert(
    fc.property(elements, (list) => {
      builder.clear();
      for (const element of list) builder.add(element);
      const packed = builder.finish().slice();
      expect(checkListpack(packed, 0, packed.length)).toBe(list.length);
      expectSame(
        texts(new ListpackCursor(), packed),
        list.map((element) => Uint8Array.from(element)),
      );
      expectSame(packed, listpack(list.map((element) => canonicalInteger(element) ?? element)));
    }),
    { numRuns: 300 },
  );
});

test('ziplists hold what was added, in the bytes that another builder makes', () => {
  const builder = new ZiplistBuilder();
  fc.assert(
    fc.property(elements, (list) => {
      builder.clear();
      for (const element of list) builder.add(element);
      const packed = builder.finish().slice();
      expect(checkZiplist(packed, 0, packed.length)).toBe(list.length);
      expectSame(
        texts(new ZiplistCursor(), packed),
        list.map((element) => Uint8Array.from(element)),
      );
      expectSame(packed, ziplist(list.map((element) => canonicalInteger(element) ?? element)));
    }),
    { numRuns: 300 },
  );
});

test('integers of every width, and a count beyond 65535', () => {
  const builder = new ListpackBuilder();
  const values = [
    0n,
    127n,
    128n,
    -1n,
    -4096n,
    4095n,
    4096n,
    32767n,
    -32769n,
    8388607n,
    -8388609n,
    2n ** 31n,
    -(2n ** 63n),
    2n ** 63n - 1n,
  ];
  for (const value of values) builder.bigInteger(value);
  const packed = builder.finish().slice();
  expect(texts(new ListpackCursor(), packed).map((text) => BigInt(new TextDecoder().decode(text)))).toEqual(
    values,
  );
  builder.clear();
  for (let at = 0; at < 70_000; at++) builder.integer(at & 7);
  const many = builder.finish();
  expect(checkListpack(many, 0, many.length)).toBe(70_000);
});
