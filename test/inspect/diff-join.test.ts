/** Records of two snapshots against a comparison of plain maps. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DiffJoin } from '../../src/inspect/diff-join.js';
import { DiffRecords } from '../../src/inspect/diff-records.js';

interface Key {
  readonly id: number;
  readonly digest: number;
  readonly deadline: number;
  readonly kind: number;
}

const keys = fc.uniqueArray(
  fc.record({ id: fc.nat(300), digest: fc.nat(1), deadline: fc.nat(1), kind: fc.nat(1) }),
  { selector: ({ id }) => id, maxLength: 150 },
);

/** Few parts, so that tables have something to do: ids share their low bits. */
function recordsOf(all: readonly Key[]): DiffRecords {
  const records = new DiffRecords();
  for (const { id, digest, deadline, kind } of all)
    records.add(id % 3, (id << 8) | 5, digest, 0, deadline, kind);
  return records;
}

test('finds what differs, in the order of the files', async () => {
  await fc.assert(
    fc.asyncProperty(
      keys,
      keys,
      fc.integer({ min: 1, max: 200 }),
      fc.nat(20),
      async (first, second, most, limit) => {
        const join = new DiffJoin(recordsOf(first), recordsOf(second), limit, most);
        await join.run(undefined);
        const before = new Map(first.map((key) => [key.id, key]));
        const after = new Map(second.map((key) => [key.id, key]));
        const pairs = second.flatMap((key, ordinal) => {
          const old = before.get(key.id);
          return old === undefined ? [] : [{ key, old, ordinal }];
        });
        const changed = pairs.filter(
          ({ key, old }) =>
            key.kind !== old.kind || key.digest !== old.digest || key.deadline !== old.deadline,
        );
        const ordinals = (all: readonly Key[], other: ReadonlyMap<number, Key>): number[] =>
          [...all.keys()].filter((ordinal) => !other.has(all[ordinal]!.id));
        const check = (
          { total, found }: { total: number; found: readonly number[] },
          wanted: readonly number[],
        ): void => {
          expect(total).toBe(wanted.length);
          expect(found).toEqual(wanted.slice(0, limit));
        };
        const of = (list: DiffJoin['added']): { total: number; found: number[] } => ({
          total: list.total,
          found: list.first().map(({ ordinal }) => ordinal),
        });
        check(of(join.added), ordinals(second, before));
        check(of(join.removed), ordinals(first, after));
        check(
          of(join.changed),
          changed.map(({ ordinal }) => ordinal),
        );
        expect(join.same).toBe(pairs.length - changed.length);
        expect(join.changedType).toBe(pairs.filter(({ key, old }) => key.kind !== old.kind).length);
        expect(join.changedTtl).toBe(pairs.filter(({ key, old }) => key.deadline !== old.deadline).length);
      },
    ),
  );
});

test('can be given up', async () => {
  const join = new DiffJoin(recordsOf([]), recordsOf([]), 1);
  await expect(join.run(AbortSignal.abort())).rejects.toThrow('aborted');
});
