import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
