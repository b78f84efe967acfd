/** What `diff` finds: survives JSON; a part without content is an empty list, never absent. */
import type { ReportText } from './report.js';

export interface DiffReport {
  readonly format: 'replicant-diff';
  readonly version: 1;
  readonly before: DiffSide;
  readonly after: DiffSide;
  readonly filters: readonly string[];
  readonly equal: boolean;
  readonly counts: DiffCounts;
  /** In the order of the second file; at most `limit` of each list. */
  readonly added: readonly DiffKey[];
  readonly changed: readonly ChangedKey[];
  /** In the order of the first file. */
  readonly removed: readonly DiffKey[];
  readonly limit: number;
  readonly separator: string | null;
  /** Prefixes whose bytes or keys differ, by how much, the most first. */
  readonly prefixes: readonly PrefixChange[];
  readonly notes: readonly string[];
}

export interface DiffSide {
  readonly label: string;
  readonly server: string | null;
  readonly takenAtMs: number | null;
  readonly keys: number;
  /** In memory, without the databases' tables. */
  readonly bytes: number;
}

export interface DiffCounts {
  readonly added: number;
  readonly removed: number;
  /** Keys in both, of which value, type or TTL differ. */
  readonly changed: number;
  /** Of those: */
  readonly changedValue: number;
  readonly changedType: number;
  readonly changedTtl: number;
  readonly same: number;
}

export interface DiffKey {
  readonly db: number;
  readonly key: ReportText;
  readonly type: string;
  readonly bytes: number;
}

export interface ChangedKey extends DiffKey {
  /** `type` stands alone, a value of another type being another value. */
  readonly what: readonly ('type' | 'value' | 'ttl')[];
}

export interface PrefixChange {
  readonly prefix: ReportText;
  readonly keysBefore: number;
  readonly keysAfter: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}
