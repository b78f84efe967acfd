/* oxlint-disable vitest/no-standalone-expect, vitest/no-conditional-expect -- a model checks itself, as far as the case at hand goes */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MarkFinder } from '../../src/replication/mark-finder.js';
import { arrivals, pieceSizes, placed } from '../resp/support.js';
import { bytes } from '../target/support.js';

const MARK = '0123456789abcdef0123456789abcdef01234567';
const HELD = MARK.length - 1;
const TRAILER = '\xffchecksum';

/** Where the snapshot ends, by looking at every place; -1: nowhere yet. */
function endOf(data: Uint8Array, mark: string): number {
  const words = Buffer.from(data).toString('latin1');
  for (let at = words.indexOf(mark); at >= 0; at = words.indexOf(mark, at + 1)) {
    if (at >= TRAILER.length && words[at - TRAILER.length] === '\xff') return at;
  }
  return -1;
}

/** Feeds as the link does: what was not taken is there again, with what has come since. */
function find(data: Uint8Array, mark: string, sizes: readonly number[]): number {
  const finder = new MarkFinder(mark);
  const end = endOf(data, mark);
  let taken = 0;
  for (const arrived of arrivals(sizes, data.length)) {
    const { block, start, end: stop } = placed(data, taken, arrived);
    const next = finder.feed(block, start, stop);
    const count = next - start;
    block.fill(0xdd);
    expect(next).toBeLessThanOrEqual(stop);
    expect(count).toBeGreaterThanOrEqual(0);
    taken += count;
    if (finder.found) {
      // Told as soon as the mark is there, and not before.
      expect(arrived).toBeGreaterThanOrEqual(end + MARK.length);
      return taken;
    }
    expect(arrived - taken).toBeLessThanOrEqual(HELD);
    if (end >= 0) {
      expect(taken).toBeLessThanOrEqual(end);
      expect(arrived).toBeLessThan(end + MARK.length);
    }
  }
  return -1;
}

/** At every place it could be cut in two, and byte by byte. */
function everywhere(words: string, mark = MARK): Set<number> {
  const data = bytes(words);
  const found = new Set([find(data, mark, [1]), find(data, mark, [7]), find(data, mark, [data.length])]);
  for (let cut = 1; cut < data.length; cut++) found.add(find(data, mark, [cut, data.length]));
  return found;
}

describe('the end is found', () => {
  const body = 'REDIS0011 keys and values';

  test.each([
    ['behind a body', `${body}${TRAILER}${MARK}`, body.length + 9],
    ['when nothing but the trailer stands before', `${TRAILER}${MARK}`, 9],
    ['with the stream right behind', `${body}${TRAILER}${MARK}*1\r\n$4\r\nPING\r\n`, body.length + 9],
    ['behind the mark as data', `${body}${MARK}more${TRAILER}${MARK}`, body.length + 40 + 4 + 9],
    ['behind half the mark', `${body}${MARK.slice(0, 20)}${TRAILER}${MARK}`, body.length + 29],
    ['behind all but the last byte of the mark', `${MARK.slice(0, 39)}${TRAILER}${MARK}`, 48],
    ['behind the mark twice', `${MARK}${MARK}${TRAILER}${MARK}`, 89],
    ['where the checksum looks like the mark', `${body}\xff${MARK.slice(0, 8)}${MARK}`, body.length + 9],
    ['the first of two', `${TRAILER}${MARK}${TRAILER}${MARK}`, 9],
    ['where the checksum is 0', `${body}\xff${'\0'.repeat(8)}${MARK}`, body.length + 9],
    ['where the checksum is all ones', `${body}${'\xff'.repeat(9)}${MARK}`, body.length + 9],
  ])('%s', (_, words, at) => {
    expect(everywhere(words)).toEqual(new Set([at]));
  });

  test('where the mark repeats itself', () => {
    const mark = 'ab'.repeat(20);
    // It stands at 10 and 14 too, but not behind a trailer.
    expect(everywhere(`xab${TRAILER.slice(0, 7)}abab${mark}`, mark)).toEqual(new Set([12]));
    expect(everywhere(`${TRAILER}${'a'.repeat(60)}`, 'a'.repeat(40))).toEqual(new Set([9]));
    expect(everywhere(`\xff${'a'.repeat(60)}`, 'a'.repeat(40))).toEqual(new Set([9]));
  });
});

describe('nothing is found', () => {
  test.each([
    ['in nothing at all', 'x'],
    ['in the mark alone', MARK],
    ['in the mark at the start, though what comes then looks like a trailer', `${MARK}${TRAILER}`],
    ['without the end opcode', `body\xfechecksum${MARK}`],
    ['where the end opcode stands one byte early', `body\xffxchecksum${MARK}`],
    ['where it stands one byte late', `body\xffchecksu${MARK}`],
    ['where too little stands before', `\xffchecks${MARK}`],
    ['in a mark that lacks its last byte', `${TRAILER}${MARK.slice(0, 39)}`],
    ['in a mark with another last byte', `${TRAILER}${MARK.slice(0, 39)}x`],
    ['in a mark with another first byte', `${TRAILER}x${MARK.slice(1)}`],
    ['in a mark with another byte in the middle', `${TRAILER}${MARK.slice(0, 20)}x${MARK.slice(21)}`],
    ['in a mark of capitals', `${TRAILER}${MARK.toUpperCase()}`],
  ])('%s', (_, words) => {
    expect(everywhere(words)).toEqual(new Set([-1]));
  });
});

describe('in any bytes, in any pieces', () => {
  const ends = [MARK, 'ab'.repeat(20), `${'a'.repeat(39)}b`, `b${'a'.repeat(39)}`];

  test('the same place is found as by looking at every one', () => {
    let found = 0;
    let notFound = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...ends).chain((mark) =>
          fc.record({
            mark: fc.constant(mark),
            parts: fc.array(
              fc.oneof(
                fc.string({ unit: fc.constantFrom('a', 'b', '\xff', '0', '1'), maxLength: 60 }),
                fc.constantFrom(mark, `${TRAILER}${mark}`, TRAILER, '\xff', `\xff${mark.slice(0, 8)}`),
                fc.tuple(fc.nat(40), fc.nat(40)).map(([from, to]) => mark.slice(from, to)),
              ),
              { maxLength: 8, size: 'max' },
            ),
          }),
        ),
        pieceSizes,
        ({ mark, parts }, sizes) => {
          const data = bytes(parts.join(''));
          const at = endOf(data, mark);
          expect(find(data, mark, sizes)).toBe(at);
          if (at < 0) notFound++;
          else found++;
        },
      ),
      { numRuns: 1000 },
    );
    expect(found).toBeGreaterThan(100);
    expect(notFound).toBeGreaterThan(100);
  });
});
