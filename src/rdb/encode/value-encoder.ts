/**
 * Encodes a value from what a decoder tells of it, in the form that the target's `ValueForms` name. Counts
 * stand before the elements in the file, so the value is put together in memory; values too large for that
 * are converted piecewise, see `convert-large.ts`.
 *
 *   encoder.begin('hash'); …visitor calls…; encoder.finish()
 */
import type { RdbKind } from '../value-types.js';
import type { StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../value-visitor.js';
import { ReplicantError } from '../../errors.js';
import { NO_EXPIRY } from '../encodings/field-expiry.js';
import { ByteWriter } from './byte-writer.js';
import { fieldTimeFor } from './field-times.js';
import type { ValueForms } from './forms.js';
import { noLosses, type ValueLosses } from './losses.js';
import { writeScore } from './score-encoder.js';
import { StreamEncoder, type StreamType } from './stream-encoder.js';
import { StringEncoder } from './string-encoder.js';

export interface EncodedValue {
  readonly type: number;
  /** Valid until the next value is begun. */
  readonly bytes: Uint8Array;
  /** Items, members, pairs, entries; a string or module value counts 1. */
  readonly elements: number;
  readonly losses: Readonly<ValueLosses>;
}

export class ValueEncoder implements ValueVisitor {
  readonly #forms: ValueForms;
  readonly #strings: StringEncoder;
  readonly #stream: StreamEncoder;
  readonly #body = new ByteWriter();
  readonly #out = new ByteWriter();
  #kind: RdbKind = 'string';
  #elements = 0;
  #losses = noLosses();
  /** Of a hash with TTLs: where each pair starts in the body, and when it expires. */
  #starts: number[] = [];
  #times: number[] = [];
  #timed = false;
  #string: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #moduleId = 0n;

  constructor(forms: ValueForms, options: { readonly compress?: boolean } = {}) {
    this.#forms = forms;
    this.#strings = new StringEncoder(options.compress ?? false);
    this.#stream = new StreamEncoder(this.#strings);
  }

  begin(kind: RdbKind): void {
    this.#kind = kind;
    this.#body.clear();
    this.#out.clear();
    this.#stream.clear();
    this.#elements = 0;
    this.#losses = noLosses();
    this.#starts = [];
    this.#times = [];
    this.#timed = false;
    this.#filled = 0;
  }

  stringStart(totalBytes: number): void {
    this.#string = new Uint8Array(totalBytes);
    this.#filled = 0;
    this.#elements = 1;
  }

  stringChunk(bytes: Uint8Array): void {
    this.#string.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  listItem(item: Uint8Array): void {
    this.#elements++;
    this.#strings.write(this.#body, item);
  }

  setMember(member: Uint8Array): void {
    this.#elements++;
    this.#strings.write(this.#body, member);
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.#elements++;
    this.#strings.write(this.#body, member);
    writeScore(this.#body, score, this.#forms.zset);
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    this.#elements++;
    this.#starts.push(this.#body.length);
    const time = fieldTimeFor(this.#forms.timedHash, expiresAtMs);
    this.#times.push(time);
    if (time !== NO_EXPIRY) this.#timed = true;
    else if (expiresAtMs !== NO_EXPIRY) this.#losses.fieldTtls++;
    this.#strings.write(this.#body, field);
    this.#strings.write(this.#body, value);
  }

  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#elements++;
    this.#stream.entry(id, fields);
  }

  streamMeta(meta: StreamMeta): void {
    this.#stream.meta(meta);
  }

  streamGroup(group: StreamGroup): void {
    this.#stream.group(group);
  }

  moduleValue(moduleId: bigint, payload: Uint8Array): void {
    this.#elements = 1;
    this.#moduleId = moduleId;
    this.#string = payload.slice();
  }

  finish(): EncodedValue {
    const type = this.#write();
    return { type, bytes: this.#out.view(), elements: this.#elements, losses: this.#losses };
  }

  /** Writes the value and returns its type. */
  #write(): number {
    const out = this.#out;
    switch (this.#kind) {
      case 'string':
        this.#strings.write(out, this.#string);
        return 0;
      case 'list':
        return this.#counted(1);
      case 'set':
        return this.#counted(2);
      case 'zset':
        return this.#counted(this.#forms.zset);
      case 'hash':
        return this.#hash();
      case 'stream':
        if (this.#forms.stream === undefined) throw impossible('a stream');
        return this.#finishStream(this.#stream.typeUpTo(this.#forms.stream));
      case 'module':
        out.bigLen(this.#moduleId);
        out.raw(this.#string);
        return 7;
      default:
        throw impossible(`a value of kind ${this.#kind}`);
    }
  }

  #finishStream(type: StreamType): number {
    this.#stream.finish(this.#out, type, this.#losses);
    return type;
  }

  #counted(type: number): number {
    this.#out.len(this.#elements);
    this.#out.raw(this.#body.view());
    return type;
  }

  #hash(): number {
    const form = this.#timed ? this.#forms.timedHash : undefined;
    if (form === undefined) return this.#counted(4);
    const earliest = this.#times.reduce(
      (least, time) => (time === NO_EXPIRY ? least : Math.min(least, time)),
      Infinity,
    );
    if (form === 24) this.#out.i64(earliest);
    this.#out.len(this.#elements);
    const body = this.#body.view();
    this.#times.forEach((time, at) => {
      const [start, end] = [this.#starts[at]!, this.#starts[at + 1] ?? body.length];
      if (form === 24) this.#out.len(time === NO_EXPIRY ? 0 : time - earliest + 1);
      this.#out.raw(body, start, end);
      if (form === 22) this.#out.i64(time);
    });
    return form;
  }
}

function impossible(what: string): ReplicantError {
  return new ReplicantError('RDB_UNSUPPORTED', `${what} has no form that this server loads`);
}
