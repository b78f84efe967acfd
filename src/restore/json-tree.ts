/**
 * JSON from bytes, piece by piece: a piece is a whole value, however deep, or a single mark. Made for values
 * that are bytes: a string becomes its UTF-8 bytes, a number keeps its text (64-bit integers are not cut).
 *
 * Running off the end throws `CUT`: the caller waits for more bytes and begins the piece anew.
 */
import { ReplicantError } from '../errors.js';

/** A JSON number's own text. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonObject = ReadonlyMap<string, Json>;
export type Json = Uint8Array | JsonNumber | boolean | null | readonly Json[] | JsonObject;

/** Thrown when the bytes end inside a piece. */
export const CUT: unique symbol = Symbol('cut');

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
/** Deeper than anything that is written here. */
const MAX_DEPTH = 16;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/u;
const latin = new TextDecoder('latin1');
const utf8 = new TextDecoder();

export class JsonReader {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  /** What stands next but for white space, without taking it. */
  peek(): number {
    while (this.at < this.end) {
      const byte = this.bytes[this.at]!;
      if (byte !== 32 && byte !== 9 && byte !== 13) return byte;
      this.at++;
    }
    throw CUT;
  }

  /** Takes the mark if it stands next. */
  skip(mark: number): boolean {
    if (this.peek() !== mark) return false;
    this.at++;
    return true;
  }

  expect(mark: number): void {
    if (!this.skip(mark)) throw this.unexpected(`a ${String.fromCharCode(mark)}`);
  }

  /** `"name":` */
  name(): string {
    const name = this.value(MAX_DEPTH);
    if (!(name instanceof Uint8Array)) throw this.unexpected('a name');
    this.expect(COLON);
    return utf8.decode(name);
  }

  value(depth = 0): Json {
    const byte = this.peek();
    if (byte === QUOTE) return this.#string();
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (depth >= MAX_DEPTH) throw this.unexpected('nothing so deep');
      this.at++;
      return byte === OPEN_LIST ? this.#list(depth) : this.#object(depth);
    }
    return this.#word();
  }

  unexpected(wanted: string): ReplicantError {
    const found = this.at < this.end ? JSON.stringify(String.fromCharCode(this.bytes[this.at]!)) : 'the end';
    return new ReplicantError('RDB_CORRUPT', `${found} where ${wanted} must stand`);
  }

  #list(depth: number): readonly Json[] {
    const items: Json[] = [];
    if (this.skip(CLOSE_LIST)) return items;
    do items.push(this.value(depth + 1));
    while (this.skip(COMMA));
    this.expect(CLOSE_LIST);
    return items;
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, Json>();
    if (this.skip(CLOSE_OBJECT)) return members;
    do {
      const name = this.name();
      members.set(name, this.value(depth + 1));
    } while (this.skip(COMMA));
    this.expect(CLOSE_OBJECT);
    return members;
  }

  #string(): Uint8Array {
    const { bytes, end } = this;
    const start = this.at + 1;
    let escaped = false;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.at = at + 1;
        return escaped ? unescape(bytes, start, at) : bytes.slice(start, at);
      }
      if (byte === BACKSLASH) {
        escaped = true;
        at++;
      }
    }
    throw CUT;
  }

  /** A number, true, false or null: ends where something else begins, so it never is last in the bytes. */
  #word(): Json {
    const { bytes, end } = this;
    let at = this.at;
    while (at < end && isWordByte(bytes[at]!)) at++;
    if (at === end) throw CUT;
    const text = latin.decode(bytes.subarray(this.at, at));
    const value = wordValue(text);
    if (value === undefined) throw this.unexpected('a value');
    this.at = at;
    return value;
  }
}

function wordValue(text: string): Json | undefined {
  if (text === 'null') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  return NUMBER.test(text) ? new JsonNumber(text) : undefined;
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) ||
    (byte >= 97 && byte <= 122) ||
    byte === 45 ||
    byte === 43 ||
    byte === 46 ||
    byte === 69
  );
}

const SHORT: Readonly<Record<number, number>> = {
  34: 34,
  92: 92,
  47: 47,
  98: 8,
  102: 12,
  110: 10,
  114: 13,
  116: 9,
};

/** The UTF-8 bytes of a string's inside, which ends at `end`. Escapes only get shorter. */
function unescape(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const out = new Uint8Array(end - start);
  let filled = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte !== BACKSLASH) {
      out[filled++] = byte;
      continue;
    }
    const letter = bytes[++at]!;
    if (letter !== 117) {
      const plain = SHORT[letter];
      if (plain === undefined) throw badEscape(letter);
      out[filled++] = plain;
      continue;
    }
    let code = hex4(bytes, at + 1, end);
    at += 4;
    const low =
      code >= 0xd800 && code < 0xdc00 && bytes[at + 1] === BACKSLASH && bytes[at + 2] === 117
        ? hex4(bytes, at + 3, end)
        : -1;
    if (low >= 0xdc00 && low < 0xe000) {
      code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at += 6;
    }
    filled = putUtf8(out, filled, code);
  }
  return out.slice(0, filled);
}

function hex4(bytes: Uint8Array, at: number, end: number): number {
  const text = at + 4 <= end ? latin.decode(bytes.subarray(at, at + 4)) : '';
  if (!/^[0-9a-f]{4}$/iu.test(text)) throw badEscape(117);
  return Number.parseInt(text, 16);
}

/** Half a surrogate pair has no UTF-8: it becomes U+FFFD, as everywhere. */
function putUtf8(out: Uint8Array, at: number, given: number): number {
  const code = given >= 0xd800 && given < 0xe000 ? 0xfffd : given;
  if (code < 0x80) {
    out[at] = code;
    return at + 1;
  }
  const tail = code < 0x800 ? 1 : code < 0x1_0000 ? 2 : 3;
  out[at] = [0xc0, 0xe0, 0xf0][tail - 1]! | (code >> (6 * tail));
  for (let left = tail - 1; left >= 0; left--) out[at + tail - left] = 0x80 | ((code >> (6 * left)) & 0x3f);
  return at + tail + 1;
}

function badEscape(letter: number): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', `\\${String.fromCharCode(letter)} is no escape in JSON`);
}
