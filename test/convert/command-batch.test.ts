import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandBatch, copyBytes } from '../../src/convert/command-batch.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args, text } from '../keyspace/support.js';

function batchOf(maxArgs: number, maxBytes: number): { batch: CommandBatch; sent: Uint8Array[][] } {
  const sent: Uint8Array[][] = [];
  return { sent, batch: new CommandBatch((command) => sent.push(command), { maxArgs, maxBytes }) };
}

test('splits by arguments, the frame counted', () => {
  const { batch, sent } = batchOf(5, 1000);
  batch.begin(args('XCLAIM k'), args('FORCE'));
  for (const id of ['1', '2', '3', '4', '5']) batch.add(bytesOf(id));
  batch.flush();
  expect(sent.map(text)).toEqual(['XCLAIM k 1 2 FORCE', 'XCLAIM k 3 4 FORCE', 'XCLAIM k 5 FORCE']);
});

test('splits by bytes; one element may exceed', () => {
  const { batch, sent } = batchOf(100, 10);
  batch.begin(args('SADD k'));
  for (const member of ['aa', 'bbb', 'c', 'a-long-one', 'd']) batch.add(bytesOf(member));
  batch.flush();
  expect(sent.map(text)).toEqual(['SADD k aa bbb', 'SADD k c', 'SADD k a-long-one', 'SADD k d']);
});

test('begin sends what is left; nothing gathered, nothing sent', () => {
  const { batch, sent } = batchOf(100, 100);
  batch.begin(args('SADD a'));
  batch.flush();
  batch.add(bytesOf('x'));
  batch.begin(args('SADD b'));
  batch.flush();
  expect(sent.map(text)).toEqual(['SADD a x']);
});

test('limits hold and nothing is lost or reordered', () => {
  const element = fc.uint8Array({ maxLength: 12 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.tuple(element, fc.option(element, { nil: undefined }))),
      (maxArgs, maxBytes, elements) => {
        const { batch, sent } = batchOf(maxArgs, maxBytes);
        batch.begin(args('C k'));
        for (const [first, second] of elements) batch.add(first, second);
        batch.flush();
        const flat = elements.flatMap(([first, second]) =>
          second === undefined ? [first] : [first, second],
        );
        expect(sent.flatMap((command) => command.slice(2))).toEqual(flat);
        let at = 0;
        for (const command of sent) {
          let inside = 0;
          for (let left = command.length - 2; left > 0; inside++)
            left -= elements[at++]![1] === undefined ? 1 : 2;
          const bytes = command.reduce((sum, arg) => sum + arg.length, 0);
          expect(inside === 1 || (command.length <= maxArgs && bytes <= maxBytes)).toBe(true);
        }
      },
    ),
  );
});

test('copyBytes does not share, also not with a Buffer', () => {
  const source = Buffer.from('abc');
  const copy = copyBytes(source);
  source[0] = 0;
  expect(text([copy])).toBe('abc');
  expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype);
});
