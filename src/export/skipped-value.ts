/** A large value of which nothing (more) is written. */
import type { RdbEntry, ValueSink } from '../rdb/handler.js';
import type { LargeValueWriter } from './format-writer.js';

export class SkippedValue implements LargeValueWriter {
  readonly #sink: ValueSink;
  readonly #end: (entry: RdbEntry) => void;

  /** `end` is told when the sink has seen all of the value. */
  constructor(sink: ValueSink, end: (entry: RdbEntry) => void = () => {}) {
    this.#sink = sink;
    this.#end = end;
  }

  get done(): boolean {
    return this.#sink.done;
  }

  get needBytes(): number {
    return this.#sink.needBytes ?? 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    return this.#sink.feed(bytes, start, end);
  }

  end(entry: RdbEntry): void {
    this.#end(entry);
  }

  abandon(): void {}
}
