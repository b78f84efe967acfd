/**
 * Lag in seconds without writing to the source: its offset is sampled over time, and the applied offset is
 * looked up among the samples. The answer is how long ago the source stood where the target stands now.
 */
interface Sample {
  readonly atMs: number;
  readonly offset: number;
}

const MAX_SAMPLES = 900;

export class LagMeter {
  #samples: Sample[] = [];

  /** The source stood at `offset` at that time. */
  sample(atMs: number, offset: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && offset < last.offset) this.#samples = [];
    this.#samples.push({ atMs, offset });
    // Thin out the older half, so that a long lag is still measured, only coarser.
    if (this.#samples.length > MAX_SAMPLES) {
      this.#samples = this.#samples.filter((_, index) => index >= MAX_SAMPLES / 2 || index % 2 === 0);
    }
  }

  forget(): void {
    this.#samples = [];
  }

  /** The highest offset the source is known to have reached; -1 before the first sample. */
  get sourceOffset(): number {
    return this.#samples.at(-1)?.offset ?? -1;
  }

  /** Seconds; 0 when everything known has been applied. */
  seconds(nowMs: number, applied: number): number {
    const next = this.#samples.find(({ offset }) => offset > applied);
    return next === undefined ? 0 : Math.max(0, (nowMs - next.atMs) / 1000);
  }
}
