/** How keys are used, where the server kept record of it: how long idle (LRU), how often used (LFU). */
import type { RdbEntry } from '../rdb/handler.js';
import { keepKey, type KeptKey, reportKey } from './kept-key.js';
import type { MemoryMeter } from './memory-model.js';
import { RangeHistogram } from './ranges.js';
import type { InspectReport, ReportKey } from './report.js';
import { TopList } from './top-list.js';

const IDLE_BOUNDS = [0, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400];
const LFU_BOUNDS = [0, 1, 2, 5, 10, 20, 50, 100, 200];
/** Among keys used alike the bigger one counts. */
const BYTES_IN_RANK: number = 2 ** 40;

class Use {
  keys = 0;
  readonly ranges: RangeHistogram;
  readonly #greatest: TopList<KeptKey>;

  constructor(bounds: readonly number[], top: number) {
    this.ranges = new RangeHistogram(bounds);
    this.#greatest = new TopList(top);
  }

  add(value: number, entry: RdbEntry, meter: MemoryMeter): void {
    this.keys++;
    this.ranges.add(value, meter.bytes);
    const rank = value + meter.bytes / BYTES_IN_RANK;
    if (this.#greatest.admits(rank)) this.#greatest.add(rank, keepKey(entry, meter));
  }

  greatest(): ReportKey[] {
    return this.#greatest.items().map(reportKey);
  }
}

export class AccessCounts {
  readonly #idle: Use;
  readonly #frequency: Use;

  constructor(top: number) {
    this.#idle = new Use(IDLE_BOUNDS, top);
    this.#frequency = new Use(LFU_BOUNDS, top);
  }

  add(entry: RdbEntry, meter: MemoryMeter): void {
    if (entry.idleSeconds >= 0) this.#idle.add(entry.idleSeconds, entry, meter);
    if (entry.lfuFrequency >= 0) this.#frequency.add(entry.lfuFrequency, entry, meter);
  }

  report(scale: number): Pick<InspectReport, 'idle' | 'frequency'> {
    const [idle, frequency] = [this.#idle, this.#frequency];
    return {
      idle:
        idle.keys === 0
          ? null
          : { keys: idle.keys * scale, ranges: idle.ranges.report(scale), coldest: idle.greatest() },
      frequency:
        frequency.keys === 0
          ? null
          : {
              keys: frequency.keys * scale,
              ranges: frequency.ranges.report(scale),
              hottest: frequency.greatest(),
            },
    };
  }
}
