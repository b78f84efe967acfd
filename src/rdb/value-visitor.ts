/**
 * The value level of an entry: what a decoder tells about one value, element by element, so that a value
 * of any size passes through bounded memory.
 *
 * Byte arrays handed over are only valid during the call unless the receiver copies them. Integers that a
 * container holds in binary arrive as their decimal text, which is what the value is. Stream ids are u64
 * pairs, hence bigint.
 */

export interface StreamId {
  readonly ms: bigint;
  readonly seq: bigint;
}

/** What stands behind a stream's entries. Since type 19 all fields; for type 15 they are derived. */
export interface StreamMeta {
  readonly length: number;
  readonly lastId: StreamId;
  readonly firstId: StreamId;
  readonly maxDeletedId: StreamId;
  readonly entriesAdded: bigint;
  /** False for type 15, where entriesAdded and maxDeletedId are not in the file. */
  readonly exact: boolean;
}

export interface StreamPending {
  readonly id: StreamId;
  /** Name of the consumer that owns it; undefined for a NACKed entry (type 27). */
  readonly consumer: Uint8Array | undefined;
  readonly deliveryTimeMs: number;
  readonly deliveryCount: number;
}

export interface StreamConsumer {
  readonly name: Uint8Array;
  readonly seenTimeMs: number;
  /** -1: never active. */
  readonly activeTimeMs: number;
}

export interface StreamGroup {
  readonly name: Uint8Array;
  readonly lastId: StreamId;
  /** undefined: unknown (type 15, or stored as -1). */
  readonly entriesRead: bigint | undefined;
  readonly consumers: readonly StreamConsumer[];
  readonly pending: readonly StreamPending[];
}

/**
 * Elements as spans of some memory, for visitors that only read over them: a view per element is most of the
 * cost of a large collection. Spans are valid during the call.
 */
export interface ElementSpans {
  listSpan(bytes: Uint8Array, start: number, end: number): void;
  setSpan(bytes: Uint8Array, start: number, end: number): void;
  zsetSpan(bytes: Uint8Array, start: number, end: number, score: number): void;
  hashSpan(
    fieldBytes: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expiresAtMs: number,
  ): void;
}

export interface ValueVisitor {
  /** When it is there, it is told instead of listItem, setMember, zsetMember and hashField. */
  readonly spans?: ElementSpans | undefined;
  /** A string begins; its chunks add up to `totalBytes`. */
  stringStart(totalBytes: number): void;
  stringChunk(bytes: Uint8Array): void;
  listItem(item: Uint8Array): void;
  setMember(member: Uint8Array): void;
  zsetMember(member: Uint8Array, score: number): void;
  /** `expiresAtMs` is absolute, -1 when the field has no TTL. */
  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void;
  /** `fields` is field, value, field, value …; called in id order, deleted entries left out. */
  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void;
  streamMeta(meta: StreamMeta): void;
  /** After streamMeta, once per group. */
  streamGroup(group: StreamGroup): void;
  /** A module value, opaque: `payload` is what follows the module id, up to and including the end mark. */
  moduleValue(moduleId: bigint, payload: Uint8Array): void;
}
