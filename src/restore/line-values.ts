/** From JSON to what values are made of; each refuses what is none. */
import { ReplicantError } from '../errors.js';
import type {
  StreamConsumer,
  StreamGroup,
  StreamId,
  StreamMeta,
  StreamPending,
} from '../rdb/value-visitor.js';
import { type Json, JsonNumber, type JsonObject } from './json-tree.js';

const latin = new TextDecoder('latin1');

export function bad(what: string): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', what);
}

/** `"text"` or `{"base64":"…"}`. */
export function toText(value: Json | undefined, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof Map && value.has('base64')) return toBase64(value.get('base64'), what);
  throw bad(`${what} is neither a string nor {"base64":…}`);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/u;

export function toBase64(value: Json | undefined, what: string): Uint8Array {
  const text = value instanceof Uint8Array ? latin.decode(value) : undefined;
  if (text === undefined || text.length % 4 !== 0 || !BASE64.test(text)) throw bad(`${what} is not base64`);
  return Buffer.from(text, 'base64');
}

/** Integers may come as numbers or, for readers that would cut them, as strings. */
export function toBigInt(value: Json | undefined, what: string): bigint {
  const text =
    value instanceof JsonNumber ? value.text : value instanceof Uint8Array ? latin.decode(value) : '';
  if (!/^-?\d{1,20}$/u.test(text)) throw bad(`${what} is not an integer`);
  return BigInt(text);
}

export function toInteger(value: Json | undefined, what: string): number {
  const number = Number(toBigInt(value, what));
  if (!Number.isSafeInteger(number)) throw bad(`${what} is too large`);
  return number;
}

export function toList(value: Json | undefined, what: string): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw bad(`${what} is not a list`);
}

export function toObject(value: Json | undefined, what: string): JsonObject {
  if (value instanceof Map) return value as JsonObject;
  throw bad(`${what} is not an object`);
}

export function toPair(value: Json, what: string): readonly [Json, Json] {
  const pair = toList(value, what);
  if (pair.length !== 2) throw bad(`${what} has ${pair.length} parts, not two`);
  return [pair[0]!, pair[1]!];
}

/** Scores are strings, since JSON has no infinity; a number will do. */
export function toScore(value: Json): number {
  const text =
    value instanceof JsonNumber ? value.text : value instanceof Uint8Array ? latin.decode(value) : '';
  if (/^[+-]?inf(?:inity)?$/iu.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  const score = text.trim() === '' ? NaN : Number(text);
  if (Number.isNaN(score)) throw bad(`${JSON.stringify(text)} is not a score`);
  return score;
}

const MOST_U64 = 2n ** 64n;

export function toStreamId(value: Json | undefined, what: string): StreamId {
  const match = value instanceof Uint8Array ? /^(\d{1,20})-(\d{1,20})$/u.exec(latin.decode(value)) : null;
  const id = match === null ? undefined : { ms: BigInt(match[1]!), seq: BigInt(match[2]!) };
  if (id === undefined || id.ms >= MOST_U64 || id.seq >= MOST_U64) throw bad(`${what} is not a stream id`);
  return id;
}

export function toStreamEntry(value: Json): readonly [StreamId, readonly Uint8Array[]] {
  const entry = toObject(value, 'a stream entry');
  const fields = toList(entry.get('fields'), 'fields').flatMap((pair) => {
    const [field, text] = toPair(pair, 'a field');
    return [toText(field, 'a field'), toText(text, "a field's value")];
  });
  return [toStreamId(entry.get('id'), 'id'), fields];
}

/** What stands beside a stream's entries. Where counters are missing, servers derive them as well. */
export function toStreamMeta(value: JsonObject, entries: number): StreamMeta {
  const id = (name: string): StreamId => toStreamId(value.get(name), name);
  const length = value.has('length') ? toInteger(value.get('length'), 'length') : entries;
  if (length !== entries) throw bad(`a stream of ${entries} entries that says it has ${length}`);
  const added = value.get('entriesAdded') ?? null;
  const zero: StreamId = { ms: 0n, seq: 0n };
  return {
    length,
    lastId: id('lastId'),
    firstId: value.has('firstId') ? id('firstId') : zero,
    maxDeletedId: value.has('maxDeletedId') ? id('maxDeletedId') : zero,
    entriesAdded: added === null ? BigInt(length) : toBigInt(added, 'entriesAdded'),
    exact: added !== null,
  };
}

export function toStreamGroup(value: Json): StreamGroup {
  const group = toObject(value, 'a group');
  const read = group.get('entriesRead') ?? null;
  const consumers = toList(group.get('consumers') ?? [], 'consumers').map(toConsumer);
  const pending = toList(group.get('pending') ?? [], 'pending').map(toPending);
  const names = new Set(consumers.map(({ name }) => latin.decode(name)));
  for (const { consumer } of pending) {
    if (consumer !== undefined && !names.has(latin.decode(consumer))) {
      throw bad('a pending entry of a consumer that the group does not have');
    }
  }
  return {
    name: toText(group.get('name'), 'name'),
    lastId: toStreamId(group.get('lastId'), 'lastId'),
    entriesRead: read === null ? undefined : toBigInt(read, 'entriesRead'),
    consumers,
    pending,
  };
}

function toConsumer(value: Json): StreamConsumer {
  const consumer = toObject(value, 'a consumer');
  return {
    name: toText(consumer.get('name'), 'name'),
    seenTimeMs: toInteger(consumer.get('seenTime'), 'seenTime'),
    activeTimeMs: toInteger(consumer.get('activeTime'), 'activeTime'),
  };
}

function toPending(value: Json): StreamPending {
  const pending = toObject(value, 'a pending entry');
  const consumer = pending.get('consumer') ?? null;
  return {
    id: toStreamId(pending.get('id'), 'id'),
    consumer: consumer === null ? undefined : toText(consumer, 'consumer'),
    deliveryTimeMs: toInteger(pending.get('deliveryTime'), 'deliveryTime'),
    deliveryCount: toInteger(pending.get('deliveryCount'), 'deliveryCount'),
  };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Nine characters of six bits, and ten bits of version. */
export function toModuleId(value: JsonObject): bigint {
  const name = latin.decode(toText(value.get('module'), 'module'));
  const version = toInteger(value.get('version'), 'version');
  const digits = Array.from(name, (letter) => ALPHABET.indexOf(letter));
  if (digits.length !== 9 || digits.includes(-1)) throw bad(`${JSON.stringify(name)} is not a module's name`);
  if (version < 0 || version > 1023) throw bad(`${version} is not the version of a module's encoding`);
  return (digits.reduce((id, digit) => (id << 6n) | BigInt(digit), 0n) << 10n) | BigInt(version);
}
