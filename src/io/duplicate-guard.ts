/**
 * Finds keys that stand twice in one file: a server refuses to load such a file, and whichever value we
 * passed on last would win. Remembering keys takes memory, so only the first CHECKED_KEYS are; that finds
 * what a broken writer does, whose damage seldom begins late, in a few megabytes.
 *
 * Dragonfly splits large values into several records of the same key; its files are not checked.
 */
import { ReplicantError } from '../errors.js';
import { KeyIndex } from '../keyspace/key-index.js';
import { isWord, showKey } from '../keyspace/words.js';
import type { RdbEntry } from '../rdb/handler.js';

/** The table is then just below the load at which it would grow: 7 MB. */
const CHECKED_KEYS = 350_000;

export class DuplicateGuard {
  #index: KeyIndex | undefined = new KeyIndex(crypto.getRandomValues(new Uint32Array(3)));

  /** An AUX field may say that keys come in parts. */
  aux(name: Uint8Array): void {
    if (isWord(name, 'DF-VER')) this.#index = undefined;
  }

  /** The error that this key is, when it has been there before. */
  check(entry: RdbEntry): ReplicantError | undefined {
    const index = this.#index;
    if (index === undefined || index.size >= CHECKED_KEYS) return undefined;
    const { db, offset, keyBytes, keyStart, keyEnd } = entry;
    if (index.add(db, keyBytes, keyStart, keyEnd, 0) < 0) return undefined;
    const key = showKey(keyBytes.subarray(keyStart, keyEnd));
    return new ReplicantError('RDB_CORRUPT', 'this key stands twice in the file', {
      place: { offset, db, key },
      hint: '--on-error skip keeps the first of them',
    });
  }
}
