import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeySet } from '../../src/target/key-set.js';

const SECRET = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const MOST_BYTES_PER_KEY = 16;

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
/** Short keys over few bytes, so that the same come again, and others of any bytes. */
const keys = fc.oneof(
  fc.uint8Array({ maxLength: 3, max: 2 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 1, maxLength: 9, max: 1 }),
);
const entries = fc.array(fc.tuple(fc.constantFrom(0, 1, 15, 255, 16_383), keys), { maxLength: 400 });
const secrets = fc.uint8Array({ minLength: 8, maxLength: 8 });

describe('a set', () => {
  test('has what was added, and nothing else', () => {
    fc.assert(
      fc.property(secrets, entries, entries, fc.nat(20_000), (secret, added, asked, reserved) => {
        const set = new KeySet(secret);
        set.reserve(reserved);
        const model = new Set<string>();
        for (const [db, key] of added) {
          const name = `${db} ${latin(key)}`;
          expect(set.add(db, key)).toBe(!model.has(name));
          model.add(name);
          expect(set.size).toBe(model.size);
        }
        for (const [db, key] of [...added, ...asked]) {
          expect(set.has(db, key)).toBe(model.has(`${db} ${latin(key)}`));
        }
      }),
    );
  });

  test('takes a key wherever its bytes stand', () => {
    fc.assert(
      fc.property(
        keys,
        fc.uint8Array({ maxLength: 7 }),
        fc.uint8Array({ maxLength: 7 }),
        (key, left, right) => {
          const set = new KeySet(SECRET);
          set.add(3, Uint8Array.of(...left, ...key, ...right), left.length, left.length + key.length);
          expect(set.has(3, key)).toBe(true);
          expect(set.has(3, Uint8Array.of(...right, ...key), right.length)).toBe(true);
          expect(set.has(4, key)).toBe(false);
        },
      ),
    );
  });

  test('keeps what it has while its tables grow', () => {
    const set = new KeySet(SECRET);
    const key = new Uint8Array(8);
    const view = new DataView(key.buffer);
    const count = 100_000;
    for (let at = 0; at < count; at++) {
      view.setUint32(0, at);
      set.add(at & 3, key);
    }
    let found = 0;
    let strange = 0;
    for (let at = 0; at < count; at++) {
      view.setUint32(0, at);
      if (set.has(at & 3, key)) found++;
      if (set.has((at + 1) & 3, key)) strange++;
    }
    expect([set.size, found, strange]).toEqual([count, count, 0]);
  });
});

describe('memory', () => {
  test('is at most 16 bytes a key from 1000 to 5 million keys, at any moment', { timeout: 60_000 }, () => {
    const set = new KeySet(SECRET);
    const key = new TextEncoder().encode('session:0000:....');
    const view = new DataView(key.buffer);
    let worst = 0;
    let last = 0;
    for (let at = 1; at <= 5_000_000; at++) {
      view.setUint32(13, at);
      set.add(0, key);
      // The largest so far is at most 16 times what is there now, so it was when it was reached.
      if (at < 1000 || set.peakBytes === last) continue;
      last = set.peakBytes;
      worst = Math.max(worst, last / set.size);
    }
    expect(set.size).toBe(5_000_000);
    expect(worst).toBeLessThan(MOST_BYTES_PER_KEY);
    // Not a count that stands still.
    expect(set.memoryBytes).toBeGreaterThan(8 * set.size);
    expect(set.peakBytes).toBeGreaterThanOrEqual(set.memoryBytes);
  });

  test('does not grow once it was reserved', () => {
    const set = new KeySet(SECRET);
    set.reserve(50_000);
    const { memoryBytes } = set;
    const key = new Uint8Array(5);
    for (let at = 0; at < 50_000; at++) {
      new DataView(key.buffer).setUint32(1, at);
      set.add(9, key);
    }
    expect(set.memoryBytes).toBe(memoryBytes);
    expect(memoryBytes / set.size).toBeLessThan(MOST_BYTES_PER_KEY);
  });

  test('is not given away on a wild promise', () => {
    const set = new KeySet(SECRET);
    set.reserve(Number.MAX_SAFE_INTEGER);
    expect(set.memoryBytes).toBeLessThan(1024 ** 3);
    expect(set.add(0, SECRET)).toBe(true);
  });
});

test('another secret spreads the keys in another way', () => {
  // With one secret these fill the tables in one way; were it ignored, growth would come at the same keys.
  const growth = (secret: Uint8Array): string => {
    const set = new KeySet(secret);
    const steps: number[] = [];
    const key = new Uint8Array(4);
    for (let at = 0; at < 2000; at++) {
      new DataView(key.buffer).setUint32(0, at);
      const before = set.memoryBytes;
      set.add(0, key);
      if (set.memoryBytes !== before) steps.push(at);
    }
    return steps.join(' ');
  };
  expect(growth(SECRET)).toBe(growth(SECRET.slice()));
  expect(growth(SECRET)).not.toBe(growth(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9)));
});
