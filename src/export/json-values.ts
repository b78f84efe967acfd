/**
 * One value as JSON, element by element into the output:
 *
 *            lossless (ndjson)                      readable (json)
 *   string   text                                   text
 *   list     [text…]                                [text…]
 *   set      [text…]                                [text…]
 *   zset     [[text,"score"]…]                      {text:"score"…}
 *   hash     [[text,text]…]                         {text:text…}
 *   stream   {"entries":[{"id","fields":[[…]…]}…], what XINFO STREAM FULL tells}
 *                                                   {"entries":[{"id","values":{…}}…]}
 *   module   {"module":name,"version":n,"base64":payload}, both
 *
 * `begin`, what the decoder tells, `end`. Memory stays bounded: what must wait goes through a spill.
 */
import type { RdbKind } from '../rdb/value-types.js';
import type { ElementSpans, StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../rdb/value-visitor.js';
import { writeBase64, writeJsonText, type TextForm } from './json-text.js';
import { LongText } from './long-text.js';
import { moduleName, moduleVersion } from '../rdb/module-name.js';
import { Output } from './output.js';
import { writeScore } from './score.js';
import { Spill } from './spill.js';
import { streamIdText, writeStreamGroup, writeStreamMeta } from './stream-json.js';
import { ZsetOrder } from './zset-order.js';

const COMMA = 44;
const COLON = 58;
const QUOTE = 34;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

export interface JsonValuesOptions {
  readonly form: TextForm;
  /** For temporary files; default: the system's. */
  readonly spillFolder?: string | undefined;
}

export class JsonValues implements ValueVisitor, ElementSpans {
  readonly spans: ElementSpans = this;
  readonly #out: Output;
  readonly #form: TextForm;
  readonly #lossless: boolean;
  readonly #long: LongText;
  readonly #zset: ZsetOrder;
  readonly #expiries: Spill;
  readonly #expiryText: Output;
  #kind: RdbKind = 'string';
  /** Members of a sorted set come in no order that is known. */
  #unordered = false;
  /** Elements written. */
  #count = 0;
  #expiryCount = 0;
  #stringBytes = 0;
  #inPieces = false;
  #metaSeen = false;
  #groups = 0;

  constructor(out: Output, { form, spillFolder }: JsonValuesOptions) {
    this.#out = out;
    this.#form = form;
    this.#lossless = form === 'lossless';
    this.#long = new LongText(out, form, spillFolder);
    this.#zset = new ZsetOrder(spillFolder);
    this.#expiries = new Spill(spillFolder);
    this.#expiryText = new Output(this.#expiries);
  }

  begin(kind: RdbKind, encoding: string): void {
    this.#kind = kind;
    this.#count = 0;
    this.#expiryCount = 0;
    this.#inPieces = false;
    this.#metaSeen = false;
    this.#groups = 0;
    this.#unordered = encoding === 'skiplist';
    if (kind === 'list' || kind === 'set') this.#out.byte(OPEN_LIST);
    else if (kind === 'zset' || kind === 'hash') this.#out.byte(this.#lossless ? OPEN_LIST : OPEN_OBJECT);
    else if (kind === 'stream') this.#out.ascii('{"entries":[');
  }

  /** The value is complete. */
  end(): void {
    if (this.#kind === 'string') {
      if (this.#inPieces) this.#long.end();
    } else if (this.#kind === 'zset' && this.#unordered) {
      this.#zset.empty((bytes, start, end, score) => this.#member(bytes, start, end, score));
    }
    this.#close();
  }

  /** The value is cut off: closes what is open, so that what was written is still JSON. */
  abandon(): void {
    if (this.#kind === 'string') {
      if (this.#inPieces) this.#long.abandon();
      else this.#out.ascii('""');
    }
    this.#zset.clear();
    if (this.#kind === 'module') this.#out.ascii('null');
    this.#close();
  }

  /** Whether fields with a TTL were among what `end` closed. */
  get hasFieldExpiries(): boolean {
    return this.#expiryCount > 0;
  }

  /** `[[field,ms]…]`; once, after `end`. */
  writeFieldExpiries(): void {
    this.#out.byte(OPEN_LIST);
    this.#expiryText.endSync();
    this.#expiries.empty((bytes, start, end) => this.#out.put(bytes, start, end));
    this.#out.byte(CLOSE_LIST);
    this.#expiryCount = 0;
  }

  stringStart(totalBytes: number): void {
    this.#stringBytes = totalBytes;
    if (totalBytes === 0) this.#out.ascii('""');
  }

  stringChunk(bytes: Uint8Array): void {
    if (bytes.length === this.#stringBytes) {
      if (bytes.length > 0) writeJsonText(this.#out, bytes, 0, bytes.length, this.#form);
      return;
    }
    if (!this.#inPieces) this.#long.begin();
    this.#inPieces = true;
    this.#long.add(bytes);
  }

  listItem(item: Uint8Array): void {
    this.listSpan(item, 0, item.length);
  }

  setMember(member: Uint8Array): void {
    this.listSpan(member, 0, member.length);
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.zsetSpan(member, 0, member.length, score);
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    this.hashSpan(field, 0, field.length, value, 0, value.length, expiresAtMs);
  }

  listSpan(bytes: Uint8Array, start: number, end: number): void {
    if (this.#count++ > 0) this.#out.byte(COMMA);
    writeJsonText(this.#out, bytes, start, end, this.#form);
  }

  setSpan(bytes: Uint8Array, start: number, end: number): void {
    this.listSpan(bytes, start, end);
  }

  zsetSpan(bytes: Uint8Array, start: number, end: number, score: number): void {
    if (this.#unordered) this.#zset.add(bytes, start, end, score);
    else this.#member(bytes, start, end, score);
  }

  hashSpan(
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expiresAtMs: number,
  ): void {
    const out = this.#out;
    if (this.#count++ > 0) out.byte(COMMA);
    if (this.#lossless) out.byte(OPEN_LIST);
    writeJsonText(out, field, fieldStart, fieldEnd, this.#form);
    out.byte(this.#lossless ? COMMA : COLON);
    writeJsonText(out, value, valueStart, valueEnd, this.#form);
    if (this.#lossless) out.byte(CLOSE_LIST);
    if (expiresAtMs >= 0 && this.#lossless) this.#fieldExpiry(field, fieldStart, fieldEnd, expiresAtMs);
  }

  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void {
    const out = this.#out;
    if (this.#count++ > 0) out.byte(COMMA);
    out.ascii(`{"id":"${streamIdText(id)}",`);
    out.ascii(this.#lossless ? '"fields":[' : '"values":{');
    for (let at = 0; at + 1 < fields.length; at += 2) {
      if (at > 0) out.byte(COMMA);
      this.#pair(out, fields[at]!, fields[at + 1]!);
    }
    out.ascii(this.#lossless ? ']}' : '}}');
  }

  streamMeta(meta: StreamMeta): void {
    this.#metaSeen = true;
    this.#out.byte(CLOSE_LIST);
    if (this.#lossless) writeStreamMeta(this.#out, meta);
  }

  streamGroup(group: StreamGroup): void {
    if (!this.#lossless) return;
    if (this.#groups++ > 0) this.#out.byte(COMMA);
    writeStreamGroup(this.#out, group);
  }

  moduleValue(moduleId: bigint, payload: Uint8Array): void {
    const out = this.#out;
    out.ascii(`{"module":"${moduleName(moduleId)}","version":${moduleVersion(moduleId)},"base64":"`);
    writeBase64(out, payload, 0, payload.length);
    out.ascii('"}');
  }

  #close(): void {
    const out = this.#out;
    if (this.#kind === 'list' || this.#kind === 'set') out.byte(CLOSE_LIST);
    else if (this.#kind === 'zset' || this.#kind === 'hash')
      out.byte(this.#lossless ? CLOSE_LIST : CLOSE_OBJECT);
    else if (this.#kind === 'stream') {
      if (!this.#metaSeen) out.byte(CLOSE_LIST);
      out.ascii(this.#lossless && this.#metaSeen ? ']}' : '}');
    }
  }

  #member(bytes: Uint8Array, start: number, end: number, score: number): void {
    const out = this.#out;
    if (this.#count++ > 0) out.byte(COMMA);
    if (this.#lossless) out.byte(OPEN_LIST);
    writeJsonText(out, bytes, start, end, this.#form);
    out.byte(this.#lossless ? COMMA : COLON);
    out.byte(QUOTE);
    writeScore(out, score);
    out.byte(QUOTE);
    if (this.#lossless) out.byte(CLOSE_LIST);
  }

  #pair(out: Output, name: Uint8Array, value: Uint8Array): void {
    if (this.#lossless) out.byte(OPEN_LIST);
    writeJsonText(out, name, 0, name.length, this.#form);
    out.byte(this.#lossless ? COMMA : COLON);
    writeJsonText(out, value, 0, value.length, this.#form);
    if (this.#lossless) out.byte(CLOSE_LIST);
  }

  #fieldExpiry(bytes: Uint8Array, start: number, end: number, expiresAtMs: number): void {
    const out = this.#expiryText;
    if (this.#expiryCount++ > 0) out.byte(COMMA);
    out.byte(OPEN_LIST);
    writeJsonText(out, bytes, start, end, this.#form);
    out.byte(COMMA);
    out.integer(expiresAtMs);
    out.byte(CLOSE_LIST);
  }
}
