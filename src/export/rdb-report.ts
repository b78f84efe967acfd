/** What an export to RDB did, and what it could not keep. */
import { LOSS_TEXTS, listLosses, type ValueLosses } from '../rdb/encode/losses.js';

/** One thing of the source that the result does not have, or not as it was. */
export interface Loss {
  /** `dropped`: it is not there; `changed`: it is, but not all of it; `damaged`: it could not be read. */
  readonly what: 'dropped' | 'changed' | 'damaged';
  readonly input: string;
  readonly db?: number | undefined;
  /** As in messages: bytes that can't be printed are escaped, long keys are cut. */
  readonly key?: string | undefined;
  readonly type?: string | undefined;
  readonly why: string;
}

export interface WrittenFile {
  /** undefined: stdout. */
  readonly path: string | undefined;
  /** Of a split: which slots it holds. */
  readonly slots: readonly (readonly [first: number, last: number])[] | undefined;
  readonly keys: number;
  readonly bytes: number;
}

export interface ReadInput {
  readonly label: string;
  readonly bytes: number;
  readonly keys: number;
}

export interface RdbExportSummary {
  /** Magic and version of what was written, such as `REDIS0011`. */
  readonly format: string;
  readonly files: readonly WrittenFile[];
  readonly inputs: readonly ReadInput[];
  readonly keys: number;
  /** Keys that had to be written in another form. */
  readonly converted: number;
  readonly filtered: number;
  readonly duplicates: number;
  /** Collections without elements, which servers leave out as well. */
  readonly empty: number;
  readonly dropped: number;
  readonly changed: number;
  readonly damaged: number;
  /** The first of them; all go to `onLoss`. */
  readonly losses: readonly Loss[];
  /** Things to know that are no loss, e.g. which modules the server needs. */
  readonly notes: readonly string[];
}

/** So many losses are kept with their names; all are counted. */
const MAX_LISTED = 100;

export class RdbTally {
  converted = 0;
  filtered = 0;
  duplicates = 0;
  empty = 0;
  dropped = 0;
  changed = 0;
  damaged = 0;
  readonly losses: Loss[] = [];
  readonly notes: Set<string> = new Set();
  readonly #onLoss: ((loss: Loss) => void) | undefined;

  constructor(onLoss: ((loss: Loss) => void) | undefined) {
    this.#onLoss = onLoss;
  }

  lose(loss: Loss): void {
    this[loss.what]++;
    if (this.losses.length < MAX_LISTED) this.losses.push(loss);
    this.#onLoss?.(loss);
  }
}

/** 0, or 3 when the result is not all of what was asked for. */
export function exitCodeOf({ dropped, changed, damaged }: RdbExportSummary): 0 | 3 {
  return dropped + changed + damaged > 0 ? 3 : 0;
}

/** `2 TTLs of hash fields, 1 …`; empty when nothing was lost. */
export function describeLosses(losses: Readonly<ValueLosses>): string {
  return listLosses(losses)
    .map(([kind, count]) => `${count} × ${LOSS_TEXTS[kind]}`)
    .join(', ');
}
