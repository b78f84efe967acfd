/** Histograms with given bounds, and one of powers of two that grows as needed. */
import type { ReportRange } from './report.js';

export class RangeHistogram {
  readonly #bounds: readonly number[];
  readonly #keys: Float64Array;
  readonly #bytes: Float64Array;

  /** Ascending lower bounds; the first is 0, the last range has no upper one. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#keys = new Float64Array(bounds.length);
    this.#bytes = new Float64Array(bounds.length);
  }

  add(value: number, size: number): void {
    let at = this.#bounds.length - 1;
    while (at > 0 && value < this.#bounds[at]!) at--;
    this.#keys[at]!++;
    this.#bytes[at]! += size;
  }

  report(scale: number): ReportRange[] {
    return this.#bounds.map((from, at) => ({
      from,
      to: this.#bounds[at + 1] ?? null,
      keys: Math.round(this.#keys[at]! * scale),
      bytes: Math.round(this.#bytes[at]! * scale),
    }));
  }
}

const POWERS = 54;

export class SizeHistogram {
  readonly #keys: Float64Array = new Float64Array(POWERS);
  readonly #bytes: Float64Array = new Float64Array(POWERS);

  add(size: number): void {
    const power = size < 1 ? 0 : size < 0x4000_0000 ? 31 - Math.clz32(size) : Math.floor(Math.log2(size));
    this.#keys[power]!++;
    this.#bytes[power]! += size;
  }

  report(scale: number): ReportRange[] {
    const first = this.#keys.findIndex((keys) => keys > 0);
    const last = this.#keys.findLastIndex((keys) => keys > 0);
    if (first < 0) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => ({
      from: 2 ** (first + index),
      to: 2 ** (first + index + 1),
      keys: Math.round(this.#keys[first + index]! * scale),
      bytes: Math.round(this.#bytes[first + index]! * scale),
    }));
  }
}
