/**
 * Turns a decoded snapshot into writes: what the file decoder tells goes into the pipeline to the target.
 *
 * A key goes as RESTORE with the source's own bytes where the target takes the type; otherwise, and when
 * the value is too large to be held whole, as commands in bounded batches. Keys that had expired by the
 * source's clock are dropped and counted. The decoder is asked to pause when enough is in flight.
 */
import type { Crc64 } from '../bytes/crc64.js';
import { heldKeyDeadline, type HoldPolicy } from '../convert/held-deadline.js';
import { ValueToCommands, type ValueLosses } from '../convert/value-to-commands.js';
import { ReplicantError } from '../errors.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { KeyMap } from '../keyspace/key-map.js';
import { type KeyNames, keyNames } from '../keyspace/key-names.js';
import { libraryName } from '../keyspace/library-name.js';
import { bytesOf, showKey } from '../keyspace/words.js';
import type { Dialect } from '../rdb/dialect.js';
import { lacksModule, moduleTypeName } from '../rdb/encode/module-home.js';
import { LOSS_TEXTS, remarkableLosses } from '../rdb/encode/losses.js';
import { ValueConverter } from '../rdb/encode/value-converter.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { atLeast, formatServer } from '../rdb/server-support.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import { ValueDecoder } from '../rdb/value-decoder.js';
import { describeType, valueTypes } from '../rdb/value-types.js';
import type { Capabilities } from '../target/capabilities.js';
import type { KeySet } from '../target/key-set.js';
import type { KeyOutlet } from '../target/outlet.js';
import type { Pipeline } from '../target/pipeline.js';
import { RestoreWriter } from '../target/restore-writer.js';
import { StringBatch } from '../target/string-batch.js';
import type { ValueKind } from './options.js';
import { noSuchDatabase } from './refusal.js';
import { parseVersion } from './server-info.js';
import type { Tally } from './tally.js';

export interface SnapshotWriterOptions {
  readonly out: KeyOutlet;
  /** False for a key that is another shard's. */
  readonly ownsKey?: ((bytes: Uint8Array, start: number, end: number) => boolean) | undefined;
  readonly crc: Crc64;
  readonly capabilities: Capabilities;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly keyMap?: KeyMap | undefined;
  readonly tally: Tally;
  readonly targetDatabases: number;
  /** Keys may stand on the target already: an expired one must then be removed there. */
  readonly targetHasKeys: boolean;
  /** One that can't be carried, or not all of it: report and go on, or throw. `type`: of the value. */
  readonly onUnsupported: (error: ReplicantError, type: string) => void;
  /** The difference between the source's clock and ours, in ms; undefined when it would not tell. */
  readonly clockOffsetMs: number | undefined;
  /** Keys before this offset of the file are on the target already. */
  readonly skipBefore?: number;
  /** What the target is kept from expiring; then keys past their time are carried too, as to any replica. */
  readonly hold?: HoldPolicy | undefined;
  /** Told of the scripts that the source has cached. */
  readonly onScript?: ((body: Uint8Array) => void) | undefined;
  /** Told of every key that is carried, so that the others can be removed. */
  readonly present?: Presence | undefined;
  /** Told how a key has been written, all of it or what the target can hold of it. */
  readonly onWritten?: ((way: WrittenAs) => void) | undefined;
}

interface Way {
  readonly out: Pipeline;
  readonly restore: RestoreWriter;
  readonly strings: StringBatch;
}

/** In an MSET with others; its own bytes; those of an older form; commands. */
export type WrittenAs = 'batched' | 'as is' | 'converted' | 'commands';

/** What a snapshot has. */
export interface Presence {
  readonly keys: KeySet;
  readonly libraries: Set<string>;
}

const SELECT = bytesOf('SELECT');
const UNLINK = bytesOf('UNLINK');
const DEL = bytesOf('DEL');
const PIECE_BYTES = 256 * 1024;
/** From this type on a hash's form has deadlines of fields, in either dialect. */
const FIRST_HASH_WITH_TTLS = 22;

export class SnapshotWriter implements RdbHandler {
  /** Facts the file brought along. */
  dialect: Dialect = 'redis';
  version = 0;
  /** The database in force where the command stream starts (AUX repl-stream-db). */
  streamDb = 0;
  keysHint = 0;
  checksum: Checksum | undefined;
  /** The database selected on the target's connection; -1: none yet. */
  targetDb = -1;

  readonly #o: SnapshotWriterOptions;
  readonly #names: KeyNames;
  readonly #ways: readonly Way[];
  /** The one that the key at hand goes. */
  #way: Way;
  #db = 0;
  #carryDb = true;
  /** Of the database at hand. */
  #keyMap: KeyMap | undefined;
  #accepts: readonly boolean[] = [];
  #nowMs = 0;
  #snapshotTimeMs = 0;
  #absoluteTtls = false;
  #large: LargeValue | undefined;
  #converter: ValueConverter | undefined;
  /** Types by their numbers as the target reads them. */
  readonly #targetTypes: ReturnType<typeof valueTypes>;

  constructor(options: SnapshotWriterOptions) {
    this.#o = options;
    const { restoreReplace, restoreAbsttl, keyMetadata, has } = options.capabilities;
    const manyAtOnce = options.out.pipelineOf === undefined && has('MSET');
    const words = { replace: restoreReplace, absttl: restoreAbsttl, keyMeta: keyMetadata };
    this.#ways = options.out.pipelines.map((out) => ({
      out,
      restore: new RestoreWriter(out, options.crc, words),
      strings: new StringBatch(out, manyAtOnce ? undefined : 1),
    }));
    this.#way = this.#ways[0]!;
    this.#targetTypes = valueTypes(options.capabilities.server.family);
    this.#names = keyNames(options.dbMap, options.keyMap);
    this.selectDb(0);
  }

  /** The source's stream has relative times: it is older than 7.0. Before 3.2 it does not say its version. */
  get writesRelativeTtls(): boolean {
    return !this.#absoluteTtls;
  }

  /** To be told after each batch of bytes, before they move: writes out what is gathered. */
  flush(): void {
    for (const { strings } of this.#ways) strings.flush();
  }

  /** To be told before each batch of bytes; `localNowMs` is our own clock. */
  tick(localNowMs: number): void {
    const { clockOffsetMs } = this.#o;
    this.#nowMs = clockOffsetMs === undefined ? this.#snapshotTimeMs : localNowMs + clockOffsetMs;
  }

  begin(dialect: Dialect, version: number): void {
    this.dialect = dialect;
    this.version = version;
    const { capabilities } = this.#o;
    this.#accepts = Array.from({ length: 256 }, (_, id) => capabilities.acceptsType(id, dialect));
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    switch (text(name)) {
      case 'repl-stream-db':
        this.streamDb = Number(text(value));
        return;
      case 'ctime':
        this.#snapshotTimeMs = Number(text(value)) * 1000;
        // Keys may follow in the same batch of bytes.
        if (this.#o.clockOffsetMs === undefined) this.#nowMs = this.#snapshotTimeMs;
        return;
      case 'redis-ver':
        this.#absoluteTtls = atLeast(parseVersion(text(value)), 7);
        return;
      case 'valkey-ver':
        this.#absoluteTtls = true;
        return;
      case 'lua':
        this.#o.onScript?.(value);
        this.#everywhere([bytesOf('SCRIPT'), bytesOf('LOAD'), value]);
        return;
      default:
    }
  }

  selectDb(db: number): void {
    this.#db = db;
    this.#carryDb = this.#o.filter.matchesDb(db);
    this.#keyMap = this.#names.of(db);
  }

  sizeHint(keys: number): void {
    if (this.#carryDb) this.keysHint += keys;
  }

  functionLibrary(source: Uint8Array): void {
    const name = libraryName(source);
    if (name !== undefined) this.#o.present?.libraries.add(name);
    if (this.#o.capabilities.functions) {
      this.#everywhere([bytesOf('FUNCTION'), bytesOf('LOAD'), bytesOf('REPLACE'), source]);
      return;
    }
    this.#o.onUnsupported(
      new ReplicantError('RDB_UNSUPPORTED', 'a function library, which this target has no place for', {
        hint: 'functions need Redis 7.0 or Valkey on the target',
      }),
      'function',
    );
  }

  /** Modules keep such data for themselves; no command carries it to another server. */
  moduleAux(): void {}

  entry(told: RdbEntry): boolean {
    const entry = this.#begins(told);
    if (entry === undefined) return true;
    const { out } = this.#o;
    if (this.#way.strings.add(entry)) {
      this.#written('batched');
      return !out.blocked;
    }
    if (entry.type.kind === 'module' && this.#lacksModule(entry)) return !out.blocked;
    if (this.#accepts[entry.type.id] === true && !this.#holdsFields(entry)) {
      if (entry.keyMeta !== undefined) this.#checkMetadata(entry);
      this.#way.restore.write(entry, this.#nowMs, this.#deadline(entry));
      this.#written('as is');
    } else {
      this.#writeOtherwise(entry);
    }
    return !out.blocked;
  }

  largeValue(told: RdbEntry): ValueSink {
    const entry = this.#begins(told);
    if (entry === undefined) return new ValueSkipper(told.type);
    this.#large = new LargeValue(entry, this.dialect, this.#o, this.#way.out);
    return this.#large;
  }

  /**
   * For a large value that is told element by element, and not as it stands in a file: what makes commands of
   * it, or undefined when the key is not wanted.
   */
  largeCommands(told: RdbEntry): ValueToCommands | undefined {
    const entry = this.#begins(told);
    if (entry === undefined) return undefined;
    const { capabilities, hold } = this.#o;
    const { out } = this.#way;
    return new ValueToCommands(
      { key: keyOf(entry), expiresAtMs: entry.expiresAtMs, abilities: capabilities, hold },
      (args) => out.command(args),
    );
  }

  /** All of it has been told. */
  largeCommandsEnd(entry: RdbEntry, commands: ValueToCommands): void {
    this.#losses(entry, commands.finish());
    this.#written('commands');
  }

  largeValueEnd(entry: RdbEntry): boolean {
    if (this.#large !== undefined) {
      this.#losses(entry, this.#large.finish());
      this.#written('commands');
      this.#large = undefined;
    }
    return !this.#o.out.blocked;
  }

  emptyKey(): void {
    this.#o.tally.emptyKeys++;
  }

  end(checksum: Checksum): void {
    this.checksum = checksum;
  }

  /** Nothing is half written: a position may be noted. */
  get between(): boolean {
    return this.#large === undefined;
  }

  /** The key as the target is to have it, which stands ready for it; undefined: it is not to be written. */
  #begins(told: RdbEntry): RdbEntry | undefined {
    if (!this.#wanted(told)) return undefined;
    const entry = this.#named(told);
    const { dbMap, hold, present, skipBefore = 0 } = this.#o;
    present?.keys.add(dbMap.toTarget(this.#db), entry.keyBytes, entry.keyStart, entry.keyEnd);
    if (entry.offset < skipBefore) return undefined;
    const { pipelineOf } = this.#o.out;
    if (pipelineOf !== undefined)
      this.#way = this.#ways[pipelineOf(entry.keyBytes, entry.keyStart, entry.keyEnd)]!;
    if (hold === undefined && entry.expiresAtMs >= 0 && entry.expiresAtMs < this.#nowMs) {
      this.#expired(entry);
      return undefined;
    }
    this.#select();
    this.#way.out.near(entry.offset);
    return entry;
  }

  #everywhere(args: readonly Uint8Array[]): void {
    for (const { out } of this.#ways) {
      out.near(0);
      out.command(args);
    }
  }

  #named(entry: RdbEntry): RdbEntry {
    const key = this.#keyMap?.map(entry.keyBytes, entry.keyStart, entry.keyEnd);
    return key === undefined ? entry : { ...entry, keyBytes: key, keyStart: 0, keyEnd: key.length };
  }

  #deadline({ expiresAtMs }: RdbEntry): number {
    const { hold } = this.#o;
    return hold === undefined || expiresAtMs < 0 ? expiresAtMs : heldKeyDeadline(expiresAtMs, hold);
  }

  /** Deadlines of fields stand inside the payload, where they can't be held back. */
  #holdsFields({ type }: RdbEntry): boolean {
    return this.#o.hold !== undefined && type.kind === 'hash' && type.id >= FIRST_HASH_WITH_TTLS;
  }

  #wanted(entry: RdbEntry): boolean {
    const { filter, tally } = this.#o;
    if (this.#o.ownsKey?.(entry.keyBytes, entry.keyStart, entry.keyEnd) === false) return false;
    const wanted =
      this.#carryDb &&
      (!filter.keysActive || filter.matchesKey(entry.keyBytes, entry.keyStart, entry.keyEnd)) &&
      (!filter.kindsActive || filter.matchesKind(kindOf(entry)));
    if (!wanted) tally.filteredKeys++;
    return wanted;
  }

  #expired(entry: RdbEntry): void {
    this.#o.tally.expiredKeys++;
    if (!this.#o.targetHasKeys) return;
    this.#select();
    this.#way.out.command([this.#o.capabilities.unlink ? UNLINK : DEL, keyOf(entry)]);
  }

  #select(): void {
    const db = this.#o.dbMap.toTarget(this.#db);
    if (db === this.targetDb) return;
    // Each connection of a cluster stands in the only database there is.
    if (db === 0 && this.#o.out.pipelineOf !== undefined) {
      this.targetDb = 0;
      return;
    }
    if (db >= this.#o.targetDatabases) throw noSuchDatabase(this.#o.targetDatabases, db, this.#db);
    this.#way.strings.flush();
    this.#way.out.command([SELECT, bytesOf(String(db))]);
    this.targetDb = db;
  }

  /** The target does not take the type: in an older form that says the same, or else as commands. */
  #writeOtherwise(entry: RdbEntry): void {
    if (!this.#holdsFields(entry) && this.#writeConverted(entry)) return;
    this.#writeAsCommands(entry);
  }

  #writeConverted(entry: RdbEntry): boolean {
    const { type, bytes, valueStart, valueEnd } = entry;
    this.#converter ??= new ValueConverter(this.#o.capabilities.server, { compress: true });
    const made = this.#converter.convert(type, this.dialect, bytes, valueStart, valueEnd);
    if (made.kind === 'empty') {
      this.#o.tally.emptyKeys++;
      return true;
    }
    if (made.kind !== 'converted') return false;
    const to = this.#targetTypes[made.type];
    const lost = remarkableLosses(made.losses);
    // Of a stream commands keep less.
    if (to === undefined || (lost.length > 0 && type.kind !== 'stream')) return false;
    const whole = { ...entry, type: to, bytes: made.bytes, valueStart: 0, valueEnd: made.bytes.length };
    this.#way.restore.write({ ...whole, keyMeta: undefined }, this.#nowMs, this.#deadline(entry));
    this.#written('converted');
    if (entry.keyMeta !== undefined) this.#checkMetadata(entry);
    this.#lost(
      entry,
      lost.map(([kind, count]) => `${count} × ${LOSS_TEXTS[kind]}`),
    );
    return true;
  }

  #writeAsCommands(entry: RdbEntry): void {
    try {
      const value = new LargeValue(entry, this.dialect, this.#o, this.#way.out);
      value.whole(entry.bytes, entry.valueStart, entry.valueEnd);
      this.#losses(entry, value.finish());
      this.#written('commands');
    } catch (error) {
      if (!(error instanceof ReplicantError) || error.code !== 'RDB_UNSUPPORTED') throw error;
      const target = formatServer(this.#o.capabilities.server);
      const place = { offset: entry.offset, db: this.#db, key: showKey(keyOf(entry)) };
      const what = describeType(entry.type.id, this.dialect);
      this.#o.onUnsupported(
        new ReplicantError('RDB_UNSUPPORTED', `the target (${target}) has no place for ${what}`, { place }),
        entry.type.kind,
      );
    }
  }

  #written(way: WrittenAs): void {
    this.#o.tally.keys++;
    this.#o.onWritten?.(way);
  }

  /** Values of a module are known to that module alone, and no command makes them. */
  #lacksModule(entry: RdbEntry): boolean {
    const { server } = this.#o.capabilities;
    const name = moduleTypeName(entry.bytes, entry.valueStart);
    const why = lacksModule(server, name);
    if (why === undefined && this.#accepts[entry.type.id] === true) return false;
    this.#o.onUnsupported(
      new ReplicantError(
        'RDB_UNSUPPORTED',
        `the target (${formatServer(server)}) can't take values of the module type ${name}`,
        {
          place: { offset: entry.offset, db: this.#db, key: showKey(keyOf(entry)) },
          ...(why === undefined ? {} : { hint: why }),
        },
      ),
      name,
    );
    return true;
  }

  #checkMetadata(entry: RdbEntry): void {
    if (this.#o.capabilities.keyMetadata) return;
    this.#o.onUnsupported(
      new ReplicantError(
        'RDB_UNSUPPORTED',
        "the target has no place for the modules' data on this key: left out",
        {
          place: { offset: entry.offset, db: this.#db, key: showKey(keyOf(entry)) },
          hint: 'key metadata needs Redis 8.6 on the target',
        },
      ),
      entry.type.kind,
    );
  }

  #losses(entry: RdbEntry, losses: Readonly<ValueLosses>): void {
    const lost = Object.entries(losses).filter(([, count]) => count > 0);
    this.#lost(
      entry,
      lost.map(([name, count]) => `${count} × ${name}`),
    );
  }

  #lost(entry: RdbEntry, what: readonly string[]): void {
    if (what.length === 0) return;
    this.#o.onUnsupported(
      new ReplicantError(
        'RDB_UNSUPPORTED',
        `the target can't hold all of this value: ${what.join(', ')} left out`,
        { place: { offset: entry.offset, db: this.#db, key: showKey(keyOf(entry)) } },
      ),
      entry.type.kind,
    );
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

/** Arrays (Redis 8.8) are filtered like module values: neither has a kind of its own. */
function kindOf({ type }: RdbEntry): ValueKind {
  return type.kind === 'array' ? 'module' : type.kind;
}

function keyOf(entry: RdbEntry): Uint8Array {
  return entry.keyBytes.subarray(entry.keyStart, entry.keyEnd);
}

/** A value on its way to the target as commands, in pieces small enough to stop between them. */
class LargeValue implements ValueSink {
  readonly #out: Pipeline;
  readonly #decoder: ValueDecoder;
  readonly #commands: ValueToCommands;

  constructor(entry: RdbEntry, dialect: Dialect, options: SnapshotWriterOptions, out: Pipeline) {
    const { capabilities, hold } = options;
    this.#out = out;
    this.#commands = new ValueToCommands(
      { key: keyOf(entry), expiresAtMs: entry.expiresAtMs, abilities: capabilities, hold },
      (args) => out.command(args),
    );
    this.#decoder = new ValueDecoder(entry.type.id, dialect, this.#commands);
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  get needBytes(): number {
    return this.#decoder.needBytes;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (!this.#decoder.done && !this.#out.blocked && at < end) {
      const piece = Math.max(PIECE_BYTES, this.#decoder.needBytes);
      const next = this.#decoder.feed(bytes, at, Math.min(end, at + piece));
      if (next === at) break;
      at = next;
    }
    return at;
  }

  whole(bytes: Uint8Array, start: number, end: number): void {
    this.#decoder.feed(bytes, start, end);
    if (!this.#decoder.done)
      throw new ReplicantError('RDB_CORRUPT', 'a value that is shorter than what is in it', {
        place: { offset: start },
      });
  }

  finish(): Readonly<ValueLosses> {
    return this.#commands.finish();
  }
}
