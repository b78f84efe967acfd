/**
 * When which position arrived: marks at least 20 ms apart, sorted, found by halving. When there are very many
 * (a backlog of half an hour) every second one is left out, and the distance doubles.
 */

const SPACING_MS = 20;
const MAX_MARKS = 65_536;

export class Stamps {
  #positions: number[] = [];
  #times: number[] = [];
  #spacingMs = SPACING_MS;

  /** Bytes from `position` on arrived at `nowMs`. */
  add(position: number, nowMs: number): void {
    const last = this.#times.at(-1);
    // A clock that was set back must not keep marks from being made.
    if (last !== undefined && nowMs >= last && nowMs - last < this.#spacingMs) return;
    if (this.#times.length >= MAX_MARKS) this.#thin();
    this.#positions.push(position);
    this.#times.push(nowMs);
  }

  /** 0 when nothing is known of it. */
  at(position: number): number {
    return this.#times[this.#find(position)] ?? this.#times[0] ?? 0;
  }

  /** Forgets what is before `position`. */
  release(position: number): void {
    const first = this.#find(position);
    // Moving the rest to the front is paid by what falls away.
    if (first < 64 || first < this.#times.length / 2) return;
    this.#positions.splice(0, first);
    this.#times.splice(0, first);
    if (this.#times.length < MAX_MARKS / 8) this.#spacingMs = SPACING_MS;
  }

  /** Index of the last mark at or before `position`; -1: none. */
  #find(position: number): number {
    let low = 0;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#positions[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #thin(): void {
    const even = (_: number, index: number): boolean => index % 2 === 0;
    this.#positions = this.#positions.filter(even);
    this.#times = this.#times.filter(even);
    this.#spacingMs *= 2;
  }
}
