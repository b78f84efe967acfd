/** What a batch holds, read as the arguments of a script are. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandArgs } from '../../../src/resp/command-scanner.js';
import { encodeCommand } from '../../../src/resp/encode.js';
import { LaneBatch } from '../../../src/target/cluster/lane-batch.js';
import { bytes, text } from '../support.js';

interface Given {
  readonly args: readonly Uint8Array[];
  readonly raw: boolean;
  readonly offset: number;
  readonly done: number;
  readonly tolerate: boolean;
}

const GIVEN: fc.Arbitrary<Given> = fc.record({
  args: fc.array(
    fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constantFrom('\r\n', '$3\r\nabc\r\n', '').map(bytes)),
    { minLength: 1, maxLength: 12 },
  ),
  raw: fc.boolean(),
  offset: fc.nat(Number.MAX_SAFE_INTEGER),
  done: fc.nat(9999),
  tolerate: fc.boolean(),
});

function put(batch: LaneBatch, { args, raw, offset, done, tolerate }: Given): void {
  if (!raw) {
    batch.command(args, offset, done, tolerate);
    return;
  }
  const whole = encodeCommand(args);
  batch.raw(whole, `*${args.length}\r\n`.length, whole.length, args.length, offset);
}

/** The words as a server reads them. */
function wordsOf(batch: LaneBatch): Uint8Array[] {
  const header = bytes(`*${batch.words}\r\n`);
  const all = new Uint8Array(header.length + batch.used);
  all.set(header);
  all.set(batch.bytes.subarray(0, batch.used), header.length);
  return [...commandArgs(all, 0)];
}

/** As the script goes through its arguments. */
function read(batch: LaneBatch): { start: string; tolerated: boolean; args: string[] }[] {
  const words = wordsOf(batch).map(text);
  const starts = text(batch.starts).split(' ');
  const found: { start: string; tolerated: boolean; args: string[] }[] = [];
  for (let at = 0; at < words.length;) {
    const size = Number(words[at]);
    const count = Math.abs(size);
    found.push({
      start: starts[found.length]!,
      tolerated: size < 0,
      args: words.slice(at + 1, at + 1 + count),
    });
    at += 1 + count;
  }
  expect(starts.length).toBe(found.length);
  return found;
}

function expectedOf({ args, raw, offset, done, tolerate }: Given): ReturnType<typeof read>[number] {
  const start = raw || done === 0 ? String(offset) : `${offset}+${done}`;
  return { start, tolerated: tolerate && !raw, args: args.map(text) };
}

test('commands come out as they were put in, batch after batch', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(GIVEN, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 3 }),
      (batches) => {
        const batch = new LaneBatch();
        for (const given of batches) {
          expect(batch.empty).toBe(true);
          for (const one of given) put(batch, one);
          expect(batch.commands).toBe(given.length);
          expect(read(batch)).toEqual(given.map(expectedOf));
          batch.clear();
        }
      },
    ),
  );
});

test('it grows: many commands, and large ones', () => {
  const batch = new LaneBatch();
  const given = Array.from({ length: 3000 }, (_, at): Given => ({
    args: [
      bytes('SET'),
      bytes(`key ${at}`),
      new Uint8Array(at % 1000 === 0 ? 300_000 : 5).fill(65 + (at % 26)),
    ],
    raw: at % 2 === 0,
    offset: 9_007_199_254_000_000 + at,
    done: at % 3,
    tolerate: at % 5 === 0,
  }));
  for (const one of given) put(batch, one);
  expect(read(batch)).toEqual(given.map(expectedOf));
  batch.clear();
  expect({ used: batch.used, words: batch.words, commands: batch.commands }).toEqual({
    used: 0,
    words: 0,
    commands: 0,
  });
});
