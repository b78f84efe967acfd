import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type Reply, ReplyDecoder, ReplyError, replyText } from '../../src/resp/reply-decoder.js';
import { faultOf } from '../support/rdb-error.js';
import { arrivals, encodeTrees, pieceSizes, trees, type Tree } from './support.js';

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Both as plain values, so that they can be compared. */
function plainTree(tree: Tree): unknown {
  switch (tree.kind) {
    case 'text':
      return tree.text;
    case 'error':
      return { error: tree.text };
    case 'int':
      return tree.value;
    case 'bulk':
      return tree.bytes === null ? null : { bulk: [...tree.bytes] };
    default:
      return tree.items === null ? null : tree.items.map(plainTree);
  }
}

function plainReply(reply: Reply): unknown {
  if (reply instanceof ReplyError) return { error: reply.message };
  if (reply instanceof Uint8Array) return { bulk: [...reply] };
  return Array.isArray(reply) ? (reply as readonly Reply[]).map(plainReply) : reply;
}

function drain(decoder: ReplyDecoder): Reply[] {
  const out: Reply[] = [];
  for (let reply; (reply = decoder.next()) !== undefined;) out.push(reply);
  return out;
}

test('decodes every reply, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(trees, { maxLength: 6 }), pieceSizes, (list, sizes) => {
      const bytes = encodeTrees(list);
      const decoder = new ReplyDecoder();
      const replies: unknown[] = [];
      let taken = 0;
      for (const arrived of arrivals(sizes, bytes.length)) {
        const piece = bytes.slice(taken, arrived);
        decoder.push(piece);
        // The caller's buffer is used again.
        piece.fill(0);
        replies.push(...drain(decoder).map(plainReply));
        taken = arrived;
      }
      expect(replies).toEqual(list.map(plainTree));
    }),
    { numRuns: 300 },
  );
});

/** Bulk strings that are large enough for memory of their own, alone and among others. */
test('decodes large bulk strings, however the bytes are cut', () => {
  const large = fc
    .integer({ min: 65_530, max: 65_545 })
    .map((length): Tree => ({ kind: 'bulk', bytes: new Uint8Array(length).map((_, at) => at % 251) }));
  const one = fc.oneof(large, trees);
  const list = fc.array(
    fc.oneof(
      one,
      fc.array(one, { maxLength: 4 }).map((items): Tree => ({ kind: 'array', items })),
    ),
    {
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(list, fc.array(fc.nat(40_000), { minLength: 1, maxLength: 9 }), (replies, sizes) => {
      const all = encodeTrees(replies);
      const decoder = new ReplyDecoder();
      const found: Reply[] = [];
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const next = at + 1 + sizes[turn % sizes.length]!;
        decoder.push(all.slice(at, next));
        found.push(...drain(decoder));
        at = next;
      }
      expect(Buffer.compare(encodeTrees(found.map(treeOf)), encodeTrees(replies.map(oneNull)))).toBe(0);
    }),
    { numRuns: 60 },
  );
});

/** Both kinds of null are one reply. */
function oneNull(tree: Tree): Tree {
  if (tree.kind !== 'array') return tree;
  return tree.items === null ? { kind: 'bulk', bytes: null } : { ...tree, items: tree.items.map(oneNull) };
}

function treeOf(reply: Reply): Tree {
  if (reply instanceof ReplyError) return { kind: 'error', text: reply.message };
  if (reply === null || reply instanceof Uint8Array) return { kind: 'bulk', bytes: reply };
  if (typeof reply === 'string') return { kind: 'text', text: reply };
  if (typeof reply === 'number') return { kind: 'int', value: reply };
  return { kind: 'array', items: reply.map(treeOf) };
}

/** Bytes that are copied by whatever is done here. */
function copiedBytes(action: () => void): number {
  const set = vi.spyOn(Uint8Array.prototype, 'set');
  const slice = vi.spyOn(Uint8Array.prototype, 'slice');
  try {
    action();
    const copied = set.mock.calls.map(([from]) => from.length);
    const sliced = slice.mock.results.map(({ value }) => (value as Uint8Array).length);
    return [...copied, ...sliced].reduce((sum, length) => sum + length, 0);
  } finally {
    set.mockRestore();
    slice.mockRestore();
  }
}

const CHUNK = 64 * 1024;
const MANY = 64 * 1024 * 1024;

function feed(all: Uint8Array): { copied: number; replies: Reply[] } {
  const decoder = new ReplyDecoder();
  const replies: Reply[] = [];
  const copied = copiedBytes(() => {
    for (let at = 0; at < all.length; at += CHUNK) {
      decoder.push(all.subarray(at, at + CHUNK));
      replies.push(...drain(decoder));
    }
  });
  return { copied, replies };
}

test.each(['', '*3\r\n:1\r\n', '*2\r\n*1\r\n'])(
  '64 MiB in pieces of 64 KiB are copied once, behind %j',
  (before) => {
    const all = new Uint8Array(MANY + 100);
    const head = ascii(`${before}$${MANY}\r\n`);
    all.set(head);
    all.set(ascii('\r\n+OK\r\n'), head.length + MANY);
    const { copied, replies } = feed(all.subarray(0, head.length + MANY + 2 + 5));
    expect(replies.length).toBe(before === '' ? 2 : 1);
    expect(copied).toBeGreaterThanOrEqual(MANY);
    expect(copied).toBeLessThan(1.1 * MANY);
  },
);

test('an array of many small elements is read once', () => {
  const element = ascii('$11\r\nhello world\r\n');
  const count = 200_000;
  const all = new Uint8Array(20 + element.length * count);
  const head = ascii(`*${count}\r\n`);
  all.set(head);
  for (let at = 0; at < count; at++) all.set(element, head.length + at * element.length);
  const { copied, replies } = feed(all.subarray(0, head.length + count * element.length));
  expect(replies.map(sizeOf)).toEqual([count]);
  expect(copied).toBeLessThan(3 * all.length);
});

function sizeOf(one: Reply | Tree): number {
  if (one === null || typeof one !== 'object') return 1;
  if ('kind' in one) return one.kind === 'array' && one.items !== null ? one.items.length : 1;
  return Array.isArray(one) ? one.length : 1;
}

test('what is larger than any value is refused before it is held', () => {
  const decoder = new ReplyDecoder();
  decoder.push(ascii(`$${512 * 1024 * 1024 + 1}\r\n`));
  expect(faultOf(() => decoder.next())?.code).toBe('TARGET_PROTOCOL');
});

test('null is a reply, not the lack of one', () => {
  const decoder = new ReplyDecoder();
  decoder.push(ascii('$-1\r\n*-1\r\n'));
  expect(drain(decoder)).toEqual([null, null]);
});

describe('what is no reply is refused', () => {
  test.each([
    'HTTP/1.1 200 OK\r\n',
    '\x15\x03\x01\r\n',
    '$x\r\n',
    '$\r\n',
    '*1.5\r\n',
    '*x\r\n',
    ':abc\r\n',
    '$1e3\r\n',
  ])('%j', (text) => {
    const decoder = new ReplyDecoder();
    decoder.push(ascii(text));
    expect(faultOf(() => decoder.next())?.code).toBe('TARGET_PROTOCOL');
  });
});

test('only texts have a text', () => {
  expect([replyText('OK'), replyText(ascii('über')), replyText(7), replyText(null)]).toEqual([
    'OK',
    'über',
    undefined,
    undefined,
  ]);
});
