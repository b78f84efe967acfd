/**
 * Tells what stands in a value, without decoding elements: the skipper (rdb/skip-value.ts) walks, and what it
 * says of a step is told by the role of that step. Of a string only the header is read; it may be passed over
 * before it has arrived, unless its content is asked for. Works on values that lie whole in memory and on
 * large ones that come in pieces: `feed` returns up to where it has got, the rest is to be fed again with more.
 */
import { Header, readInteger, readLength, STR_INT } from '../rdb/primitives.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import {
  STEP_BYTES,
  STEP_COUNT,
  STEP_HOLD,
  STEP_ITEMS,
  STEP_LEN,
  STEP_STR,
  type ValueType,
  valueTypes,
} from '../rdb/value-types.js';

/** What a step of a value's program is, for those who measure or compare. */
export const ROLE_NONE = 0;
/** COUNT: how many elements, or nodes. */
export const ROLE_COUNT = 1;
/** STR: an item, a member, a field … */
export const ROLE_ELEMENT = 2;
/** … the value of a field … */
export const ROLE_FIELD_VALUE = 3;
/** … or a packed container, or a node. */
export const ROLE_PACKED = 4;
/** LEN: how a quicklist node is stored. */
export const ROLE_NODE_FORM = 5;
/** LEN or 8 bytes: when a field expires. */
export const ROLE_FIELD_TTL = 6;
export const ROLE_STREAM_ID = 7;
export const ROLE_STREAM_LENGTH = 8;
export const ROLE_GROUPS = 9;
/** STR: the name of a group, of a consumer. */
export const ROLE_GROUP_NAME = 10;
export const ROLE_CONSUMER_NAME = 11;
export const ROLE_PENDING = 12;
export const ROLE_PENDING_ID = 13;
export const ROLE_CONSUMERS = 14;
/** Pending entries of one consumer. */
export const ROLE_OWNED = 15;
export const ROLE_OWNED_ID = 16;
/** STR, a string value. */
export const ROLE_STRING = 17;
export const ROLE_MODULE_ID = 18;
/** STR or other item of a module value. */
export const ROLE_MODULE_ITEM = 19;
export const ROLE_PRODUCER_NAME = 20;

const roles = new Map<ValueType, Uint8Array>();

/** The roles of a type's steps. */
function rolesOf(type: ValueType): Uint8Array {
  const known = roles.get(type);
  if (known !== undefined) return known;
  const made = type.kind === 'stream' ? streamRoles(type) : plainRoles(type);
  roles.set(type, made);
  return made;
}

function plainRoles(type: ValueType): Uint8Array {
  const { program, kind, opening } = type;
  const packed = opening === 'packed' || opening === 'time+packed' || type.encoding === 'quicklist';
  let strings = 0;
  return Uint8Array.from(program, (step, at) => {
    if (step === STEP_COUNT || step === STEP_HOLD) return ROLE_COUNT;
    if (step === STEP_STR) {
      if (kind === 'string') return ROLE_STRING;
      if (packed) return ROLE_PACKED;
      return strings++ === 0 ? ROLE_ELEMENT : ROLE_FIELD_VALUE;
    }
    if (step === STEP_ITEMS) return ROLE_MODULE_ITEM;
    if (step === STEP_LEN && kind === 'module') return ROLE_MODULE_ID;
    if (step === STEP_LEN && type.encoding === 'quicklist') return ROLE_NODE_FORM;
    if (step === STEP_LEN) return kind === 'hash' ? ROLE_FIELD_TTL : ROLE_NONE;
    if (step >= STEP_BYTES && kind === 'hash' && at > 0) return ROLE_FIELD_TTL;
    return ROLE_NONE;
  });
}

/**
 * In the order of their steps: nodes (id, listpack), metadata, groups (name … pending entries … consumers,
 * with entries of their own …), producers.
 */
function streamRoles(type: ValueType): Uint8Array {
  const { program } = type;
  const out = new Uint8Array(program.length);
  const counts = [ROLE_COUNT, ROLE_GROUPS, ROLE_PENDING, ROLE_CONSUMERS, ROLE_OWNED];
  const strings = [ROLE_STREAM_ID, ROLE_PACKED, ROLE_GROUP_NAME, ROLE_CONSUMER_NAME, ROLE_PRODUCER_NAME];
  const ids = [ROLE_PENDING_ID, ROLE_OWNED_ID];
  let lengths = 0;
  program.forEach((step, at) => {
    if (step === STEP_COUNT) out[at] = counts.shift() ?? ROLE_NONE;
    else if (step === STEP_STR) out[at] = strings.shift() ?? ROLE_PRODUCER_NAME;
    else if (step === STEP_BYTES + 16) out[at] = ids.shift() ?? ROLE_NONE;
    else if (step === STEP_LEN && lengths++ === 0) out[at] = ROLE_STREAM_LENGTH;
  });
  return out;
}

const [STRING] = valueTypes('redis');
/** The first byte of a len of 64 bits. */
const LONG_LENGTH = 0x81;

export abstract class ValueWalker extends ValueSkipper {
  readonly #header = new Header();
  #roles: Uint8Array = new Uint8Array(0);

  constructor() {
    super(STRING!);
  }

  /** A COUNT, a LEN: `value` is meant, not where it stands. */
  protected abstract tellNumber(role: number, value: number): void;
  /** A str: `length` is that of its text; bytes[at, at + fileBytes) is what stands in the file. */
  protected abstract tellString(
    role: number,
    form: number,
    length: number,
    bytes: Uint8Array,
    at: number,
    fileBytes: number,
  ): void;
  /** Raw bytes at `at`. */
  protected abstract tellRaw(role: number, bytes: Uint8Array, at: number): void;
  /** Must the content of such a string be there when it is told? */
  protected abstract wants(role: number, length: number): boolean;

  protected begin(type: ValueType): void {
    this.reset(type);
    this.#roles = rolesOf(type);
  }

  protected override waitsFor(pc: number, form: number, length: number): boolean {
    if (this.type.program[pc] !== STEP_STR) return true;
    return form === STR_INT || this.wants(this.#roles[pc]!, length);
  }

  protected override onString(
    pc: number,
    form: number,
    textBytes: number,
    bytes: Uint8Array,
    at: number,
    fileBytes: number,
  ): void {
    const length = form === STR_INT ? digits(readInteger(bytes, at, fileBytes)) : textBytes;
    this.tellString(this.#roles[pc]!, form, length, bytes, at, fileBytes);
  }

  protected override onCount(pc: number, count: number): void {
    this.tellNumber(this.#roles[pc]!, count);
  }

  /** Ids and counters may be any u64, and nobody asks for them. */
  protected override onLength(pc: number, bytes: Uint8Array, at: number): void {
    const role = this.#roles[pc]!;
    if (role === ROLE_NONE) return;
    if (role === ROLE_MODULE_ID) {
      this.tellRaw(role, bytes, at);
    } else if (bytes[at] === LONG_LENGTH) {
      this.tellNumber(role, Infinity);
    } else {
      readLength(this.#header, bytes, at, bytes.length);
      this.tellNumber(role, this.#header.length);
    }
  }

  protected override onRaw(pc: number, bytes: Uint8Array, at: number): void {
    this.tellRaw(this.#roles[pc]!, bytes, at);
  }
}

/** How many characters the decimal text of a 32-bit integer has. */
export function digits(value: number): number {
  let rest = value < 0 ? -value : value;
  let count = value < 0 ? 2 : 1;
  while (rest >= 10) {
    rest = Math.floor(rest / 10);
    count++;
  }
  return count;
}
