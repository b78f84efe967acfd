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
import { copyBytes, decimalBytes, type Pipeline, writeDecimal } from './pipeline.js';
import type { Slab } from './slab.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const RESTORE = ascii('$7\r\nRESTORE\r\n');
const ZERO_TTL = ascii('$1\r\n0\r\n');
const REPLACE = ascii('$7\r\nREPLACE\r\n');
const ABSTTL = ascii('$6\r\nABSTTL\r\n');
const IDLETIME = ascii('$8\r\nIDLETIME\r\n');
const FREQ = ascii('$4\r\nFREQ\r\n');
const DEL = ascii('DEL');

const STAR = 42;
const DOLLAR = 36;
const CR = 13;
const LF = 10;
const CRC_SLOT = 1;
const VERSION = 6;
/** Version and CRC. */
const FOOTER_BYTES = 10;
/** More than the fixed words, the headers and the numbers of any RESTORE together. */
const FRAME_BYTES = 256;

export interface RestoreAbilities {
  readonly replace: boolean;
  readonly absttl: boolean;
}

export class RestoreWriter {
  readonly #out: Pipeline;
  readonly #crc: Crc64;
  readonly #can: RestoreAbilities;

  constructor(out: Pipeline, crc: Crc64, can: RestoreAbilities) {
    this.#out = out;
    this.#crc = crc;
    this.#can = can;
  }

  /** `nowMs` is the target's clock; it is only looked at where times must be relative. */
  write(entry: RdbEntry, nowMs: number): void {
    const { keyBytes, keyStart, keyEnd, valueStart, valueEnd, keyMeta } = entry;
    if (!this.#can.replace) this.#out.command([DEL, keyBytes.subarray(keyStart, keyEnd)]);
    const keyLength = keyEnd - keyStart;
    const payload = 1 + (keyMeta?.length ?? 0) + valueEnd - valueStart + FOOTER_BYTES;
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
    const meta = entry.keyMeta?.length ?? 0;
    slab = out.reserve(FRAME_BYTES + meta);
    slab.used = this.#middle(entry, slab.bytes, slab.used, payload, nowMs);
    out.put(entry.bytes, entry.valueStart, entry.valueEnd);
    slab = out.reserve(FRAME_BYTES);
    slab.used = this.#tail(entry, slab.bytes, slab.used);
    out.ended(1);
  }

  #sum(entry: RdbEntry): void {
    const crc = this.#crc;
    crc.reset(CRC_SLOT);
    if (entry.keyMeta !== undefined) crc.update(CRC_SLOT, entry.keyMeta, 0, entry.keyMeta.length);
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
    bytes.set(RESTORE, at);
    at += RESTORE.length;
    return writeHeader(bytes, at, DOLLAR, entry.keyEnd - entry.keyStart);
  }

  /** From behind the key to where the value goes. */
  #middle(entry: RdbEntry, bytes: Uint8Array, start: number, payload: number, nowMs: number): number {
    let at = crlf(bytes, start);
    at = this.#ttl(entry, bytes, at, nowMs);
    at = writeHeader(bytes, at, DOLLAR, payload);
    if (entry.keyMeta !== undefined) {
      bytes.set(entry.keyMeta, at);
      at += entry.keyMeta.length;
    }
    bytes[at++] = entry.type.id;
    return at;
  }

  #ttl(entry: RdbEntry, bytes: Uint8Array, at: number, nowMs: number): number {
    if (entry.expiresAtMs < 0) {
      bytes.set(ZERO_TTL, at);
      return at + ZERO_TTL.length;
    }
    if (entry.expiresAtText !== undefined) return writeText(bytes, at, entry.expiresAtText);
    return writeNumber(
      bytes,
      at,
      this.#can.absttl ? entry.expiresAtMs : Math.max(1, Math.round(entry.expiresAtMs - nowMs)),
    );
  }

  /** The footer and what follows the payload. */
  #tail(entry: RdbEntry, bytes: Uint8Array, start: number): number {
    let at = start;
    bytes[at++] = VERSION;
    bytes[at++] = 0;
    at = writeWord(bytes, at, this.#crc.lo(CRC_SLOT));
    at = writeWord(bytes, at, this.#crc.hi(CRC_SLOT));
    at = crlf(bytes, at);
    if (this.#can.replace) at = writeWords(bytes, at, REPLACE);
    if (!this.#can.absttl) return at;
    if (entry.expiresAtMs >= 0) at = writeWords(bytes, at, ABSTTL);
    if (entry.idleSeconds >= 0) return writeNumber(bytes, writeWords(bytes, at, IDLETIME), entry.idleSeconds);
    if (entry.lfuFrequency >= 0) return writeNumber(bytes, writeWords(bytes, at, FREQ), entry.lfuFrequency);
    return at;
  }
}

function writeHeader(bytes: Uint8Array, at: number, mark: number, value: number): number {
  bytes[at] = mark;
  return crlf(bytes, writeDecimal(bytes, at + 1, value));
}

function crlf(bytes: Uint8Array, at: number): number {
  bytes[at] = CR;
  bytes[at + 1] = LF;
  return at + 2;
}

function writeWords(bytes: Uint8Array, at: number, words: Uint8Array): number {
  for (let index = 0; index < words.length; index++) bytes[at + index] = words[index]!;
  return at + words.length;
}

/** `$digits\r\nvalue\r\n` */
function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  const next = writeHeader(bytes, at, DOLLAR, decimalBytes(value));
  return crlf(bytes, writeDecimal(bytes, next, value));
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  let next = writeHeader(bytes, at, DOLLAR, text.length);
  for (let index = 0; index < text.length; index++) bytes[next++] = text.charCodeAt(index);
  return crlf(bytes, next);
}

function writeWord(bytes: Uint8Array, at: number, word: number): number {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
  return at + 4;
}
