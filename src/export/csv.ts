/**
 * The memory report of redis-rdb-tools (`rdb -c memory`), so that sheets made for it go on working:
 *
 *   database,type,key,size_in_bytes,encoding,num_elements,len_largest_element,expiry
 *   0,sortedset,scores,249,skiplist,130,12,2026-01-14T08:20:10.236000
 *
 * Columns mean what they mean there: strings have encoding `string` and their length as number of elements;
 * `expiry` is UTC, empty when there is none. Sizes are those of our memory model, of the server that wrote
 * the file and jemalloc as distributions build it unless told otherwise. Keys stand as they are (bytes that
 * are not UTF-8 as `\xHH`); one with a comma, quote or line break is quoted with quotes doubled.
 */
import type { AllocatorName } from '../inspect/allocator.js';
import { MemoryMeter } from '../inspect/memory-model.js';
import { type Account, serverProfile, type ServerName } from '../inspect/server-profile.js';
import type { RdbEntry } from '../rdb/handler.js';
import type { FormatWriter, LargeValueWriter, SourceFacts } from './format-writer.js';
import { characterSize } from './json-text.js';
import type { Output } from './output.js';
import { SkippedValue } from './skipped-value.js';

const COMMA = 44;
const QUOTE = 34;
const NEWLINE = 10;
const BACKSLASH = 92;
const HEADER = 'database,type,key,size_in_bytes,encoding,num_elements,len_largest_element,expiry\n';
const HEX = new TextEncoder().encode('0123456789ABCDEF');
/** What a date can hold. */
const LAST_DATE_MS = 8.64e15;

/** Whose memory the sizes are of. */
export interface CsvModel {
  /** undefined: the one that wrote the file. */
  readonly server: ServerName | undefined;
  readonly account: Account;
  /** Of each source, in their order. */
  readonly allocators: readonly AllocatorName[];
}

const DEFAULT_MODEL: CsvModel = { server: undefined, account: 'allocated', allocators: [] };
const LARGEST = { largestElement: true };

export class CsvWriter implements FormatWriter {
  readonly #out: Output;
  readonly #words = new Map<string, Uint8Array>();
  readonly #model: CsvModel;
  #meter: MemoryMeter;
  #sources = 0;

  constructor(out: Output, model: CsvModel = DEFAULT_MODEL) {
    this.#out = out;
    this.#model = model;
    this.#meter = new MemoryMeter(serverProfile({ family: 'redis', major: 7, minor: 2 }), LARGEST);
    out.ascii(HEADER);
  }

  begin(facts: SourceFacts): void {
    const { family, version } = facts.server;
    const { server = { family, major: version[0], minor: version[1] }, account, allocators } = this.#model;
    const allocator = allocators[this.#sources++] ?? 'system';
    this.#meter = new MemoryMeter(serverProfile(server, { account, allocator }), LARGEST);
  }

  entry(entry: RdbEntry, db: number): void {
    this.#meter.measure(entry);
    this.#row(entry, db);
  }

  openLarge(entry: RdbEntry, db: number): LargeValueWriter {
    return new SkippedValue(this.#meter.open(entry), (complete) => {
      this.#meter.close();
      this.#row(complete, db);
    });
  }

  finish(): void {}

  #row(entry: RdbEntry, db: number): void {
    const out = this.#out;
    const { kind } = entry.type;
    const { bytes, encoding, elements, largestElementBytes } = this.#meter;
    out.integer(db);
    out.word(this.#word(kind === 'zset' ? 'sortedset' : kind));
    this.#key(entry.keyBytes, entry.keyStart, entry.keyEnd);
    out.byte(COMMA);
    out.integer(Math.round(bytes));
    out.word(this.#word(kind === 'string' ? 'string' : encoding));
    out.integer(kind === 'string' ? largestElementBytes : elements);
    out.byte(COMMA);
    out.integer(largestElementBytes);
    out.byte(COMMA);
    if (entry.expiresAtMs >= 0) out.ascii(formatExpiry(entry.expiresAtMs));
    out.byte(NEWLINE);
  }

  #key(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    out.room(end - start);
    const to = out.bytes;
    let { at } = out;
    for (let from = start; from < end; from++) {
      const byte = bytes[from]!;
      if (byte < 32 || byte > 126 || byte === QUOTE || byte === COMMA) {
        writeCsvText(out, bytes, start, end);
        return;
      }
      to[at++] = byte;
    }
    out.at = at;
  }

  /** `,word,` */
  #word(word: string): Uint8Array {
    let bytes = this.#words.get(word);
    if (bytes === undefined) this.#words.set(word, (bytes = new TextEncoder().encode(`,${word},`)));
    return bytes;
  }
}

/** A key with anything in it. */
export function writeCsvText(out: Output, bytes: Uint8Array, start: number, end: number): void {
  const quoted = needsQuotes(bytes, start, end);
  if (quoted) out.byte(QUOTE);
  for (let at = start; at < end;) {
    const byte = bytes[at]!;
    const size = characterSize(bytes, at, end);
    out.room(8);
    if (size <= 0) {
      for (const part of [BACKSLASH, 120, HEX[byte >> 4]!, HEX[byte & 15]!]) out.bytes[out.at++] = part;
    } else {
      if (byte === QUOTE) out.bytes[out.at++] = QUOTE;
      for (let next = at; next < at + size; next++) out.bytes[out.at++] = bytes[next]!;
    }
    at += Math.max(1, size);
  }
  if (quoted) out.byte(QUOTE);
}

function needsQuotes(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === COMMA || byte === QUOTE || byte === 10 || byte === 13) return true;
  }
  return false;
}

/** As Python's isoformat: no fraction when it is zero, else six digits. */
export function formatExpiry(ms: number): string {
  if (ms > LAST_DATE_MS) return String(ms);
  const text = new Date(ms).toISOString().slice(0, -1);
  return text.endsWith('.000') ? text.slice(0, -4) : `${text}000`;
}
