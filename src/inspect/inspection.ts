/**
 * The handler that gathers an `InspectReport` while a snapshot passes by. Memory is bounded whatever the
 * snapshot holds: counts by database, type and encoding, sketches, short lists of the greatest, and parts of
 * keys of which only the large ones are kept.
 */
import { createKeyFilter, type KeyFilter } from '../keyspace/key-filter.js';
import { moduleName } from '../rdb/module-name.js';
import type { Dialect } from '../rdb/dialect.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { lengthAsBigInt, skipLength } from '../rdb/primitives.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { FilterOptions } from '../sync/options.js';
import type { AllocatorName } from './allocator.js';
import { hashOf } from './byte-counter.js';
import { databaseTableBytes, MemoryMeter } from './memory-model.js';
import { PrefixTree } from './prefix-tree.js';
import { binOf, QuantileSketch } from './quantiles.js';
import { RangeHistogram, SizeHistogram } from './ranges.js';
import type {
  InspectReport,
  ReportDatabase,
  ReportEncoding,
  ReportFunctionLibrary,
  ReportKey,
  ReportModel,
  ReportModule,
  ReportType,
} from './report.js';
import { reportText } from './report-text.js';
import {
  type Account,
  formatServerName,
  serverProfile,
  type ServerName,
  type ServerProfile,
} from './server-profile.js';
import { SlotLoad } from './slot-load.js';
import { latin1, SourceWriter } from './source-writer.js';
import { TopList } from './top-list.js';

export interface InspectOptions {
  readonly filter: FilterOptions;
  /** The filter as the report names it. */
  readonly filterWords: readonly string[];
  /** Entries of each list of single keys. */
  readonly top: number;
  /** One key in so many is measured. */
  readonly sampleEvery: number;
  /** undefined: found. '': keys have no parts. */
  readonly separator: string | undefined;
  /** undefined: the one that wrote the file. */
  readonly server: ServerName | undefined;
  readonly allocator: AllocatorName;
  readonly account: Account;
  readonly nowMs: number;
}

/** What the input knows once all of it has been read. */
export interface InspectEnd {
  readonly label: string;
  readonly rdbBytes: number;
  readonly checksum: Checksum | undefined;
  readonly checksumWanted: boolean;
  readonly notes: readonly string[];
}

const TTL_BOUNDS = [0, 60, 3600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400];
const IDLE_BOUNDS = [0, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400];
const LFU_BOUNDS = [0, 1, 2, 5, 10, 20, 50, 100, 200];

class Group {
  keys = 0;
  bytes = 0;
  elements = 0;
  readonly size = new QuantileSketch();
  readonly length = new QuantileSketch();
}

class Database {
  keys = 0;
  bytes = 0;
  withTtl = 0;
}

interface Kept {
  readonly db: number;
  readonly key: Uint8Array;
  readonly type: string;
  readonly encoding: string;
  readonly bytes: number;
  readonly elements: number;
  readonly largest: number | null;
  readonly expiresAtMs: number;
  readonly idleSeconds: number;
  readonly lfuFrequency: number;
}

interface ModuleCount {
  keys: number;
  bytes: number;
  auxRecords: number;
  auxBytes: number;
}

export class Inspection implements RdbHandler {
  readonly #options: InspectOptions;
  readonly #filter: KeyFilter;
  readonly #prefixes: PrefixTree;
  readonly #slots = new SlotLoad();
  readonly #writer = new SourceWriter();
  readonly #aux: { name: string; value: Uint8Array }[] = [];
  #meter: MemoryMeter | undefined;

  readonly #all = new QuantileSketch();
  readonly #sizes = new SizeHistogram();
  readonly #databases = new Map<number, Database>();
  #db: Database | undefined;
  #dbNumber = -1;
  readonly #types = new Map<string, Group>();
  readonly #encodings = new Map<string, Map<string, Group>>();
  #serialized = 0;
  #elements = 0;
  #emptyKeys = 0;
  readonly #byBytes: TopList<Kept>;
  readonly #byElements: TopList<Kept>;
  readonly #coldest: TopList<Kept>;
  readonly #hottest: TopList<Kept>;
  readonly #ttl = new RangeHistogram(TTL_BOUNDS);
  readonly #withTtl = { keys: 0, bytes: 0 };
  readonly #expired = { keys: 0, bytes: 0 };
  readonly #fieldTtl = { keys: 0, fields: 0 };
  readonly #idle = new RangeHistogram(IDLE_BOUNDS);
  #idleKeys = 0;
  readonly #lfu = new RangeHistogram(LFU_BOUNDS);
  #lfuKeys = 0;
  readonly #functions: ReportFunctionLibrary[] = [];
  readonly #modules = new Map<string, ModuleCount>();
  #checksumSeen: Checksum | undefined;
  /** Of the large value under way: whether it is measured, and how much of it has come. */
  #largeWanted = false;
  #largeBytes = 0;

  /** Keys seen, whether measured or not: for progress. */
  keysSeen = 0;

  constructor(options: InspectOptions) {
    this.#options = options;
    this.#filter = createKeyFilter(options.filter);
    this.#prefixes = new PrefixTree(options.separator);
    this.#byBytes = new TopList(options.top);
    this.#byElements = new TopList(options.top);
    this.#coldest = new TopList(options.top);
    this.#hottest = new TopList(options.top);
  }

  begin(dialect: Dialect, version: number): void {
    this.#writer.begin(dialect, version);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.#writer.aux(name, value);
    this.#aux.push({ name: latin1(name), value: value.slice() });
  }

  selectDb(): void {}

  sizeHint(): void {}

  functionLibrary(source: Uint8Array): void {
    const end = source.indexOf(10);
    const first = latin1(source.subarray(0, end < 0 ? Math.min(source.length, 256) : end));
    this.#functions.push({
      name: /\bname=([^\s]+)/u.exec(first)?.[1] ?? '',
      engine: /^#!([^\s]+)/u.exec(first)?.[1] ?? '',
      bytes: source.length,
    });
  }

  moduleAux(payload: Uint8Array): void {
    // The opcode may stand in front of the module id.
    const at = payload[0] === OP_MODULE_AUX ? 1 : 0;
    if (skipLength(payload, at, payload.length) < 0) return;
    const count = this.#module(moduleName(lengthAsBigInt(payload, at)));
    count.auxRecords++;
    count.auxBytes += payload.length;
  }

  entry(entry: RdbEntry): boolean {
    this.keysSeen++;
    if (!this.#wanted(entry)) return true;
    const meter = (this.#meter ??= this.#makeMeter());
    meter.measure(entry);
    this.#count(entry, meter, entry.valueEnd - entry.valueStart);
    return true;
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.keysSeen++;
    this.#largeWanted = this.#wanted(entry);
    this.#largeBytes = 0;
    const inner: ValueSink = this.#largeWanted
      ? (this.#meter ??= this.#makeMeter()).open(entry)
      : new ValueSkipper(entry.type);
    const count = (bytes: number): number => (this.#largeBytes += bytes);
    return {
      feed(bytes, start, end) {
        const next = inner.feed(bytes, start, end);
        count(next - start);
        return next;
      },
      get done() {
        return inner.done;
      },
      get needBytes() {
        return inner.needBytes ?? 0;
      },
    };
  }

  largeValueEnd(entry: RdbEntry): boolean {
    const meter = this.#meter;
    if (!this.#largeWanted || meter === undefined) return true;
    meter.close();
    this.#count(entry, meter, this.#largeBytes);
    return true;
  }

  emptyKey(entry: RdbEntry): void {
    if (this.#wanted(entry)) this.#emptyKeys++;
  }

  end(checksum: Checksum): void {
    this.#checksumSeen = checksum;
  }

  #wanted(entry: RdbEntry): boolean {
    const filter = this.#filter;
    const { keyBytes, keyStart, keyEnd } = entry;
    if (filter.active) {
      const kind = entry.type.kind === 'array' ? 'module' : entry.type.kind;
      if (!filter.matchesDb(entry.db) || !filter.matchesKind(kind)) return false;
      if (!filter.matchesKey(keyBytes, keyStart, keyEnd)) return false;
    }
    const every = this.#options.sampleEvery;
    return every === 1 || scramble(hashOf(keyBytes, keyStart, keyEnd)) % every === 0;
  }

  #makeMeter(): MemoryMeter {
    return new MemoryMeter(this.#profile());
  }

  #profile(): ServerProfile {
    const { allocator, account } = this.#options;
    return serverProfile(this.#server(), { allocator, account });
  }

  #server(): ServerName {
    return this.#options.server ?? this.#writer.server;
  }

  // ---- counting --------------------------------------------------------------------------------------

  #count(entry: RdbEntry, meter: MemoryMeter, valueBytes: number): void {
    const { keyBytes, keyStart, keyEnd } = entry;
    const { bytes, elements, encoding } = meter;
    const { kind } = entry.type;
    this.#serialized += keyEnd - keyStart + valueBytes;
    this.#elements += elements;
    const sizeBin = binOf(bytes);
    const lengthBin = elements === 1 ? 1 : binOf(elements);
    this.#all.add(bytes, sizeBin);
    this.#sizes.add(bytes);
    count(groupOf(this.#types, kind), bytes, elements, sizeBin, lengthBin);
    let encodings = this.#encodings.get(kind);
    if (encodings === undefined) this.#encodings.set(kind, (encodings = new Map()));
    count(groupOf(encodings, encoding), bytes, elements, sizeBin, -1);
    this.#countDatabase(entry, bytes);
    this.#countTtl(entry, meter);
    this.#prefixes.add(keyBytes, keyStart, keyEnd, bytes);
    this.#slots.add(keyBytes, keyStart, keyEnd, bytes);
    if (kind === 'module') this.#countModule(entry, bytes);
    if (this.#byBytes.admits(bytes)) this.#byBytes.add(bytes, keep(entry, meter));
    if (elements > 1 && this.#byElements.admits(elements)) this.#byElements.add(elements, keep(entry, meter));
    if (entry.idleSeconds >= 0) this.#countIdle(entry, meter);
    if (entry.lfuFrequency >= 0) this.#countFrequency(entry, meter);
  }

  #countDatabase(entry: RdbEntry, bytes: number): void {
    if (entry.db !== this.#dbNumber || this.#db === undefined) {
      this.#dbNumber = entry.db;
      this.#db = this.#databases.get(entry.db) ?? new Database();
      this.#databases.set(entry.db, this.#db);
    }
    this.#db.keys++;
    this.#db.bytes += bytes;
    if (entry.expiresAtMs >= 0) this.#db.withTtl++;
  }

  #countTtl(entry: RdbEntry, meter: MemoryMeter): void {
    if (meter.fieldsWithTtl > 0) {
      this.#fieldTtl.keys++;
      this.#fieldTtl.fields += meter.fieldsWithTtl;
    }
    if (entry.expiresAtMs < 0) return;
    this.#withTtl.keys++;
    this.#withTtl.bytes += meter.bytes;
    const left = entry.expiresAtMs - (this.#writer.takenAtMs ?? this.#options.nowMs);
    if (left >= 0) {
      this.#ttl.add(left / 1000, meter.bytes);
    } else {
      this.#expired.keys++;
      this.#expired.bytes += meter.bytes;
    }
  }

  #countIdle(entry: RdbEntry, meter: MemoryMeter): void {
    this.#idleKeys++;
    this.#idle.add(entry.idleSeconds, meter.bytes);
    // Among those equally idle the bigger one counts.
    const rank = entry.idleSeconds + meter.bytes / 2 ** 40;
    if (this.#coldest.admits(rank)) this.#coldest.add(rank, keep(entry, meter));
  }

  #countFrequency(entry: RdbEntry, meter: MemoryMeter): void {
    this.#lfuKeys++;
    this.#lfu.add(entry.lfuFrequency, meter.bytes);
    const rank = entry.lfuFrequency + meter.bytes / 2 ** 40;
    if (this.#hottest.admits(rank)) this.#hottest.add(rank, keep(entry, meter));
  }

  #countModule(entry: RdbEntry, bytes: number): void {
    const { valueStart } = entry;
    if (skipLength(entry.bytes, valueStart, entry.bytes.length) < 0) return;
    const module = this.#module(moduleName(lengthAsBigInt(entry.bytes, valueStart)));
    module.keys++;
    module.bytes += bytes;
  }

  #module(name: string): ModuleCount {
    let module = this.#modules.get(name);
    if (module === undefined) {
      module = { keys: 0, bytes: 0, auxRecords: 0, auxBytes: 0 };
      this.#modules.set(name, module);
    }
    return module;
  }

  // ---- the report ------------------------------------------------------------------------------------

  report(end: InspectEnd): InspectReport {
    const scale = this.#options.sampleEvery;
    const server = this.#server();
    const profile = this.#profile();
    const databases = this.#reportDatabases(scale, (keys) => databaseTableBytes(keys, profile));
    const tableBytes = databases.reduce((sum, { tables }) => sum + tables, 0);
    const types = [...this.#types].map(([type, group]) => reportType(type, group, scale));
    const encodings = [...this.#encodings].flatMap(([type, groups]) =>
      [...groups].map(([encoding, group]) => reportEncoding(type, encoding, group, scale)),
    );
    return {
      format: 'replicant-inspect',
      version: 1,
      source: {
        label: end.label,
        rdbBytes: end.rdbBytes,
        dialect: this.#writer.dialect,
        rdbVersion: this.#writer.version,
        server: this.#writer.text ?? null,
        takenAtMs: this.#writer.takenAtMs ?? null,
        usedMemoryBytes: this.#writer.usedMemory ?? null,
        checksum: end.checksumWanted
          ? ((this.#checksumSeen ?? end.checksum)?.state ?? 'absent')
          : 'unchecked',
      },
      model: {
        server: formatServerName(server),
        chosenBy: this.#chosenBy(),
        allocator: this.#options.allocator,
        account: this.#options.account,
      },
      sampling: { every: scale, keysMeasured: this.#all.count },
      filters: this.#options.filterWords,
      totals: {
        keys: this.#all.count * scale,
        bytes: Math.round(this.#all.sum * scale) + tableBytes,
        tableBytes,
        serializedBytes: this.#serialized * scale,
        elements: this.#elements * scale,
        keysWithTtl: this.#withTtl.keys * scale,
        emptyKeys: this.#emptyKeys * scale,
        size: this.#all.report(),
      },
      databases: databases.map(({ report }) => report),
      types: types.toSorted((a, b) => b.bytes - a.bytes),
      encodings: encodings.toSorted((a, b) => b.bytes - a.bytes),
      sizes: this.#sizes.report(scale),
      biggest: {
        byBytes: this.#byBytes.items().map(reportKey),
        byElements: this.#byElements.items().map(reportKey),
      },
      prefixes: this.#prefixes.report(scale),
      ttl: this.#reportTtl(scale),
      idle:
        this.#idleKeys === 0
          ? null
          : {
              keys: this.#idleKeys * scale,
              ranges: this.#idle.report(scale),
              coldest: this.#coldest.items().map(reportKey),
            },
      frequency:
        this.#lfuKeys === 0
          ? null
          : {
              keys: this.#lfuKeys * scale,
              ranges: this.#lfu.report(scale),
              hottest: this.#hottest.items().map(reportKey),
            },
      slots: this.#slots.report(scale),
      functions: this.#functions,
      modules: [...this.#modules].map(([name, module]) => reportModule(name, module, scale)),
      aux: this.#aux.map(({ name, value }) => ({ name, value: reportText(value) })),
      notes: end.notes,
    };
  }

  #chosenBy(): ReportModel['chosenBy'] {
    if (this.#options.server !== undefined) return 'option';
    return this.#writer.isNamed ? 'file' : 'assumed';
  }

  #reportDatabases(
    scale: number,
    tableBytes: (keys: number) => number,
  ): { readonly report: ReportDatabase; readonly tables: number }[] {
    return [...this.#databases]
      .toSorted(([a], [b]) => a - b)
      .map(([db, { keys, bytes, withTtl }]) => {
        const tables = Math.round(tableBytes(keys * scale) + tableBytes(withTtl * scale));
        const report = {
          db,
          keys: keys * scale,
          bytes: Math.round(bytes * scale) + tables,
          keysWithTtl: withTtl * scale,
        };
        return { report, tables };
      });
  }

  #reportTtl(scale: number): InspectReport['ttl'] {
    const scaled = (of: { keys: number; bytes: number }): { keys: number; bytes: number } => ({
      keys: of.keys * scale,
      bytes: Math.round(of.bytes * scale),
    });
    const without = {
      keys: this.#all.count - this.#withTtl.keys,
      bytes: this.#all.sum - this.#withTtl.bytes,
    };
    return {
      referenceMs: this.#writer.takenAtMs ?? this.#options.nowMs,
      withoutTtl: scaled(without),
      withTtl: scaled(this.#withTtl),
      expired: scaled(this.#expired),
      ranges: this.#ttl.report(scale),
      fieldTtl: { keys: this.#fieldTtl.keys * scale, fields: this.#fieldTtl.fields * scale },
    };
  }
}

const OP_MODULE_AUX = 247;

function groupOf(groups: Map<string, Group>, name: string): Group {
  let group = groups.get(name);
  if (group === undefined) groups.set(name, (group = new Group()));
  return group;
}

function count(group: Group, bytes: number, elements: number, sizeBin: number, lengthBin: number): void {
  group.keys++;
  group.bytes += bytes;
  group.elements += elements;
  group.size.add(bytes, sizeBin);
  if (lengthBin >= 0) group.length.add(elements, lengthBin);
}

function keep(entry: RdbEntry, meter: MemoryMeter): Kept {
  const looked = entry.type.opening !== 'packed' && entry.type.opening !== 'time+packed';
  const known =
    looked &&
    entry.type.encoding !== 'quicklist' &&
    entry.type.kind !== 'stream' &&
    entry.type.kind !== 'module';
  return {
    db: entry.db,
    key: entry.keyBytes.slice(entry.keyStart, entry.keyEnd),
    type: entry.type.kind,
    encoding: meter.encoding,
    bytes: Math.round(meter.bytes),
    elements: meter.elements,
    largest: known ? meter.largestElementBytes : null,
    expiresAtMs: entry.expiresAtMs,
    idleSeconds: entry.idleSeconds,
    lfuFrequency: entry.lfuFrequency,
  };
}

function reportKey(kept: Kept): ReportKey {
  const { key, largest, expiresAtMs, idleSeconds, lfuFrequency, ...same } = kept;
  return {
    ...same,
    key: reportText(key),
    largestElementBytes: largest,
    expiresAtMs: expiresAtMs < 0 ? null : expiresAtMs,
    idleSeconds: idleSeconds < 0 ? null : idleSeconds,
    lfuFrequency: lfuFrequency < 0 ? null : lfuFrequency,
  };
}

function reportType(type: string, group: Group, scale: number): ReportType {
  return {
    type,
    keys: group.keys * scale,
    bytes: Math.round(group.bytes * scale),
    elements: group.elements * scale,
    size: group.size.report(),
    length: group.length.report(),
  };
}

function reportEncoding(type: string, encoding: string, group: Group, scale: number): ReportEncoding {
  return {
    type,
    encoding,
    keys: group.keys * scale,
    bytes: Math.round(group.bytes * scale),
    elements: group.elements * scale,
    size: group.size.report(),
  };
}

function reportModule(name: string, module: ModuleCount, scale: number): ReportModule {
  return {
    name,
    keys: module.keys * scale,
    bytes: Math.round(module.bytes * scale),
    auxRecords: module.auxRecords,
    auxBytes: module.auxBytes,
  };
}

/** FNV leaves the low bits of similar keys related: mixed before the sample is taken by them. */
function scramble(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
