import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyIndex } from '../../src/keyspace/key-index.js';
import { ascii } from '../support/rdb-hex.js';

const SEEDS = Uint32Array.of(0x12345678, 0x9abcdef0, 7);

test('tells new keys from known ones, and where those came from', () => {
  const key = fc.record({ db: fc.nat(3), text: fc.uint8Array({ maxLength: 4 }), origin: fc.nat(254) });
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
      const index = new KeyIndex(SEEDS);
      const known = new Map<string, number>();
      for (const { db, text, origin } of keys) {
        const name = `${db} ${Buffer.from(text).toString('hex')}`;
        const padded = Uint8Array.of(9, ...text, 9);
        expect(index.add(db, padded, 1, 1 + text.length, origin)).toBe(known.get(name) ?? -1);
        if (!known.has(name)) known.set(name, origin);
      }
      expect(index.size).toBe(known.size);
    }),
  );
});

test('grows, and mistakes no key of half a million for another', () => {
  const index = new KeyIndex(SEEDS);
  const key = (at: number): Uint8Array => ascii(`user:${at}`);
  let mistaken = 0;
  for (let at = 0; at < 500_000; at++) {
    const bytes = key(at);
    if (index.add(0, bytes, 0, bytes.length, at % 200) !== -1) mistaken++;
  }
  expect([mistaken, index.size]).toEqual([0, 500_000]);
  for (let at = 0; at < 500_000; at += 997) {
    const bytes = key(at);
    expect(index.add(0, bytes, 0, bytes.length, 0)).toBe(at % 200);
    expect(index.add(1 + at, bytes, 0, bytes.length, 0)).toBe(-1);
  }
});
