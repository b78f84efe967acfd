/** What a module's value takes: as much as in the file, that being its own business, unless we know better. */
import { lengthAsBigInt } from '../rdb/primitives.js';
import { OBJECT_BYTES } from './key-size.js';
import { type ServerProfile, structBytes } from './server-profile.js';
import { VECTOR_SET_ID, VectorSetSizer } from './vector-set.js';

export class ModuleSizer {
  readonly #profile: ServerProfile;
  readonly #vectors = new VectorSetSizer();
  #isVectorSet = false;
  #fileBytes = 0;

  constructor(profile: ServerProfile) {
    this.#profile = profile;
  }

  begin(): void {
    this.#fileBytes = 0;
    this.#isVectorSet = false;
  }

  /** The module's id, a len at `at`. */
  id(bytes: Uint8Array, at: number): void {
    this.#isVectorSet = lengthAsBigInt(bytes, at) === VECTOR_SET_ID;
    this.#vectors.reset();
  }

  /** One item of the value, bytes[at, end). */
  item(bytes: Uint8Array, at: number, end: number): void {
    this.#fileBytes += end - at;
    if (this.#isVectorSet) this.#vectors.add(bytes, at, end);
  }

  get elements(): number {
    return this.#isVectorSet ? this.#vectors.count : 0;
  }

  finish(): number {
    const value = this.#isVectorSet ? this.#vectors.finish(this.#profile) : this.#fileBytes;
    return structBytes(OBJECT_BYTES, this.#profile) + value;
  }
}
