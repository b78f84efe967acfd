/**
 * One way to lay out values. A body is used for one value after the other, so that decoding a small value
 * allocates nothing but what is handed out.
 */
import type { ValueType } from '../value-types.js';
import type { ValueVisitor } from '../value-visitor.js';
import type { UnitReader } from './unit-reader.js';

export interface Body {
  /** Gets ready for a value of this type. */
  begin(type: ValueType): void;
  /**
   * Decodes as many whole units as there are. True when the value has ended; else `reader.at` is where the
   * first incomplete unit starts, and `reader.need` what it takes.
   */
  run(reader: UnitReader, visitor: ValueVisitor): boolean;
}
