/** Our values in the form of the corpus' `.expected.ndjson`, and both made comparable. */
import type { RdbValue } from '../../src/rdb/value.js';
import type { StreamGroup, StreamId } from '../../src/rdb/value-visitor.js';
import type { CorpusEntry, ExpectedLine, StreamLine, Text } from './rdb-corpus.js';
import { readable } from './rdb-hex.js';

type Json = Record<string, unknown>;

/** What can be compared of a line: sets and hashes in one order, scores as numbers. */
export function comparableExpected(expected: ExpectedLine): Json {
  const line = { ...expected, serverEncoding: undefined };
  switch (line.type) {
    // A vector set is a module type: what is in it is not known here, nor was the server asked.
    case 'vectorset':
      return { ...line, type: 'module' };
    case 'zset':
      return { ...line, value: line.value.map(toNumber) };
    case 'set':
      return { ...line, value: sorted(line.value) };
    case 'hash':
      return {
        ...line,
        value: sorted(line.value),
        ...(line.fieldExpiresAt && { fieldExpiresAt: sorted(line.fieldExpiresAt) }),
      };
    default:
      return { ...line };
  }
}

export function comparableEntry(entry: CorpusEntry, value: RdbValue, expected: ExpectedLine): Json {
  return {
    db: entry.db,
    key: readable(entry.key),
    type: value.kind,
    ...(entry.expiresAtMs < 0 ? {} : { expiresAt: entry.expiresAtMs }),
    ...describe(value, expected),
  };
}

function describe(value: RdbValue, expected: ExpectedLine): Json {
  switch (value.kind) {
    case 'string':
      return { value: readable(value.bytes) };
    case 'list':
      return { value: value.items.map(readable) };
    case 'set':
      return { value: sorted(value.members.map(readable)) };
    case 'zset':
      return {
        value: inServerOrder(value.members.map(({ member, score }) => [readable(member), score + 0])),
      };
    case 'hash':
      return describeHash(value);
    case 'stream':
      return describeStream(value, expected);
    default:
      return { value: null };
  }
}

function describeHash(value: Extract<RdbValue, { kind: 'hash' }>): Json {
  const timed = value.fields.filter((field) => field.expiresAtMs >= 0);
  return {
    value: sorted(value.fields.map((field) => [readable(field.field), readable(field.value)])),
    ...(timed.length > 0 && {
      fieldExpiresAt: sorted(timed.map((field) => [readable(field.field), field.expiresAtMs])),
    }),
  };
}

function describeStream(value: Extract<RdbValue, { kind: 'stream' }>, expected: ExpectedLine): Json {
  if (expected.type !== 'stream') throw new Error(`the server says this is a ${expected.type}`);
  return {
    value: value.entries.map(({ id, fields }) => ({ id: idText(id), fields: inPairs(fields.map(readable)) })),
    lastId: idText(value.meta.lastId),
    // Asked for since 7.0 only.
    ...('entriesAdded' in expected && {
      entriesAdded: Number(value.meta.entriesAdded),
      maxDeletedId: idText(value.meta.maxDeletedId),
    }),
    groups: value.groups.map((group, at) => describeGroup(group, expected.groups[at])),
  };
}

function describeGroup(group: StreamGroup, expected: StreamLine['groups'][number] | undefined): Json {
  return {
    name: readable(group.name),
    lastId: idText(group.lastId),
    consumers: group.consumers.map((consumer) => readable(consumer.name)),
    pending: group.pending.map(({ id, consumer, deliveryCount }) => [
      idText(id),
      consumer && readable(consumer),
      deliveryCount,
    ]),
    ...(expected && 'entriesRead' in expected && { entriesRead: Number(group.entriesRead) }),
  };
}

function idText(id: StreamId): string {
  return `${id.ms}-${id.seq}`;
}

function inPairs<T>(parts: readonly T[]): [T, T][] {
  return Array.from({ length: parts.length / 2 }, (_, at) => [parts[2 * at]!, parts[2 * at + 1]!]);
}

function sorted<T>(list: readonly T[]): T[] {
  return list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** `+ 0` makes 0 of -0: ZRANGE prints the sign, ordering ignores it. */
function toNumber([member, score]: readonly [Text, string]): [Text, number] {
  return [member, (score === 'inf' ? Infinity : score === '-inf' ? -Infinity : Number(score)) + 0];
}

function inServerOrder(members: [Text, number][]): [Text, number][] {
  return members.toSorted(([a, scoreA], [b, scoreB]) => scoreA - scoreB || compareMembers(a, b));
}

function compareMembers(a: Text, b: Text): number {
  return Buffer.compare(bytesOf(a), bytesOf(b));
}

function bytesOf(text: Text): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.base64, 'base64');
}
