/** Sinks for values too large to be held, between the decoder and a file. */
import { ByteWindow } from '../bytes/window.js';
import { ReplicantError } from '../errors.js';
import type { ByteWriter } from '../rdb/encode/byte-writer.js';
import type { WriterMark } from '../rdb/encode/file-writer.js';
import type { Spool } from '../rdb/encode/large-converters.js';
import type { ValueSink } from '../rdb/handler.js';
import type { Limits } from '../rdb/limits.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { ValueType } from '../rdb/value-types.js';
import type { Destination } from './rdb-export-handler.js';
import { Spill } from './spill.js';

const WINDOW_BYTES = 1024 * 1024;

/** Copies the value as it is. */
export class CopySink implements ValueSink {
  readonly #skipper: ValueSkipper;
  readonly #out: ByteWriter;

  constructor(type: ValueType, out: ByteWriter) {
    this.#skipper = new ValueSkipper(type);
    this.#out = out;
  }

  get done(): boolean {
    return this.#skipper.done;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const next = this.#skipper.feed(bytes, start, end);
    this.#out.raw(bytes, start, next);
    return next;
  }
}

/** Tells when the sink behind it fails, before anybody else hears of it. */
export class GuardedSink implements ValueSink {
  readonly #sink: ValueSink;
  readonly #failed: () => void;

  constructor(sink: ValueSink, failed: () => void) {
    this.#sink = sink;
    this.#failed = failed;
  }

  get done(): boolean {
    return this.#sink.done;
  }

  get needBytes(): number {
    return this.#sink.needBytes ?? 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    try {
      return this.#sink.feed(bytes, start, end);
    } catch (error) {
      this.#failed();
      throw error;
    }
  }
}

/** Puts a value aside until its size is known, then gives it to the sink that is opened for that size. */
export class GatedSink implements ValueSink {
  readonly #skipper: ValueSkipper;
  readonly #limits: Limits;
  readonly #open: (bytes: number) => ValueSink | undefined;
  readonly #aside = new Spill();

  constructor(type: ValueType, limits: Limits, open: (bytes: number) => ValueSink | undefined) {
    this.#skipper = new ValueSkipper(type);
    this.#limits = limits;
    this.#open = open;
  }

  get done(): boolean {
    return this.#skipper.done;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const next = this.#skipper.feed(bytes, start, end);
    if (next > start) this.#aside.append(bytes, start, next);
    if (this.#skipper.done) this.#release();
    return next;
  }

  #release(): void {
    const sink = this.#open(this.#aside.size);
    if (sink === undefined) {
      this.#aside.clear();
      return;
    }
    const window = new ByteWindow(new Uint8Array(WINDOW_BYTES));
    this.#aside.empty((bytes, start, end) => {
      window.append(bytes, start, end);
      window.take(sink.feed(window.bytes, window.start, window.end));
      if (window.length > this.#limits.maxElementBytes) throw tooLarge();
    });
    if (!sink.done) throw new ReplicantError('RDB_CORRUPT', 'a value that is shorter than what is in it');
  }
}

function tooLarge(): ReplicantError {
  return new ReplicantError('RDB_LIMIT', 'an element larger than can be held');
}

/** A large value under way to a file. */
export interface OpenValue {
  readonly destination: Destination;
  readonly mark: WriterMark;
  /** What was left out, in words. */
  readonly losses: () => string;
}

/** A value that could not be read to its end leaves no trace. */
export function takeBack({ destination: { writer, output }, mark }: OpenValue): void {
  writer.rewind(mark);
  if (output.rollback()) return;
  throw new ReplicantError(
    'INCOMPLETE',
    'a large value is damaged, and the part of it that is written cannot be taken back',
    {
      hint: 'write to a file, with -o: there it can',
    },
  );
}

export function openSpool(): Spool {
  const spill = new Spill();
  return {
    write: (bytes) => spill.writeSync(bytes),
    drain: (sink) => spill.empty((bytes, start, end) => sink(bytes.subarray(start, end))),
  };
}
