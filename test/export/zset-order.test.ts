import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ZsetOrder } from '../../src/export/zset-order.js';

type Member = readonly [member: Buffer, score: number];

function ordered(order: ZsetOrder, members: readonly Member[]): [string, number][] {
  for (const [member, score] of members) order.add(new Uint8Array(member), 0, member.length, score);
  const taken: [string, number][] = [];
  order.empty((bytes, start, end, score) =>
    taken.push([Buffer.from(bytes.subarray(start, end)).toString('hex'), score]),
  );
  return taken;
}

function expected(members: readonly Member[]): [string, number][] {
  return members
    .toSorted(([a, scoreA], [b, scoreB]) =>
      scoreA === scoreB ? Buffer.compare(a, b) : scoreA < scoreB ? -1 : 1,
    )
    .map(([member, score]) => [member.toString('hex'), score]);
}

const members = fc.uniqueArray(
  fc.tuple(
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -3, max: 3 })).map((score) => score + 0),
  ),
  { selector: ([member]) => member.toString('hex'), maxLength: 60 },
);

test('by score, then by the bytes of the member, whatever the order in the file', () => {
  fc.assert(
    fc.property(members, (list) => {
      expect(ordered(new ZsetOrder(), list)).toEqual(expected(list));
    }),
  );
});

test('through sorted runs in a temporary file it is the same, and the next one starts anew', () => {
  fc.assert(
    fc.property(members, members, (first, second) => {
      const order = new ZsetOrder(undefined, 300);
      expect(ordered(order, first)).toEqual(expected(first));
      expect(ordered(order, second)).toEqual(expected(second));
    }),
    { numRuns: 40 },
  );
});

test('runs larger than what is read at once, and a member larger than that', () => {
  const list = Array.from({ length: 9000 }, (_, n): Member => [
    Buffer.from(`member ${n} ${'x'.repeat(40)}`),
    -n,
  ]);
  list.push([Buffer.alloc(300_000, 7), -4500.5]);
  expect(ordered(new ZsetOrder(undefined, 200_000), list)).toEqual(expected(list));
});
