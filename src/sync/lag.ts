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
  /** Ascending in both. What has been applied is dropped, so a short lag is measured finely. */
  #samples: Sample[] = [];
  #latest: Sample = { atMs: 0, offset: -1 };
  /** Samples that come sooner than this after the one before are not kept. */
  #everyMs = 0;

  /** The source stood at `offset` at that time. */
  sample(atMs: number, offset: number): void {
    if (offset < this.#latest.offset) this.forget();
    if (offset === this.#latest.offset) return;
    this.#latest = { atMs, offset };
    const last = this.#samples.at(-1);
    if (last !== undefined && atMs - last.atMs < this.#everyMs) return;
    this.#samples.push(this.#latest);
    if (this.#samples.length > MAX_SAMPLES) this.#thinOut();
  }

  forget(): void {
    this.#samples = [];
    this.#latest = { atMs: 0, offset: -1 };
    this.#everyMs = 0;
  }

  /** The highest offset the source is known to have reached; -1 before the first sample. */
  get sourceOffset(): number {
    return this.#latest.offset;
  }

  /** Seconds; 0 when everything known has been applied. `applied` never goes back within a history. */
  seconds(nowMs: number, applied: number): number {
    const at = this.#samples.findIndex(({ offset }) => offset > applied);
    this.#samples = at < 0 ? [] : this.#samples.slice(at);
    if (this.#samples.length < MAX_SAMPLES / 4) this.#everyMs = 0;
    const next = this.#samples[0] ?? this.#latest;
    return next.offset > applied ? Math.max(0, (nowMs - next.atMs) / 1000) : 0;
  }

  /** A long lag is still measured, only coarser: half of the samples go, and new ones come at their pace. */
  #thinOut(): void {
    const span = this.#latest.atMs - this.#samples[0]!.atMs;
    this.#everyMs = (2 * span) / MAX_SAMPLES;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
  }
}
