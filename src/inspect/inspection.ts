/**
 * The handler that gathers an `InspectReport` while a snapshot passes by. Memory is bounded whatever the
 * snapshot holds: counts by database, type and encoding, sketches, short lists of the greatest, and parts of
 * keys of which only the large ones are kept.
 */
import type { Dialect } from '../rdb/dialect.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { FilterOptions } from '../sync/options.js';
import { AccessCounts } from './access-counts.js';
import type { AllocatorName } from './allocator.js';
import { CodeCounts } from './code-counts.js';
import { CountingSink } from './counting-sink.js';
import { DatabaseCounts } from './database-counts.js';
import { KeyChoice } from './key-choice.js';
import { keepKey, type KeptKey, reportKey } from './kept-key.js';
import { MemoryMeter } from './memory-model.js';
import { PrefixTree } from './prefix-tree.js';
import { binOf, QuantileSketch } from './quantiles.js';
import { SizeHistogram } from './ranges.js';
import { reportText } from './report-text.js';
import type { InspectReport, ReportModel } from './report.js';
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
import { TtlCounts } from './ttl-counts.js';
import { TypeCounts } from './type-counts.js';

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

export class Inspection implements RdbHandler {
  readonly #options: InspectOptions;
  readonly #choice: KeyChoice;
  readonly #writer = new SourceWriter();
  readonly #aux: { name: string; value: Uint8Array }[] = [];
  #measuring: MemoryMeter | undefined;

  readonly #all = new QuantileSketch();
  readonly #sizes = new SizeHistogram();
  readonly #databases = new DatabaseCounts();
  readonly #types = new TypeCounts();
  readonly #ttl = new TtlCounts();
  readonly #access: AccessCounts;
  readonly #code = new CodeCounts();
  readonly #slots = new SlotLoad();
  readonly #prefixes: PrefixTree;
  readonly #byBytes: TopList<KeptKey>;
  readonly #byElements: TopList<KeptKey>;
  #serialized = 0;
  #elements = 0;
  #emptyKeys = 0;
  #checksumSeen: Checksum | undefined;
  /** The large value under way, if it is measured. */
  #large: CountingSink | undefined;

  /** Keys seen, whether measured or not: for progress. */
  keysSeen = 0;

  constructor(options: InspectOptions) {
    this.#options = options;
    this.#choice = new KeyChoice(options.filter, options.sampleEvery);
    this.#prefixes = new PrefixTree(options.separator);
    this.#access = new AccessCounts(options.top);
    this.#byBytes = new TopList(options.top);
    this.#byElements = new TopList(options.top);
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
    this.#code.library(source);
  }

  moduleAux(payload: Uint8Array): void {
    this.#code.moduleAux(payload);
  }

  entry(entry: RdbEntry): boolean {
    this.keysSeen++;
    if (!this.#choice.takes(entry)) return true;
    const meter = this.#meter;
    meter.measure(entry);
    this.#count(entry, meter, entry.valueEnd - entry.valueStart);
    return true;
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.keysSeen++;
    if (!this.#choice.takes(entry)) {
      this.#large = undefined;
      return new ValueSkipper(entry.type);
    }
    this.#large = new CountingSink(this.#meter.open(entry));
    return this.#large;
  }

  largeValueEnd(entry: RdbEntry): boolean {
    if (this.#large === undefined) return true;
    this.#meter.close();
    this.#count(entry, this.#meter, this.#large.bytes);
    return true;
  }

  emptyKey(entry: RdbEntry): void {
    if (this.#choice.takes(entry)) this.#emptyKeys++;
  }

  end(checksum: Checksum): void {
    this.#checksumSeen = checksum;
  }

  get #meter(): MemoryMeter {
    return (this.#measuring ??= new MemoryMeter(this.#profile()));
  }

  #profile(): ServerProfile {
    const { allocator, account } = this.#options;
    return serverProfile(this.#server(), { allocator, account });
  }

  #server(): ServerName {
    return this.#options.server ?? this.#writer.server;
  }

  get #referenceMs(): number {
    return this.#writer.takenAtMs ?? this.#options.nowMs;
  }

  #count(entry: RdbEntry, meter: MemoryMeter, valueBytes: number): void {
    const { keyBytes, keyStart, keyEnd, expiresAtMs } = entry;
    const { bytes, elements, encoding } = meter;
    const { kind } = entry.type;
    this.#serialized += keyEnd - keyStart + valueBytes;
    this.#elements += elements;
    const sizeBin = binOf(bytes);
    this.#all.add(bytes, sizeBin);
    this.#sizes.add(bytes);
    this.#types.add(kind, encoding, bytes, elements, sizeBin);
    this.#databases.add(entry.db, bytes, expiresAtMs >= 0);
    this.#ttl.add(expiresAtMs, bytes, meter.fieldsWithTtl, this.#referenceMs);
    this.#prefixes.add(keyBytes, keyStart, keyEnd, bytes);
    this.#slots.add(keyBytes, keyStart, keyEnd, bytes);
    if (kind === 'module') this.#code.moduleKey(entry, bytes);
    if (this.#byBytes.admits(bytes)) this.#byBytes.add(bytes, keepKey(entry, meter));
    if (elements > 1 && this.#byElements.admits(elements))
      this.#byElements.add(elements, keepKey(entry, meter));
    this.#access.add(entry, meter);
  }

  report(end: InspectEnd): InspectReport {
    const scale = this.#options.sampleEvery;
    const { databases, tableBytes } = this.#databases.report(scale, this.#profile());
    return {
      format: 'replicant-inspect',
      version: 1,
      source: this.#reportSource(end),
      model: this.#reportModel(),
      sampling: { every: scale, keysMeasured: this.#all.count },
      filters: this.#options.filterWords,
      totals: {
        keys: this.#all.count * scale,
        bytes: Math.round(this.#all.sum * scale) + tableBytes,
        tableBytes,
        serializedBytes: this.#serialized * scale,
        elements: this.#elements * scale,
        keysWithTtl: this.#ttl.keysWithTtl * scale,
        emptyKeys: this.#emptyKeys * scale,
        size: this.#all.report(),
      },
      databases,
      types: this.#types.types(scale),
      encodings: this.#types.encodings(scale),
      sizes: this.#sizes.report(scale),
      biggest: {
        byBytes: this.#byBytes.items().map(reportKey),
        byElements: this.#byElements.items().map(reportKey),
      },
      prefixes: this.#prefixes.report(scale),
      ttl: this.#ttl.report(scale, this.#referenceMs),
      ...this.#access.report(scale),
      slots: this.#slots.report(scale),
      functions: this.#code.functions,
      modules: this.#code.modules(scale),
      aux: this.#aux.map(({ name, value }) => ({ name, value: reportText(value) })),
      notes: end.notes,
    };
  }

  #reportSource(end: InspectEnd): InspectReport['source'] {
    const checksum = this.#checksumSeen ?? end.checksum;
    return {
      label: end.label,
      rdbBytes: end.rdbBytes,
      dialect: this.#writer.dialect,
      rdbVersion: this.#writer.version,
      server: this.#writer.text ?? null,
      takenAtMs: this.#writer.takenAtMs ?? null,
      usedMemoryBytes: this.#writer.usedMemory ?? null,
      checksum: end.checksumWanted ? (checksum?.state ?? 'absent') : 'unchecked',
    };
  }

  #reportModel(): ReportModel {
    const { server, allocator, account } = this.#options;
    const chosenBy = server !== undefined ? 'option' : this.#writer.isNamed ? 'file' : 'assumed';
    return { server: formatServerName(this.#server()), chosenBy, allocator, account };
  }
}
