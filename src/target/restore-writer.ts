/**
 * The hot path of a full sync: one RDB entry becomes one
 *
 *   RESTORE key ttl payload REPLACE [ABSTTL] [IDLETIME seconds] [FREQ n]
 *
 * written straight into the output, the value's bytes copied once. The payload is the entry's own bytes in
 * the frame DUMP gives them: [KEY_META] type value, version u16, CRC64. Version 6 is accepted by every
 * server for every type it knows, as the version is never compared with the type.
 *
 * Servers before 5.0 know no ABSTTL, IDLETIME and FREQ: the time is relative then. Before 3.0 there is no
 * REPLACE: a DEL goes ahead.
 */
import type { Crc64 } from '../bytes/crc64.js';
import type { RdbEntry } from '../rdb/handler.js';
import type { Pipeline } from './pipeline.js';
import { copyBytes, DOLLAR, STAR, writeEnd, writeHeader, writeInteger, writeWords } from './resp-writer.js';
import type { Slab } from './slab.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const RESTORE = ascii('$7\r\nRESTORE\r\n');
const ZERO_TTL = ascii('$1\r\n0\r\n');
const REPLACE = ascii('$7\r\nREPLACE\r\n');
const ABSTTL = ascii('$6\r\nABSTTL\r\n');
const IDLETIME = ascii('$8\r\nIDLETIME\r\n');
const FREQ = ascii('$4\r\nFREQ\r\n');
const DEL = ascii('DEL');

const CRC_SLOT = 1;
const VERSION = 6;
/** Version and CRC. */
const FOOTER_BYTES = 10;
/** More than the fixed words, the headers and the numbers of any RESTORE together. */
const FRAME_BYTES = 256;

export interface RestoreAbilities {
  readonly replace: boolean;
  readonly absttl: boolean;
  /** Key metadata (Redis 8.6); left out elsewhere. */
  readonly keyMeta: boolean;
}

const NO_META: Uint8Array = new Uint8Array(0);

export class RestoreWriter {
  readonly #out: Pipeline;
  readonly #crc: Crc64;
  readonly #can: RestoreAbilities;
  /** What to write as the deadline of the entry at hand. */
  #deadlineMs = -1;

  constructor(out: Pipeline, crc: Crc64, can: RestoreAbilities) {
    this.#out = out;
    this.#crc = crc;
    this.#can = can;
  }

  /**
   * `nowMs` is the target's clock; it is only looked at where times must be relative. `deadlineMs`, when the
   * key has one, may differ from what the entry says.
   */
  write(entry: RdbEntry, nowMs: number, deadlineMs: number = entry.expiresAtMs): void {
    this.#deadlineMs = deadlineMs;
    const { keyBytes, keyStart, keyEnd, valueStart, valueEnd } = entry;
    if (!this.#can.replace) this.#out.command([DEL, keyBytes.subarray(keyStart, keyEnd)]);
    const keyLength = keyEnd - keyStart;
    const payload = this.#meta(entry).length + 1 + valueEnd - valueStart + FOOTER_BYTES;
    this.#sum(entry);
    if (keyLength + payload + FRAME_BYTES <= this.#out.slabBytes) this.#writeWhole(entry, payload, nowMs);
    else this.#writeParts(entry, payload, nowMs);
  }

  #writeWhole(entry: RdbEntry, payload: number, nowMs: number): void {
    const { keyBytes, keyStart, keyEnd, bytes: source, valueStart, valueEnd } = entry;
    const slab = this.#out.reserve(keyEnd - keyStart + payload + FRAME_BYTES);
    const { bytes } = slab;
    let at = this.#head(entry, bytes, slab.used);
    copyBytes(bytes, at, keyBytes, keyStart, keyEnd);
    at = this.#middle(entry, bytes, at + keyEnd - keyStart, payload, nowMs);
    at = writeWords(bytes, at, this.#meta(entry));
    bytes[at++] = entry.type.id;
    copyBytes(bytes, at, source, valueStart, valueEnd);
    slab.used = this.#tail(entry, bytes, at + valueEnd - valueStart);
    this.#out.ended(1);
  }

  /** A key or value that does not fit into one slab. */
  #writeParts(entry: RdbEntry, payload: number, nowMs: number): void {
    const out = this.#out;
    let slab: Slab = out.reserve(FRAME_BYTES);
    out.begin();
    slab.used = this.#head(entry, slab.bytes, slab.used);
    out.put(entry.keyBytes, entry.keyStart, entry.keyEnd);
    slab = out.reserve(FRAME_BYTES);
    slab.used = this.#middle(entry, slab.bytes, slab.used, payload, nowMs);
    const meta = this.#meta(entry);
    out.put(meta, 0, meta.length);
    slab = out.reserve(1);
    slab.bytes[slab.used++] = entry.type.id;
    out.put(entry.bytes, entry.valueStart, entry.valueEnd);
    slab = out.reserve(FRAME_BYTES);
    slab.used = this.#tail(entry, slab.bytes, slab.used);
    out.ended(1);
  }

  #meta({ keyMeta }: RdbEntry): Uint8Array {
    return this.#can.keyMeta && keyMeta !== undefined ? keyMeta : NO_META;
  }

  #sum(entry: RdbEntry): void {
    const crc = this.#crc;
    const meta = this.#meta(entry);
    crc.reset(CRC_SLOT);
    crc.update(CRC_SLOT, meta, 0, meta.length);
    crc.byte(CRC_SLOT, entry.type.id);
    crc.update(CRC_SLOT, entry.bytes, entry.valueStart, entry.valueEnd);
    crc.byte(CRC_SLOT, VERSION);
    crc.byte(CRC_SLOT, 0);
  }

  /** `*n RESTORE $keylen`: up to where the key goes. */
  #head(entry: RdbEntry, bytes: Uint8Array, start: number): number {
    let args = 4;
    if (this.#can.replace) args++;
    if (this.#can.absttl) {
      if (entry.expiresAtMs >= 0) args++;
      if (entry.idleSeconds >= 0) args += 2;
      else if (entry.lfuFrequency >= 0) args += 2;
    }
    let at = writeHeader(bytes, start, STAR, args);
    at = writeWords(bytes, at, RESTORE);
    return writeHeader(bytes, at, DOLLAR, entry.keyEnd - entry.keyStart);
  }

  /** From behind the key to where the payload goes. */
  #middle(entry: RdbEntry, bytes: Uint8Array, start: number, payload: number, nowMs: number): number {
    let at = writeEnd(bytes, start);
    at = this.#ttl(entry, bytes, at, nowMs);
    return writeHeader(bytes, at, DOLLAR, payload);
  }

  #ttl(entry: RdbEntry, bytes: Uint8Array, at: number, nowMs: number): number {
    if (entry.expiresAtMs < 0) return writeWords(bytes, at, ZERO_TTL);
    const deadline = this.#deadlineMs;
    if (this.#can.absttl && entry.expiresAtText !== undefined && deadline === entry.expiresAtMs)
      return writeText(bytes, at, entry.expiresAtText);
    const ttl = this.#can.absttl ? deadline : Math.round(deadline - nowMs);
    // Zero would mean none.
    return writeInteger(bytes, at, Math.max(1, ttl));
  }

  /** The footer and what follows the payload. */
  #tail(entry: RdbEntry, bytes: Uint8Array, start: number): number {
    let at = start;
    bytes[at++] = VERSION;
    bytes[at++] = 0;
    at = writeWord(bytes, at, this.#crc.lo(CRC_SLOT));
    at = writeWord(bytes, at, this.#crc.hi(CRC_SLOT));
    at = writeEnd(bytes, at);
    if (this.#can.replace) at = writeWords(bytes, at, REPLACE);
    if (!this.#can.absttl) return at;
    if (entry.expiresAtMs >= 0) at = writeWords(bytes, at, ABSTTL);
    if (entry.idleSeconds >= 0)
      return writeInteger(bytes, writeWords(bytes, at, IDLETIME), entry.idleSeconds);
    if (entry.lfuFrequency >= 0) return writeInteger(bytes, writeWords(bytes, at, FREQ), entry.lfuFrequency);
    return at;
  }
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  let next = writeHeader(bytes, at, DOLLAR, text.length);
  for (let index = 0; index < text.length; index++) bytes[next++] = text.charCodeAt(index);
  return writeEnd(bytes, next);
}

function writeWord(bytes: Uint8Array, at: number, word: number): number {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
  return at + 4;
}
