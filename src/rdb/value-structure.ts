/**
 * How a value is stored, without its elements: what memory analysis asks for. Packed containers are checked
 * and counted, elements stored one by one are counted and measured, nothing is handed out.
 */
import { ReplicantError } from '../errors.js';
import type { Dialect } from './dialect.js';
import { type ContainerName, countMembers, packedLayout, type PackedShape } from './decode/packed-walker.js';
import { UnitReader } from './decode/unit-reader.js';
import { corrupt } from './encodings/corrupt.js';
import { ListpackCursor } from './encodings/listpack.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { readInteger, INCOMPLETE, readString, STR_INT } from './primitives.js';
import { valueTypeOf } from './value-decoder.js';
import type { RdbKind, ValueType } from './value-types.js';

export interface ContainerStructure {
  /** 'plain': a quicklist node that is one item. */
  readonly form: ContainerName | 'plain';
  /** Items, members, pairs or live stream entries in it. */
  readonly elements: number;
  /** Its size in a server's memory, and in the file, where it may be compressed. */
  readonly bytes: number;
  readonly fileBytes: number;
}

export interface ValueStructure {
  readonly kind: RdbKind;
  /** As in OBJECT ENCODING of the server that wrote it. */
  readonly encoding: string;
  /** Items, members, pairs or live stream entries; 1 for a string, 0 for a module value. */
  readonly elements: number;
  /** Bytes of all elements that are stored one by one, decoded. */
  readonly elementBytes: number;
  /** The packed containers: one, or the nodes of a quicklist or stream. */
  readonly containers: readonly ContainerStructure[];
  /** Of a stream. */
  readonly groups: number;
  readonly consumers: number;
  readonly pending: number;
}

/** Reads the structure of the value bytes[start, end). */
export function readStructure(
  type: number,
  dialect: Dialect,
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: Limits = DEFAULT_LIMITS,
): ValueStructure {
  const valueType = valueTypeOf(type, dialect);
  const reader = new StructureReader(limits);
  reader.feed(bytes, start, end);
  reader.readValue(valueType);
  return {
    kind: valueType.kind,
    encoding: valueType.encoding,
    elements: reader.elements,
    elementBytes: reader.elementBytes,
    containers: reader.containers,
    groups: reader.groups,
    consumers: reader.consumers,
    pending: reader.pending,
  };
}

const ID_BYTES = 16;
const TIME_BYTES = 8;

class StructureReader extends UnitReader {
  elements = 0;
  elementBytes = 0;
  readonly containers: ContainerStructure[] = [];
  groups = 0;
  consumers = 0;
  pending = 0;

  readValue(type: ValueType): void {
    if (type.kind === 'string') {
      this.elements = 1;
      this.#measure();
    } else if (type.kind === 'stream') {
      this.#stream(type);
    } else if (type.encoding === 'quicklist') {
      this.#quicklist(type);
    } else if (type.opening === 'packed' || type.opening === 'time+packed') {
      if (type.opening === 'time+packed') this.#raw(TIME_BYTES);
      const [container, shape] = packedLayout(type);
      this.#container(container, shape);
    } else if (type.kind !== 'module') {
      this.#elements(type);
    }
  }

  #elements(type: ValueType): void {
    if (type.opening === 'time+count') this.#raw(TIME_BYTES);
    this.elements = this.#length();
    for (let left = this.elements; left > 0; left--) {
      if (type.name === 'HASH_METADATA' || type.name === 'HASH_METADATA_PRE_GA') this.#length();
      this.#measure();
      if (type.kind === 'hash') this.#measure();
      if (type.name === 'ZSET') this.#asciiScore();
      if (type.name === 'ZSET_2' || type.name === 'HASH_2') this.#raw(TIME_BYTES);
    }
  }

  #quicklist(type: ValueType): void {
    const [container] = packedLayout(type);
    for (let left = this.#length(); left > 0; left--) {
      const plain = type.name === 'LIST_QUICKLIST_2' && this.#length() === 1;
      if (plain) this.#plainNode();
      else this.#container(container, 'list');
    }
  }

  #plainNode(): void {
    const from = this.at;
    const before = this.elementBytes;
    this.#measure();
    const bytes = this.elementBytes - before;
    this.elementBytes = before;
    this.containers.push({ form: 'plain', elements: 1, bytes, fileBytes: this.at - from });
    this.elements++;
  }

  #container(form: ContainerName, shape: PackedShape): void {
    const from = this.at;
    if (!this.container()) throw this.#truncated();
    try {
      const elements = countMembers(form, shape, this.box, this.boxStart, this.boxEnd);
      this.#add(form, elements, from);
    } catch (error) {
      throw this.placeBoxError(error);
    }
  }

  #add(form: ContainerName, elements: number, from: number): void {
    this.elements += elements;
    this.containers.push({ form, elements, bytes: this.boxEnd - this.boxStart, fileBytes: this.at - from });
  }

  #stream(type: ValueType): void {
    const cursor = new ListpackCursor();
    for (let left = this.#length(); left > 0; left--) {
      const from = this.at;
      this.#skipString();
      if (!this.container()) throw this.#truncated();
      try {
        this.#add('listpack', liveEntries(cursor, this.box, this.boxStart, this.boxEnd), from);
      } catch (error) {
        throw this.placeBoxError(error);
      }
    }
    const lens = type.id >= 19 ? 8 : 3;
    for (let left = lens; left > 0; left--) this.#bigLength();
    this.groups = this.#length();
    for (let left = this.groups; left > 0; left--) this.#group(type);
  }

  #group(type: ValueType): void {
    this.#skipString();
    for (let left = type.id >= 19 ? 3 : 2; left > 0; left--) this.#bigLength();
    const pending = this.#length();
    this.pending += pending;
    for (let left = pending; left > 0; left--) {
      this.#raw(ID_BYTES + TIME_BYTES);
      this.#length();
    }
    const consumers = this.#length();
    this.consumers += consumers;
    for (let left = consumers; left > 0; left--) {
      this.#skipString();
      this.#raw(type.id >= 21 ? 2 * TIME_BYTES : TIME_BYTES);
      this.#raw(this.#length() * ID_BYTES);
    }
    if (type.id === 27) this.#raw(this.#length() * ID_BYTES);
  }

  #asciiScore(): void {
    const length = this.bytes[this.#raw(1)]!;
    if (length < 253) this.#raw(length);
  }

  /** Passes over a str and adds its decoded length. */
  #measure(): void {
    const textBytes = this.#skipString();
    this.elementBytes += textBytes;
  }

  #skipString(): number {
    const next = readString(this.header, this.bytes, this.at, this.end);
    if (next === INCOMPLETE) throw this.#truncated();
    const { form, fileBytes, textBytes } = this.header;
    const from = this.#seek(next, fileBytes);
    return form === STR_INT ? String(readInteger(this.bytes, from, fileBytes)).length : textBytes;
  }

  #seek(at: number, bytes: number): number {
    this.at = at;
    return this.#raw(bytes);
  }

  #raw(count: number): number {
    const at = this.raw(count);
    if (at === INCOMPLETE) throw this.#truncated();
    return at;
  }

  #length(): number {
    const length = this.length();
    if (length === INCOMPLETE) throw this.#truncated();
    return length;
  }

  #bigLength(): void {
    if (this.bigLength() === undefined) throw this.#truncated();
  }

  #truncated(): ReplicantError {
    return new ReplicantError('RDB_TRUNCATED', 'a value that ends in the middle', {
      place: { offset: this.at },
    });
  }
}

function liveEntries(cursor: ListpackCursor, bytes: Uint8Array, start: number, end: number): number {
  if (countMembers('listpack', 'list', bytes, start, end) === 0) {
    throw corrupt('a stream node without elements', start);
  }
  cursor.reset(bytes, start, end);
  cursor.next();
  return cursor.count('the number of live entries');
}
