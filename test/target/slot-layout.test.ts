/** Whose a slot is by the nodes' own words, and what a pass between two looks may have missed. */
import { describe, expect, test } from 'vitest';
import { SlotSet, type SlotRange } from '../../src/keyspace/slot-set.js';
import type { Client } from '../../src/net/client.js';
import { ReplyError } from '../../src/resp/reply-decoder.js';
import { holderOf, type NodeSlots, readLayout, unsettledSlots } from '../../src/target/slot-layout.js';
import { bytesOf } from '../../src/keyspace/words.js';

const node = (owned: readonly SlotRange[], moving: readonly number[] = []): NodeSlots => ({
  owned: SlotSet.of(owned),
  moving: SlotSet.of(moving.map((slot) => [slot, slot] as const)),
});
const HALVES = [node([[0, 8191]]), node([[8192, 16_383]])];

test.each([
  ['one has it', HALVES, 9000, 1],
  ['nobody', [node([[0, 8191]])], 9000, -1],
  ['two say so', [node([[0, 9000]]), HALVES[1]!], 9000, -2],
  ['it leaves', [HALVES[0]!, node([[8192, 16_383]], [9000])], 9000, -2],
  ['it comes', [node([[0, 8191]], [9000]), HALVES[1]!], 9000, -2],
] as const)('%s', (_, layout, slot, holder) => {
  expect(holderOf(layout, slot)).toBe(holder);
});

describe('between two looks', () => {
  test('nothing has moved', () => {
    expect(unsettledSlots(HALVES, HALVES, undefined).size).toBe(0);
  });

  test.each([
    ['a slot has another owner', [node([[0, 8192]]), node([[8193, 16_383]])], '8192'],
    ['a slot is on its way', [node([[0, 8191]], [7]), HALVES[1]!], '7'],
    ['slots have gone elsewhere', [HALVES[0]!, node([[8192, 16_000]])], '16001-16383'],
  ] as const)('%s', (_, after, text) => {
    expect(unsettledSlots(HALVES, after, undefined).format()).toBe(text);
    expect(unsettledSlots(after, HALVES, undefined).format()).toBe(text);
    expect(unsettledSlots(HALVES, after, SlotSet.of([[100, 200]])).size).toBe(0);
  });
});

describe('what the nodes say', () => {
  const [a, b] = ['a', 'b'].map((letter) => letter.repeat(40));
  const answering = (reply: unknown): Client =>
    ({ request: () => Promise.resolve(reply) }) as unknown as Client;
  const lines = (myself: string): Uint8Array =>
    bytesOf(
      [
        `${a} 10.0.0.1:6379@16379 ${myself === a ? 'myself,' : ''}master - 0 0 1 connected 0-8191${myself === a ? ` [9000-<-${b}]` : ''}`,
        `${b} 10.0.0.2:6379@16379 ${myself === b ? 'myself,' : ''}master - 0 0 2 connected 8192-16383${myself === b ? ` [9000->-${a}]` : ''}`,
        '',
      ].join('\n'),
    );

  test('each for itself', async () => {
    const layout = await readLayout([answering(lines(a!)), answering(lines(b!))]);
    expect(layout?.map(({ owned, moving }) => [owned.format(), moving.format()])).toEqual([
      ['0-8191', '9000'],
      ['8192-16383', '9000'],
    ]);
  });

  test.each([
    ['a standalone server', new ReplyError('ERR This instance has cluster support disabled')],
    ['one that may not be asked', new ReplyError('NOPERM no')],
    ['nonsense', bytesOf('hello')],
  ])('%s', async (_, reply) => {
    expect(await readLayout([answering(reply)])).toBeUndefined();
  });
});
