import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../src/keyspace/glob.js';
import { bytesOf } from '../../src/keyspace/words.js';

function matches(pattern: string | Uint8Array, key: string | Uint8Array): boolean {
  const bytes = typeof key === 'string' ? bytesOf(key) : key;
  return compileGlob(typeof pattern === 'string' ? bytesOf(pattern) : pattern)(bytes, 0, bytes.length);
}

describe('compileGlob', () => {
  test.each<[pattern: string, yes: readonly string[], no: readonly string[]]>([
    ['', [''], ['a']],
    ['abc', ['abc'], ['ab', 'abcd', 'ABC', '']],
    ['*', ['', 'a', 'anything'], []],
    ['**', ['', 'a'], []],
    ['user:*', ['user:', 'user:1'], ['user', 'xuser:1']],
    ['*:1', [':1', 'a:1', 'a:1:1'], ['a:2', '1']],
    ['a*b*c', ['abc', 'aXbYc', 'abcbc'], ['ab', 'abcd', 'acb']],
    ['h?llo', ['hello', 'h*llo'], ['hllo', 'heello']],
    ['h[ae]llo', ['hello', 'hallo'], ['hillo', 'hllo']],
    ['h[^e]llo', ['hallo', 'h^llo'], ['hello', 'hllo']],
    ['h[a-c]llo', ['hallo', 'hbllo'], ['hdllo', 'h-llo']],
    ['h[c-a]llo', ['hallo', 'hbllo'], ['hdllo']],
    ['[a-cx-z]', ['a', 'c', 'y'], ['d', '-', '']],
    ['[abc', ['a', 'c'], ['[', 'd', 'abc']],
    ['[', [], ['[', '', 'a']],
    ['[^', ['a', '['], ['', 'ab']],
    ['[]', [], ['', ']', '[', '[]']],
    ['[]a]', [], ['a', ']', 'a]']],
    ['[^]', ['a', ']'], ['']],
    ['[\\]]', [']'], ['\\', '\\]']],
    ['[a-]', ['a', '^', ']'], ['-', 'b']],
    ['\\*', ['*'], ['a', '\\*', '']],
    ['a\\?c', ['a?c'], ['abc']],
    ['a\\', ['a\\'], ['a', 'ab']],
    ['\\\\', ['\\'], ['\\\\']],
    ['ключ:*', ['ключ:1'], ['клуч:1']],
  ])('%s', (pattern, yes, no) => {
    for (const key of yes) expect(matches(pattern, key), `${pattern} ~ ${key}`).toBe(true);
    for (const key of no) expect(matches(pattern, key), `${pattern} !~ ${key}`).toBe(false);
  });

  test('works on bytes, within a range', () => {
    expect(matches(new Uint8Array([0xff, 0x2a]), new Uint8Array([0xff, 0, 10]))).toBe(true);
    expect(matches('?', bytesOf('é'))).toBe(false);
    expect(compileGlob(bytesOf('b*'))(bytesOf('abc'), 1, 2)).toBe(true);
    expect(compileGlob(bytesOf('b'))(bytesOf('abc'), 0, 2)).toBe(false);
  });

  test('many stars take no exponential time', () => {
    expect(matches('a*'.repeat(50) + 'b', 'a'.repeat(5000))).toBe(false);
  });

  test('agrees with a recursive reference', () => {
    const symbol = fc.constantFrom(...'ab*?[]^-\\c'.split(''));
    fc.assert(
      fc.property(
        fc.string({ unit: symbol, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom(...'abc]^-\\'.split('')), maxLength: 7 }),
        (pattern, key) => {
          expect(matches(pattern, key)).toBe(reference(pattern, key));
        },
      ),
      { numRuns: 20_000 },
    );
  });
});

/** One character class at the front of `pattern`, which starts behind the bracket. */
function takeClass(pattern: string, char: string): [hit: boolean, rest: string] {
  const negated = pattern.startsWith('^');
  let rest = negated ? pattern.slice(1) : pattern;
  let hit = false;
  while (rest !== '' && !rest.startsWith(']')) {
    if (rest.startsWith('\\') && rest.length > 1) {
      hit ||= rest[1] === char;
      rest = rest.slice(2);
    } else if (rest.length > 2 && rest[1] === '-') {
      const ends = [rest[0]!, rest[2]!].toSorted();
      hit ||= char >= ends[0]! && char <= ends[1]!;
      rest = rest.slice(3);
    } else {
      hit ||= rest[0] === char;
      rest = rest.slice(1);
    }
  }
  return [hit !== negated, rest.slice(1)];
}

function reference(pattern: string, key: string): boolean {
  if (pattern === '') return key === '';
  if (pattern.startsWith('*')) {
    return reference(pattern.slice(1), key) || (key !== '' && reference(pattern, key.slice(1)));
  }
  if (key === '') return false;
  const char = key[0]!;
  if (pattern.startsWith('?')) return reference(pattern.slice(1), key.slice(1));
  if (pattern.startsWith('[')) {
    const [hit, rest] = takeClass(pattern.slice(1), char);
    return hit && reference(rest, key.slice(1));
  }
  const literal = pattern.startsWith('\\') && pattern.length > 1 ? pattern.slice(1) : pattern;
  return literal[0] === char && reference(literal.slice(1), key.slice(1));
}
