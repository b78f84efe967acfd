import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { History } from '../../src/sync/history.js';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);

describe('a place in the history', () => {
  const twice = History.begin(A).continuedAs(B, 100).continuedAs(C, 250);

  test.each([
    ['under the name in force, wherever', C, 0, true],
    ['under the name in force, far ahead', C, 1e15, true],
    ['under the name before, up to the promotion', B, 250, true],
    ['… and below', B, 50, true],
    ['… but not behind it', B, 251, false],
    ['under the first name, up to its end', A, 100, true],
    ['… not up to the second’s', A, 101, false],
    ['under another name', 'd'.repeat(40), 10, false],
    ['under no name', '', 10, false],
  ])('%s', (_, replid, offset, expected) => {
    expect(twice.includes(replid, offset)).toBe(expected);
  });

  test('a history without a name has none (sources that only know SYNC)', () => {
    expect(History.begin('').includes('', 0)).toBe(false);
    expect(History.begin('').continuedAs(A, 10).includes('', 5)).toBe(false);
  });
});

test('going on under another name changes nothing in the history before', () => {
  const first = History.begin(A);
  first.continuedAs(B, 10);
  expect(first.replid).toBe(A);
  expect(first.includes(B, 5)).toBe(false);
});

describe('what is kept with the bytes', () => {
  test('says the same when it is read again, as JSON too', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { maxLength: 12 }), fc.nat(1000), (lengths, probe) => {
        let history = History.begin('n0');
        let offset = 0;
        lengths.forEach((length, index) => {
          offset += length;
          history = history.continuedAs(`n${index + 1}`, offset);
        });
        const again = History.of(JSON.parse(JSON.stringify({ id: 'x', base: 3, ...history.meta })));
        expect(again.replid).toBe(`n${lengths.length}`);
        expect(again.meta).toEqual(history.meta);
        let until = 0;
        for (const [index, length] of [...lengths, Number.POSITIVE_INFINITY].entries()) {
          until += length;
          expect(again.includes(`n${index}`, probe)).toBe(probe <= until);
          expect(again.includes(`n${index}`, until)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('only the latest names, however many there were', () => {
    let history = History.begin('n0');
    for (let index = 1; index <= 500; index++) history = history.continuedAs(`n${index}`, index);
    expect(JSON.stringify(history.meta).length).toBeLessThan(2000);
    expect(history.includes('n499', 500)).toBe(true);
    expect(history.includes('n490', 491)).toBe(true);
    expect(history.includes('n0', 0)).toBe(false);
  });

  test.each([
    ['nothing', {}],
    ['a name that is none', { replid: 7 }],
    ['former names that are none', { replid: A, former: 'x' }],
    ['one of them', { replid: A, former: [null, 1, 'x', {}, { replid: B }, { replid: 1, until: 1 }] }],
  ])('of %s no place is made up', (_, meta) => {
    const history = History.of(meta);
    for (const replid of ['', B, '7', 'undefined']) expect(history.includes(replid, 0)).toBe(false);
    expect(History.of(history.meta).meta).toEqual(history.meta);
  });

  test('the good ones among damaged ones count', () => {
    const history = History.of({ replid: A, former: [null, { replid: B, until: 10 }] });
    expect([history.includes(B, 10), history.includes(B, 11)]).toEqual([true, false]);
  });
});
