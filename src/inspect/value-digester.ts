/** The digest of a key's value, with what it takes in memory: both from one passage of the bytes. */
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, ValueSink } from '../rdb/handler.js';
import { ValueDecoder } from '../rdb/value-decoder.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import { ValueDigest } from './digest.js';
import type { MemoryMeter } from './memory-model.js';

export class ValueDigester {
  readonly digest: ValueDigest = new ValueDigest();
  readonly #dialect: Dialect;
  /** undefined when nobody asks what keys take. */
  readonly #meter: MemoryMeter | undefined;
  #decoder: ValueDecoder | undefined;

  constructor(dialect: Dialect, meter: MemoryMeter | undefined) {
    this.#dialect = dialect;
    this.#meter = meter;
  }

  /** Of the key last digested. */
  get bytes(): number {
    return this.#meter?.bytes ?? 0;
  }

  /** A value that lies whole in memory. */
  whole(entry: RdbEntry): void {
    const { bytes, valueStart, valueEnd, type } = entry;
    this.digest.begin(type.kind);
    if (type.kind === 'array') this.digest.opaque(bytes, valueStart, valueEnd);
    else this.#open(entry).feed(bytes, valueStart, valueEnd);
    this.digest.finish();
    this.#meter?.measure(entry);
  }

  /** A large one. */
  sink(entry: RdbEntry): ValueSink {
    this.digest.begin(entry.type.kind);
    const decoder = this.#open(entry);
    return this.#meter === undefined ? decoder : new TwoSinks(decoder, this.#meter.open(entry));
  }

  /** The sink is done. */
  sinkEnd(): void {
    this.digest.finish();
    this.#meter?.close();
  }

  #open(entry: RdbEntry): ValueDecoder {
    this.#decoder ??= new ValueDecoder(entry.type.id, this.#dialect, this.digest);
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

export function skipValue(entry: RdbEntry): ValueSink {
  return new ValueSkipper(entry.type);
}
