/**
 * Writes the snapshot of an AOF anew, as it is, for a server to load: what could not be read has been left
 * out by then, and its checksum is right.
 */
import type { Dialect } from '../rdb/dialect.js';
import { RdbFileWriter } from '../rdb/encode/file-writer.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { parseServerName, type RdbFormat, type ServerIdentity } from '../rdb/server-support.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import { decodeValue } from '../rdb/value.js';

/** What every server loads: for an AOF without a snapshot. */
const EMPTY: RdbFormat = { dialect: 'redis', version: 6 };

export class ScratchForwarder implements RdbHandler {
  /** undefined: there has been no snapshot so far. */
  format: RdbFormat | undefined;
  writer: ServerIdentity | undefined;
  /** Which hints the keys have; the first key tells for all. */
  hints: 'none' | 'idle' | 'frequency' = 'none';
  checksum: Checksum | undefined;
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #checked: boolean;
  #out: RdbFileWriter | undefined;
  #db = 0;
  #ended = false;

  /**
   * The sink may keep what it is given. `checked`: values are decoded first, so that a damaged one shows
   * itself before the server refuses all of the file for it.
   */
  constructor(sink: (bytes: Uint8Array) => void, checked: boolean) {
    this.#sink = (bytes) => sink(bytes.slice());
    this.#checked = checked;
  }

  /** The end of the file, if the snapshot had none. */
  finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    (this.#out ?? new RdbFileWriter(this.#sink, EMPTY)).end();
  }

  begin(dialect: Dialect, version: number): void {
    this.format = { dialect, version };
    this.#out = new RdbFileWriter(this.#sink, this.format);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    const family = /^(redis|valkey)-ver$/u.exec(latin1(name))?.[1];
    // Valkey says for which Redis it is good as well; what it is stands last.
    if (family !== undefined) this.writer = identityOf(family, latin1(value)) ?? this.writer;
    this.#out?.aux(name, value);
  }

  selectDb(db: number): void {
    this.#db = db;
    this.#out?.selectDb(db);
  }

  sizeHint(keys: number, withExpiry: number): void {
    this.#out?.sizeHint(keys, withExpiry);
  }

  functionLibrary(source: Uint8Array): void {
    this.#out?.functionLibrary(source);
  }

  moduleAux(record: Uint8Array): void {
    this.#out?.moduleAux(record);
  }

  entry(entry: RdbEntry): boolean {
    const { type, bytes, valueStart, valueEnd } = entry;
    this.#look(entry);
    if (this.#checked) decodeValue(type.id, this.format!.dialect, bytes, valueStart, valueEnd);
    this.#out?.entry(this.#db, entry, type.id, bytes, valueStart, valueEnd);
    return true;
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.#look(entry);
    const out = this.#out!;
    out.openEntry(this.#db, entry, entry.type.id);
    const skipper = new ValueSkipper(entry.type);
    return {
      get done() {
        return skipper.done;
      },
      feed(bytes, start, end) {
        const next = skipper.feed(bytes, start, end);
        out.body.raw(bytes, start, next);
        return next;
      },
    };
  }

  largeValueEnd(): boolean {
    return true;
  }

  emptyKey(): void {}

  end(checksum: Checksum): void {
    this.checksum = checksum;
  }

  #look({ idleSeconds, lfuFrequency }: RdbEntry): void {
    if (this.hints !== 'none') return;
    if (lfuFrequency >= 0) this.hints = 'frequency';
    else if (idleSeconds >= 0) this.hints = 'idle';
  }
}

function identityOf(family: string, version: string): ServerIdentity | undefined {
  const [, release] = /^(\d+\.\d+\.\d+)/u.exec(version) ?? [];
  try {
    return release === undefined ? undefined : parseServerName(`${family}-${release}`);
  } catch {
    // Of a release or a fork that is not known.
    return undefined;
  }
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
