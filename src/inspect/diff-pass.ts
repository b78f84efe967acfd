/**
 * The two passages over a snapshot that a diff is made of: one remembers a record of every key, the other,
 * when all have been compared, names some of them. Each is an RdbHandler.
 */
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { RdbKind } from '../rdb/value-types.js';
import type { DiffRecords } from './diff-records.js';
import type { DiffKey } from './diff-report.js';
import type { Found } from './earliest.js';
import { Hash64 } from './hash64.js';
import type { KeyChoice } from './key-choice.js';
import type { KeyLog } from './key-log.js';
import { MemoryMeter } from './memory-model.js';
import type { PrefixTree } from './prefix-tree.js';
import { reportText } from './report-text.js';
import { type ProfileOptions, type ServerName, serverProfile } from './server-profile.js';
import { SourceWriter } from './source-writer.js';
import { ValueDigester } from './value-digester.js';

export const KINDS: readonly RdbKind[] = [
  'string',
  'list',
  'set',
  'zset',
  'hash',
  'stream',
  'module',
  'array',
];

/** Whose memory the sizes of a snapshot are of. */
export interface DiffModel extends ProfileOptions {
  /** undefined: of the one that wrote the file. */
  readonly server: ServerName | undefined;
}

export abstract class DiffPass implements RdbHandler {
  readonly writer: SourceWriter = new SourceWriter();
  /** How many keys have passed the filter. */
  keys = 0;
  protected readonly hash: Hash64 = new Hash64();
  readonly #choice: KeyChoice;
  readonly #model: DiffModel;
  #meter: MemoryMeter | undefined;
  #sink: ValueSink | undefined;

  constructor(choice: KeyChoice, model: DiffModel) {
    this.#choice = choice;
    this.#model = model;
  }

  /** A key that has passed the filter: must its value be looked at? */
  protected abstract wants(entry: RdbEntry): boolean;

  /** Its value, whole or in pieces. */
  protected abstract whole(entry: RdbEntry): void;
  protected abstract open(entry: RdbEntry): ValueSink;

  /** The value has been looked at. */
  protected abstract done(entry: RdbEntry): void;

  begin(dialect: Dialect, version: number): void {
    this.writer.begin(dialect, version);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.writer.aux(name, value);
  }

  selectDb(): void {}

  sizeHint(): void {}

  functionLibrary(): void {}

  moduleAux(): void {}

  emptyKey(): void {}

  end(): void {}

  entry(entry: RdbEntry): boolean {
    if (!this.#choice.takes(entry)) return true;
    if (this.wants(entry)) {
      this.whole(entry);
      this.done(entry);
    }
    this.keys++;
    return true;
  }

  largeValue(entry: RdbEntry): ValueSink {
    const passes = this.#choice.takes(entry);
    this.#sink = passes && this.wants(entry) ? this.open(entry) : undefined;
    if (passes && this.#sink === undefined) this.keys++;
    return this.#sink ?? new ValueSkipper(entry.type);
  }

  largeValueEnd(entry: RdbEntry): boolean {
    if (this.#sink === undefined) return true;
    this.#sink = undefined;
    this.done(entry);
    this.keys++;
    return true;
  }

  protected get meter(): MemoryMeter {
    return (this.#meter ??= this.#createMeter());
  }

  protected hashKey({ db, keyBytes, keyStart, keyEnd }: RdbEntry): void {
    this.hash.reset(db);
    this.hash.bytes(keyBytes, keyStart, keyEnd);
    this.hash.end();
    this.hash.finish();
  }

  #createMeter(): MemoryMeter {
    const { server, ...options } = this.#model;
    return new MemoryMeter(serverProfile(server ?? this.writer.server, options));
  }
}

/** Remembers every key, and counts prefixes. */
export class RecordingPass extends DiffPass {
  /** Of all keys, in memory. */
  bytes = 0;
  readonly #records: DiffRecords;
  readonly #prefixes: PrefixTree;
  readonly #log: KeyLog | undefined;
  readonly #consumerTimes: boolean;
  #digester: ValueDigester | undefined;

  /** `log`: when the snapshot cannot be read again. */
  constructor(
    choice: KeyChoice,
    model: DiffModel,
    into: { readonly records: DiffRecords; readonly prefixes: PrefixTree; readonly log: KeyLog | undefined },
    consumerTimes: boolean,
  ) {
    super(choice, model);
    this.#records = into.records;
    this.#prefixes = into.prefixes;
    this.#log = into.log;
    this.#consumerTimes = consumerTimes;
  }

  protected override wants(): boolean {
    return true;
  }

  protected override whole(entry: RdbEntry): void {
    this.#digest.whole(entry);
  }

  protected override open(entry: RdbEntry): ValueSink {
    return this.#digest.open(entry);
  }

  protected override done(entry: RdbEntry): void {
    const { keyBytes, keyStart, keyEnd, db, type } = entry;
    this.hashKey(entry);
    const { a, b } = this.#digest.finish();
    const size = this.meter.bytes;
    const kind = KINDS.indexOf(type.kind);
    this.#records.add(this.hash.a, this.hash.b, a, b, deadlineOf(entry), kind);
    this.bytes += size;
    this.#prefixes.add(keyBytes, keyStart, keyEnd, size);
    this.#log?.add(db, kind, size, keyBytes, keyStart, keyEnd);
  }

  get #digest(): ValueDigester {
    return (this.#digester ??= new ValueDigester(this.writer.dialect, this.meter, this.#consumerTimes));
  }
}

function deadlineOf({ expiresAtMs }: RdbEntry): number {
  if (expiresAtMs < 0) return -1;
  return Math.imul(expiresAtMs | 0, 0x9e37_79b1) ^ Math.floor(expiresAtMs / 4_294_967_296);
}

/** Over the same snapshot again: says what stands where something has been found. */
export class NamingPass extends DiffPass {
  readonly named: Map<number, DiffKey> = new Map();
  /** Another key stands there now. */
  differs = false;
  readonly #wanted: readonly Found[];
  readonly #enough: () => void;
  #next = 0;
  #inPieces = false;

  /** `wanted` in the order of the file; `enough` is called when all have been named. */
  constructor(choice: KeyChoice, model: DiffModel, wanted: readonly Found[], enough: () => void) {
    super(choice, model);
    this.#wanted = wanted;
    this.#enough = enough;
  }

  get complete(): boolean {
    return !this.differs && this.#next === this.#wanted.length;
  }

  protected override wants(): boolean {
    return this.keys === this.#wanted[this.#next]?.ordinal;
  }

  protected override whole(entry: RdbEntry): void {
    this.#inPieces = false;
    this.meter.measure(entry);
  }

  protected override open(entry: RdbEntry): ValueSink {
    this.#inPieces = true;
    return this.meter.open(entry);
  }

  protected override done(entry: RdbEntry): void {
    if (this.#inPieces) this.meter.close();
    this.hashKey(entry);
    const { ordinal, keyA, keyB } = this.#wanted[this.#next++]!;
    if (keyA !== this.hash.a || keyB !== this.hash.b) this.differs = true;
    const { db, type, keyBytes, keyStart, keyEnd } = entry;
    const key = reportText(keyBytes.slice(keyStart, keyEnd));
    this.named.set(ordinal, { db, key, type: type.kind, bytes: Math.round(this.meter.bytes) });
    if (this.differs || this.#next === this.#wanted.length) this.#enough();
  }
}
