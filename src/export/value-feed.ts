/** Decoding a value for a format that wants its elements, whether it lies whole in memory or comes in pieces. */
import { ReplicantError } from '../errors.js';
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry } from '../rdb/handler.js';
import { ValueDecoder } from '../rdb/value-decoder.js';
import type { ValueVisitor } from '../rdb/value-visitor.js';

export class ValueFeed {
  readonly #decoder: ValueDecoder;
  readonly #dialect: Dialect;

  constructor(dialect: Dialect, visitor: ValueVisitor) {
    this.#dialect = dialect;
    this.#decoder = new ValueDecoder(0, dialect, visitor);
  }

  /** The decoder, ready for this entry's value. */
  open(entry: RdbEntry): ValueDecoder {
    this.#decoder.reset(entry.type.id, this.#dialect);
    return this.#decoder;
  }

  /** Decodes a value that is all there. */
  whole(entry: RdbEntry): void {
    const decoder = this.#decoder;
    decoder.reset(entry.type.id, this.#dialect);
    const at = decoder.feed(entry.bytes, entry.valueStart, entry.valueEnd);
    if (decoder.done && at === entry.valueEnd) return;
    throw new ReplicantError('RDB_CORRUPT', 'a value whose content does not fill it', {
      place: { offset: at },
    });
  }
}
