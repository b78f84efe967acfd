import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReplyScanner } from '../../src/resp/reply-scanner.js';
import { faultOf } from '../support/rdb-error.js';
import { arrivals, encodeTrees, pieceSizes, placed, trees, type Tree } from './support.js';

type Seen = readonly [text: string, reply: number, element: number, elements: number];

function scan(
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length],
): { replies: number; errors: Seen[] } {
  const errors: Seen[] = [];
  const scanner = new ReplyScanner((...seen) => void errors.push(seen));
  let taken = 0;
  for (const arrived of arrivals(sizes, bytes.length)) {
    const { block, start, end } = placed(bytes, taken, arrived);
    scanner.feed(block, start, end);
    taken = arrived;
  }
  return { replies: scanner.replies, errors };
}

/** Errors are replies, or elements of an array that is one; deeper down they are somebody's data. */
function expectedErrors(list: readonly Tree[]): Seen[] {
  return list.flatMap((tree, reply): Seen[] => {
    if (tree.kind === 'error') return [[tree.text, reply, -1, 0]];
    const items = tree.kind === 'array' ? (tree.items ?? []) : [];
    return items.flatMap((item, element): Seen[] =>
      item.kind === 'error' ? [[item.text, reply, element, items.length]] : [],
    );
  });
}

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

test('counts replies and finds errors, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(trees, { maxLength: 8 }), pieceSizes, (list, sizes) => {
      const { replies, errors } = scan(encodeTrees(list), sizes);
      expect(replies).toBe(list.length);
      expect(errors).toEqual(expectedErrors(list));
    }),
    { numRuns: 500 },
  );
});

describe('an answer to EXEC', () => {
  const exec =
    '+OK\r\n*5\r\n:1\r\n-ERR one\r\n*2\r\n*0\r\n-ERR of a script\r\n*-1\r\n-WRONGTYPE two\r\n-ERR three\r\n';

  test('cut anywhere', () => {
    for (const cut of ascii(exec).keys()) {
      expect(scan(ascii(exec), [Math.max(1, cut), 1000])).toEqual({
        replies: 3,
        errors: [
          ['ERR one', 1, 1, 5],
          ['WRONGTYPE two', 1, 4, 5],
          ['ERR three', 2, -1, 0],
        ],
      });
    }
  });

  test('that was aborted (*-1) and empty ones are one reply each', () => {
    expect(scan(ascii('*-1\r\n*0\r\n$-1\r\n$0\r\n\r\n-E\r\n'))).toEqual({
      replies: 5,
      errors: [['E', 4, -1, 0]],
    });
  });
});

test('a very long error text is cut, not lost', () => {
  const { replies, errors } = scan(ascii(`-${'x'.repeat(5000)}\r\n+OK\r\n`), [100]);
  expect(replies).toBe(2);
  expect(errors[0]![0]).toBe('x'.repeat(1024));
});

test('a reply that is not there yet is not counted', () => {
  for (const [text, replies] of [
    ['+OK\r\n+O', 1],
    ['$3\r\nabc', 0],
    ['$3\r\nabc\r', 0],
    ['*2\r\n:1\r\n', 0],
    ['-ERR', 0],
  ] as const) {
    expect(scan(ascii(text))).toEqual({ replies, errors: [] });
  }
});

describe('a reply that is wanted', () => {
  type Taken = readonly [reply: number, body: string | undefined];

  /** Asks for the replies of these numbers; buffers are used again as soon as they have been read. */
  function taken(
    bytes: Uint8Array,
    wanted: readonly number[],
    sizes: readonly number[] = [bytes.length],
  ): Taken[] {
    const out: Taken[] = [];
    const scanner = new ReplyScanner(() => {});
    for (const reply of wanted) {
      scanner.want(reply, (body) => {
        // It is over, and what came before it was counted.
        expect(scanner.replies).toBe(reply + 1);
        out.push([reply, body === undefined ? undefined : Buffer.from(body).toString('latin1')]);
      });
    }
    let at = 0;
    for (const arrived of arrivals(sizes, bytes.length)) {
      const { block, start, end } = placed(bytes, at, arrived);
      scanner.feed(block, start, end);
      block.fill(0xdd);
      at = arrived;
    }
    return out;
  }

  test('is handed over whole, however the bytes are cut; others are not looked at', () => {
    let bodies = 0;
    const flat = trees.filter(({ kind }) => kind !== 'array');
    const others = fc.array(fc.record({ tree: flat, wanted: fc.boolean() }), { maxLength: 10 });
    fc.assert(
      fc.property(others, fc.array(trees, { maxLength: 3 }), pieceSizes, (list, before, sizes) => {
        const all = [...before, ...list.map(({ tree }) => tree)];
        const wanted = list.flatMap((one, index) => (one.wanted ? [before.length + index] : []));
        const expected = wanted.map((reply): Taken => {
          const tree = all[reply]!;
          const body = tree.kind === 'bulk' ? tree.bytes : null;
          return [reply, body === null ? undefined : Buffer.from(body).toString('latin1')];
        });
        expect(taken(encodeTrees(all), wanted, sizes)).toEqual(expected);
        bodies += expected.filter(([, body]) => body !== undefined).length;
      }),
      { numRuns: 500 },
    );
    expect(bodies).toBeGreaterThan(100);
  });

  test.each([
    ['empty', '$0\r\n\r\n', ''],
    ['nil', '$-1\r\n', undefined],
    ['a line end itself', '$2\r\n\r\n\r\n', '\r\n'],
    ['an error', '-ERR no\r\n', undefined],
    ['a number', ':5\r\n', undefined],
    ['a state', '+QUEUED\r\n', undefined],
    ['an aborted EXEC', '*-1\r\n', undefined],
    ['an empty array', '*0\r\n', undefined],
  ])('that is %s, cut anywhere', (_, reply, body) => {
    const all = ascii(`$1\r\nx\r\n${reply}$1\r\ny\r\n`);
    for (let cut = 1; cut < all.length; cut++) {
      expect(taken(all, [1, 2], [cut, 1000])).toEqual([
        [1, body],
        [2, 'y'],
      ]);
    }
  });

  test('that is an array has no body, whatever is in it', () => {
    const all = ascii('*2\r\n$3\r\nabc\r\n*1\r\n$2\r\nde\r\n$1\r\ny\r\n');
    expect(taken(all, [0, 1])).toEqual([
      [0, undefined],
      [1, 'y'],
    ]);
  });

  test('can be asked for while another is handed over', () => {
    const scanner = new ReplyScanner(() => {});
    const found: number[] = [];
    const ask = (reply: number): void =>
      scanner.want(reply, (body) => {
        found.push(body!.length);
        ask(scanner.replies + 1);
      });
    ask(0);
    const all = ascii('$1\r\na\r\n$2\r\nbb\r\n$3\r\nccc\r\n$4\r\ndddd\r\n$5\r\neeeee\r\n');
    scanner.feed(all, 0, all.length);
    expect(found).toEqual([1, 3, 5]);
  });
});

describe('what no RESP2 server sends is refused', () => {
  test.each([
    'HTTP/1.1 400\r\n',
    '%1\r\n',
    '_\r\n',
    '\r\n',
    '$x\r\n',
    '$\0\r\n',
    '$12-\r\n',
    '*1x\r\n',
    '*--1\r\n',
    '$\r\n',
    '$99999999999999999999\r\n',
  ])('%j', (text) => {
    expect(faultOf(() => scan(ascii(`+OK\r\n${text}:1\r\n`), [3]))?.code).toBe('TARGET_PROTOCOL');
  });
});
