/** The digest of a key's value, with what it takes in memory: both from one passage of the bytes. */
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, ValueSink } from '../rdb/handler.js';
import { Header, INCOMPLETE, readString, STR_PLAIN } from '../rdb/primitives.js';
import { ValueDecoder } from '../rdb/value-decoder.js';
import { ValueDigest } from './digest.js';
import type { MemoryMeter } from './memory-model.js';

export class ValueDigester {
  readonly #digest: ValueDigest;
  readonly #dialect: Dialect;
  readonly #meter: MemoryMeter;
  readonly #header = new Header();
  #decoder: ValueDecoder | undefined;
  #inPieces = false;

  constructor(dialect: Dialect, meter: MemoryMeter, consumerTimes: boolean) {
    this.#dialect = dialect;
    this.#meter = meter;
    this.#digest = new ValueDigest(consumerTimes);
  }

  /** A value that lies whole in memory. */
  whole(entry: RdbEntry): void {
    const { bytes, valueStart, valueEnd, type } = entry;
    this.#inPieces = false;
    this.#digest.begin(type.kind);
    const plain = type.kind === 'string' ? this.#plainText(bytes, valueStart, valueEnd) : -1;
    if (plain >= 0) this.#digest.opaque(bytes, plain, valueEnd);
    else if (type.kind === 'array') this.#digest.opaque(bytes, valueStart, valueEnd);
    else this.#decode(entry).feed(bytes, valueStart, valueEnd);
    this.#meter.measure(entry);
  }

  /** A large one. */
  open(entry: RdbEntry): ValueSink {
    this.#inPieces = true;
    this.#digest.begin(entry.type.kind);
    return new TwoSinks(this.#decode(entry), this.#meter.open(entry));
  }

  /** All of the value has come. */
  finish(): ValueDigest {
    if (this.#inPieces) this.#meter.close();
    this.#digest.finish();
    return this.#digest;
  }

  /** Where the text of a string begins that stands as it is, which most do; else −1. */
  #plainText(bytes: Uint8Array, start: number, end: number): number {
    const header = this.#header;
    const next = readString(header, bytes, start, end);
    return next !== INCOMPLETE && header.form === STR_PLAIN ? next : -1;
  }

  #decode(entry: RdbEntry): ValueDecoder {
    this.#decoder ??= new ValueDecoder(entry.type.id, this.#dialect, this.#digest);
    this.#decoder.reset(entry.type.id, this.#dialect);
    return this.#decoder;
  }
}

/** The same bytes for two, who need not get on at the same pace. */
export class TwoSinks implements ValueSink {
  readonly #sinks: readonly [ValueSink, ValueSink];
  /** How far each is ahead of what has been taken by both. */
  readonly #ahead: [number, number] = [0, 0];

  constructor(first: ValueSink, second: ValueSink) {
    this.#sinks = [first, second];
  }

  get done(): boolean {
    return this.#sinks[0].done && this.#sinks[1].done && this.#ahead[0] === this.#ahead[1];
  }

  get needBytes(): number {
    const [first, second] = this.#sinks;
    return Math.max(
      first.done ? 0 : (first.needBytes ?? 0) + this.#ahead[0],
      second.done ? 0 : (second.needBytes ?? 0) + this.#ahead[1],
    );
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const first = this.#one(0, bytes, start, end);
    const second = this.#one(1, bytes, start, end);
    const both = Math.min(first, second);
    this.#ahead[0] = first - both;
    this.#ahead[1] = second - both;
    return both;
  }

  #one(which: 0 | 1, bytes: Uint8Array, start: number, end: number): number {
    const from = start + this.#ahead[which];
    const sink = this.#sinks[which];
    return sink.done || from >= end ? from : sink.feed(bytes, from, end);
  }
}
