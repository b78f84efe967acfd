/** Replies and commands as values, their bytes, and ways to cut bytes up. */
import * as fc from 'fast-check';
import { encodeCommand } from '../../src/resp/encode.js';

export type Tree =
  | { readonly kind: 'text' | 'error'; readonly text: string }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'bulk'; readonly bytes: Uint8Array | null }
  | { readonly kind: 'array'; readonly items: readonly Tree[] | null };

const word: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9 $*:+-]{1,20}$/);
const bulkBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom('', '\r\n', '-ERR no\r\n', '$5\r\nab', '*1\r\n').map((text) => Buffer.from(text)),
);

export const trees: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
  leaf: fc.oneof(
    word.map((text): Tree => ({ kind: 'text', text })),
    word.map((text): Tree => ({ kind: 'error', text: `ERR ${text}` })),
    fc.maxSafeInteger().map((value): Tree => ({ kind: 'int', value })),
    fc.option(bulkBytes).map((bytes): Tree => ({ kind: 'bulk', bytes })),
  ),
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.option(fc.array(tie('tree'), { maxLength: 4 })).map((items): Tree => ({ kind: 'array', items })),
  ),
})).tree;

function encodeTree(tree: Tree): Buffer {
  switch (tree.kind) {
    case 'text':
      return Buffer.from(`+${tree.text}\r\n`);
    case 'error':
      return Buffer.from(`-${tree.text}\r\n`);
    case 'int':
      return Buffer.from(`:${tree.value}\r\n`);
    case 'bulk':
      if (tree.bytes === null) return Buffer.from('$-1\r\n');
      return Buffer.concat([Buffer.from(`$${tree.bytes.length}\r\n`), tree.bytes, Buffer.from('\r\n')]);
    default:
      if (tree.items === null) return Buffer.from('*-1\r\n');
      return Buffer.concat([Buffer.from(`*${tree.items.length}\r\n`), ...tree.items.map(encodeTree)]);
  }
}

export function encodeTrees(list: readonly Tree[]): Uint8Array {
  return new Uint8Array(Buffer.concat(list.map(encodeTree)));
}

export const commands: fc.Arbitrary<Uint8Array[]> = fc
  .tuple(fc.constantFrom('SET', 'get', 'MULTI', 'x', 'RESTORE-ASKING'), fc.array(bulkBytes, { maxLength: 5 }))
  .map(([name, rest]) => [new Uint8Array(Buffer.from(name)), ...rest.map((bytes) => new Uint8Array(bytes))]);

export function encodeCommands(list: readonly (readonly Uint8Array[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(list.map(encodeCommand)));
}

/** Sizes of the pieces in which bytes arrive, used over and over. */
export const pieceSizes: fc.Arbitrary<number[]> = fc.oneof(
  fc.constant<number[]>([Number.MAX_SAFE_INTEGER]),
  fc.constant<number[]>([1]),
  fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
);

/** Positions up to which bytes have arrived, one after the other; the last is `total`. */
export function arrivals(sizes: readonly number[], total: number): number[] {
  const out: number[] = [];
  for (let at = 0, turn = 0; at < total; turn++) {
    at = Math.min(total, at + sizes[turn % sizes.length]!);
    out.push(at);
  }
  return out;
}

/** A copy of bytes[from, to) inside a block of its own, at another place each time. */
export function placed(
  bytes: Uint8Array,
  from: number,
  to: number,
): { block: Uint8Array; start: number; end: number } {
  const start = (to * 7) % 11;
  const block = new Uint8Array(start + to - from + 3).fill(0xdd);
  block.set(bytes.subarray(from, to), start);
  return { block, start, end: start + to - from };
}
