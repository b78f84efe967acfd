/**
 * Stands between decoder and handler: remembers what is told of the file as a whole, and, where damaged
 * entries are to be skipped, keeps one key's error from ending the snapshot.
 */
import { ReplicantError } from '../errors.js';
import { showKey } from '../keyspace/words.js';
import type { Dialect } from '../rdb/dialect.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { DuplicateGuard } from './duplicate-guard.js';

export class HandlerTap implements RdbHandler {
  dialect: Dialect = 'redis';
  version = 0;
  checksum: Checksum | undefined;
  readonly #handler: RdbHandler;
  readonly #skip: boolean;
  readonly #onLost: (error: ReplicantError) => void;
  readonly #duplicates: DuplicateGuard | undefined;
  #large: SalvagingSink | undefined;
  /** The large value being passed over is a duplicate: the handler knows nothing of it. */
  #passing = false;

  /** `duplicates`: look for keys that come twice. */
  constructor(
    handler: RdbHandler,
    skip: boolean,
    onLost: (error: ReplicantError) => void,
    duplicates?: DuplicateGuard,
  ) {
    this.#handler = handler;
    this.#skip = skip;
    this.#onLost = onLost;
    this.#duplicates = duplicates;
  }

  begin(dialect: Dialect, version: number): void {
    this.dialect = dialect;
    this.version = version;
    this.#handler.begin(dialect, version);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.#duplicates?.aux(name);
    this.#handler.aux(name, value);
  }

  selectDb(db: number): void {
    this.#handler.selectDb(db);
  }

  sizeHint(keys: number, withExpiry: number): void {
    this.#handler.sizeHint(keys, withExpiry);
  }

  functionLibrary(source: Uint8Array): void {
    this.#handler.functionLibrary(source);
  }

  moduleAux(payload: Uint8Array): void {
    this.#handler.moduleAux(payload);
  }

  entry(entry: RdbEntry): boolean {
    if (this.#isDuplicate(entry)) return true;
    if (!this.#skip) return this.#handler.entry(entry);
    try {
      return this.#handler.entry(entry);
    } catch (error) {
      this.#onLost(lostEntry(error, entry));
      return true;
    }
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.#passing = this.#isDuplicate(entry);
    if (this.#passing) return new ValueSkipper(entry.type);
    const sink = this.#handler.largeValue(entry);
    if (!this.#skip) return sink;
    this.#large = new SalvagingSink(sink, entry);
    return this.#large;
  }

  largeValueEnd(entry: RdbEntry): boolean {
    if (this.#passing) return true;
    const error = this.#large?.error;
    this.#large = undefined;
    if (error === undefined) return this.#handler.largeValueEnd(entry);
    this.#onLost(error);
    return true;
  }

  emptyKey(entry: RdbEntry): void {
    this.#handler.emptyKey(entry);
  }

  end(checksum: Checksum): void {
    this.checksum = checksum;
    this.#handler.end(checksum);
  }

  /** The first of two keys stays; without `skip` the second is an error. */
  #isDuplicate(entry: RdbEntry): boolean {
    const error = this.#duplicates?.check(entry);
    if (error === undefined) return false;
    if (!this.#skip) throw error;
    this.#onLost(error);
    return true;
  }
}

/** Runs a skipper beside the sink: where the sink fails inside a value, the skipper finds its end. */
class SalvagingSink implements ValueSink {
  error: ReplicantError | undefined;
  readonly #sink: ValueSink;
  readonly #skipper: ValueSkipper;
  readonly #entry: RdbEntry;

  constructor(sink: ValueSink, entry: RdbEntry) {
    this.#sink = sink;
    this.#entry = entry;
    this.#skipper = new ValueSkipper(entry.type);
  }

  get done(): boolean {
    return this.error === undefined ? this.#sink.done : this.#skipper.done;
  }

  get needBytes(): number {
    return this.error === undefined ? (this.#sink.needBytes ?? 0) : 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    if (this.error !== undefined) return this.#skipper.feed(bytes, start, end);
    try {
      const next = this.#sink.feed(bytes, start, end);
      // Sinks take whole units, so the skipper can follow them to the byte.
      this.#skipper.feed(bytes, start, next);
      return next;
    } catch (error) {
      this.error = lostEntry(error, this.#entry);
      return this.#skipper.feed(bytes, start, end);
    }
  }
}

/** What went wrong with one key, if it is the input's fault; anything else is thrown on. */
function lostEntry(error: unknown, entry: RdbEntry): ReplicantError {
  if (!(error instanceof ReplicantError) || !error.code.startsWith('RDB_')) throw error;
  const { db, offset, keyBytes, keyStart, keyEnd } = entry;
  const key = showKey(keyBytes.subarray(keyStart, keyEnd));
  const place = { ...error.place, offset, db, key };
  return new ReplicantError(error.code, error.message, { place, hint: error.hint, cause: error.cause });
}
