/** What a key takes, with what leads from it to its value. */
import type { RdbEntry } from '../rdb/handler.js';
import { entryBytes } from './hash-tables.js';
import { sdsBytes, type ServerProfile } from './server-profile.js';

export const OBJECT_BYTES = 16;
/** In Valkey a key of this length has room for a TTL before it has one. */
const LONG_KEY = 128;

export class KeySizer {
  readonly #profile: ServerProfile;
  #length = 0;
  #hasTtl = false;
  /** When it was used last, or how often, is known. */
  hasAccess = false;

  constructor(profile: ServerProfile) {
    this.#profile = profile;
  }

  begin(entry: RdbEntry): void {
    this.#length = entry.keyEnd - entry.keyStart;
    this.#hasTtl = entry.expiresAtMs !== -1;
    this.hasAccess = entry.idleSeconds >= 0 || entry.lfuFrequency >= 0;
  }

  /** An object with its key inside, as it is asked for. */
  objectBytes(): number {
    const profile = this.#profile;
    const ttl = this.#hasTtl || (profile.family === 'valkey' && this.#length >= LONG_KEY) ? 8 : 0;
    return OBJECT_BYTES + ttl + 1 + sdsBytes(this.#length, profile);
  }

  /** The key and what leads to its value, with the object when the key is in it. */
  bytes(): number {
    const profile = this.#profile;
    const { alloc } = profile;
    if (profile.keys === 'in object') {
      // Valkey 8.1 does not count what the object takes beyond its header.
      const known = profile.account === 'allocated' || profile.major > 8;
      return known ? alloc.sizeOf(this.objectBytes()) : OBJECT_BYTES;
    }
    const ttl = this.#hasTtl && profile.account === 'allocated' ? entryBytes(profile) : 0;
    const key = sdsBytes(this.#length, profile);
    if (profile.keys === 'in entry') return alloc.sizeOf(17 + key) + ttl;
    return entryBytes(profile) + alloc.sizeOf(key) + ttl;
  }
}
