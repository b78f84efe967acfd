import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { laneKey, laneTextPrefix, parseLaneText } from '../../../src/target/cluster/lane-text.js';

const word = fc.stringMatching(/^[!-~]{1,40}$/u);

test('a text is the prefix, an offset and a database, and is read back', () => {
  fc.assert(
    fc.property(
      fc.record({
        snapshot: fc.oneof(
          fc.constant(''),
          word.filter((one) => one !== '-'),
        ),
        generation: word,
        offset: fc.nat(Number.MAX_SAFE_INTEGER),
        done: fc.nat(999_999_999),
        db: fc.integer({ min: -1, max: 16_383 }),
      }),
      fc.option(word),
      (text, fence) => {
        const { snapshot, generation, offset, done, db } = text;
        const place = done === 0 ? String(offset) : `${offset}+${done}`;
        const plain = `${laneTextPrefix(snapshot, generation)}${place} ${db}`;
        expect(parseLaneText(fence === null ? plain : `${plain} ${fence}`)).toEqual(text);
      },
    ),
  );
});

test.each([
  '',
  'snapshot 1-ab 5',
  'snapshot 1-ab 5 0 fence more',
  'snapshot 1-ab -5 0',
  'snapshot 1-ab 5+ 0',
  'snapshot 1-ab x 0',
  'snapshot 1-ab 12345678901234567 0',
  ' snapshot 1-ab 5 0',
  'snapshot 1-ab 5 0 ',
])('%j is no text of a lane', (text) => {
  expect(parseLaneText(text)).toBeUndefined();
});

test('the key stands in the slot of its tag', () => {
  expect(laneKey('1bz', 'job')).toBe('__replicant:{1bz}:lane:job');
});
