/** Where in a segment which position is: every 64 KiB of the file the place of a record. */

const SPACING_BYTES = 64 * 1024;

export class SparseIndex {
  readonly #positions: number[] = [];
  readonly #offsets: number[] = [];

  add(position: number, offset: number): void {
    const last = this.#offsets.at(-1);
    if (last !== undefined && offset - last < SPACING_BYTES) return;
    this.#positions.push(position);
    this.#offsets.push(offset);
  }

  /** Offset of a record at or before `position`; undefined: there is no record before it. */
  find(position: number): number | undefined {
    let low = 0;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#positions[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return this.#offsets[low - 1];
  }
}
