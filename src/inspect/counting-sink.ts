/** Counts the bytes of a value that comes in pieces on their way to another sink. */
import type { ValueSink } from '../rdb/handler.js';

export class CountingSink implements ValueSink {
  bytes = 0;
  readonly #inner: ValueSink;

  constructor(inner: ValueSink) {
    this.#inner = inner;
  }

  get done(): boolean {
    return this.#inner.done;
  }

  get needBytes(): number {
    return this.#inner.needBytes ?? 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const next = this.#inner.feed(bytes, start, end);
    this.bytes += next - start;
    return next;
  }
}
