import { describe, expect, test } from 'vitest';
import { createDbMap, describeDbCollision } from '../../src/keyspace/db-map.js';
import { bytesOf } from '../../src/keyspace/words.js';

describe('createDbMap', () => {
  test('identity', () => {
    const map = createDbMap(new Map([[4, 4]]));
    expect(map.active).toBe(false);
    expect(map.toTarget(9)).toBe(9);
    expect(map.sourcesOf(9)).toEqual([9]);
    expect(map.collisions()).toEqual([]);
  });

  test('moved databases, and the one that stays there', () => {
    const map = createDbMap(new Map([[3, 0]]));
    expect(map.active).toBe(true);
    expect([0, 1, 3].map((db) => map.toTarget(db))).toEqual([0, 1, 0]);
    expect(map.sourcesOf(0)).toEqual([0, 3]);
    expect(map.sourcesOf(3)).toEqual([]);
    expect(map.collisions()).toEqual([{ target: 0, sources: [0, 3] }]);
    expect(map.collisions((db) => db !== 0)).toEqual([]);
  });

  test('a swap collides with nothing', () => {
    const map = createDbMap(
      new Map([
        [3, 0],
        [0, 3],
      ]),
    );
    expect(map.collisions()).toEqual([]);
    expect(map.sourcesOf(0)).toEqual([3]);
  });

  test('two moved onto one', () => {
    const map = createDbMap(
      new Map([
        [5, 9],
        [2, 9],
        [9, 1],
      ]),
    );
    expect(map.collisions()).toEqual([
      { target: 1, sources: [1, 9] },
      { target: 9, sources: [2, 5] },
    ]);
  });
});

describe('prefixes', () => {
  const mapOf = (to: [number, number][], front: [number, string][]): ReturnType<typeof createDbMap> =>
    createDbMap(new Map(to), new Map(front.map(([db, prefix]) => [db, bytesOf(prefix)])));

  test('a database that stays where it is may have one', () => {
    const map = mapOf([], [[0, 'zero:']]);
    expect([map.active, map.prefixed, map.toTarget(0)]).toEqual([true, true, 0]);
    expect([map.prefixOf(0), map.prefixOf(1)]).toEqual([bytesOf('zero:'), undefined]);
    expect(map.collisions()).toEqual([]);
  });

  test('together are those of one target database and one prefix', () => {
    const to: [number, number][] = [1, 2, 3, 4].map((db) => [db, 0]);
    const map = mapOf(to, [
      [1, 'a:'],
      [2, 'a:'],
      [3, 'b:'],
      [5, 'a:'],
    ]);
    const all = [0, 1, 2, 3, 4, 5].map((db) => [0, 1].map((other) => map.together(db, other)));
    const [no, unprefixed, a] = [
      [false, false],
      [true, false],
      [false, true],
    ];
    expect(all).toEqual([unprefixed, a, a, no, unprefixed, no]);
  });

  test.each<[string, [number, number][], [number, string][], string[]]>([
    [
      'apart',
      [
        [1, 0],
        [2, 0],
      ],
      [
        [0, 'z:'],
        [1, 'a:'],
        [2, 'b:'],
      ],
      [],
    ],
    ['one without', [[1, 0]], [[1, 'a:']], ['0 and 1 … "a:…"']],
    [
      'one begins with the other',
      [
        [1, 0],
        [2, 0],
      ],
      [
        [0, 'z:'],
        [1, 'a:'],
        [2, 'a:b:'],
      ],
      ['1 and 2 … "a:b:…"'],
    ],
    [
      'the same',
      [
        [1, 0],
        [2, 0],
      ],
      [
        [0, 'z:'],
        [1, 'a:'],
        [2, 'a:'],
      ],
      ['1 and 2 … "a:…"'],
    ],
    [
      'elsewhere',
      [
        [1, 5],
        [2, 6],
      ],
      [
        [1, 'a:'],
        [2, 'a:'],
      ],
      ['1 and 5 … "a:…"', '2 and 6 … "a:…"'],
    ],
    [
      'two without',
      [
        [1, 0],
        [2, 0],
      ],
      [[2, '\\x']],
      ['0 and 1 …', '0 and 1 and 2 … "\\x5cx…"'],
    ],
  ])('collisions: %s', (_, to, front, expected) => {
    const told = mapOf(to, front)
      .collisions()
      .map((one) => describeDbCollision(one));
    const short = told.map((line) => {
      const [, sources, names] = /^databases (.*) of the source both go.*?(?:called (".*"): .*)?$/u.exec(
        line,
      )!;
      return `${sources} …${names === undefined ? '' : ` ${names}`}`;
    });
    expect(short).toEqual(expected);
  });
});
