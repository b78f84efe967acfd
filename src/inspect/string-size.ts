/**
 * What a string takes together with its key, and its encoding: an integer in the object itself, a short text
 * in one allocation with its object (and its key, where keys are in objects), any other as an sds of its own.
 */
import { readInteger, STR_INT, STR_PLAIN } from '../rdb/primitives.js';
import { type KeySizer, OBJECT_BYTES } from './key-size.js';
import { sdsBytes, type ServerProfile, structBytes } from './server-profile.js';

/** Integers below this are objects that exist once. */
const SMALL_INTEGERS = 10_000;
/** The text of an integer is no longer. */
export const LONGEST_INTEGER = 20;
/** An sds of this length or less is one allocation with its object; keys in objects: with the key, too. */
export const EMBEDDED_LENGTH = 44;

export class StringSizer {
  encoding: 'int' | 'embstr' | 'raw' = 'raw';
  length = 0;
  readonly #profile: ServerProfile;
  readonly #key: KeySizer;
  #shared = false;

  constructor(profile: ServerProfile, key: KeySizer) {
    this.#profile = profile;
    this.#key = key;
  }

  /** A str as the walker tells it: its content must be there when it is short. */
  read(form: number, length: number, bytes: Uint8Array, at: number, fileBytes: number): void {
    this.length = length;
    this.#shared = false;
    if (form === STR_INT) {
      const value = readInteger(bytes, at, fileBytes);
      this.encoding = 'int';
      this.#shared = value >= 0 && value < SMALL_INTEGERS;
    } else if (form === STR_PLAIN && length <= LONGEST_INTEGER && isInteger(bytes, at, length)) {
      this.encoding = 'int';
    } else {
      this.encoding = this.#embeds(length) ? 'embstr' : 'raw';
    }
  }

  /** With the key. */
  bytes(): number {
    const { encoding, length } = this;
    const profile = this.#profile;
    const { alloc } = profile;
    if (profile.keys === 'in object' && encoding === 'embstr')
      return alloc.sizeOf(this.#embeddedBytes(length));
    const key = this.#key.bytes();
    const text = encoding === 'raw' ? alloc.sizeOf(sdsBytes(length, profile)) : 0;
    if (profile.keys === 'in object') return key + text;
    if (encoding === 'int') return key + (this.#isShared() ? 0 : structBytes(OBJECT_BYTES, profile));
    if (encoding === 'raw') return key + OBJECT_BYTES + text;
    if (profile.account === 'memory-usage' && profile.major < 7) return key + OBJECT_BYTES + length + 2;
    return key + alloc.sizeOf(OBJECT_BYTES + length + (profile.oldStrings ? 9 : 4));
  }

  /** Whether a string is in one allocation with its object. */
  #embeds(length: number): boolean {
    const profile = this.#profile;
    if (profile.keys !== 'in object') return length <= (profile.oldStrings ? 39 : EMBEDDED_LENGTH);
    return this.#embeddedBytes(length) <= profile.embedLimit;
  }

  /** Header, TTL, key and string in one. */
  #embeddedBytes(length: number): number {
    const less = OBJECT_BYTES - this.#profile.embeddedHeaderBytes;
    return this.#key.objectBytes() - less + length + 4;
  }

  /** Under a policy that needs to know when a key was used last, integers are not shared. */
  #isShared(): boolean {
    const profile = this.#profile;
    return this.#shared && profile.sharedIntegers && !this.#key.hasAccess && profile.account === 'allocated';
  }
}

/** Is the text the canonical form of an integer that fits 64 bits? */
function isInteger(bytes: Uint8Array, at: number, length: number): boolean {
  if (length === 0) return false;
  const negative = bytes[at] === 45;
  const from = negative ? at + 1 : at;
  const end = at + length;
  const first = bytes[from]!;
  if (from === end || first < 48 || first > 57) return false;
  if (first === 48) return length === 1;
  for (let index = from + 1; index < end; index++) {
    if (bytes[index]! < 48 || bytes[index]! > 57) return false;
  }
  return end - from < 19 || fits64(bytes, at, end);
}

function fits64(bytes: Uint8Array, at: number, end: number): boolean {
  let text = '';
  for (let index = at; index < end; index++) text += String.fromCharCode(bytes[index]!);
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value;
}
