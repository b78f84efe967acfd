/**
 * Quantiles of any number of values in bounded memory: a value counts into the bin of its logarithm, bins
 * being 2 % apart, so that what comes out is within 1 % of a value that was there. Minimum, maximum and
 * mean are exact.
 */
import type { ReportQuantiles } from './report.js';

const GROWTH = 1.02;
const SCALE = 1 / Math.log(GROWTH);
/** Up to 2^53. */
const BINS: number = Math.ceil(53 * Math.LN2 * SCALE) + 2;

/** The bin of a value; can be had once for several sketches. Values below 1 have a bin of their own. */
export function binOf(value: number): number {
  return value < 1 ? 0 : Math.min(BINS - 1, 1 + Math.round(Math.log(value) * SCALE));
}

export class QuantileSketch {
  count = 0;
  sum = 0;
  #min = Infinity;
  #max = 0;
  #bins: Float64Array | undefined;

  add(value: number, bin: number = binOf(value)): void {
    this.#bins ??= new Float64Array(BINS);
    this.#bins[bin]!++;
    this.count++;
    this.sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** The value that a share `q` of all lies at or below. */
  quantile(q: number): number {
    if (this.#bins === undefined) return 0;
    let left = Math.max(1, Math.ceil(q * this.count));
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#bins[bin]!;
      if (left <= 0) return this.#valueOf(bin);
    }
    return this.#max;
  }

  #valueOf(bin: number): number {
    const middle = bin === 0 ? 0 : Math.round(GROWTH ** (bin - 1));
    return Math.min(this.#max, Math.max(this.#min, middle));
  }

  report(): ReportQuantiles {
    if (this.count === 0) return { min: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 };
    return {
      min: Math.round(this.#min),
      p50: this.quantile(0.5),
      p90: this.quantile(0.9),
      p99: this.quantile(0.99),
      max: Math.round(this.#max),
      mean: Math.round(this.sum / this.count),
    };
  }
}
