import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValueDigest } from '../../src/inspect/digest.js';
import { Hash64 } from '../../src/inspect/hash64.js';
import { ValueDecoder } from '../../src/rdb/value-decoder.js';
import { valueTypes } from '../../src/rdb/value-types.js';
import { corpusNames, readExpected, readSnapshot, type ExpectedLine } from '../support/rdb-corpus.js';

/** What the server said of a value, in a form that is the same for all versions. */
function meaning(line: ExpectedLine): string {
  if (line.type === 'zset')
    return JSON.stringify(line.value.map(([member, score]) => [member, Number(score)]).toSorted(byText));
  if (line.type === 'hash') return JSON.stringify([line.value, (line.fieldExpiresAt ?? []).toSorted(byText)]);
  return JSON.stringify([line.type, line.value]);
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

interface Known {
  readonly digest: string;
  readonly meaning: string;
}

function digests(name: string): Map<string, Known> {
  const lines = new Map(readExpected(name).map((line) => [`${line.db} ${JSON.stringify(line.key)}`, line]));
  const found = new Map<string, Known>();
  for (const { db, key, type, dialect, value } of readSnapshot(name).entries) {
    const line = lines.get(`${db} ${JSON.stringify(Buffer.from(key).toString())}`);
    // Groups have times in them that are of their server.
    if (line === undefined || (line.type === 'stream' && line.groups.length > 0)) continue;
    const digest = new ValueDigest();
    digest.begin(valueTypes(dialect)[type]!.kind);
    new ValueDecoder(type, dialect, digest).feed(value, 0, value.length);
    digest.finish();
    found.set(`${db} ${JSON.stringify(line.key)}`, {
      digest: `${digest.a} ${digest.b}`,
      meaning: meaning(line),
    });
  }
  return found;
}

describe('the digest of a value', () => {
  const all = corpusNames().map((name) => [name, digests(name)] as const);
  test.each(all)('%s: equal exactly when servers said the same, however it is stored', (_, mine) => {
    expect(mine.size).toBeGreaterThan(60);
    let same = 0;
    for (const [, theirs] of all) {
      for (const [key, a] of mine) {
        const b = theirs.get(key);
        // No TTL of fields is known of versions that had none, so their meaning is written alike.
        if (b === undefined || a.meaning.startsWith('["stream"') !== b.meaning.startsWith('["stream"'))
          continue;
        expect([key, a.digest === b.digest]).toEqual([key, a.meaning === b.meaning]);
        if (a.meaning === b.meaning) same++;
      }
    }
    expect(same).toBeGreaterThan(mine.size * 3);
  });

  test('bytes in pieces are bytes in one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.nat(40), { maxLength: 4 }), (bytes, cuts) => {
        const whole = new Hash64();
        whole.reset(7);
        whole.bytes(bytes);
        whole.end();
        whole.finish();
        const pieces = new Hash64();
        pieces.reset(7);
        const at = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
          bytes.length,
        ];
        for (let n = 1; n < at.length; n++) pieces.bytes(bytes, at[n - 1], at[n]);
        pieces.end();
        pieces.finish();
        expect([pieces.a, pieces.b]).toEqual([whole.a, whole.b]);
      }),
    );
  });

  test('short bytes do not collide', () => {
    const seen = new Set<string>();
    const hash = new Hash64();
    const check = (bytes: readonly number[]): void => {
      hash.reset(0);
      hash.bytes(Uint8Array.from(bytes));
      hash.end();
      hash.finish();
      seen.add(`${hash.a} ${hash.b}`);
    };
    check([]);
    for (let a = 0; a < 256; a++) {
      check([a]);
      for (let b = 0; b < 256; b++) check([a, b]);
    }
    expect(seen.size).toBe(1 + 256 + 65_536);
  });
});
