/**
 * A value as a whole in memory, for those who want it so: tests, exports of small values, comparison.
 * Everything is copied out of the input.
 */
import { ReplicantError } from '../errors.js';
import { corrupt } from './encodings/corrupt.js';
import type { Dialect } from './dialect.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { ValueDecoder } from './value-decoder.js';
import type { StreamGroup, StreamId, StreamMeta, ValueVisitor } from './value-visitor.js';
import { type RdbKind, valueTypes } from './value-types.js';

export interface ZsetMember {
  readonly member: Uint8Array;
  readonly score: number;
}

export interface HashField {
  readonly field: Uint8Array;
  readonly value: Uint8Array;
  /** Absolute; -1: none. */
  readonly expiresAtMs: number;
}

export interface StreamEntry {
  readonly id: StreamId;
  /** field, value, field, value … */
  readonly fields: readonly Uint8Array[];
}

export type RdbValue =
  | { readonly kind: 'string'; readonly bytes: Uint8Array }
  | { readonly kind: 'list'; readonly items: readonly Uint8Array[] }
  | { readonly kind: 'set'; readonly members: readonly Uint8Array[] }
  | { readonly kind: 'zset'; readonly members: readonly ZsetMember[] }
  | { readonly kind: 'hash'; readonly fields: readonly HashField[] }
  | {
      readonly kind: 'stream';
      readonly entries: readonly StreamEntry[];
      readonly meta: StreamMeta;
      readonly groups: readonly StreamGroup[];
    }
  | { readonly kind: 'module'; readonly moduleId: bigint; readonly payload: Uint8Array };

/** Decodes the value bytes[start, end), which must be exactly one value. */
export function decodeValue(
  type: number,
  dialect: Dialect,
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: Limits = DEFAULT_LIMITS,
): RdbValue {
  const builder = new ValueBuilder();
  const decoder = new ValueDecoder(type, dialect, builder, limits);
  const at = decoder.feed(bytes, start, end);
  if (!decoder.done) {
    throw new ReplicantError('RDB_TRUNCATED', 'a value that ends in the middle', { place: { offset: at } });
  }
  if (at !== end) throw corrupt(`${end - at} bytes behind the end of a value`, at);
  return builder.build(valueTypes(dialect)[type]!.kind);
}

/** Collects what a decoder tells about one value. */
export class ValueBuilder implements ValueVisitor {
  /** Put together at the end: the length a string claims is not to be trusted. */
  #chunks: Uint8Array[] = [];
  readonly #items: Uint8Array[] = [];
  readonly #zset: ZsetMember[] = [];
  readonly #hash: HashField[] = [];
  readonly #entries: StreamEntry[] = [];
  readonly #groups: StreamGroup[] = [];
  #meta: StreamMeta | undefined;
  #moduleId = 0n;

  stringStart(): void {
    this.#chunks = [];
  }

  stringChunk(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
  }

  listItem(item: Uint8Array): void {
    this.#items.push(item.slice());
  }

  setMember(member: Uint8Array): void {
    this.#items.push(member.slice());
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.#zset.push({ member: member.slice(), score });
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    this.#hash.push({ field: field.slice(), value: value.slice(), expiresAtMs });
  }

  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#entries.push({ id, fields: fields.map((part) => part.slice()) });
  }

  streamMeta(meta: StreamMeta): void {
    this.#meta = meta;
  }

  streamGroup(group: StreamGroup): void {
    this.#groups.push(group);
  }

  moduleValue(moduleId: bigint, payload: Uint8Array): void {
    this.#moduleId = moduleId;
    this.#chunks = [payload.slice()];
  }

  /** The value, once the decoder is done. */
  build(kind: RdbKind): RdbValue {
    switch (kind) {
      case 'string':
        return { kind, bytes: concat(this.#chunks) };
      case 'list':
        return { kind, items: this.#items };
      case 'set':
        return { kind, members: this.#items };
      case 'zset':
        return { kind, members: this.#zset };
      case 'hash':
        return { kind, fields: this.#hash };
      case 'stream':
        return { kind, entries: this.#entries, meta: this.#meta!, groups: this.#groups };
      case 'module':
        return { kind, moduleId: this.#moduleId, payload: concat(this.#chunks) };
      default:
        throw new ReplicantError('INTERNAL', `no values of kind ${kind} are built`);
    }
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
