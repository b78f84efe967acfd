/**
 * The lossless form: one line of JSON per key.
 *
 *   {"db":0,"key":K,"type":"hash","encoding":"listpack","expiresAt":ms?,"idleSeconds":n?,"lfuFrequency":n?,
 *    "value":V,"fieldExpiresAt":[[field,ms]…]?,"dump":base64?,"serializedBytes":n}
 *
 * With `--meta` also {"aux":name,"value":V}, {"type":"function","value":source} and
 * {"type":"module-aux","base64":…}. `dump`, the payload that RESTORE takes, stands beside values that
 * commands cannot make anew whole: streams of Redis 8.6 and later, and keys with module metadata. An array
 * (Redis 8.8), whose elements are not decoded here, has only that: "value":null. A value that turned out
 * damaged when part of it was out ends with "incomplete":true.
 */
import { encodeDumpPayload } from '../rdb/dump-payload.js';
import type { RdbEntry } from '../rdb/handler.js';
import { Header, readString, STR_INT, STR_PLAIN } from '../rdb/primitives.js';
import type { FormatWriter, LargeValueWriter, SourceFacts } from './format-writer.js';
import { writeBase64, writeJsonText } from './json-text.js';
import { JsonValues, type JsonValuesOptions } from './json-values.js';
import { LargeJson } from './large-json.js';
import type { Output } from './output.js';
import { compressedEncoding, stringEncoding } from './string-encoding.js';
import { ValueFeed } from './value-feed.js';

const NEWLINE = 10;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const KEY = ascii(',"key":');
const VALUE = ascii(',"value":');
const EXPIRES_AT = ascii(',"expiresAt":');
const IDLE_SECONDS = ascii(',"idleSeconds":');
const LFU_FREQUENCY = ascii(',"lfuFrequency":');
const FIELD_EXPIRES_AT = ascii(',"fieldExpiresAt":');
const DUMP = ascii(',"dump":"');
const SERIALIZED_BYTES = ascii(',"serializedBytes":');
const LINE_START = ascii('{"db":');
const LINE_END = ascii('}\n');
/** Streams of these types hold ids of idempotent producers, which no command sets. */
const FIRST_STREAM_WITH_PRODUCERS = 26;

export interface NdjsonOptions extends Omit<JsonValuesOptions, 'form'> {
  /** Lines for what is not a key. */
  readonly meta: boolean;
}

export class NdjsonWriter implements FormatWriter {
  readonly #out: Output;
  readonly #meta: boolean;
  readonly #values: JsonValues;
  readonly #header = new Header();
  /** `,"type":"hash","encoding":"listpack"` by kind and encoding. */
  readonly #types = new Map<string, Map<string, Uint8Array>>();
  #feed: ValueFeed;

  constructor(out: Output, options: NdjsonOptions) {
    this.#out = out;
    this.#meta = options.meta;
    this.#values = new JsonValues(out, { ...options, form: 'lossless' });
    this.#feed = new ValueFeed('redis', this.#values);
  }

  begin({ dialect }: SourceFacts): void {
    this.#feed = new ValueFeed(dialect, this.#values);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    if (!this.#meta) return;
    const out = this.#out;
    out.ascii('{"aux":');
    writeJsonText(out, name, 0, name.length, 'lossless');
    out.word(VALUE);
    writeJsonText(out, value, 0, value.length, 'lossless');
    out.word(LINE_END);
  }

  functionLibrary(source: Uint8Array): void {
    if (!this.#meta) return;
    const out = this.#out;
    out.ascii('{"type":"function","value":');
    writeJsonText(out, source, 0, source.length, 'lossless');
    out.word(LINE_END);
  }

  moduleAux(payload: Uint8Array): void {
    if (!this.#meta) return;
    const out = this.#out;
    out.ascii('{"type":"module-aux","base64":"');
    writeBase64(out, payload, 0, payload.length);
    out.ascii('"}\n');
  }

  entry(entry: RdbEntry, db: number): void {
    const { kind, encoding } = entry.type;
    if (kind === 'string') this.#string(entry, db);
    else if (kind === 'array') this.#opaque(entry, db);
    else {
      this.#head(entry, db, encoding);
      this.#values.begin(kind, encoding);
      this.#feed.whole(entry);
      this.#values.end();
      this.#tail(entry, entry.valueEnd - entry.valueStart, true);
    }
  }

  openLarge(entry: RdbEntry, db: number): LargeValueWriter {
    const { kind, encoding } = entry.type;
    this.#head(entry, db, encoding);
    this.#values.begin(kind, encoding);
    return new LargeJson(this.#feed.open(entry), this.#values, {
      tail: (bytes) => this.#tail(entry, bytes, false),
      abandoned: () => this.#out.ascii(',"incomplete":true}\n'),
    });
  }

  finish(): void {}

  #string(entry: RdbEntry, db: number): void {
    const header = this.#header;
    const { bytes, valueStart, valueEnd } = entry;
    readString(header, bytes, valueStart, valueEnd);
    const { form, start, fileBytes, textBytes } = header;
    const encoding =
      form === STR_PLAIN
        ? stringEncoding(bytes, start, start + fileBytes)
        : form === STR_INT
          ? 'int'
          : compressedEncoding(textBytes);
    this.#head(entry, db, encoding);
    if (form === STR_PLAIN) {
      writeJsonText(this.#out, bytes, start, start + fileBytes, 'lossless');
    } else {
      this.#values.begin('string', 'raw');
      this.#feed.whole(entry);
      this.#values.end();
    }
    this.#tail(entry, valueEnd - valueStart, true);
  }

  #opaque(entry: RdbEntry, db: number): void {
    this.#head(entry, db, entry.type.encoding);
    this.#out.ascii('null');
    this.#dump(entry);
    this.#end(entry.valueEnd - entry.valueStart);
  }

  #head(entry: RdbEntry, db: number, encoding: string): void {
    const out = this.#out;
    out.word(LINE_START);
    out.integer(db);
    out.word(KEY);
    writeJsonText(out, entry.keyBytes, entry.keyStart, entry.keyEnd, 'lossless');
    out.word(this.#typeWord(entry.type.kind, encoding));
    if (entry.expiresAtMs >= 0) {
      out.word(EXPIRES_AT);
      if (entry.expiresAtText === undefined) out.integer(entry.expiresAtMs);
      else out.ascii(entry.expiresAtText);
    }
    if (entry.idleSeconds >= 0) {
      out.word(IDLE_SECONDS);
      out.integer(entry.idleSeconds);
    }
    if (entry.lfuFrequency >= 0) {
      out.word(LFU_FREQUENCY);
      out.integer(entry.lfuFrequency);
    }
    out.word(VALUE);
  }

  #tail(entry: RdbEntry, serializedBytes: number, whole: boolean): void {
    if (this.#values.hasFieldExpiries) {
      this.#out.word(FIELD_EXPIRES_AT);
      this.#values.writeFieldExpiries();
    }
    const { kind, id } = entry.type;
    const needsDump = entry.keyMeta !== undefined || (kind === 'stream' && id >= FIRST_STREAM_WITH_PRODUCERS);
    if (needsDump && whole) this.#dump(entry);
    this.#end(serializedBytes);
  }

  #dump({ type, bytes, valueStart, valueEnd, keyMeta }: RdbEntry): void {
    const payload = encodeDumpPayload(type.id, bytes.subarray(valueStart, valueEnd), undefined, keyMeta);
    this.#out.word(DUMP);
    writeBase64(this.#out, payload, 0, payload.length);
    this.#out.byte(34);
  }

  #end(serializedBytes: number): void {
    const out = this.#out;
    out.word(SERIALIZED_BYTES);
    out.integer(serializedBytes);
    out.byte(125);
    out.byte(NEWLINE);
  }

  #typeWord(kind: string, encoding: string): Uint8Array {
    let ofKind = this.#types.get(kind);
    if (ofKind === undefined) this.#types.set(kind, (ofKind = new Map()));
    let word = ofKind.get(encoding);
    if (word === undefined)
      ofKind.set(encoding, (word = ascii(`,"type":"${kind}","encoding":"${encoding}"`)));
    return word;
  }
}
