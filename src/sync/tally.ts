/** What a sync counts, in one place: the figures behind status, progress and summary. */
import type { SkippedItem } from './status.js';

/** So many skipped items are kept with their names; all are counted. */
const MAX_LISTED = 100;

export class Tally {
  keys = 0;
  commands = 0;
  bytes = 0;
  errors = 0;
  expiredKeys = 0;
  filteredKeys = 0;
  emptyKeys = 0;
  fullSyncs = 0;
  partialResyncs = 0;
  /** Transactions of the source over several slots of a cluster: each slot's part is one there. */
  splitTransactions = 0;
  skippedCount = 0;
  readonly skipped: SkippedItem[] = [];

  skip(item: SkippedItem): void {
    this.skippedCount++;
    if (this.skipped.length < MAX_LISTED) this.skipped.push(item);
  }
}
