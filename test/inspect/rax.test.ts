import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RaxSizer } from '../../src/inspect/rax.js';
import { profileOf } from './support.js';

interface Node {
  readonly children: Map<number, Node>;
  isKey: boolean;
}

/** A radix tree as the server builds it: chains of single children become one node. */
function naiveBytes(keys: readonly Uint8Array[]): number {
  const { alloc } = profileOf('redis 7.0');
  const root: Node = { children: new Map(), isKey: false };
  for (const key of keys) {
    let at = root;
    for (const byte of key) {
      const next = at.children.get(byte) ?? { children: new Map(), isKey: false };
      at.children.set(byte, next);
      at = next;
    }
    at.isKey = true;
  }
  const size = (characters: number, children: number, isKey: boolean): number =>
    alloc.sizeOf(((4 + characters + 7) & ~7) + children * 8 + (isKey ? 8 : 0));
  const walk = (node: Node): number => {
    let run = 0;
    let at = node;
    while (at.children.size === 1 && !at.isKey) {
      run++;
      [at] = [...at.children.values()] as [Node];
    }
    const edge = run > 0 ? size(run, 1, false) : 0;
    if (at.isKey) return edge + size(0, 0, true);
    if (at.children.size === 0) return edge + size(0, 0, false);
    const below = [...at.children.values()].reduce((sum, child) => sum + walk(child), 0);
    return edge + size(at.children.size, at.children.size, false) + below;
  };
  return alloc.sizeOf(24) + walk(root);
}

function sized(keys: readonly Uint8Array[]): number {
  const sizer = new RaxSizer(profileOf('redis 7.0'));
  for (const key of keys) sizer.addId(key, 0);
  return sizer.finish();
}

function idOf(ms: bigint, seq: bigint): Uint8Array {
  const id = new Uint8Array(16);
  const view = new DataView(id.buffer);
  view.setBigUint64(0, ms);
  view.setBigUint64(8, seq);
  return id;
}

const ids = fc
  .uniqueArray(fc.tuple(fc.bigInt({ min: 0n, max: 70_000n }), fc.bigInt({ min: 0n, max: 600n })), {
    maxLength: 60,
    selector: ([ms, seq]) => `${ms}-${seq}`,
  })
  .map((pairs) =>
    pairs
      .toSorted(([a, b], [c, d]) => (a === c ? Number(b - d) : Number(a - c)))
      .map(([ms, seq]) => idOf(ms, seq)),
  );

describe('the size of a tree of stream ids', () => {
  test('is that of the tree, whatever the ids', () => {
    fc.assert(
      fc.property(ids, (keys) => {
        expect(sized(keys)).toBe(naiveBytes(keys));
      }),
    );
  });

  test('with ids one after another', () => {
    const keys = Array.from({ length: 300 }, (_, n) => idOf(1_700_000_000_000n + BigInt(n), 0n));
    expect(sized(keys)).toBe(naiveBytes(keys));
  });
});
