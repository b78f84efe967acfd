/** Which keys of a snapshot are looked at: those that pass a filter, and of them all or a sample. */
import { createKeyFilter, type KeyFilter } from '../keyspace/key-filter.js';
import type { RdbEntry } from '../rdb/handler.js';
import type { FilterOptions } from '../sync/options.js';
import { hashOf } from './byte-counter.js';

export class KeyChoice {
  readonly #filter: KeyFilter;
  readonly #every: number;

  /** One key in `every` is taken, the same ones each time. */
  constructor(filter: FilterOptions, every = 1) {
    this.#filter = createKeyFilter(filter);
    this.#every = every;
  }

  takes(entry: RdbEntry): boolean {
    if (this.#filter.active && !this.#passes(entry)) return false;
    if (this.#every === 1) return true;
    return scramble(hashOf(entry.keyBytes, entry.keyStart, entry.keyEnd)) % this.#every === 0;
  }

  #passes({ db, type, keyBytes, keyStart, keyEnd }: RdbEntry): boolean {
    const filter = this.#filter;
    const kind = type.kind === 'array' ? 'module' : type.kind;
    return filter.matchesDb(db) && filter.matchesKind(kind) && filter.matchesKey(keyBytes, keyStart, keyEnd);
  }
}

/** FNV leaves the low bits of similar keys related: mixed before the sample is taken by them. */
function scramble(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
