/**
 * The passages over the two snapshots that a diff is made of: the first fills the index, the second is
 * compared with it, a third over the first names what was not met again. Each is an RdbHandler.
 */
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import type { RdbKind } from '../rdb/value-types.js';
import type { DiffIndex } from './diff-index.js';
import type { ChangedKey, DiffKey } from './diff-report.js';
import { Hash64 } from './digest.js';
import { MemoryMeter } from './memory-model.js';
import type { PrefixTree } from './prefix-tree.js';
import { reportText } from './report-text.js';
import { serverProfile } from './server-profile.js';
import { SourceWriter } from './source-writer.js';
import { skipValue, ValueDigester } from './value-digester.js';

const KINDS: readonly RdbKind[] = ['string', 'list', 'set', 'zset', 'hash', 'stream', 'module', 'array'];

export abstract class DiffPass implements RdbHandler {
  readonly writer: SourceWriter = new SourceWriter();
  /** Keys of this snapshot, in whatever part, and what they take. */
  keys = 0;
  bytes = 0;
  protected readonly index: DiffIndex;
  protected readonly hash: Hash64 = new Hash64();
  protected digester: ValueDigester | undefined;
  readonly #filter: KeyFilter;
  /** Asked for with the first part only: prefixes and sizes are those of all keys. */
  readonly #prefixes: PrefixTree | undefined;
  #meter: MemoryMeter | undefined;
  #hinted = 0;
  #carried = false;

  constructor(index: DiffIndex, filter: KeyFilter, prefixes: PrefixTree | undefined) {
    this.index = index;
    this.#filter = filter;
    this.#prefixes = prefixes;
  }

  /** A key with its hash in `hash` and, unless `wants` said no, its digest. */
  protected abstract key(entry: RdbEntry): void;

  /** Must the value be looked at? */
  protected abstract wants(entry: RdbEntry): boolean;

  begin(dialect: Dialect, version: number): void {
    this.writer.begin(dialect, version);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.writer.aux(name, value);
  }

  selectDb(): void {}

  sizeHint(keys: number): void {
    this.#hinted += keys;
    this.hinted(this.#hinted);
  }

  protected hinted(_keys: number): void {}

  functionLibrary(): void {}

  moduleAux(): void {}

  emptyKey(): void {}

  end(): void {}

  entry(entry: RdbEntry): boolean {
    if (!this.#open(entry)) return true;
    if (this.wants(entry)) this.#digester().whole(entry);
    this.#close(entry);
    return true;
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.#carried = this.#open(entry);
    return this.#carried && this.wants(entry) ? this.#digester().sink(entry) : skipValue(entry);
  }

  largeValueEnd(entry: RdbEntry): boolean {
    if (!this.#carried) return true;
    if (this.wants(entry)) this.#digester().sinkEnd();
    this.#close(entry);
    return true;
  }

  /** False for a key that is filtered. */
  #open(entry: RdbEntry): boolean {
    const filter = this.#filter;
    const { keyBytes, keyStart, keyEnd, db, type } = entry;
    if (filter.active) {
      if (!filter.matchesDb(db) || !filter.matchesKind(type.kind === 'array' ? 'module' : type.kind))
        return false;
      if (!filter.matchesKey(keyBytes, keyStart, keyEnd)) return false;
    }
    this.hash.reset(db);
    this.hash.bytes(keyBytes, keyStart, keyEnd);
    this.hash.end();
    this.hash.finish();
    return true;
  }

  #close(entry: RdbEntry): void {
    const size = this.#meter === undefined ? 0 : this.#meter.bytes;
    this.keys++;
    this.bytes += size;
    this.#prefixes?.add(entry.keyBytes, entry.keyStart, entry.keyEnd, size);
    this.key(entry);
  }

  #digester(): ValueDigester {
    if (this.digester === undefined) {
      if (this.#prefixes !== undefined) this.#meter = new MemoryMeter(serverProfile(this.writer.server));
      this.digester = new ValueDigester(this.writer.dialect, this.#meter);
    }
    return this.digester;
  }

  /** Whether all values are looked at, for what they take. */
  protected get measures(): boolean {
    return this.#prefixes !== undefined;
  }

  protected describe(entry: RdbEntry): DiffKey {
    return {
      db: entry.db,
      key: reportText(entry.keyBytes.slice(entry.keyStart, entry.keyEnd)),
      type: entry.type.kind,
      bytes: Math.round(this.digester?.bytes ?? 0),
    };
  }
}

function deadlineOf(entry: RdbEntry): number {
  const { expiresAtMs } = entry;
  return expiresAtMs < 0
    ? -1
    : Math.imul(expiresAtMs | 0, 0x9e37_79b1) ^ Math.floor(expiresAtMs / 4_294_967_296);
}

export class FirstPass extends DiffPass {
  /** Keys that stood twice in the file. */
  duplicates = 0;

  protected override hinted(keys: number): void {
    this.index.expect(keys);
  }

  protected override wants(): boolean {
    return this.measures || this.index.holds(this.hash.b);
  }

  protected override key(entry: RdbEntry): void {
    const { a, b } = this.hash;
    const digest = this.digester?.digest;
    const added = this.index.add(
      a,
      b,
      digest?.a ?? 0,
      digest?.b ?? 0,
      deadlineOf(entry),
      KINDS.indexOf(entry.type.kind),
    );
    if (!added) this.duplicates++;
  }
}

export class SecondPass extends DiffPass {
  added = 0;
  changed = 0;
  changedValue = 0;
  changedType = 0;
  changedTtl = 0;
  same = 0;
  readonly addedKeys: DiffKey[] = [];
  readonly changedKeys: ChangedKey[] = [];
  readonly #limit: number;
  #slot = 0;

  constructor(index: DiffIndex, filter: KeyFilter, prefixes: PrefixTree | undefined, limit: number) {
    super(index, filter, prefixes);
    this.#limit = limit;
  }

  protected override wants(): boolean {
    return this.measures || this.index.holds(this.hash.b);
  }

  protected override key(entry: RdbEntry): void {
    const { a, b } = this.hash;
    const { index } = this;
    if (!index.holds(b)) return;
    this.#slot = index.find(a, b);
    if (!index.has(this.#slot)) {
      this.added++;
      if (this.addedKeys.length < this.#limit) this.addedKeys.push(this.describe(entry));
    } else if (!index.isSeen(this.#slot)) {
      index.see(this.#slot);
      this.#compare(entry);
    }
  }

  #compare(entry: RdbEntry): void {
    const { index, digester } = this;
    const otherType = index.kind(this.#slot) !== KINDS.indexOf(entry.type.kind);
    const { a, b } = digester!.digest;
    const otherValue = !otherType && !index.sameValue(this.#slot, a, b);
    const otherTtl = !index.sameDeadline(this.#slot, deadlineOf(entry));
    if (!otherType && !otherValue && !otherTtl) {
      this.same++;
      return;
    }
    this.changed++;
    if (otherType) this.changedType++;
    if (otherValue) this.changedValue++;
    if (otherTtl) this.changedTtl++;
    if (this.changedKeys.length >= this.#limit) return;
    const what = [
      ...(otherType ? (['type'] as const) : []),
      ...(otherValue ? (['value'] as const) : []),
      ...(otherTtl ? (['ttl'] as const) : []),
    ];
    this.changedKeys.push({ ...this.describe(entry), what });
  }
}

/** Over the first snapshot again: the names of what the second does not have. */
export class NamingPass extends DiffPass {
  readonly removedKeys: DiffKey[] = [];
  readonly #limit: number;
  readonly #enough: () => void;

  /** `enough` is called when `limit` have been found. */
  constructor(index: DiffIndex, filter: KeyFilter, limit: number, enough: () => void) {
    super(index, filter, undefined);
    this.#limit = limit;
    this.#enough = enough;
  }

  protected override wants(): boolean {
    return false;
  }

  protected override key(entry: RdbEntry): void {
    const { a, b } = this.hash;
    if (!this.index.holds(b) || this.removedKeys.length >= this.#limit) return;
    const slot = this.index.find(a, b);
    if (!this.index.has(slot) || this.index.isSeen(slot)) return;
    this.removedKeys.push(this.describe(entry));
    if (this.removedKeys.length >= this.#limit) this.#enough();
  }
}
