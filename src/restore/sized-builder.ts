/** Collects a value that is told element by element, and knows how large it has become. */
import { type RdbValue, ValueBuilder } from '../rdb/value.js';
import type { RdbKind } from '../rdb/value-types.js';
import type { StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../rdb/value-visitor.js';
import { visitValue } from '../rdb/encode/encode-rdb.js';

const latin = new TextDecoder('latin1');
/** What an element costs beside its bytes, about. */
const ELEMENT_BYTES = 64;

export class SizedBuilder implements ValueVisitor {
  bytes = 0;
  readonly #builder = new ValueBuilder();

  stringStart(): void {
    this.#builder.stringStart();
  }

  stringChunk(bytes: Uint8Array): void {
    this.#builder.stringChunk(bytes);
  }

  listItem(item: Uint8Array): void {
    this.bytes += item.length + ELEMENT_BYTES;
    this.#builder.listItem(item);
  }

  setMember(member: Uint8Array): void {
    this.bytes += member.length + ELEMENT_BYTES;
    this.#builder.setMember(member);
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.bytes += member.length + ELEMENT_BYTES;
    this.#builder.zsetMember(member, score);
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    this.bytes += field.length + value.length + ELEMENT_BYTES;
    this.#builder.hashField(field, value, expiresAtMs);
  }

  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.bytes += fields.reduce((sum, { length }) => sum + length, ELEMENT_BYTES);
    this.#builder.streamEntry(id, fields);
  }

  streamMeta(meta: StreamMeta): void {
    this.#builder.streamMeta(meta);
  }

  streamGroup(group: StreamGroup): void {
    this.#builder.streamGroup(group);
  }

  moduleValue(moduleId: bigint, payload: Uint8Array): void {
    this.#builder.moduleValue(moduleId, payload);
  }

  /** The value, with the deadlines that were told apart from the fields (by latin1 text). */
  build(kind: RdbKind, expiries: ReadonlyMap<string, number>): RdbValue {
    const value = this.#builder.build(kind);
    if (value.kind !== 'hash' || expiries.size === 0) return value;
    const fields = value.fields.map(({ field, value: text, expiresAtMs }) => ({
      field,
      value: text,
      expiresAtMs: expiries.get(latin.decode(field)) ?? expiresAtMs,
    }));
    return { kind: 'hash', fields };
  }

  /** Tells the elements so far; more are to come. */
  tellElements(kind: RdbKind, expiries: ReadonlyMap<string, number>, visitor: ValueVisitor): void {
    const value = this.build(kind, expiries);
    if (value.kind !== 'stream') visitValue(value, visitor);
    else for (const { id, fields } of value.entries) visitor.streamEntry(id, fields);
  }
}
