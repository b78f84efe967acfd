/**
 * What a key with its value takes in a server's memory, from the structure of the value as it stands in the
 * file: one pass, no element decoded, no server asked.
 *
 *   const meter = new MemoryMeter(serverProfile({ family: 'redis', major: 7, minor: 2 }));
 *   meter.measure(entry);            // an RdbEntry that lies whole in memory; then read:
 *   meter.bytes, meter.encoding, meter.elements, meter.largestElementBytes
 *
 *   const sink = meter.open(entry);  // for RdbHandler.largeValue: feeds itself; results stand when it is done
 *
 * `bytes` is everything the key makes the server allocate: key, entry, object, value, the entry of its TTL.
 * What the table that all keys are in takes besides, belongs to no key: `databaseTableBytes`.
 *
 * A value is taken to be as it stands in the file. A server that is told other limits, or is newer than the
 * writer, may turn packed forms into others when it loads them.
 */
import type { RdbEntry, ValueSink } from '../rdb/handler.js';
import type { ValueType } from '../rdb/value-types.js';
import { ElementSizer } from './element-size.js';
import { hashFrameBytes } from './hash-fields.js';
import { databaseTableBytes, valueTableBytes } from './hash-tables.js';
import { KeySizer, OBJECT_BYTES } from './key-size.js';
import { isBareListpack, listFrameBytes } from './list-size.js';
import { ModuleSizer } from './module-size.js';
import { PackedSizer } from './packed-size.js';
import type { ServerProfile } from './server-profile.js';
import { skiplistBytes } from './skiplist.js';
import { StreamSizer } from './stream-size.js';
import { LONGEST_INTEGER, StringSizer } from './string-size.js';
import {
  ROLE_CONSUMER_NAME,
  ROLE_COUNT,
  ROLE_ELEMENT,
  ROLE_FIELD_TTL,
  ROLE_FIELD_VALUE,
  ROLE_GROUP_NAME,
  ROLE_MODULE_ID,
  ROLE_NODE_FORM,
  ROLE_OWNED_ID,
  ROLE_PACKED,
  ROLE_PENDING_ID,
  ROLE_STREAM_ID,
  ROLE_STREAM_LENGTH,
  ROLE_STRING,
  ValueWalker,
} from './value-walker.js';

export { databaseTableBytes };

export interface MeterOptions {
  /** Look for the longest element in packed containers, too, which means walking them. Default false. */
  readonly largestElement?: boolean;
}

export class MemoryMeter extends ValueWalker implements ValueSink {
  /** What the key takes, all in all. */
  bytes = 0;
  /** As in OBJECT ENCODING. */
  encoding = '';
  /** Items, members, pairs, live stream entries; 1 for a string, 0 for a module value. */
  elements = 0;
  /** Of a string: its length. For packed containers 0 unless `largestElement` was asked for. */
  largestElementBytes = 0;
  /** Of a hash: fields with a TTL of their own. */
  fieldsWithTtl = 0;

  readonly profile: ServerProfile;
  readonly #key: KeySizer;
  readonly #text: StringSizer;
  readonly #elements: ElementSizer;
  readonly #packed: PackedSizer;
  readonly #stream: StreamSizer;
  readonly #module: ModuleSizer;

  constructor(profile: ServerProfile, options: MeterOptions = {}) {
    super();
    this.profile = profile;
    this.#key = new KeySizer(profile);
    this.#text = new StringSizer(profile, this.#key);
    this.#elements = new ElementSizer(profile);
    this.#packed = new PackedSizer(profile, options.largestElement ?? false);
    this.#stream = new StreamSizer(profile);
    this.#module = new ModuleSizer(profile);
  }

  /** A key whose value lies whole in memory. */
  measure(entry: RdbEntry): void {
    this.#start(entry);
    this.feed(entry.bytes, entry.valueStart, entry.valueEnd);
    this.#finish();
  }

  /** For a value that comes in pieces: feed the sink; then the results stand. */
  open(entry: RdbEntry): ValueSink {
    this.#start(entry);
    return this;
  }

  /** After a sink is done. */
  close(): void {
    this.#finish();
  }

  #start(entry: RdbEntry): void {
    const { type } = entry;
    this.begin(type);
    this.#key.begin(entry);
    this.bytes = 0;
    this.elements = 0;
    this.largestElementBytes = 0;
    this.fieldsWithTtl = 0;
    this.encoding = type.encoding;
    if (type.kind === 'string') return;
    this.#elements.begin(type);
    this.#packed.begin(type);
    if (type.kind === 'stream') this.#stream.begin();
    else if (type.kind === 'module' || type.kind === 'array') this.#module.begin();
  }

  // ---- what the walker tells -------------------------------------------------------------------------

  protected override wants(role: number, length: number): boolean {
    if (role === ROLE_PACKED) return !this.#packed.plain;
    return role === ROLE_STREAM_ID || (role === ROLE_STRING && length <= LONGEST_INTEGER);
  }

  protected override tellString(
    role: number,
    form: number,
    length: number,
    bytes: Uint8Array,
    at: number,
    fileBytes: number,
  ): void {
    switch (role) {
      case ROLE_STRING:
        this.#text.read(form, length, bytes, at, fileBytes);
        this.elements = 1;
        this.largestElementBytes = length;
        break;
      case ROLE_ELEMENT:
        this.#elements.add(length);
        break;
      case ROLE_FIELD_VALUE:
        this.#elements.value(length);
        break;
      case ROLE_PACKED:
        this.#packed.add(form, length, bytes, at, fileBytes);
        break;
      case ROLE_STREAM_ID:
        if (length === 16) this.#stream.node(bytes, at);
        break;
      case ROLE_GROUP_NAME:
        this.#stream.groupName(length);
        break;
      case ROLE_CONSUMER_NAME:
        this.#stream.consumerName(length);
        break;
      default:
        break;
    }
  }

  protected override tellNumber(role: number, value: number): void {
    switch (role) {
      case ROLE_COUNT:
        if (this.type.kind !== 'stream' && this.type.encoding !== 'quicklist') this.elements = value;
        break;
      case ROLE_NODE_FORM:
        this.#packed.nodeForm(value);
        break;
      case ROLE_FIELD_TTL:
        this.#elements.ttlBefore(value);
        break;
      case ROLE_STREAM_LENGTH:
        this.elements = value;
        break;
      default:
        this.#stream.count(role, value);
    }
  }

  protected override onItem(bytes: Uint8Array, at: number, end: number): void {
    this.#module.item(bytes, at, end);
  }

  protected override tellRaw(role: number, bytes: Uint8Array, at: number): void {
    if (role === ROLE_MODULE_ID) {
      this.#module.id(bytes, at);
    } else if (role === ROLE_FIELD_TTL) {
      this.#elements.ttlBehind(bytes, at);
    } else if (role === ROLE_PENDING_ID || role === ROLE_OWNED_ID) {
      this.#stream.pending(bytes, at);
    }
  }

  // ---- the whole -------------------------------------------------------------------------------------

  #finish(): void {
    const type = this.type;
    if (type.kind === 'string') {
      this.encoding = this.#text.encoding;
      this.bytes = this.#text.bytes();
      return;
    }
    const { profile } = this;
    const object = profile.keys === 'in object' ? 0 : OBJECT_BYTES;
    this.elements += this.#packed.elements;
    this.largestElementBytes = Math.max(this.#elements.longest, this.#packed.longest);
    this.fieldsWithTtl = this.#elements.timed;
    this.bytes = this.#key.bytes() + object + this.#elements.bytes + this.#packed.bytes + this.#frame(type);
  }

  /** What a collection takes besides its elements and its object. */
  #frame(type: ValueType): number {
    const { profile, elements } = this;
    const counted = type.opening === 'count';
    switch (type.kind) {
      case 'list':
        return this.#listFrame(type);
      case 'set':
        return counted ? valueTableBytes(elements, 'members', profile) : 0;
      case 'zset':
        return counted ? skiplistBytes(elements, profile) : 0;
      case 'hash':
        return hashFrameBytes(type, elements, this.fieldsWithTtl, profile);
      case 'stream':
        return this.#stream.finish();
      default:
        if (type.kind === 'module') this.elements = this.#module.elements;
        return this.#module.finish();
    }
  }

  #listFrame(type: ValueType): number {
    const { nodes, plain } = this.#packed;
    if (!isBareListpack(type, nodes, plain, this.profile)) return listFrameBytes(type, nodes, this.profile);
    this.encoding = 'listpack';
    return 0;
  }
}
