/**
 * Decodes one value after the other and tells a visitor what is in it. The value may lie whole in memory or
 * arrive in pieces of any size: `feed` consumes as many whole units (elements, pairs, nodes; any number of
 * bytes of a string) as there are, the caller keeps the rest and feeds it again together with more.
 *
 * Errors name positions in the bytes of the `feed` call that threw. What was told to the visitor before an
 * error stays told; a packed container is checked as a whole before its first element.
 */
import { ReplicantError } from '../errors.js';
import type { Body } from './decode/body.js';
import { ElementsBody } from './decode/elements-body.js';
import { ModuleBody } from './decode/module-body.js';
import { PackedBody, QuicklistBody } from './decode/packed-body.js';
import { StreamBody } from './decode/stream-body.js';
import { StringBody } from './decode/string-body.js';
import { UnitReader } from './decode/unit-reader.js';
import type { Dialect } from './dialect.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { describeType, valueTypes, type ValueType } from './value-types.js';
import type { ValueVisitor } from './value-visitor.js';

type BodyName = 'string' | 'elements' | 'packed' | 'quicklist' | 'stream' | 'module';

const CREATE: Readonly<Record<BodyName, () => Body>> = {
  string: () => new StringBody(),
  elements: () => new ElementsBody(),
  packed: () => new PackedBody(),
  quicklist: () => new QuicklistBody(),
  stream: () => new StreamBody(),
  module: () => new ModuleBody(),
};

export class ValueDecoder {
  #visitor: ValueVisitor;
  readonly #reader: UnitReader;
  readonly #bodies = new Map<BodyName, Body>();
  #body: Body;
  #done = false;

  constructor(type: number, dialect: Dialect, visitor: ValueVisitor, limits: Limits = DEFAULT_LIMITS) {
    this.#visitor = visitor;
    this.#reader = new UnitReader(limits);
    this.#body = this.#bodyOf(valueTypeOf(type, dialect));
  }

  /** Makes the decoder ready for another value, told to the same visitor or another; cheaper than a new one. */
  reset(type: number, dialect: Dialect, visitor: ValueVisitor = this.#visitor): void {
    this.#visitor = visitor;
    this.#body = this.#bodyOf(valueTypeOf(type, dialect));
    this.#done = false;
    this.#reader.need = 0;
  }

  /** Consumes what it can of bytes[start, end) and returns the position up to which it did. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    const reader = this.#reader;
    if (this.#done || end - start < reader.need) return start;
    reader.feed(bytes, start, end);
    this.#done = this.#body.run(reader, this.#visitor);
    return reader.at;
  }

  get done(): boolean {
    return this.#done;
  }

  /** How many bytes from the position `feed` returned are needed at least before it can get on. */
  get needBytes(): number {
    return this.#done ? 0 : Math.max(1, this.#reader.need);
  }

  #bodyOf(type: ValueType): Body {
    const name = bodyNameOf(type);
    const body = this.#bodies.get(name) ?? CREATE[name]();
    this.#bodies.set(name, body);
    body.begin(type);
    return body;
  }
}

/** The type's row in the table, or an error for one that can't be decoded. */
export function valueTypeOf(id: number, dialect: Dialect): ValueType {
  const type = valueTypes(dialect)[id];
  if (type !== undefined && type.kind !== 'array') return type;
  throw new ReplicantError('RDB_UNSUPPORTED', `${describeType(id, dialect)} can't be decoded`, {
    place: { offset: 0 },
    hint: type === undefined ? undefined : 'its bytes can still be copied to a server that knows the type',
  });
}

function bodyNameOf(type: ValueType): BodyName {
  if (type.kind === 'string' || type.kind === 'stream' || type.kind === 'module') return type.kind;
  if (type.encoding === 'quicklist') return 'quicklist';
  return type.opening === 'packed' || type.opening === 'time+packed' ? 'packed' : 'elements';
}
