/**
 * Conversions of values too large to be held: they take the value in pieces and write as they go.
 *
 * A count stands before the elements. Where the source has the same count in front (types 1–5, 22, 24) it is
 * written first; the items of a quicklist are counted while they are put aside in a `Spool`, and copied behind
 * their count when all are there.
 */
import { NO_EXPIRY } from '../encodings/field-expiry.js';
import type { Dialect } from '../dialect.js';
import type { ValueSink } from '../handler.js';
import { DEFAULT_LIMITS, type Limits } from '../limits.js';
import { Header, INCOMPLETE, readLength } from '../primitives.js';
import { ValueDecoder } from '../value-decoder.js';
import type { ValueType } from '../value-types.js';
import type { ValueVisitor } from '../value-visitor.js';
import { ByteWriter, type ByteSink } from './byte-writer.js';
import { fieldTimeFor } from './field-times.js';
import type { ValueLosses } from './losses.js';
import { writeScore } from './score-encoder.js';
import type { StringEncoder } from './string-encoder.js';

/** A place outside of memory, for what must wait. */
export interface Spool {
  write(bytes: Uint8Array): void;
  /** Hands out everything written, in pieces, and removes it. */
  drain(sink: ByteSink): void;
}

const TIME_BYTES = 8;
/** At most this much stands before the first element: a time and a len. */
const HEAD_BYTES = 17;

function ignore(): void {}

/** Writes each element behind the other. Strings and streams never come this way. */
class ElementWriter implements ValueVisitor {
  count = 0;
  readonly #out: ByteWriter;
  readonly #type: number;
  readonly #strings: StringEncoder;
  readonly #losses: ValueLosses;
  readonly stringStart: () => void = ignore;
  readonly stringChunk: () => void = ignore;
  readonly streamEntry: () => void = ignore;
  readonly streamMeta: () => void = ignore;
  readonly streamGroup: () => void = ignore;
  readonly moduleValue: () => void = ignore;

  constructor(out: ByteWriter, type: number, strings: StringEncoder, losses: ValueLosses) {
    this.#out = out;
    this.#type = type;
    this.#strings = strings;
    this.#losses = losses;
  }

  listItem(item: Uint8Array): void {
    this.count++;
    this.#strings.write(this.#out, item);
  }

  setMember(member: Uint8Array): void {
    this.#strings.write(this.#out, member);
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.#strings.write(this.#out, member);
    writeScore(this.#out, score, this.#type === 3 ? 3 : 5);
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    const form = this.#type === 24 || this.#type === 22 ? this.#type : undefined;
    const time = fieldTimeFor(form, expiresAtMs);
    if (time === NO_EXPIRY && expiresAtMs !== NO_EXPIRY) this.#losses.fieldTtls++;
    // The earliest time is not known, so times are relative to 0.
    if (form === 24) this.#out.len(time === NO_EXPIRY ? 0 : time + 1);
    this.#strings.write(this.#out, field);
    this.#strings.write(this.#out, value);
    if (form === 22) this.#out.i64(time);
  }
}

/** Types whose count stands in front: 5 → 3, and hashes with times among each other. */
export class ElementsConverter implements ValueSink {
  readonly #from: ValueType;
  readonly #type: number;
  readonly #out: ByteWriter;
  readonly #decoder: ValueDecoder;
  readonly #header = new Header();
  #begun = false;

  constructor(
    from: ValueType,
    dialect: Dialect,
    type: number,
    out: ByteWriter,
    strings: StringEncoder,
    losses: ValueLosses,
    limits: Limits = DEFAULT_LIMITS,
  ) {
    this.#from = from;
    this.#type = type;
    this.#out = out;
    this.#decoder = new ValueDecoder(from.id, dialect, new ElementWriter(out, type, strings, losses), limits);
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  get needBytes(): number {
    return this.#begun ? this.#decoder.needBytes : HEAD_BYTES;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    if (!this.#begun && !this.#begin(bytes, start, end)) return start;
    return this.#decoder.feed(bytes, start, end);
  }

  #begin(bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.#from.opening === 'time+count' ? start + TIME_BYTES : start;
    if (at >= end || readLength(this.#header, bytes, at, end) === INCOMPLETE) return false;
    if (this.#type === 24) this.#out.i64(0);
    this.#out.len(this.#header.length);
    this.#begun = true;
    return true;
  }
}

/** Quicklists to the plain list of type 1, for servers that know no quicklists. */
export class SpooledListConverter implements ValueSink {
  readonly #out: ByteWriter;
  readonly #spool: Spool;
  readonly #aside: ByteWriter;
  readonly #items: ElementWriter;
  readonly #decoder: ValueDecoder;

  constructor(
    from: ValueType,
    dialect: Dialect,
    out: ByteWriter,
    spool: Spool,
    strings: StringEncoder,
    losses: ValueLosses,
    limits: Limits = DEFAULT_LIMITS,
  ) {
    this.#out = out;
    this.#spool = spool;
    this.#aside = new ByteWriter((bytes) => spool.write(bytes));
    this.#items = new ElementWriter(this.#aside, 1, strings, losses);
    this.#decoder = new ValueDecoder(from.id, dialect, this.#items, limits);
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  get needBytes(): number {
    return this.#decoder.needBytes;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    if (this.done) return start;
    const next = this.#decoder.feed(bytes, start, end);
    if (this.done) this.#release();
    return next;
  }

  #release(): void {
    this.#aside.flush();
    this.#out.len(this.#items.count);
    this.#spool.drain((bytes) => this.#out.raw(bytes));
  }
}
