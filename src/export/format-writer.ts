/** What every export format is to the engine. */
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, ValueSink } from '../rdb/handler.js';
import type { ServerIdentity } from '../rdb/server-support.js';

/** What is known of a source before its first key. */
export interface SourceFacts {
  readonly dialect: Dialect;
  /** Who wrote it, by its AUX fields or else by the version of the format. */
  readonly server: ServerIdentity;
}

/** `db` is the database in the output, which may be another than the source's. */
export interface FormatWriter {
  /** A source begins; what comes before its first key has been read, `aux` of it told. */
  begin(facts: SourceFacts): void;
  aux?(name: Uint8Array, value: Uint8Array): void;
  functionLibrary?(source: Uint8Array): void;
  moduleAux?(payload: Uint8Array): void;
  /** A key with its value in memory. When this throws, the key's output is taken back. */
  entry(entry: RdbEntry, db: number): void;
  /** A key whose value comes in pieces. */
  openLarge(entry: RdbEntry, db: number): LargeValueWriter;
  /** Commands of an AOF follow its snapshot, or a file of it begins. Only formats of commands take them. */
  commandsBegin?(): void;
  commands?(bytes: Uint8Array, start: number, end: number): void;
  /** All sources are through. */
  finish(): void;
}

export interface LargeValueWriter extends ValueSink {
  /** The value is complete. */
  end(entry: RdbEntry): void;
  /** It will not be completed: leave the output well-formed. */
  abandon(): void;
}
