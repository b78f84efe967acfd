/**
 * Takes what a decoder tells of one input after the other and writes the keys that are wanted, each to the
 * file of its shard: as they stand in the source where nothing has to change, converted where the server
 * that the files are for needs it.
 */
import { ReplicantError } from '../errors.js';
import { showKey } from '../keyspace/words.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { keySlot } from '../keyspace/key-slot.js';
import type { Dialect } from '../rdb/dialect.js';
import type { RdbFileWriter } from '../rdb/encode/file-writer.js';
import type { ValueConverter } from '../rdb/encode/value-converter.js';
import type { RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { DEFAULT_LIMITS } from '../rdb/limits.js';
import { formatServer, type RdbFormat } from '../rdb/server-support.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { ValueKind } from '../sync/options.js';
import { noteModule, RdbMetadata } from './rdb-metadata.js';
import { CopySink, GatedSink, GuardedSink, openSpool, type OpenValue, takeBack } from './rdb-large.js';
import type { KeyIndex } from '../keyspace/key-index.js';
import type { RdbOutput } from './rdb-outputs.js';
import { describeLosses, type Loss, type RdbTally } from './rdb-report.js';
import { limitsSize, type Selection, selectsKey, selectsSize } from './selection.js';

/** One file under way. */
export interface Destination {
  readonly writer: RdbFileWriter;
  readonly output: RdbOutput;
}

export type Duplicates = 'fail' | 'first' | 'last';

export interface HandlerOptions {
  readonly filter: KeyFilter;
  readonly selection: Selection;
  readonly dbMap: DbMap;
  /** undefined: values stay as they are. */
  readonly converter: ValueConverter | undefined;
  readonly tally: RdbTally;
  /** undefined: no key can come twice. */
  readonly index: KeyIndex | undefined;
  readonly duplicates: Duplicates;
  /** Slot → destination; undefined: there is one. */
  readonly slots: Int16Array | undefined;
  /** Servers of a cluster with one database only. */
  readonly onlyDatabase0: boolean;
  /** Hints of the source hold for the result: nothing is left out or moved. */
  readonly keepsHints: boolean;
  /** Opens the files, when the first input's format is known; later: checks that the input fits. */
  readonly open: (format: RdbFormat) => readonly Destination[];
  readonly nowMs: () => number;
}

export class RdbExportHandler implements RdbHandler {
  /** Keys written of the current input. */
  keys = 0;
  readonly #o: HandlerOptions;
  readonly #metadata: RdbMetadata;
  #destinations: readonly Destination[] = [];
  #label = '';
  #input = 0;
  #dialect: Dialect = 'redis';
  #db = 0;
  #carryDb = true;
  #large: OpenValue | undefined;

  constructor(options: HandlerOptions) {
    this.#o = options;
    this.#metadata = new RdbMetadata(options);
  }

  /** The next input; `index` is its place on the command line. */
  nextInput(label: string, index: number): void {
    this.#label = label;
    this.#input = index;
    this.#db = 0;
    this.#carryDb = this.#o.filter.matchesDb(0);
    this.keys = 0;
  }

  /** The input has ended, perhaps in the middle of a value. */
  endInput(): void {
    this.#dropOpen();
  }

  begin(dialect: Dialect, version: number): void {
    this.#dialect = dialect;
    this.#destinations = this.#o.open({ dialect, version });
    this.#metadata.begin(this.#label, this.#destinations);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.#metadata.aux(name, value);
  }

  selectDb(db: number): void {
    this.#db = db;
    this.#carryDb = this.#o.filter.matchesDb(db);
  }

  sizeHint(keys: number, withExpiry: number): void {
    if (!this.#o.keepsHints) return;
    const { writer } = this.#destinations[0]!;
    writer.selectDb(this.#db);
    writer.sizeHint(keys, withExpiry);
  }

  functionLibrary(source: Uint8Array): void {
    this.#metadata.functionLibrary(source);
  }

  moduleAux(record: Uint8Array): void {
    this.#metadata.moduleAux(record);
  }

  entry(entry: RdbEntry): boolean {
    this.#dropOpen();
    this.#metadata.keyPassed(false);
    const { selection, tally } = this.#o;
    if (!this.#wanted(entry) || !selectsSize(selection, entry.valueEnd - entry.valueStart)) {
      tally.filtered++;
      return true;
    }
    this.#write(entry);
    return true;
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.#dropOpen();
    this.#metadata.keyPassed(false);
    const { selection, tally } = this.#o;
    if (!this.#wanted(entry)) {
      tally.filtered++;
      return new ValueSkipper(entry.type);
    }
    if (!limitsSize(selection)) return this.#openLarge(entry) ?? new ValueSkipper(entry.type);
    return new GatedSink(entry.type, DEFAULT_LIMITS, (bytes) => {
      if (selectsSize(selection, bytes)) return this.#openLarge(entry);
      tally.filtered++;
      return undefined;
    });
  }

  largeValueEnd(entry: RdbEntry): boolean {
    const large = this.#large;
    this.#large = undefined;
    if (large === undefined) return true;
    large.destination.output.release();
    this.keys++;
    this.#metadata.keyPassed(true);
    const losses = large.losses();
    if (losses !== '') this.#lose(entry, 'changed', `${losses} left out`);
    return true;
  }

  emptyKey(): void {
    this.#metadata.keyPassed(false);
    this.#o.tally.empty++;
  }

  /** The files end when all inputs have been read. */
  end(): void {}

  /** A value whose end was never told was damaged. */
  #dropOpen(): void {
    const large = this.#large;
    if (large === undefined) return;
    this.#large = undefined;
    takeBack(large);
  }

  #wanted(entry: RdbEntry): boolean {
    const { filter, selection } = this.#o;
    return (
      this.#carryDb &&
      (!filter.keysActive || filter.matchesKey(entry.keyBytes, entry.keyStart, entry.keyEnd)) &&
      (!filter.kindsActive || filter.matchesKind(kindOf(entry))) &&
      selectsKey(selection, entry, this.#metadata.snapshotTimeMs)
    );
  }

  #write(entry: RdbEntry): void {
    const { converter, tally } = this.#o;
    const { bytes, valueStart, valueEnd, type } = entry;
    const result = converter?.convert(type, this.#dialect, bytes, valueStart, valueEnd);
    if (result?.kind === 'unsupported') {
      this.#unsupported(entry, result.why);
      return;
    }
    if (result?.kind === 'empty') {
      tally.empty++;
      return;
    }
    const to = this.#placeFor(entry);
    if (to === undefined) return;
    noteModule(entry, tally, converter?.server);
    const db = this.#o.dbMap.toTarget(this.#db);
    if (result === undefined || result.kind === 'same') {
      to.writer.entry(db, entry, type.id, bytes, valueStart, valueEnd);
    } else {
      to.writer.entry(db, entry, result.type, result.bytes, 0, result.bytes.length);
      tally.converted++;
      const losses = describeLosses(result.losses);
      if (losses !== '') this.#lose(entry, 'changed', `${losses} left out`);
    }
    this.#checkMetadata(entry, to);
    this.keys++;
    this.#metadata.keyPassed(true);
  }

  /** undefined: the value is not to be written. */
  #openLarge(entry: RdbEntry): ValueSink | undefined {
    const { converter, tally, dbMap } = this.#o;
    const route = converter?.route(entry.type, this.#dialect);
    if (route?.via === 'nothing') {
      this.#unsupported(entry, route.why);
      return undefined;
    }
    const to = this.#placeFor(entry);
    if (to === undefined) return undefined;
    const mark = to.writer.mark();
    to.output.hold();
    const out = to.writer.body;
    const conversion = converter?.large(entry.type, this.#dialect, out, openSpool);
    to.writer.openEntry(dbMap.toTarget(this.#db), entry, conversion?.type ?? entry.type.id);
    this.#checkMetadata(entry, to);
    if (conversion !== undefined) tally.converted++;
    const open: OpenValue = {
      destination: to,
      mark,
      losses: () => (conversion === undefined ? '' : describeLosses(conversion.losses)),
    };
    this.#large = open;
    return new GuardedSink(conversion?.sink ?? new CopySink(entry.type, out), () => {
      this.#large = undefined;
      takeBack(open);
    });
  }

  /** Where the key goes; undefined when it stays out, which is then counted. */
  #placeFor(entry: RdbEntry): Destination | undefined {
    const { slots, index, onlyDatabase0, dbMap } = this.#o;
    const { keyBytes, keyStart, keyEnd } = entry;
    const db = dbMap.toTarget(this.#db);
    if (onlyDatabase0 && db !== 0) throw noSuchDatabase(db, this.#placeOf(entry));
    let shard = 0;
    if (slots !== undefined) {
      const slot = keySlot(keyBytes, keyStart, keyEnd);
      shard = slots[slot]!;
      if (shard < 0) {
        this.#lose(entry, 'dropped', `no node has its slot, ${slot}`);
        return undefined;
      }
    }
    if (index !== undefined) {
      const origin = index.add(db, keyBytes, keyStart, keyEnd, this.#input);
      if (origin >= 0) {
        this.#duplicate(entry, origin === this.#input);
        return undefined;
      }
    }
    return this.#destinations[shard];
  }

  #duplicate(entry: RdbEntry, sameInput: boolean): void {
    const { duplicates, tally } = this.#o;
    const where = sameInput ? 'comes twice in this input' : 'is in several inputs';
    if (duplicates === 'fail') {
      throw new ReplicantError('USAGE', `a key ${where}`, {
        place: this.#placeOf(entry),
        hint: 'say which one is to be kept: --duplicates first or --duplicates last',
      });
    }
    if (duplicates === 'last' && sameInput) {
      throw new ReplicantError(
        'USAGE',
        `a key ${where}, where the last one can't be told from the first in time`,
        {
          place: this.#placeOf(entry),
          hint: 'use --duplicates first, or keep its databases apart with --map-db',
        },
      );
    }
    tally.duplicates++;
  }

  #unsupported(entry: RdbEntry, why: string): void {
    const { converter } = this.#o;
    this.#lose(
      entry,
      'dropped',
      `${converter === undefined ? '' : `${formatServer(converter.server)}: `}${why}`,
    );
  }

  #checkMetadata(entry: RdbEntry, { writer }: Destination): void {
    if (entry.keyMeta === undefined || writer.takesKeyMeta) return;
    this.#lose(entry, 'changed', "the modules' data on this key left out: they need Redis 8.6");
  }

  #placeOf(entry: RdbEntry): { at: string; offset: number; db: number; key: string } {
    const key = showKey(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd));
    return { at: this.#label, offset: entry.offset, db: this.#db, key };
  }

  #lose(entry: RdbEntry, what: Loss['what'], why: string): void {
    const { db, key } = this.#placeOf(entry);
    this.#o.tally.lose({ what, input: this.#label, db, key, type: entry.type.kind, why });
  }
}

function noSuchDatabase(
  db: number,
  place: { at: string; offset: number; db: number; key: string },
): ReplicantError {
  return new ReplicantError('USAGE', `a cluster has only database 0, and this key is to go into ${db}`, {
    place,
    hint: `move it with --map-db ${place.db}=0, or leave it out with --include-db 0`,
  });
}

/** Arrays (Redis 8.8) are filtered like module values: neither has a kind of its own. */
function kindOf({ type }: RdbEntry): ValueKind {
  return type.kind === 'array' ? 'module' : type.kind;
}
