import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandScanner, commandArgs, INCOMPLETE } from '../../src/resp/command-scanner.js';
import { encodeCommand } from '../../src/resp/encode.js';
import { fault, faultOf } from '../support/rdb-error.js';
import { arrivals, commands, encodeCommands, pieceSizes, placed } from './support.js';

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const show = (list: readonly Uint8Array[]): string[] =>
  list.map((arg) => Buffer.from(arg).toString('latin1'));

test('finds every command and its name, however the bytes arrive and move', () => {
  fc.assert(
    fc.property(fc.array(commands, { maxLength: 8 }), pieceSizes, (list, sizes) => {
      const bytes = encodeCommands(list);
      const scanner = new CommandScanner();
      const found: string[][] = [];
      let taken = 0;
      for (const arrived of arrivals(sizes, bytes.length)) {
        const { block, start, end } = placed(bytes, taken, arrived);
        let at = start;
        for (let next; (next = scanner.find(block, at, end)) !== INCOMPLETE; at = next) {
          const args = show(commandArgs(block, at));
          expect(scanner.argc).toBe(args.length);
          const nameAt = at + scanner.nameFrom;
          expect(show([block.subarray(nameAt, nameAt + scanner.nameBytes)])[0]).toBe(args[0]);
          found.push(args);
          expect(encodeCommand(commandArgs(block, at))).toEqual(block.slice(at, next));
        }
        taken += at - start;
      }
      expect(found).toEqual(list.map(show));
      expect(taken).toBe(bytes.length);
    }),
    { numRuns: 400 },
  );
});

test('a command that is handed on in pieces ends where it ends', () => {
  const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(fc.array(commands, { maxLength: 6 }), pieceSizes, shares, (list, sizes, some) => {
      const bytes = encodeCommands(list);
      const ends: number[] = [];
      const scanner = new CommandScanner();
      let taken = 0;
      let turn = 0;
      for (const arrived of arrivals(sizes, bytes.length)) {
        const { block, start, end } = placed(bytes, taken, arrived);
        let at = start;
        for (let next; (next = scanner.find(block, at, end)) !== INCOMPLETE;) {
          at = next;
          ends.push(taken + at - start);
        }
        // What is known to belong to the command may leave, as far as it is there.
        if (scanner.named) {
          const most = Math.min(scanner.reached, end - at);
          const count = Math.floor(most * some[turn++ % some.length]!);
          scanner.passed(count);
          at += count;
        }
        taken += at - start;
      }
      const expected = list.map((_, index) => encodeCommands(list.slice(0, index + 1)).length);
      expect(ends).toEqual(expected);
    }),
    { numRuns: 400 },
  );
});

describe('of an unfinished command', () => {
  const bytes = ascii('*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1000\r\nabc');

  test('it says how far it reaches, before the bytes are there', () => {
    const scanner = new CommandScanner();
    expect(scanner.find(bytes, 0, bytes.length)).toBe(INCOMPLETE);
    expect(scanner.reached).toBe(bytes.length - 3 + 1000 + 2);
    expect(scanner.named).toBe(true);
  });

  test('it knows the name only once all of it is there', () => {
    const named = [...bytes.keys()].filter((length) => {
      const scanner = new CommandScanner();
      expect(scanner.find(bytes, 0, length)).toBe(INCOMPLETE);
      return scanner.named;
    });
    expect(named[0]).toBe('*3\r\n$3\r\nset'.length);
    expect(named).toHaveLength(bytes.length - named[0]!);
  });
});

describe('what no server sends is refused, with its place', () => {
  const before = '*1\r\n$4\r\nPING\r\n';
  const at = 3 + before.length;
  const refusal = (text: string): unknown => {
    const bytes = ascii(`###${before}${text}`);
    const scanner = new CommandScanner();
    return faultOf(() => {
      for (let from = 3; (from = scanner.find(bytes, from, bytes.length)) !== INCOMPLETE;);
    });
  };

  test.each([
    ['+OK\r\n', at],
    ['-NOPERM no\r\n', at],
    ['PING\r\n', at],
    ['*-1\r\n', at],
    ['*\r\n', at],
    ['*x\r\n', at],
    ['*1\rx\n', at],
    ['*1\r2\r\n', at],
    ['*1\n', at],
    ['*9999999999\r\n', at],
    ['*1\r\n+OK\r\n', at + 4],
    ['*1\r\n$-1\r\n', at + 4],
    ['*1\r\n$4294967296\r\n', at + 4],
    ['*2\r\n$1\r\na\r\n:1\r\n', at + 11],
    ['*0\r\n', at],
    [`*${'0'.repeat(100)}`, at],
  ])('%j', (text, offset) => {
    expect(refusal(text)).toEqual(fault('SOURCE_PROTOCOL', offset, /must stand/));
  });

  test('an argument count of two thousand million does nothing until there are bytes', () => {
    const scanner = new CommandScanner();
    const bytes = ascii('*2147483647\r\n$3\r\nfoo\r\n');
    expect(scanner.find(bytes, 0, bytes.length)).toBe(INCOMPLETE);
    expect(scanner.reached).toBe(bytes.length);
  });
});

test('reset forgets the command that was begun', () => {
  const scanner = new CommandScanner();
  scanner.find(ascii('*2\r\n$3\r\nfoo\r\n'), 0, 13);
  scanner.reset();
  expect(scanner.reached).toBe(0);
  expect(scanner.find(ascii('*1\r\n$1\r\na\r\n'), 0, 11)).toBe(11);
});
