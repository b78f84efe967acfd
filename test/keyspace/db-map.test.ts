import { describe, expect, test } from 'vitest';
import { createDbMap } from '../../src/keyspace/db-map.js';

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
