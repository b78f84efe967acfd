/**
 * Collections stored element by element: a count, then that many units.
 *
 *    1 LIST, 2 SET              str
 *    3 ZSET                     str member, score as text: one byte L, L bytes (253 NaN, 254 +inf, 255 −inf)
 *    5 ZSET_2                   str member, score as binary64 LE
 *    4 HASH                     str field, str value
 *   22 HASH_METADATA_PRE_GA     len time, str field, str value                   (Redis 7.4 release candidates)
 *   22 HASH_2                   str field, str value, i64 LE time                (Valkey 9.0)
 *   24 HASH_METADATA            i64 LE minExpire, count, len time, str field, str value       (Redis 7.4)
 *
 * Duplicates pass through: telling them apart would take the whole value in memory.
 */
import { corrupt } from '../encodings/corrupt.js';
import {
  expiryFromAbsolute,
  expiryFromOffset,
  expiryFromSigned,
  NO_EXPIRY,
} from '../encodings/field-expiry.js';
import { viewOf } from '../encodings/packed-cursor.js';
import { parseScore } from '../encodings/score.js';
import { INCOMPLETE } from '../primitives.js';
import type { ValueType } from '../value-types.js';
import type { ValueVisitor } from '../value-visitor.js';
import type { Body } from './body.js';
import type { UnitReader } from './unit-reader.js';

type Unit = (reader: UnitReader, visitor: ValueVisitor, minExpireMs: number) => boolean;

const UNITS: Readonly<Record<string, Unit>> = {
  LIST: listItem,
  SET: setMember,
  ZSET: asciiMember,
  ZSET_2: binaryMember,
  HASH: hashPair,
  HASH_METADATA_PRE_GA: pairAfterTime,
  HASH_2: pairBeforeTime,
  HASH_METADATA: pairAfterOffset,
};

export class ElementsBody implements Body {
  #unit: Unit = listItem;
  #timed = false;
  #minExpireMs = 0;
  /** Units still to come; -1 before the count. */
  #left = -1;

  begin(type: ValueType): void {
    this.#unit = UNITS[type.name]!;
    this.#timed = type.opening === 'time+count';
    this.#minExpireMs = 0;
    this.#left = -1;
  }

  run(reader: UnitReader, visitor: ValueVisitor): boolean {
    if (this.#left < 0 && !this.#readCount(reader)) return false;
    const unit = this.#unit;
    const minExpireMs = this.#minExpireMs;
    while (this.#left > 0) {
      reader.begin();
      if (!unit(reader, visitor, minExpireMs)) return reader.rewind();
      this.#left--;
    }
    return true;
  }

  #readCount(reader: UnitReader): boolean {
    reader.begin();
    if (this.#timed) this.#minExpireMs = reader.time();
    if (Number.isNaN(this.#minExpireMs)) return reader.rewind();
    const count = reader.length();
    if (count === INCOMPLETE) return reader.rewind();
    this.#left = count;
    return true;
  }
}

function listItem(reader: UnitReader, visitor: ValueVisitor): boolean {
  if (!reader.locate()) return false;
  const { text, textStart, textEnd } = reader;
  if (visitor.spans === undefined) visitor.listItem(viewOf(text, textStart, textEnd));
  else visitor.spans.listSpan(text, textStart, textEnd);
  return true;
}

function setMember(reader: UnitReader, visitor: ValueVisitor): boolean {
  if (!reader.locate()) return false;
  const { text, textStart, textEnd } = reader;
  if (visitor.spans === undefined) visitor.setMember(viewOf(text, textStart, textEnd));
  else visitor.spans.setSpan(text, textStart, textEnd);
  return true;
}

function asciiMember(reader: UnitReader, visitor: ValueVisitor): boolean {
  if (!reader.locate()) return false;
  const at = reader.raw(1);
  if (at === INCOMPLETE) return false;
  const length = reader.bytes[at]!;
  if (length === 253) throw corrupt('a score that is not a number', at);
  if (length > 253) {
    tellMember(reader, visitor, length === 254 ? Infinity : -Infinity);
    return true;
  }
  const text = reader.raw(length);
  if (text === INCOMPLETE) return false;
  tellMember(reader, visitor, parseScore(reader.bytes, text, text + length));
  return true;
}

/** The member is what was located last. */
function tellMember({ text, textStart, textEnd }: UnitReader, visitor: ValueVisitor, score: number): void {
  if (visitor.spans === undefined) visitor.zsetMember(viewOf(text, textStart, textEnd), score);
  else visitor.spans.zsetSpan(text, textStart, textEnd, score);
}

function binaryMember(reader: UnitReader, visitor: ValueVisitor): boolean {
  if (!reader.locate()) return false;
  const at = reader.raw(8);
  if (at === INCOMPLETE) return false;
  const score = reader.doubleAt(at);
  if (score !== score) throw corrupt('a score that is not a number', at);
  tellMember(reader, visitor, score);
  return true;
}

function hashPair(reader: UnitReader, visitor: ValueVisitor): boolean {
  return pair(reader, visitor, NO_EXPIRY);
}

function pair(reader: UnitReader, visitor: ValueVisitor, expiresAtMs: number): boolean {
  if (!reader.locate()) return false;
  const { text: field, textStart: start, textEnd: end } = reader;
  if (!reader.locate()) return false;
  tellField(reader, visitor, field, start, end, expiresAtMs);
  return true;
}

/** The value is what was located last. */
function tellField(
  { text, textStart, textEnd }: UnitReader,
  visitor: ValueVisitor,
  field: Uint8Array,
  start: number,
  end: number,
  expiresAtMs: number,
): void {
  const { spans } = visitor;
  if (spans === undefined) {
    visitor.hashField(viewOf(field, start, end), viewOf(text, textStart, textEnd), expiresAtMs);
  } else {
    spans.hashSpan(field, start, end, text, textStart, textEnd, expiresAtMs);
  }
}

function pairAfterTime(reader: UnitReader, visitor: ValueVisitor): boolean {
  const time = reader.length();
  return time !== INCOMPLETE && pair(reader, visitor, expiryFromAbsolute(time, reader.start));
}

function pairAfterOffset(reader: UnitReader, visitor: ValueVisitor, minExpireMs: number): boolean {
  const offset = reader.length();
  return offset !== INCOMPLETE && pair(reader, visitor, expiryFromOffset(minExpireMs, offset, reader.start));
}

function pairBeforeTime(reader: UnitReader, visitor: ValueVisitor): boolean {
  if (!reader.locate()) return false;
  const { text: field, textStart: start, textEnd: end } = reader;
  if (!reader.locate()) return false;
  const at = reader.at;
  const time = reader.time();
  if (time !== time) return false;
  tellField(reader, visitor, field, start, end, expiryFromSigned(time, at));
  return true;
}
