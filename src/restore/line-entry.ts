/**
 * Puts one line of NDJSON together as an entry that the snapshot's write path takes. Values are collected
 * and encoded in a form that the target loads; what grows too large for that goes on as commands, element
 * by element.
 */
import { ReplicantError } from '../errors.js';
import { showKey } from '../keyspace/words.js';
import { decodeDumpPayload } from '../rdb/dump-payload.js';
import type { Dialect } from '../rdb/dialect.js';
import { formsOf, type ValueForms } from '../rdb/encode/forms.js';
import { LOSS_TEXTS, listLosses, type ValueLosses } from '../rdb/encode/losses.js';
import { ValueEncoder } from '../rdb/encode/value-encoder.js';
import type { RdbEntry } from '../rdb/handler.js';
import { DEFAULT_LIMITS } from '../rdb/limits.js';
import { valueTypes } from '../rdb/value-types.js';
import type { ValueVisitor } from '../rdb/value-visitor.js';
import type { Capabilities } from '../target/capabilities.js';
import type { Json } from './json-tree.js';
import type { LineSink } from './line-parser.js';
import {
  bad,
  toBase64,
  toBigInt,
  toInteger,
  toList,
  toModuleId,
  toObject,
  toPair,
  toScore,
  toStreamEntry,
  toStreamGroup,
  toStreamMeta,
  toText,
} from './line-values.js';
import { PACKED_ZSET, packNegativeZeros } from './negative-zero.js';
import { visitValue } from '../rdb/encode/encode-rdb.js';
import { SizedBuilder } from './sized-builder.js';

/** Where whole entries go, and values too large to be one. */
export interface EntryTaker {
  entry(entry: RdbEntry): void;
  /** Takes a value element by element; `undefined`: it is not wanted. */
  large(entry: RdbEntry): LargeTaker | undefined;
  functionLibrary(source: Uint8Array): void;
  /** Something of this key was left out. */
  lost(error: ReplicantError): void;
}

export interface LargeTaker {
  readonly visitor: ValueVisitor;
  /** Fields that are there already get their TTLs. */
  expireField(field: Uint8Array, expiresAtMs: number): void;
  finish(): void;
}

const KINDS = ['string', 'list', 'set', 'zset', 'hash', 'stream', 'module'] as const;
type Kind = (typeof KINDS)[number];
/** A type of each kind, for values that have no form of their own yet. */
const BASIC_TYPES: Readonly<Record<Kind, number>> = {
  string: 0,
  list: 1,
  set: 2,
  zset: 3,
  hash: 4,
  stream: 15,
  module: 7,
};

const latin = new TextDecoder('latin1');
const NO_BYTES = new Uint8Array(0);

export class LineEntry implements LineSink {
  readonly dialect: Dialect;
  readonly #taker: EntryTaker;
  readonly #capabilities: Capabilities;
  readonly #forms: ValueForms;
  readonly #encoder: ValueEncoder;
  readonly #oldStreams: ValueEncoder;
  #line = 0;
  #function = false;
  #kind: Kind | undefined;
  #members: ReadonlyMap<string, Json> = new Map();
  #builder = new SizedBuilder();
  #count = 0;
  #expiries = new Map<string, number>();
  /** The value goes out as commands already; null: it is not wanted. */
  #large: LargeTaker | null | undefined;

  constructor(taker: EntryTaker, capabilities: Capabilities) {
    this.#taker = taker;
    this.#capabilities = capabilities;
    this.#forms = formsOf(capabilities.server);
    this.dialect = this.#forms.dialect;
    this.#encoder = new ValueEncoder(this.#forms);
    this.#oldStreams = new ValueEncoder({ ...this.#forms, stream: 15 });
  }

  /** A line begins. */
  begin(line: number): void {
    this.#line = line;
    this.#function = false;
    this.#kind = undefined;
    this.#members = new Map();
    this.#builder = new SizedBuilder();
    this.#count = 0;
    this.#expiries = new Map();
    this.#large = undefined;
  }

  /** Database and key of the line, as far as they are known. */
  place(members: ReadonlyMap<string, Json>): { db?: number; key?: string } {
    try {
      const key = members.has('key') ? { key: showKey(toText(members.get('key'), 'key')) } : {};
      return { ...(members.has('db') ? { db: toInteger(members.get('db'), 'db') } : {}), ...key };
    } catch {
      return {};
    }
  }

  // ---- LineSink ----------------------------------------------------------------------------------------

  head(members: ReadonlyMap<string, Json>): 'elements' | 'stream' | 'whole' {
    this.#members = members;
    this.#function = isType(members, 'function');
    if (this.#function || members.has('aux')) return 'whole';
    if (!members.has('key') || !members.has('type'))
      throw bad('db, key and type must stand before the value');
    const type = latin.decode(toText(members.get('type'), 'type'));
    const kind = KINDS.find((name) => name === type);
    // An array of Redis 8.8 has no other value than its dump.
    if (kind === undefined && type !== 'array') throw bad(`there is no type ${JSON.stringify(type)}`);
    this.#kind = kind;
    if (kind === 'stream') return 'stream';
    return kind === 'string' || kind === 'module' || kind === undefined ? 'whole' : 'elements';
  }

  element(value: Json): void {
    this.#count++;
    const to = this.#large === undefined ? this.#builder : this.#large?.visitor;
    if (to === undefined) return;
    tellElement(this.#kind!, value, to);
    if (this.#large === undefined && this.#builder.bytes > this.#limit) this.#openLarge();
  }

  value(value: Json): void {
    if (this.#function) this.#taker.functionLibrary(toText(value, 'value'));
    if (this.#kind === undefined) return;
    const to = this.#large === undefined ? this.#builder : this.#large?.visitor;
    if (to === undefined) return;
    if (this.#kind === 'string') {
      const text = toText(value, 'value');
      to.stringStart(text.length);
      if (text.length > 0) to.stringChunk(text);
    } else if (this.#kind === 'module') {
      const module = toObject(value, 'value');
      to.moduleValue(toModuleId(module), toBase64(module.get('base64'), 'base64'));
    } else if (this.#kind === 'stream') {
      const stream = toObject(value, 'value');
      to.streamMeta(toStreamMeta(stream, this.#count));
      for (const group of toList(stream.get('groups') ?? [], 'groups')) to.streamGroup(toStreamGroup(group));
    } else {
      throw bad('the value is not a list');
    }
  }

  fieldExpiry(pair: Json): void {
    const [field, ms] = toPair(pair, 'an entry of fieldExpiresAt');
    const [name, expiresAtMs] = [toText(field, 'a field'), toInteger(ms, 'a time')];
    if (this.#large === undefined) this.#expiries.set(latin.decode(name), expiresAtMs);
    else this.#large?.expireField(name, expiresAtMs);
  }

  line(members: ReadonlyMap<string, Json>): void {
    this.#members = members;
    if (members.has('incomplete'))
      throw bad('this value was damaged where it comes from: it is not complete');
    // Modules keep such data for themselves, as AUX fields are the server's.
    if (this.#function || members.has('aux') || isType(members, 'module-aux')) return;
    if (this.#large !== undefined) {
      this.#large?.finish();
      return;
    }
    if (!members.has('key')) throw bad('a line without a key');
    const entry = this.#dumped() ?? this.#encoded();
    if (entry !== undefined) this.#taker.entry(entry);
  }

  // ---- what becomes of it ------------------------------------------------------------------------------

  get #limit(): number {
    return this.#kind === 'stream' ? DEFAULT_LIMITS.inlineStreamBytes : DEFAULT_LIMITS.inlineBytes;
  }

  /** The payload that stands beside the value, if the target takes it. */
  #dumped(): RdbEntry | undefined {
    const text = this.#members.get('dump');
    if (text === undefined) {
      if (this.#kind === undefined) throw bad('a value without its dump');
      return undefined;
    }
    const payload = toBase64(text, 'dump');
    const { type, dialect, valueStart, valueEnd, keyMetaEnd } = decodeDumpPayload(payload);
    if (!this.#capabilities.acceptsType(type, dialect) && this.#kind !== undefined) return undefined;
    const meta = keyMetaEnd > 0 ? payload.slice(0, keyMetaEnd) : undefined;
    return this.#entry(type, dialect, payload, valueStart, valueEnd, meta);
  }

  #encoded(): RdbEntry | undefined {
    const value = this.#builder.build(this.#kind!, this.#expiries);
    const packed = value.kind === 'zset' && this.#wasPacked ? packNegativeZeros(value.members) : undefined;
    if (packed !== undefined) return this.#entry(PACKED_ZSET, 'redis', packed, 0, packed.length, undefined);
    // A stream whose counters nobody knows: in the oldest form the server works them out.
    const uncounted = value.kind === 'stream' && !value.meta.exact && this.#forms.stream !== undefined;
    const encoder = uncounted ? this.#oldStreams : this.#encoder;
    encoder.begin(this.#kind!);
    visitValue(value, encoder);
    const { type, bytes, elements, losses } = encoder.finish();
    if (elements === 0 && this.#kind !== 'stream') return undefined;
    if (!uncounted) this.#report(losses);
    return this.#entry(type, this.#forms.dialect, bytes, 0, bytes.length, undefined);
  }

  get #wasPacked(): boolean {
    const encoding = this.#members.get('encoding');
    return encoding instanceof Uint8Array && /^(?:zip|list)(?:list|pack)$/u.test(latin.decode(encoding));
  }

  #report(losses: Readonly<ValueLosses>): void {
    for (const [kind, count] of listLosses(losses)) {
      const what = `${count} × ${LOSS_TEXTS[kind]}`;
      this.#taker.lost(
        new ReplicantError('RDB_UNSUPPORTED', `the target can't hold all of this value: ${what} left out`, {
          place: this.place(this.#members),
        }),
      );
    }
  }

  #openLarge(): void {
    const entry = this.#entry(BASIC_TYPES[this.#kind!], 'redis', NO_BYTES, 0, 0, undefined);
    const large = this.#taker.large(entry) ?? null;
    this.#large = large;
    if (large !== null) this.#builder.tellElements(this.#kind!, this.#expiries, large.visitor);
    this.#builder = new SizedBuilder();
    this.#expiries = new Map();
  }

  #entry(
    id: number,
    dialect: Dialect,
    bytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
    keyMeta: Uint8Array | undefined,
  ): RdbEntry {
    const members = this.#members;
    const type = valueTypes(dialect)[id];
    if (type === undefined) throw bad(`a dump of type ${id}, which is not known`);
    const key = toText(members.get('key'), 'key');
    const optional = (name: string): number => (members.has(name) ? toInteger(members.get(name), name) : -1);
    return {
      db: members.has('db') ? toInteger(members.get('db'), 'db') : 0,
      type,
      keyBytes: key,
      keyStart: 0,
      keyEnd: key.length,
      ...{ bytes, valueStart, valueEnd, keyMeta },
      ...this.#deadline(),
      idleSeconds: optional('idleSeconds'),
      lfuFrequency: optional('lfuFrequency'),
      offset: this.#line,
    };
  }

  #deadline(): Pick<RdbEntry, 'expiresAtMs' | 'expiresAtText'> {
    const given = this.#members.get('expiresAt');
    if (given === undefined || given === null) return { expiresAtMs: -1, expiresAtText: undefined };
    const exact = toBigInt(given, 'expiresAt');
    const expiresAtMs = Math.max(0, Number(exact));
    return { expiresAtMs, expiresAtText: Number.isSafeInteger(expiresAtMs) ? undefined : String(exact) };
  }
}

function isType(members: ReadonlyMap<string, Json>, type: string): boolean {
  const found = members.get('type');
  return found instanceof Uint8Array && latin.decode(found) === type;
}

function tellElement(kind: Kind, value: Json, to: ValueVisitor): void {
  switch (kind) {
    case 'list':
      to.listItem(toText(value, 'an item'));
      return;
    case 'set':
      to.setMember(toText(value, 'a member'));
      return;
    case 'zset': {
      const [member, score] = toPair(value, 'a member');
      to.zsetMember(toText(member, 'a member'), toScore(score));
      return;
    }
    case 'hash': {
      const [field, text] = toPair(value, 'a field');
      to.hashField(toText(field, 'a field'), toText(text, "a field's value"), -1);
      return;
    }
    default:
      to.streamEntry(...toStreamEntry(value));
  }
}
