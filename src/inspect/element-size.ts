/** What elements take that stand one by one: items, members, fields with their values and TTLs. */
import type { RdbKind, ValueType } from '../rdb/value-types.js';
import { hashFieldBytes } from './hash-fields.js';
import { listItemBytes } from './list-size.js';
import { sdsBytes, type ServerProfile } from './server-profile.js';
import { skiplistNodeBytes } from './skiplist.js';

export class ElementSizer {
  bytes = 0;
  /** Of the longest element. */
  longest = 0;
  /** Fields with a TTL. */
  timed = 0;
  readonly #profile: ServerProfile;
  #kind: RdbKind = 'set';
  /** Valkey writes the TTL behind field and value, Redis before them. */
  #ttlBehind = false;
  #fieldLength = 0;
  #valueLength = 0;
  #isTimed = false;

  constructor(profile: ServerProfile) {
    this.#profile = profile;
  }

  begin(type: ValueType): void {
    this.bytes = 0;
    this.longest = 0;
    this.timed = 0;
    this.#kind = type.kind;
    this.#ttlBehind = type.name === 'HASH_2';
    this.#isTimed = false;
  }

  /** An item, a member, a field. */
  add(length: number): void {
    if (length > this.longest) this.longest = length;
    const profile = this.#profile;
    if (this.#kind === 'hash') this.#fieldLength = length;
    else if (this.#kind === 'list') this.bytes += listItemBytes(length, profile);
    else if (this.#kind === 'zset') this.bytes += skiplistNodeBytes(length, profile);
    else this.bytes += profile.alloc.sizeOf(sdsBytes(length, profile));
  }

  /** Ends the pair, unless its TTL stands behind it. */
  value(length: number): void {
    if (length > this.longest) this.longest = length;
    this.#valueLength = length;
    if (!this.#ttlBehind) this.#endPair(this.#isTimed);
  }

  /** Of the pair that follows; 0 for none. */
  ttlBefore(value: number): void {
    this.#isTimed = value !== 0;
  }

  /** Of the pair before it: 8 bytes, 2^64 − 1 for none. */
  ttlBehind(bytes: Uint8Array, at: number): void {
    this.#endPair(!(bytes[at + 7] === 0xff && bytes[at] === 0xff));
  }

  #endPair(timed: boolean): void {
    if (timed) this.timed++;
    this.bytes += hashFieldBytes(this.#fieldLength, this.#valueLength, timed, this.#profile);
  }
}
