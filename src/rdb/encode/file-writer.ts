/**
 * Writes an RDB file record by record into a sink, in bounded memory: what is written is handed on in chunks,
 * and the checksum is kept on the way. The caller says what stands in the file; here is how.
 *
 *   writer.aux(…)                     RDB 7 and up, left out below
 *   writer.entry(db, entry, …)        SELECTDB when the database changes, decorations, type, key, value
 *   writer.openEntry(…); writer.body  the same with a value that comes in pieces
 *   writer.end()                      end mark and checksum
 *
 * Decorations that the version does not know are left out: IDLE and FREQ below RDB 9, key metadata below 13.
 */
import { Crc64 } from '../../bytes/crc64.js';
import { ReplicantError } from '../../errors.js';
import {
  OP_AUX,
  OP_EOF,
  OP_EXPIRE_MS,
  OP_FREQ,
  OP_FUNCTION,
  OP_IDLE,
  OP_RESIZE_DB,
  OP_SELECT_DB,
} from '../opcodes.js';
import { formatMagic, type RdbFormat } from '../server-support.js';
import { ByteWriter, type ByteSink } from './byte-writer.js';
import { StringEncoder } from './string-encoder.js';

const AUX_SINCE = 7;
const DECORATED_SINCE = 9;
const FUNCTIONS_SINCE = 10;
const KEY_META_SINCE = 13;
const VALKEY_FIRST = 80;

/** A key with what stands around it; an `RdbEntry` is one. */
export interface KeyRecord {
  readonly keyBytes: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
  /** Absolute, in ms; -1: none. */
  readonly expiresAtMs: number;
  readonly expiresAtText?: string | undefined;
  /** -1: not known. */
  readonly idleSeconds: number;
  readonly lfuFrequency: number;
  readonly keyMeta?: Uint8Array | undefined;
}

export interface FileWriterOptions {
  /** Shared between writers that write in turn; it costs memory. */
  readonly crc?: Crc64;
  readonly chunkBytes?: number;
}

export interface WriterMark {
  /** Bytes written. */
  readonly length: number;
  readonly keys: number;
  readonly db: number;
  readonly sumLo: number;
  readonly sumHi: number;
}

export class RdbFileWriter {
  readonly format: RdbFormat;
  keys = 0;
  readonly #out: ByteWriter;
  readonly #crc: Crc64;
  readonly #strings = new StringEncoder(false);
  #sumLo = 0;
  #sumHi = 0;
  #db = -1;

  constructor(sink: ByteSink, format: RdbFormat, options: FileWriterOptions = {}) {
    this.format = format;
    this.#crc = options.crc ?? new Crc64();
    this.#out = new ByteWriter((bytes) => {
      this.#sum(bytes);
      sink(bytes);
    }, options.chunkBytes);
    this.#out.ascii(formatMagic(format));
  }

  get bytesWritten(): number {
    return this.#out.length;
  }

  /** For the value of an entry that has been opened. */
  get body(): ByteWriter {
    return this.#out;
  }

  get takesFunctions(): boolean {
    return this.format.version >= FUNCTIONS_SINCE;
  }

  get takesModuleAux(): boolean {
    return this.format.version >= DECORATED_SINCE;
  }

  get takesKeyMeta(): boolean {
    return this.format.version >= KEY_META_SINCE && this.format.version < VALKEY_FIRST;
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    if (this.format.version < AUX_SINCE) return;
    this.#out.byte(OP_AUX);
    this.#strings.write(this.#out, name);
    this.#strings.write(this.#out, value);
  }

  /** The source text of a library. */
  functionLibrary(source: Uint8Array): void {
    if (!this.takesFunctions) {
      throw new ReplicantError('RDB_UNSUPPORTED', 'functions need RDB version 10 (Redis 7.0)');
    }
    this.#out.byte(OP_FUNCTION);
    this.#strings.write(this.#out, source);
  }

  /** A whole MODULE_AUX record, opcode included. */
  moduleAux(record: Uint8Array): void {
    if (this.takesModuleAux) this.#out.raw(record);
  }

  selectDb(db: number): void {
    if (db === this.#db) return;
    this.#db = db;
    this.#out.byte(OP_SELECT_DB);
    this.#out.len(db);
  }

  /** How many keys the database selected will have, so that the server makes room once. */
  sizeHint(keys: number, withExpiry: number): void {
    if (this.format.version < AUX_SINCE) return;
    this.#out.byte(OP_RESIZE_DB);
    this.#out.len(keys);
    this.#out.len(withExpiry);
  }

  entry(db: number, key: KeyRecord, type: number, value: Uint8Array, start: number, end: number): void {
    this.openEntry(db, key, type);
    this.#out.raw(value, start, end);
  }

  /** Everything up to the value, which the caller writes to `body`. */
  openEntry(db: number, key: KeyRecord, type: number): void {
    const out = this.#out;
    this.selectDb(db);
    if (key.expiresAtMs >= 0) {
      out.byte(OP_EXPIRE_MS);
      if (key.expiresAtText === undefined) out.i64(key.expiresAtMs);
      else out.bigI64(BigInt(key.expiresAtText));
    }
    if (this.format.version >= DECORATED_SINCE) this.#decorate(key);
    if (key.keyMeta !== undefined && this.takesKeyMeta) out.raw(key.keyMeta);
    out.byte(type);
    out.len(key.keyEnd - key.keyStart);
    out.raw(key.keyBytes, key.keyStart, key.keyEnd);
    this.keys++;
  }

  /** Hands on everything and remembers where it stands. */
  mark(): WriterMark {
    this.#out.flush();
    const { length } = this.#out;
    return { length, keys: this.keys, db: this.#db, sumLo: this.#sumLo, sumHi: this.#sumHi };
  }

  /** Goes on from there; the caller takes back what the sink has been given since. */
  rewind(mark: WriterMark): void {
    this.#out.rewind(mark.length);
    this.keys = mark.keys;
    this.#db = mark.db;
    this.#sumLo = mark.sumLo;
    this.#sumHi = mark.sumHi;
  }

  /** Writes the end and hands on everything. */
  end(): void {
    const out = this.#out;
    out.byte(OP_EOF);
    out.flush();
    const [lo, hi] = [this.#sumLo, this.#sumHi];
    out.u32le(lo);
    out.u32le(hi);
    out.flush();
  }

  #decorate(key: KeyRecord): void {
    if (key.idleSeconds >= 0) {
      this.#out.byte(OP_IDLE);
      this.#out.len(key.idleSeconds);
    }
    if (key.lfuFrequency >= 0) {
      this.#out.byte(OP_FREQ);
      this.#out.byte(key.lfuFrequency);
    }
  }

  #sum(bytes: Uint8Array): void {
    this.#crc.resume(0, this.#sumLo, this.#sumHi);
    this.#crc.update(0, bytes, 0, bytes.length);
    this.#sumLo = this.#crc.lo(0);
    this.#sumHi = this.#crc.hi(0);
  }
}
