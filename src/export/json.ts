/**
 * The layout that `rdb --command json` of redis-rdb-tools and `rdb-cli json` of librdb made customary: one
 * array, one object per database that has keys, key → value.
 *
 *   [{
 *   "key":"text",
 *   "list":["a","b"],"set":["a"],"hash":{"field":"value"},"zset":{"member":"1.5"}},{
 *   "key in the next database":"…"}]
 *
 * Bytes that are not UTF-8 appear as `\xHH`. TTLs, encodings and the like are not in it; see ndjson.
 */
import type { RdbEntry } from '../rdb/handler.js';
import { Header, readString, STR_PLAIN } from '../rdb/primitives.js';
import type { FormatWriter, LargeValueWriter, SourceFacts } from './format-writer.js';
import { writeJsonText } from './json-text.js';
import { JsonValues, type JsonValuesOptions } from './json-values.js';
import { LargeJson } from './large-json.js';
import type { Output } from './output.js';
import { ValueFeed } from './value-feed.js';

const COLON = 58;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const NEXT_KEY = ascii(',\n');

export class JsonWriter implements FormatWriter {
  readonly #out: Output;
  readonly #values: JsonValues;
  readonly #header = new Header();
  #feed: ValueFeed;
  /** The database whose object is open; -1: none yet. */
  #db = -1;

  constructor(out: Output, options: Omit<JsonValuesOptions, 'form'> = {}) {
    this.#out = out;
    this.#values = new JsonValues(out, { ...options, form: 'readable' });
    this.#feed = new ValueFeed('redis', this.#values);
    out.ascii('[');
  }

  begin({ dialect }: SourceFacts): void {
    this.#feed = new ValueFeed(dialect, this.#values);
  }

  entry(entry: RdbEntry, db: number): void {
    const before = this.#db;
    try {
      this.#write(entry, db);
    } catch (error) {
      // The output goes back to where it was, so the object of this database is not open after all.
      this.#db = before;
      throw error;
    }
  }

  openLarge(entry: RdbEntry, db: number): LargeValueWriter {
    const { kind, encoding } = entry.type;
    this.#key(entry, db);
    this.#values.begin(kind, encoding);
    return new LargeJson(this.#feed.open(entry), this.#values);
  }

  finish(): void {
    this.#out.ascii(this.#db < 0 ? ']\n' : '}]\n');
  }

  #write(entry: RdbEntry, db: number): void {
    const { kind, encoding } = entry.type;
    this.#key(entry, db);
    if (kind === 'array') {
      this.#out.ascii('null');
      return;
    }
    if (kind === 'string' && this.#plainString(entry)) return;
    this.#values.begin(kind, encoding);
    this.#feed.whole(entry);
    this.#values.end();
  }

  #plainString({ bytes, valueStart, valueEnd }: RdbEntry): boolean {
    const header = this.#header;
    readString(header, bytes, valueStart, valueEnd);
    if (header.form !== STR_PLAIN) return false;
    writeJsonText(this.#out, bytes, header.start, header.start + header.fileBytes, 'readable');
    return true;
  }

  #key({ keyBytes, keyStart, keyEnd }: RdbEntry, db: number): void {
    const out = this.#out;
    if (db === this.#db) {
      out.word(NEXT_KEY);
    } else {
      out.ascii(this.#db < 0 ? '{\n' : '},{\n');
      this.#db = db;
    }
    writeJsonText(out, keyBytes, keyStart, keyEnd, 'readable');
    out.byte(COLON);
  }
}
