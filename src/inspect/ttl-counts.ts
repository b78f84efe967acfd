/** How long keys live on, those without an end, and fields that have one of their own. */
import { RangeHistogram } from './ranges.js';
import type { InspectReport } from './report.js';

const BOUNDS = [0, 60, 3600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400];

class Sum {
  keys = 0;
  bytes = 0;

  add(bytes: number): void {
    this.keys++;
    this.bytes += bytes;
  }

  report(scale: number): { keys: number; bytes: number } {
    return { keys: this.keys * scale, bytes: Math.round(this.bytes * scale) };
  }
}

export class TtlCounts {
  readonly #ranges = new RangeHistogram(BOUNDS);
  readonly #without = new Sum();
  readonly #with = new Sum();
  readonly #expired = new Sum();
  readonly #fields = { keys: 0, fields: 0 };

  get keysWithTtl(): number {
    return this.#with.keys;
  }

  /** `expiresAtMs`: −1 for none; `referenceMs`: when the snapshot was taken. */
  add(expiresAtMs: number, bytes: number, fieldsWithTtl: number, referenceMs: number): void {
    if (fieldsWithTtl > 0) {
      this.#fields.keys++;
      this.#fields.fields += fieldsWithTtl;
    }
    if (expiresAtMs < 0) {
      this.#without.add(bytes);
      return;
    }
    this.#with.add(bytes);
    const left = expiresAtMs - referenceMs;
    if (left >= 0) this.#ranges.add(left / 1000, bytes);
    else this.#expired.add(bytes);
  }

  report(scale: number, referenceMs: number): InspectReport['ttl'] {
    return {
      referenceMs,
      withoutTtl: this.#without.report(scale),
      withTtl: this.#with.report(scale),
      expired: this.#expired.report(scale),
      ranges: this.#ranges.report(scale),
      fieldTtl: { keys: this.#fields.keys * scale, fields: this.#fields.fields * scale },
    };
  }
}
