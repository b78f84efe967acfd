/** Values of every kind at random, for properties. */
import * as fc from 'fast-check';
import type { RdbValue } from '../../src/rdb/value.js';
import type { StreamConsumer, StreamGroup, StreamId, StreamPending } from '../../src/rdb/value-visitor.js';

/** Bytes that are often text, often canonical integers, and now and then long and repetitive. */
export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ maxLength: 20 }).map((text) => new TextEncoder().encode(text)),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map((value) => new TextEncoder().encode(String(value))),
  fc.integer({ min: -70_000, max: 70_000 }).map((value) => new TextEncoder().encode(String(value))),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 700 }))
    .map(([text, times]) => new TextEncoder().encode(text.repeat(times))),
);

const distinct = {
  selector: (item: Uint8Array): string => Buffer.from(item).toString('hex'),
  maxLength: 30,
  minLength: 1,
};
const score = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer().map((value) => value / 10),
  fc.constantFrom(0, -0, Infinity, -Infinity, 5e-324, 2 ** 53),
);
const u64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 3000n }));
const time = fc.integer({ min: 1, max: 2 ** 47 });

function ids(maxLength: number): fc.Arbitrary<StreamId[]> {
  return fc
    .uniqueArray(fc.record({ ms: u64, seq: u64 }), { selector: ({ ms, seq }) => `${ms}-${seq}`, maxLength })
    .map((list) => list.toSorted(compare));
}

function compare(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

const names = fc.constantFrom(
  ...[['a'], ['temp', 'hum'], ['x', 'x'], ['1', '-2', 'z']].map((list) =>
    list.map((name) => new TextEncoder().encode(name)),
  ),
);

const consumers: fc.Arbitrary<StreamConsumer[]> = fc.uniqueArray(
  fc.record({ name: bytes, seenTimeMs: time, activeTimeMs: fc.oneof(time, fc.constant(-1)) }),
  { ...distinct, selector: ({ name }) => Buffer.from(name).toString('hex'), minLength: 0, maxLength: 4 },
);

const group: fc.Arbitrary<StreamGroup> = consumers.chain((list) =>
  fc.record({
    name: bytes,
    lastId: fc.record({ ms: u64, seq: u64 }),
    entriesRead: fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { nil: undefined }),
    consumers: fc.constant(list),
    pending: list.length === 0 ? fc.constant([]) : pendingOf(list),
  }),
);

function pendingOf(list: readonly StreamConsumer[]): fc.Arbitrary<StreamPending[]> {
  return fc
    .tuple(ids(8), fc.array(fc.tuple(fc.nat(), time, fc.nat()), { minLength: 8, maxLength: 8 }))
    .map(([pendingIds, details]) =>
      pendingIds.map((id, at) => {
        const [owner, deliveryTimeMs, deliveryCount] = details[at]!;
        // Now and then one that has been given up (Redis 8.8).
        const consumer = owner % 7 === 0 ? undefined : list[owner % list.length]!.name;
        return { id, consumer, deliveryTimeMs, deliveryCount };
      }),
    );
}

export const stream: fc.Arbitrary<Extract<RdbValue, { kind: 'stream' }>> = fc
  .tuple(
    ids(150),
    fc.array(fc.tuple(names, bytes), { minLength: 150, maxLength: 150 }),
    fc.uniqueArray(group, {
      ...distinct,
      selector: ({ name }) => Buffer.from(name).toString('hex'),
      minLength: 0,
      maxLength: 3,
    }),
    fc.bigInt({ min: 0n, max: 2n ** 40n }),
  )
  .map(([entryIds, contents, groups, deleted]) => {
    const entries = entryIds.map((id, at) => {
      const [fields, value] = contents[at]!;
      return { id, fields: fields.flatMap((name) => [name, value]) };
    });
    const zero = { ms: 0n, seq: 0n };
    const lastId = entryIds.at(-1) ?? { ms: 7n, seq: 0n };
    const meta = {
      length: entries.length,
      lastId,
      firstId: entryIds[0] ?? zero,
      maxDeletedId: deleted === 0n ? zero : { ms: 0n, seq: deleted },
      entriesAdded: BigInt(entries.length) + deleted,
      exact: true,
    };
    return { kind: 'stream', entries, meta, groups };
  });

export const hash: fc.Arbitrary<Extract<RdbValue, { kind: 'hash' }>> = fc
  .tuple(
    fc.uniqueArray(fc.record({ field: bytes, value: bytes, expiresAtMs: fc.oneof(fc.constant(-1), time) }), {
      ...distinct,
      selector: ({ field }) => Buffer.from(field).toString('hex'),
    }),
    fc.boolean(),
  )
  .map(([fields, timed]) => ({
    kind: 'hash',
    fields: timed ? fields : fields.map((field) => ({ ...field, expiresAtMs: -1 })),
  }));

export const value: fc.Arbitrary<RdbValue> = fc.oneof(
  bytes.map((text): RdbValue => ({ kind: 'string', bytes: text })),
  fc.array(bytes, { minLength: 1, maxLength: 40 }).map((items): RdbValue => ({ kind: 'list', items })),
  fc.uniqueArray(bytes, distinct).map((members): RdbValue => ({ kind: 'set', members })),
  fc
    .uniqueArray(fc.record({ member: bytes, score }), {
      ...distinct,
      selector: ({ member }) => Buffer.from(member).toString('hex'),
    })
    .map((members): RdbValue => ({ kind: 'zset', members })),
  hash,
  stream,
);
