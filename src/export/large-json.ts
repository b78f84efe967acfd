/** A value on its way from pieces of the file to JSON. */
import type { ValueDecoder } from '../rdb/value-decoder.js';
import type { LargeValueWriter } from './format-writer.js';
import type { JsonValues } from './json-values.js';

/** What stands behind the value. */
export interface LargeEnds {
  readonly tail: (serializedBytes: number) => void;
  readonly abandoned: () => void;
}

const NOTHING: LargeEnds = { tail: () => {}, abandoned: () => {} };

export class LargeJson implements LargeValueWriter {
  readonly #decoder: ValueDecoder;
  readonly #values: JsonValues;
  readonly #ends: LargeEnds;
  #bytes = 0;

  constructor(decoder: ValueDecoder, values: JsonValues, ends: LargeEnds = NOTHING) {
    this.#decoder = decoder;
    this.#values = values;
    this.#ends = ends;
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  get needBytes(): number {
    return this.#decoder.needBytes;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const next = this.#decoder.feed(bytes, start, end);
    this.#bytes += next - start;
    return next;
  }

  end(): void {
    this.#values.end();
    this.#ends.tail(this.#bytes);
  }

  abandon(): void {
    this.#values.abandon();
    this.#ends.abandoned();
  }
}
