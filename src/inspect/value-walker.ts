/**
 * Walks over a value's outer structure without decoding elements: runs the type's program (rdb/value-types)
 * and says at each step what stands there. Of a string only the header is read; it may be passed over before
 * it has arrived, unless its content is asked for. Works on values that lie whole in memory and on large
 * ones that come in pieces: `feed` returns up to where it has got, the rest is to be fed again with more.
 */
import {
  Header,
  INCOMPLETE,
  readInteger,
  readLength,
  readString,
  skipLength,
  STR_INT,
} from '../rdb/primitives.js';
import { skipItem } from '../rdb/skip-value.js';
import {
  STEP_ASCII,
  STEP_BYTES,
  STEP_COUNT,
  STEP_END,
  STEP_HOLD,
  STEP_ITEMS,
  STEP_LEN,
  STEP_NEXT,
  STEP_STR,
  type ValueType,
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
    if (step === STEP_LEN) return type.encoding === 'quicklist' ? ROLE_NODE_FORM : ROLE_FIELD_TTL;
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

export abstract class ValueWalker {
  protected type: ValueType | undefined;
  readonly #header = new Header();
  #roles: Uint8Array = new Uint8Array(0);
  #pc = 0;
  #depth = 0;
  /** Bytes of a string that need not be seen and are still to come. */
  #pass = 0;
  readonly #left = new Float64Array(4);

  /** A COUNT, a LEN: `value` is meant, not where it stands. */
  protected abstract onNumber(role: number, value: number): void;
  /** A str: `length` is that of its text; bytes[at, at + fileBytes) is what stands in the file. */
  protected abstract onString(
    role: number,
    form: number,
    length: number,
    bytes: Uint8Array,
    at: number,
    fileBytes: number,
  ): void;
  /** Raw bytes at `at`. */
  protected abstract onRaw(role: number, bytes: Uint8Array, at: number): void;
  /** An item of a module's value, bytes[at, end). */
  protected abstract onItem(bytes: Uint8Array, at: number, end: number): void;
  /** Must the content of such a string be there when onString is called? */
  protected abstract wants(role: number, length: number): boolean;

  protected begin(type: ValueType): void {
    this.type = type;
    this.#roles = rolesOf(type);
    this.#pc = 0;
    this.#depth = 0;
    this.#pass = 0;
  }

  get done(): boolean {
    return this.#pass === 0 && this.type!.program[this.#pc] === STEP_END;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const { program, jumps } = this.type!;
    const passes = this.#roles;
    const passed = Math.min(this.#pass, end - start);
    this.#pass -= passed;
    let at = start + passed;
    if (this.#pass > 0) return at;
    let pc = this.#pc;
    while (true) {
      const step = program[pc]!;
      let next: number;
      if (step === STEP_STR) {
        next = this.#string(passes[pc]!, bytes, at, end);
        if (next > end) {
          this.#pass = next - end;
          this.#pc = pc + 1;
          return end;
        }
      } else if (step === STEP_NEXT) {
        pc = this.#again() ? jumps[pc]! : pc + 1;
        continue;
      } else if (step >= STEP_BYTES) {
        next = at + step - STEP_BYTES;
        if (next > end) break;
        this.onRaw(passes[pc]!, bytes, at);
      } else if (step === STEP_END) {
        break;
      } else if (step === STEP_COUNT) {
        next = readLength(this.#header, bytes, at, end);
        if (next === INCOMPLETE) break;
        this.onNumber(passes[pc]!, this.#header.length);
        at = next;
        pc = this.#enter(this.#header.length) ? pc + 1 : jumps[pc]!;
        continue;
      } else {
        next = this.#rare(step, passes[pc]!, bytes, at, end);
        if (next > end) break;
        if (step === STEP_ITEMS && next !== INCOMPLETE && bytes[at] !== 0) {
          at = next;
          continue;
        }
      }
      if (next === INCOMPLETE) break;
      at = next;
      pc++;
    }
    this.#pc = pc;
    return at;
  }

  #string(role: number, bytes: Uint8Array, at: number, end: number): number {
    const header = this.#header;
    const first = at < end ? bytes[at]! : 0xff;
    if (first < 0x40 && at + 1 + first <= end) {
      this.onString(role, 0, first, bytes, at + 1, first);
      return at + 1 + first;
    }
    const next = readString(header, bytes, at, end);
    if (next === INCOMPLETE) return INCOMPLETE;
    const { form, fileBytes } = header;
    const whole = next + fileBytes <= end;
    if (!whole && (form === STR_INT || this.wants(role, header.textBytes))) return INCOMPLETE;
    const length = form === STR_INT ? digits(readInteger(bytes, next, fileBytes)) : header.textBytes;
    this.onString(role, form, length, bytes, next, fileBytes);
    return next + fileBytes;
  }

  #rare(step: number, role: number, bytes: Uint8Array, at: number, end: number): number {
    if (step === STEP_LEN) {
      const next = skipLength(bytes, at, end);
      if (next === INCOMPLETE) return INCOMPLETE;
      // Ids and counters may be any u64, and nobody asks for them.
      if (role !== ROLE_NONE && role !== ROLE_MODULE_ID && bytes[at] !== 0x81) {
        readLength(this.#header, bytes, at, end);
        this.onNumber(role, this.#header.length);
      } else if (role === ROLE_MODULE_ID) {
        this.onRaw(role, bytes, at);
      } else if (role !== ROLE_NONE) {
        this.onNumber(role, Infinity);
      }
      return next;
    }
    if (step === STEP_ASCII) {
      if (at >= end) return INCOMPLETE;
      return at + 1 + (bytes[at]! < 253 ? bytes[at]! : 0);
    }
    if (step === STEP_ITEMS) {
      const next = skipItem(bytes, at, end);
      if (next !== INCOMPLETE && next <= end) this.onItem(bytes, at, next);
      return next;
    }
    return this.#array(step, role, bytes, at, end);
  }

  /** ARRAY: comes whole, its elements are counted only; nothing behind the count is looked at. */
  #array(step: number, role: number, bytes: Uint8Array, at: number, end: number): number {
    if (step !== STEP_HOLD) return end;
    const next = readLength(this.#header, bytes, at, end);
    if (next !== INCOMPLETE) this.onNumber(role, this.#header.length);
    return next;
  }

  #enter(count: number): boolean {
    if (count === 0) return false;
    this.#left[this.#depth++] = count;
    return true;
  }

  #again(): boolean {
    const left = --this.#left[this.#depth - 1]!;
    if (left === 0) this.#depth--;
    return left > 0;
  }
}

/** Where the content of the str at `at` starts. */
export function stringContent(header: Header, bytes: Uint8Array, at: number, end: number): number {
  const next = readString(header, bytes, at, end);
  return next === INCOMPLETE ? end : next;
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
