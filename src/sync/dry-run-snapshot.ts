/**
 * The snapshot of a dry run: goes through the writer of a real sync into nowhere, and what the writer does with
 * each key is counted. Beside it the memory model tells what the key would take on the target.
 */
import type { Crc64 } from '../bytes/crc64.js';
import type { HoldPolicy } from '../convert/held-deadline.js';
import type { ReplicantError } from '../errors.js';
import { databaseTableBytes, MemoryMeter } from '../inspect/memory-model.js';
import { serverProfile } from '../inspect/server-profile.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { KeyMap } from '../keyspace/key-map.js';
import { type KeyNames, keyNames } from '../keyspace/key-names.js';
import { showKey } from '../keyspace/words.js';
import type { Dialect } from '../rdb/dialect.js';
import { encodeDumpPayload, UNIVERSAL_VERSION } from '../rdb/dump-payload.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { moduleTypeName } from '../rdb/encode/module-home.js';
import { KeySet } from '../target/key-set.js';
import { keysTo } from '../target/outlet.js';
import { NowhereOutput } from './dry-run-output.js';
import { TeeSink } from './dry-run-tee.js';
import type { DryRunDatabase, DryRunKeys, DryRunLeftOut, DryRunTotals } from './dry-run-report.js';
import type { Findings } from './examination.js';
import { SnapshotWriter, type WrittenAs } from './snapshot-writer.js';
import { Tally } from './tally.js';

export interface RehearsalOptions {
  readonly findings: Findings;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly keyMap: KeyMap | undefined;
  readonly hold: HoldPolicy | undefined;
  readonly crc: Crc64;
  /** Of the keys by their names on the target, when somebody asks for them. */
  readonly present: NamesSet | undefined;
}

const EXAMPLES = 3;
/** So many different reasons are told apart; what varies by key has no place in them. */
const MOST_REASONS = 200;
const MOST_SHOWN = 1024 * 1024;

/** Counts the names that come twice: one key of the source would overwrite another. */
export class NamesSet extends KeySet {
  collisions = 0;

  override add(db: number, bytes: Uint8Array, from = 0, to: number = bytes.length): boolean {
    const added = super.add(db, bytes, from, to);
    if (!added) this.collisions++;
    return added;
  }
}

interface Counts {
  keys: number;
  bytes: number;
  memoryBytes: number;
  readonly ways: Record<WrittenAs | 'left out', number>;
}

export interface ModuleKeys {
  keys: number;
  /** Of these, left out as known to have no place. */
  leftOut: number;
  /** The first one that is small enough to be shown to the target. */
  payload: Uint8Array | undefined;
  /** Those that would be sent, by database. */
  readonly sent: Map<number, { readonly row: Counts; keys: number; memoryBytes: number; timed: number }>;
  readonly examples: { db: number; key: string }[];
}

interface LeftOut {
  count: number;
  readonly examples: { db: number; key: string }[];
}

export class SnapshotRehearsal implements RdbHandler {
  readonly output: NowhereOutput = new NowhereOutput();
  readonly tally: Tally = new Tally();
  libraries = 0;
  readonly modules: Map<string, ModuleKeys> = new Map();
  readonly #o: RehearsalOptions;
  readonly #names: KeyNames;
  readonly #writer: SnapshotWriter;
  readonly #meter: MemoryMeter;
  /** Database → `type encoding` → counts. */
  readonly #counts = new Map<number, Map<string, Counts>>();
  readonly #leftOut = new Map<string, LeftOut & Omit<DryRunLeftOut, 'count' | 'examples'>>();
  readonly #timed = new Map<number, number>();
  #nowMs = 0;
  #way: WrittenAs | undefined;
  #problems: { readonly error: ReplicantError; readonly type: string }[] = [];
  #filtered = 0;
  #db = 0;
  #expired = 0;
  #renamed = 0;
  #tee: TeeSink | undefined;

  constructor(options: RehearsalOptions) {
    this.#o = options;
    const { findings, filter, dbMap, keyMap, hold, crc, present } = options;
    const { capabilities, clockOffsetMs, targetDatabases, targetHasKeys } = findings;
    this.#names = keyNames(dbMap, keyMap);
    this.#writer = new SnapshotWriter({
      ...{ out: keysTo(this.output.pipeline), tally: this.tally, crc, capabilities, clockOffsetMs },
      ...{ targetDatabases, targetHasKeys, filter, dbMap, keyMap, hold },
      present: present === undefined ? undefined : { keys: present, libraries: new Set() },
      onUnsupported: (error, type) => this.#problems.push({ error, type }),
      onWritten: (way) => {
        this.#way = way;
      },
    });
    const { family, version } = capabilities.server;
    this.#meter = new MemoryMeter(serverProfile({ family, major: version[0], minor: version[1] }));
  }

  /** To be told before each batch of bytes, and after it. */
  beforeBatch(nowMs: number): void {
    const { clockOffsetMs } = this.#o.findings;
    if (clockOffsetMs !== undefined) this.#nowMs = nowMs + clockOffsetMs;
    this.#writer.tick(nowMs);
  }

  afterBatch(): void {
    this.#writer.flush();
    this.output.settle();
  }

  begin(dialect: Dialect, version: number): void {
    this.#writer.begin(dialect, version);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.#writer.aux(name, value);
  }

  selectDb(db: number): void {
    this.#db = db;
    this.#writer.selectDb(db);
  }

  sizeHint(keys: number): void {
    this.#writer.sizeHint(keys);
  }

  functionLibrary(source: Uint8Array): void {
    this.libraries++;
    this.#writer.functionLibrary(source);
    this.#noteProblems('function', false);
  }

  moduleAux(): void {}

  entry(entry: RdbEntry): boolean {
    this.#before();
    this.#writer.entry(entry);
    if (this.#concerns) {
      this.#meter.measure(entry);
      this.#count(entry, entry.valueEnd - entry.valueStart);
    }
    if (this.output.pipeline.blocked) this.output.settle();
    return true;
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.#before();
    const writing = this.#writer.largeValue(entry);
    this.#tee = new TeeSink(writing, this.#meter.open(entry), () => this.output.settle());
    return this.#tee;
  }

  largeValueEnd(entry: RdbEntry): boolean {
    this.#meter.close();
    this.#writer.largeValueEnd(entry);
    if (this.#concerns) this.#count(entry, this.#tee?.bytes ?? 0);
    this.#tee = undefined;
    return true;
  }

  emptyKey(): void {
    this.#writer.emptyKey();
  }

  end(checksum: Checksum): void {
    this.#writer.end(checksum);
  }

  // ---- what has been found ---------------------------------------------------------------------------

  /** By database, what is most first. */
  keys(): DryRunKeys[] {
    return [...this.#counts]
      .flatMap(([db, kinds]) =>
        [...kinds].map(([name, { keys, bytes, memoryBytes, ways }]): DryRunKeys => {
          const [type = '', encoding = ''] = name.split(' ');
          return {
            ...{ db, type, encoding, keys, bytes, memoryBytes },
            ...{ asIs: ways['as is'], batched: ways.batched, converted: ways.converted },
            ...{ asCommands: ways.commands, leftOut: ways['left out'] },
          };
        }),
      )
      .toSorted((a, b) => a.db - b.db || b.bytes - a.bytes);
  }

  databases(): DryRunDatabase[] {
    return [...this.#counts]
      .toSorted(([a], [b]) => a - b)
      .map(([db, kinds]) => {
        const all = [...kinds.values()];
        const keys = sum(all, (one) => one.keys - one.ways['left out']);
        const { profile } = this.#meter;
        const tables =
          databaseTableBytes(keys, profile) + databaseTableBytes(this.#timed.get(db) ?? 0, profile);
        return {
          ...{ db, targetDb: this.#o.dbMap.toTarget(db), keys, bytes: sum(all, (one) => one.bytes) },
          memoryBytes: Math.round(sum(all, (one) => one.memoryBytes) + tables),
        };
      });
  }

  leftOut(): DryRunLeftOut[] {
    return [...this.#leftOut.values()].toSorted((a, b) => b.count - a.count);
  }

  totals(): DryRunTotals {
    const { tally } = this;
    return {
      keys: tally.keys,
      leftOut: sum(this.keys(), (one) => one.leftOut),
      filtered: tally.filteredKeys,
      expired: this.#o.hold === undefined ? tally.expiredKeys : this.#expired,
      expiredCarried: this.#o.hold !== undefined,
      empty: tally.emptyKeys,
      withTtl: sum([...this.#timed.values()], (count) => count),
      renamed: this.#renamed,
      collisions: this.#o.present?.collisions ?? 0,
    };
  }

  get memoryModel(): string {
    return this.#meter.profile.name;
  }

  // ---- counting --------------------------------------------------------------------------------------

  #before(): void {
    this.#way = undefined;
    this.#filtered = this.tally.filteredKeys + this.tally.expiredKeys + this.tally.emptyKeys;
  }

  /** Neither filtered nor gone already. */
  get #concerns(): boolean {
    return this.tally.filteredKeys + this.tally.expiredKeys + this.tally.emptyKeys === this.#filtered;
  }

  #count(entry: RdbEntry, valueBytes: number): void {
    const { type, keyBytes, keyStart, keyEnd, expiresAtMs } = entry;
    const counts = this.#countsOf(`${type.kind} ${this.#meter.encoding}`);
    const way = this.#way;
    counts.keys++;
    counts.bytes += keyEnd - keyStart + valueBytes;
    counts.ways[way ?? 'left out']++;
    if (type.kind === 'module') this.#countModule(entry, counts);
    this.#noteProblems('key', way !== undefined);
    if (way === undefined) return;
    counts.memoryBytes += this.#meter.bytes;
    if (this.#names.of(this.#db)?.map(keyBytes, keyStart, keyEnd) !== undefined) this.#renamed++;
    if (expiresAtMs < 0) return;
    this.#timed.set(this.#db, (this.#timed.get(this.#db) ?? 0) + 1);
    if (expiresAtMs < this.#nowMs) this.#expired++;
  }

  #countsOf(name: string): Counts {
    let kinds = this.#counts.get(this.#db);
    if (kinds === undefined) this.#counts.set(this.#db, (kinds = new Map<string, Counts>()));
    let counts = kinds.get(name);
    if (counts === undefined) {
      counts = { keys: 0, bytes: 0, memoryBytes: 0, ways: { ...NO_WAYS } };
      kinds.set(name, counts);
    }
    return counts;
  }

  #countModule(entry: RdbEntry, row: Counts): void {
    const { type, bytes, valueStart, valueEnd } = entry;
    const name = moduleTypeName(bytes, valueStart);
    const module = this.modules.get(name) ?? {
      ...{ keys: 0, leftOut: 0, payload: undefined, sent: new Map(), examples: [] },
    };
    this.modules.set(name, module);
    module.keys++;
    if (this.#way === undefined) module.leftOut++;
    else this.#countSent(entry, module, row);
    if (module.payload !== undefined || this.#way !== 'as is' || valueEnd - valueStart > MOST_SHOWN) return;
    module.payload = encodeDumpPayload(type.id, bytes.slice(valueStart, valueEnd), UNIVERSAL_VERSION);
  }

  #countSent(
    { keyBytes, keyStart, keyEnd, expiresAtMs }: RdbEntry,
    { sent, examples }: ModuleKeys,
    row: Counts,
  ): void {
    const counts = sent.get(this.#db) ?? { row, keys: 0, memoryBytes: 0, timed: 0 };
    sent.set(this.#db, counts);
    counts.keys++;
    counts.memoryBytes += this.#meter.bytes;
    if (expiresAtMs >= 0) counts.timed++;
    if (examples.length < EXAMPLES)
      examples.push({ db: this.#db, key: showKey(keyBytes.subarray(keyStart, keyEnd)) });
  }

  /** The target would not take values of this type: they are left out. */
  moduleRefused(name: string, why: string): void {
    const module = this.modules.get(name);
    if (module === undefined) return;
    let count = 0;
    for (const [db, { row, keys, memoryBytes, timed }] of module.sent) {
      row.ways['as is'] -= keys;
      row.ways['left out'] += keys;
      row.memoryBytes -= memoryBytes;
      this.#timed.set(db, (this.#timed.get(db) ?? 0) - timed);
      count += keys;
    }
    this.tally.keys -= count;
    const { examples } = module;
    this.#leftOut.set(`${name} ${why}`, { what: 'key', type: name, why, count, inPart: false, examples });
  }

  #noteProblems(what: DryRunLeftOut['what'], inPart: boolean): void {
    for (const { error, type } of this.#problems.splice(0)) {
      const why = error.message.replaceAll(/\d+ × /gu, '');
      const id = `${type} ${inPart} ${why}`;
      let group = this.#leftOut.get(id);
      if (group === undefined) {
        if (this.#leftOut.size >= MOST_REASONS) continue;
        group = { what, type, why, count: 0, inPart, examples: [] };
        this.#leftOut.set(id, group);
      }
      group.count++;
      const { db, key } = error.place;
      if (key !== undefined && group.examples.length < EXAMPLES) group.examples.push({ db: db ?? 0, key });
    }
  }
}

const NO_WAYS: Counts['ways'] = { 'as is': 0, batched: 0, converted: 0, commands: 0, 'left out': 0 };

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
