/** Of what is found in any order, that which stands first in the file; and how many there were in all. */
import { ordinalOf } from './diff-records.js';

/** A key that is to be named. */
export interface Found {
  /** How many keys stand before it in its file. */
  readonly ordinal: number;
  /** The hash that it must have when it is met there again. */
  readonly keyA: number;
  readonly keyB: number;
  /** In what it differs: bits. */
  readonly how: number;
}

export class Earliest {
  readonly #limit: number;
  #found: Found[] = [];
  /** Nothing from here on is among the first. */
  #beyond = Number.POSITIVE_INFINITY;
  total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(words: Int32Array, at: number, how: number): void {
    this.total++;
    if (this.#limit === 0) return;
    const ordinal = ordinalOf(words, at);
    if (ordinal >= this.#beyond) return;
    this.#found.push({ ordinal, keyA: words[at]!, keyB: words[at + 1]!, how });
    if (this.#found.length >= this.#limit * 2) this.#shorten();
  }

  /** At most `limit`, in the order of the file. */
  first(): readonly Found[] {
    this.#shorten();
    return this.#found;
  }

  #shorten(): void {
    this.#found = this.#found.toSorted((a, b) => a.ordinal - b.ordinal).slice(0, this.#limit);
    if (this.#found.length === this.#limit) this.#beyond = this.#found.at(-1)?.ordinal ?? 0;
  }
}
