/** Between a source and a format: filters, the database map, counts, and keys that fail half-way. */
import { ReplicantError } from '../errors.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { showKey } from '../keyspace/words.js';
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { ValueKind } from '../sync/options.js';
import type { FormatWriter, LargeValueWriter } from './format-writer.js';
import type { Output } from './output.js';
import { limitsSize, selectsKey, selectsSize, type Selection } from './selection.js';
import { SourceServer } from './source-server.js';

export interface ExportCounts {
  keys: number;
  filteredKeys: number;
  /** Collections without elements, which servers leave out when they load them. */
  emptyKeys: number;
}

export interface ExportHandlerOptions {
  readonly writer: FormatWriter;
  readonly out: Output;
  readonly filter: KeyFilter;
  readonly selection: Selection;
  readonly dbMap: DbMap;
  readonly counts: ExportCounts;
}

export class ExportHandler implements RdbHandler {
  readonly #o: ExportHandlerOptions;
  readonly #server = new SourceServer();
  readonly #out: Output;
  #begun = false;
  #carryDb = true;
  #db = 0;
  #large: LargeValueWriter | undefined;
  #largeSink: GuardedSink | undefined;
  /** Anything in `selection` at all? */
  readonly #selects: boolean;
  readonly #limitsSize: boolean;

  constructor(options: ExportHandlerOptions) {
    this.#o = options;
    this.#out = options.out;
    this.#selects = Object.values(options.selection).some((one) => one !== undefined);
    this.#limitsSize = limitsSize(options.selection);
    this.#carryDb = options.filter.matchesDb(0);
    this.#db = options.dbMap.toTarget(0);
  }

  begin(dialect: Dialect, version: number): void {
    this.#server.begin(dialect, version);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.#server.aux(name, value);
    this.#o.writer.aux?.(name, value);
  }

  selectDb(db: number): void {
    this.#carryDb = this.#o.filter.matchesDb(db);
    this.#db = this.#o.dbMap.toTarget(db);
  }

  sizeHint(): void {}

  functionLibrary(source: Uint8Array): void {
    this.#beginKeys();
    this.#o.writer.functionLibrary?.(source);
  }

  moduleAux(payload: Uint8Array): void {
    this.#o.writer.moduleAux?.(payload);
  }

  entry(entry: RdbEntry): boolean {
    if (!this.#begun) this.#beginKeys();
    if (!this.#wanted(entry) || (this.#limitsSize && !this.#sizeWanted(entry.valueEnd - entry.valueStart))) {
      return true;
    }
    const out = this.#out;
    out.hold();
    try {
      this.#o.writer.entry(entry, this.#db);
    } catch (error) {
      if (!out.rollback()) this.#cutShort(error);
      throw placed(error, entry);
    }
    out.release();
    this.#o.counts.keys++;
    return !out.waiting;
  }

  largeValue(entry: RdbEntry): ValueSink {
    if (!this.#begun) this.#beginKeys();
    if (!this.#wanted(entry)) return new ValueSkipper(entry.type);
    // Its size shows at its end, so until then it can be taken back.
    if (this.#limitsSize) this.#out.hold();
    this.#large = this.#o.writer.openLarge(entry, this.#db);
    this.#largeSink = new GuardedSink(this.#large, () => this.#abandon());
    return this.#largeSink;
  }

  largeValueEnd(entry: RdbEntry): boolean {
    const large = this.#large;
    this.#large = undefined;
    if (large === undefined) return true;
    large.end(entry);
    if (!this.#limitsSize || this.#sizeWanted(this.#largeSink!.taken)) this.#o.counts.keys++;
    else if (!this.#out.rollback()) throw tooLargeToDecide(entry);
    this.#out.release();
    return !this.#out.waiting;
  }

  emptyKey(): void {
    this.#o.counts.emptyKeys++;
  }

  end(): void {
    this.close();
  }

  /** No more of this source will come, whether or not it has ended. */
  close(): void {
    this.#beginKeys();
    this.#abandon();
  }

  #abandon(): void {
    this.#large?.abandon();
    this.#large = undefined;
  }

  #beginKeys(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#o.writer.begin(this.#server.facts());
  }

  #sizeWanted(bytes: number): boolean {
    if (selectsSize(this.#o.selection, bytes)) return true;
    this.#o.counts.filteredKeys++;
    return false;
  }

  #wanted(entry: RdbEntry): boolean {
    const { filter, selection, counts } = this.#o;
    if (
      this.#carryDb &&
      (!filter.keysActive || filter.matchesKey(entry.keyBytes, entry.keyStart, entry.keyEnd)) &&
      (!filter.kindsActive || filter.matchesKind(kindOf(entry))) &&
      (!this.#selects || selectsKey(selection, entry, this.#server.snapshotTimeMs ?? Date.now()))
    ) {
      return true;
    }
    counts.filteredKeys++;
    return false;
  }

  /** Part of the key is out and cannot be taken back, so nothing can follow it. */
  #cutShort(cause: unknown): never {
    throw new ReplicantError('INCOMPLETE', `part of a damaged key is in the output: ${String(cause)}`, {
      cause,
    });
  }
}

/** A large value that fails half-way is closed before anyone hears of it. */
class GuardedSink implements ValueSink {
  readonly #large: LargeValueWriter;
  readonly #abandon: () => void;
  /** Bytes of the value so far. */
  taken = 0;

  constructor(large: LargeValueWriter, abandon: () => void) {
    this.#large = large;
    this.#abandon = abandon;
  }

  get done(): boolean {
    return this.#large.done;
  }

  get needBytes(): number {
    return this.#large.needBytes ?? 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    try {
      const next = this.#large.feed(bytes, start, end);
      this.taken += next - start;
      return next;
    } catch (error) {
      this.#abandon();
      throw error;
    }
  }
}

/** With limits of size: what was written of a value that is too large cannot be taken back any more. */
function tooLargeToDecide({ db, offset, keyBytes, keyStart, keyEnd }: RdbEntry): ReplicantError {
  return new ReplicantError('RDB_LIMIT', 'this value is too large to be left out by its size', {
    place: { offset, db, key: showKey(keyBytes.subarray(keyStart, keyEnd)) },
    hint: 'leave it out by name with --exclude-key, or filter with -f rdb first',
  });
}

/** Arrays (Redis 8.8) are filtered like module values: neither has a kind of its own. */
function kindOf({ type }: RdbEntry): ValueKind {
  return type.kind === 'array' ? 'module' : type.kind;
}

/** Names the key; positions inside a value mean nothing outside. */
function placed(error: unknown, { db, offset, keyBytes, keyStart, keyEnd }: RdbEntry): unknown {
  if (!(error instanceof ReplicantError) || !error.code.startsWith('RDB_')) return error;
  const place = { ...error.place, offset, db, key: showKey(keyBytes.subarray(keyStart, keyEnd)) };
  return new ReplicantError(error.code, error.message, { place, hint: error.hint, cause: error.cause });
}
