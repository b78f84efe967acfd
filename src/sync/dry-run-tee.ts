/** A large value for two readers: what is taken is what both have, and either may be ahead of the other. */
import type { ValueSink } from '../rdb/handler.js';

export class TeeSink implements ValueSink {
  bytes = 0;
  readonly #writing: Reader;
  readonly #measuring: Reader;
  readonly #settle: () => void;

  constructor(writing: ValueSink, measuring: ValueSink, settle: () => void) {
    this.#writing = { sink: writing, ahead: 0 };
    this.#measuring = { sink: measuring, ahead: 0 };
    this.#settle = settle;
  }

  get done(): boolean {
    return this.#writing.sink.done && this.#measuring.sink.done;
  }

  get needBytes(): number {
    return Math.max(this.#writing.sink.needBytes ?? 0, this.#measuring.sink.needBytes ?? 0);
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const written = this.#feedOne(this.#writing, bytes, start, end);
    const measured = this.#feedOne(this.#measuring, bytes, start, end);
    const next = Math.min(written, measured);
    this.#writing.ahead = written - next;
    this.#measuring.ahead = measured - next;
    this.bytes += next - start;
    return next;
  }

  #feedOne({ sink, ahead }: Reader, bytes: Uint8Array, start: number, end: number): number {
    let at = start + ahead;
    while (!sink.done && at < end) {
      const next = sink.feed(bytes, at, end);
      // It may have stopped only because there was no room.
      this.#settle();
      if (next === at) break;
      at = next;
    }
    return at;
  }
}

interface Reader {
  readonly sink: ValueSink;
  /** Bytes it has taken that the other has not. */
  ahead: number;
}
