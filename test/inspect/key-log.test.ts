import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyLog, type LoggedKey } from '../../src/inspect/key-log.js';

const logged = fc.record({
  db: fc.nat(16),
  kind: fc.nat(7),
  bytes: fc.double({ min: 0, noNaN: true }),
  key: fc.uint8Array({ maxLength: 40 }),
});

function through(keys: readonly LoggedKey[]): LoggedKey[] {
  const log = new KeyLog();
  for (const { db, kind, bytes, key } of keys) log.add(db, kind, bytes, key, 0, key.length);
  const out: LoggedKey[] = [];
  log.empty((one) => out.push({ ...one, key: one.key.slice() }));
  log.close();
  return out;
}

test('gives back what was put in', () => {
  fc.assert(
    fc.property(fc.array(logged), (keys) => {
      expect(through(keys)).toEqual(keys);
    }),
  );
});

test('on disk, too, and keys longer than what is read at once', () => {
  const keys = Array.from({ length: 300 }, (_, n) => ({
    db: n,
    kind: n % 8,
    bytes: n / 3,
    key: new Uint8Array(n === 150 ? 700_000 : (n * 97) % 5000).fill(n),
  }));
  const out = through(keys);
  expect(out.map(({ db, kind, bytes, key }) => [db, kind, bytes, key.length, key[0]])).toEqual(
    keys.map(({ db, kind, bytes, key }) => [db, kind, bytes, key.length, key[0]]),
  );
});
