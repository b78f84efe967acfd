import { describe, expect, test } from 'vitest';
import { compileKeyRegex } from '../../src/keyspace/key-regex.js';
import { bytesOf } from '../../src/keyspace/words.js';

function matches(pattern: string, key: Uint8Array): boolean {
  return compileKeyRegex(pattern)(key, 0, key.length);
}

test.each([
  ['user', 'a:user:1', true],
  ['^user', 'a:user:1', false],
  ['^user:\\d+$', 'user:17', true],
  ['^user:\\d+$', 'user:17:x', false],
  ['^.$', '\n', true],
  ['^.$', 'ż', true],
  ['^.$', '😀', true],
  ['^zażółć', 'zażółć:1', true],
  ['^USER', 'user', false],
  ['(?i)^USER', 'user', true],
  ['^$', '', true],
  ['^\ufeffa$', '\ufeffa', true],
])('%s on %j: %j', (pattern, key, expected) => {
  expect(matches(pattern, bytesOf(key))).toBe(expected);
});

test('what is not UTF-8 is read byte by byte', () => {
  const key = Uint8Array.of(0x61, 0xff, 0x80, 0x00);
  expect(matches('^a\\xff\\x80\\0$', key)).toBe(true);
  expect(matches('^a\\xff\\u20ac', key)).toBe(false);
  expect(matches('^\\xff{9000}$', new Uint8Array(9000).fill(0xff))).toBe(true);
});

test('only the part that is the key is looked at', () => {
  expect(compileKeyRegex('^b$')(bytesOf('abc'), 1, 2)).toBe(true);
});

test.each(['(', '[b-a]', 'a\\:b', '(?<=a', '*'])('%s is none', (pattern) => {
  expect(() => compileKeyRegex(pattern)).toThrow(/not a regular expression/u);
});

describe('repeated repetitions', () => {
  test.each([
    '(a+)+',
    '^(a*)*$',
    '([a-z]+)+$',
    '(\\w+\\s?)*x',
    '((a+))+',
    '(?:x|a+)+',
    '(?<name>a{2,})*',
    '(a+b*){3,}',
    '(?i)(A+)+',
    '(\\p{L}+)+',
    '((a+b)*)*',
    '(a+$)*',
  ])('%s is refused', (pattern) => {
    expect(() => compileKeyRegex(pattern)).toThrow(`the regular expression ${pattern} repeats a repetition`);
  });

  test.each([
    '^user(:\\d+)*$',
    '(a+b)+',
    '(?:[a-z]+-)*[a-z]+',
    '(a+)?',
    '(a+){2}',
    '\\(a+\\)+',
    '[(a+)]+',
    '(ab|cd)*',
    'a+b+c*',
    '(?=a+)b+',
    '\\u{61}+',
    '(a{2,3}:)*',
    '[\\](]+(x)*',
  ])('%s is taken', (pattern) => {
    expect(compileKeyRegex(pattern)(bytesOf(''), 0, 0)).toBeTypeOf('boolean');
  });
});
