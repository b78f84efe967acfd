import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyMap, describeCollision, parsePrefixRule, type KeyMap } from '../../src/keyspace/key-map.js';
import { bytesOf } from '../../src/keyspace/words.js';

function mapOf(...rules: readonly string[]): KeyMap {
  return createKeyMap(rules.map((rule) => parsePrefixRule(rule)));
}

const decoder = new TextDecoder();

function mapped(map: KeyMap, key: string): string {
  return decoder.decode(map.map(bytesOf(key)) ?? bytesOf(key));
}

describe('one rule', () => {
  test.each([
    ['old:=new:', 'old:1', 'new:1'],
    ['old:=new:', 'old:', 'new:'],
    ['old:=new:', 'old', 'old'],
    ['old:=new:', 'xold:1', 'xold:1'],
    ['=p:', 'a', 'p:a'],
    ['=p:', '', 'p:'],
    ['p:=', 'p:a', 'a'],
    ['p:=', 'p:', ''],
    ['a*=b?', 'a*1', 'b?1'],
    ['a*=b?', 'ab', 'ab'],
    ['a\\=b=c', 'a=b1', 'c1'],
    ['a\\\\=c', 'a\\1', 'c1'],
  ])('%s: %j → %j', (rule, key, expected) => {
    expect(mapped(mapOf(rule), key)).toBe(expected);
  });

  test('any byte can be written', () => {
    expect(parsePrefixRule('\\xff\\x00a=\\x3D')).toEqual({
      from: Uint8Array.of(0xff, 0, 0x61),
      to: Uint8Array.of(0x3d),
    });
  });

  test.each(['', 'a', '=', 'a=b=c', 'a\\n=b', 'a=b\\'])('%j is refused', (text) => {
    expect(() => parsePrefixRule(text)).toThrow(`not a rule for key prefixes: ${text}`);
  });
});

test('the longest prefix counts, and one mapped to itself keeps its keys', () => {
  const map = mapOf('=p:', 'a=1', 'ab=2', 'q:=q:');
  expect(['x', 'a', 'ab', 'abc', 'ba', 'q:a', 'q'].map((key) => mapped(map, key))).toEqual([
    'p:x',
    '1',
    '2',
    '2c',
    'p:ba',
    'q:a',
    'p:q',
  ]);
});

test('a key that keeps its name is told so, wherever in the array it stands', () => {
  const map = mapOf('a:=b:', 'c:=c:');
  expect(map.map(bytesOf('x'))).toBeUndefined();
  expect(map.map(bytesOf('c:1'))).toBeUndefined();
  expect(map.map(bytesOf(''))).toBeUndefined();
  expect(map.map(bytesOf('..a:1..'), 2, 5)).toEqual(bytesOf('b:1'));
  expect(map.map(bytesOf('a:1'), 1, 3)).toBeUndefined();
  expect(map.map(bytesOf('a:1'), 0, 1)).toBeUndefined();
});

test('active: when something changes', () => {
  expect([mapOf(), mapOf('a=a'), mapOf('a=a', 'b=')].map(({ active }) => active)).toEqual([
    false,
    false,
    true,
  ]);
});

test('one prefix cannot go to two places', () => {
  expect(() => mapOf('a=b', 'c=d', 'a=b')).toThrow('the key prefix "a" is mapped twice');
});

test.each([
  [['a:=b:'], 'a:x', 'b:x'],
  [['a:=b:'], 'c', 'c'],
  [['a:=b:'], 'a', undefined],
  [['a:=b:'], '', undefined],
  [['=p:'], '', 'p:'],
  [['=p:', 'ab=q'], 'a', undefined],
  [['=p:', 'ab=q'], 'ab', 'q'],
  [['=p:', 'ab=q'], 'ac', 'p:ac'],
] as const)('%j: what begins with %j begins with %j there', (rules, prefix, expected) => {
  const found = mapOf(...rules).mapPrefix(bytesOf(prefix));
  expect(found === undefined ? undefined : decoder.decode(found)).toBe(expected);
});

test.each([
  [
    ['a:=b:'],
    ['keys "a:…" and "b:…" both become "b:…": of two with the same rest, the one written last stays'],
  ],
  [['a:=b:', 'b:=a:'], []],
  [
    ['a:=b:', 'b:=c:'],
    ['keys "b:…" and "c:…" both become "c:…": of two with the same rest, the one written last stays'],
  ],
  [['=p:'], []],
  [['p:='], ['keys "p:…" and "…" both become "…": of two with the same rest, the one written last stays']],
  [
    ['a=x', 'b=xy', 'x=z'],
    [
      'keys "ay…" and "b…" both become "xy…": of two with the same rest, the one written last stays',
      'keys "x…" and "z…" both become "z…": of two with the same rest, the one written last stays',
    ],
  ],
  [
    ['=p:', 'p:=p:'],
    ['keys "p:…" and "…" both become "p:…": of two with the same rest, the one written last stays'],
  ],
])('%j: %j', (rules, expected) => {
  expect(
    mapOf(...rules)
      .collisions()
      .map((collision) => describeCollision(collision)),
  ).toEqual(expected);
});

describe('any rules over two letters', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 });
  const rules = fc.uniqueArray(fc.record({ from: word, to: word }), {
    selector: ({ from }) => from,
    maxLength: 4,
  });
  const keys = ['', 'a', 'b'].flatMap((a) =>
    ['', 'a', 'b'].flatMap((b) => [`${a}${b}`, `a${a}b${b}`, `${a}${a}${b}b`]),
  );
  const build = (list: readonly { from: string; to: string }[]): KeyMap =>
    createKeyMap(list.map(({ from, to }) => ({ from: bytesOf(from), to: bytesOf(to) })));

  test('names are what the longest prefix says', () => {
    fc.assert(
      fc.property(rules, fc.constantFrom(...keys), (list, key) => {
        const rule = list
          .filter(({ from }) => key.startsWith(from))
          .toSorted((a, b) => b.from.length - a.from.length)[0];
        const expected = rule === undefined ? key : rule.to + key.slice(rule.from.length);
        expect(mapped(build(list), key)).toBe(expected);
      }),
    );
  });

  test('sourcesOf is the inverse', () => {
    fc.assert(
      fc.property(rules, fc.constantFrom(...keys), (list, key) => {
        const map = build(list);
        const sources = map.sourcesOf(bytesOf(key)).map((source) => decoder.decode(source));
        expect(new Set(sources).size).toBe(sources.length);
        for (const source of sources) expect(mapped(map, source)).toBe(key);
        expect(sources).toEqual(expect.arrayContaining(keys.filter((source) => mapped(map, source) === key)));
      }),
    );
  });

  test('collisions are all there are, and each can happen', () => {
    fc.assert(
      fc.property(rules, (list) => {
        const map = build(list);
        const found = map
          .collisions()
          .map(({ first, second, target }) => [first, second, target].map((part) => decoder.decode(part)));
        for (const [first, second, target] of found) {
          expect([mapped(map, `${first}#`), mapped(map, `${second}#`)]).toEqual([`${target}#`, `${target}#`]);
          expect(first).not.toBe(second);
        }
        for (const one of keys) {
          for (const other of keys) {
            if (one === other || mapped(map, one) !== mapped(map, other)) continue;
            const named = found.some(([first, second, target]) => {
              const rest = mapped(map, one).slice(target!.length);
              const pair = [`${first}${rest}`, `${second}${rest}`];
              return pair.includes(one) && pair.includes(other);
            });
            expect([one, other, named]).toEqual([one, other, true]);
          }
        }
      }),
    );
  });

  test('mapPrefix speaks for every key that begins so', () => {
    fc.assert(
      fc.property(rules, word, (list, prefix) => {
        const map = build(list);
        const found = map.mapPrefix(bytesOf(prefix));
        for (const key of keys) {
          if (found === undefined || !key.startsWith(prefix)) continue;
          expect(mapped(map, key)).toBe(decoder.decode(found) + key.slice(prefix.length));
        }
      }),
    );
  });
});
