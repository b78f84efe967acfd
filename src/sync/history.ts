/**
 * The names of one replication history. When a replica is promoted the same stream goes on under a new replid,
 * and the old one names it up to there (PSYNC2, replication §6). Kept with the spooled bytes.
 */
import type { LogMeta } from '../spool/spool.js';

interface FormerName {
  readonly replid: string;
  /** The old name holds up to and including this offset. */
  readonly until: number;
}

/** As many promotions as anybody will look back on. */
const MOST_NAMES = 16;

export class History {
  readonly replid: string;
  readonly #former: readonly FormerName[];

  private constructor(replid: string, former: readonly FormerName[]) {
    this.replid = replid;
    this.#former = former;
  }

  static begin(replid: string): History {
    return new History(replid, []);
  }

  static of(meta: LogMeta): History {
    const { replid, former } = meta;
    return new History(
      typeof replid === 'string' ? replid : '',
      Array.isArray(former) ? former.filter(isFormerName) : [],
    );
  }

  get meta(): LogMeta {
    return { replid: this.replid, former: this.#former };
  }

  continuedAs(replid: string, offset: number): History {
    return new History(replid, [...this.#former, { replid: this.replid, until: offset }].slice(-MOST_NAMES));
  }

  /** Is this a place in this history? */
  includes(replid: string, offset: number): boolean {
    if (replid === '') return false;
    if (replid === this.replid) return true;
    return this.#former.some((name) => name.replid === replid && offset <= name.until);
  }
}

function isFormerName(value: unknown): value is FormerName {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'replid' in value &&
    typeof value.replid === 'string' &&
    'until' in value &&
    typeof value.until === 'number'
  );
}
