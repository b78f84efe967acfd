/**
 * The RDB file as a whole: magic, opcodes, keys, checksum. Push-fed and synchronous.
 *
 *   const decoder = new RdbDecoder(handler);
 *   at = decoder.feed(window, at, end);   // as often as bytes arrive; keep [at, end) for the next call
 *   decoder.finish();                     // at the end of the input: throws when it came too early
 *
 * `feed` takes as many whole records as there are and returns the position behind them. When it takes
 * nothing, it needs `needed` bytes (at least) in one piece. It stops early when the handler asks for a
 * pause. After the checksum it takes nothing more: what follows (an AOF tail, an EOF mark, a command
 * stream) is not its business.
 *
 * Decorations (expiry, idle, freq, key meta) stick to the next key; an AUX record in between does not
 * clear them. A value larger than `limits.inlineBytes` is handed on in pieces. Errors carry file offsets.
 */
import { Crc64, formatCrc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { DecoderContext } from './decoder-context.js';
import type { Checksum, RdbHandler } from './handler.js';
import { KeyReader } from './key-reader.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { parseMagic } from './magic.js';
import { FIRST_OPCODE, OP_EOF } from './opcodes.js';
import { INCOMPLETE, readInteger } from './primitives.js';
import { RecordReader } from './record-reader.js';

const CHECKSUM_SINCE = 5;
const CHECKSUM_BYTES = 8;
const SHOWN_KEY_BYTES = 64;

export interface DecoderOptions {
  readonly limits?: Limits;
  /** Sums the file; give the engine whose window the bytes lie in, to save copies. */
  readonly crc?: Crc64;
  /**
   * Takes the error of a key, AUX field or function library whose compressed bytes are damaged: what its
   * length is shows where it ends, so the decoder can leave it out and go on. Without this it throws.
   */
  readonly onLost?: ((error: ReplicantError) => void) | undefined;
}

export class RdbDecoder {
  readonly #context: DecoderContext;
  readonly #crc: Crc64;
  readonly #records: RecordReader;
  #keys: KeyReader;
  #version = 0;
  #state: 'magic' | 'records' | 'done' = 'magic';
  /** File offset of the next byte to be fed … */
  #offset = 0;
  /** … which is here in the buffer of the call under way. */
  #start = 0;

  constructor(handler: RdbHandler, options: DecoderOptions = {}) {
    this.#context = new DecoderContext(handler, options.limits ?? DEFAULT_LIMITS);
    this.#crc = options.crc ?? new Crc64();
    this.#crc.reset(0);
    this.#records = new RecordReader(this.#context);
    this.#keys = new KeyReader(this.#context);
    const { onLost } = options;
    if (onLost !== undefined) this.#context.onLost = (error) => this.#lose(error, onLost);
  }

  /** All of the file, checksum included, has been taken. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** File offset of the next byte to be fed. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes in one piece, at least, the next record needs; 0 when not known. */
  get needed(): number {
    return this.#context.needed;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    const context = this.#context;
    let at = start;
    context.pause = false;
    context.needed = 0;
    this.#start = start;
    try {
      while (at < end && !context.pause && this.#state !== 'done') {
        const next = this.#keys.open
          ? this.#keys.feedLarge(bytes, at, end)
          : this.#record(bytes, at, end, start);
        if (next === INCOMPLETE || next === at) break;
        at = next;
      }
    } catch (error) {
      throw this.#rebase(error);
    }
    if (this.#state !== 'done') this.#crc.update(0, bytes, start, at);
    this.#offset += at - start;
    return at;
  }

  /** Says that no more bytes will come. */
  finish(): void {
    if (this.#state === 'done') return;
    throw new ReplicantError('RDB_TRUNCATED', 'the RDB ends in the middle', {
      place: { offset: this.#offset, ...this.#keyPlace() },
      hint: 'the file or transfer is incomplete; take the snapshot again',
    });
  }

  /** Database and key, when the decoder stands inside one. */
  #keyPlace(): { db?: number; key?: string } {
    if (!this.#keys.inside) return {};
    const { db, keyBytes, keyStart, keyEnd } = this.#context.entry;
    const shown = keyBytes.subarray(keyStart, Math.min(keyEnd, keyStart + SHOWN_KEY_BYTES));
    return { db, key: JSON.stringify(new TextDecoder().decode(shown)) };
  }

  /**
   * Errors from below name positions in the buffer; here they become file offsets. One that names its key
   * comes from the handler and has its file offset already.
   */
  #rebase(error: unknown): unknown {
    if (!(error instanceof ReplicantError) || !error.code.startsWith('RDB_')) return error;
    if (error.place.key !== undefined) return error;
    const start = this.#start;
    const offset = this.#offset + (error.place.offset ?? start) - start;
    const place = { ...this.#keyPlace(), ...error.place, offset };
    return new ReplicantError(error.code, error.message, { place, hint: error.hint, cause: error.cause });
  }

  #lose(error: unknown, onLost: (error: ReplicantError) => void): void {
    const placed = this.#rebase(error);
    if (!(placed instanceof ReplicantError)) throw placed;
    onLost(placed);
  }

  #record(bytes: Uint8Array, at: number, end: number, start: number): number {
    if (this.#state === 'magic') return this.#magic(bytes, at, end);
    const opcode = bytes[at]!;
    if (opcode < FIRST_OPCODE) return this.#keys.read(bytes, at, end, this.#offset + at - start);
    if (opcode === OP_EOF) return this.#eof(bytes, at, end, start);
    return this.#records.read(opcode, bytes, at, end);
  }

  #magic(bytes: Uint8Array, at: number, end: number): number {
    const magic = parseMagic(bytes, at, end);
    if (magic === undefined) return INCOMPLETE;
    this.#version = magic.version;
    this.#context.dialect = magic.dialect;
    this.#keys = new KeyReader(this.#context);
    this.#state = 'records';
    this.#context.handler.begin(magic.dialect, magic.version);
    return at + magic.bytes;
  }

  /** The end mark and what stands behind it: the sum of all bytes from the magic to the mark. */
  #eof(bytes: Uint8Array, at: number, end: number, start: number): number {
    const checksumBytes = this.#version >= CHECKSUM_SINCE ? CHECKSUM_BYTES : 0;
    const next = at + 1 + checksumBytes;
    if (next > end) return INCOMPLETE;
    this.#crc.update(0, bytes, start, at + 1);
    this.#state = 'done';
    this.#context.handler.end(this.#compare(bytes, at + 1, checksumBytes));
    return next;
  }

  #compare(bytes: Uint8Array, at: number, checksumBytes: number): Checksum {
    const lo = readInteger(bytes, at, 4) >>> 0;
    const hi = readInteger(bytes, at + 4, 4) >>> 0;
    const computed = formatCrc64(this.#crc.lo(0), this.#crc.hi(0));
    if (checksumBytes === 0) return { state: 'absent', stored: '', computed };
    const stored = formatCrc64(lo, hi);
    if (lo === 0 && hi === 0) return { state: 'disabled', stored, computed };
    return { state: stored === computed ? 'ok' : 'mismatch', stored, computed };
  }
}
