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
import { decompressLzf, decompressLzfInto } from '../rdb/encodings/lzf.js';
import { packedLayout, type ContainerName, type PackedShape } from '../rdb/decode/packed-walker.js';
import { lengthAsBigInt, readInteger, STR_INT, STR_LZF, STR_PLAIN } from '../rdb/primitives.js';
import type { ValueType } from '../rdb/value-types.js';
import { fieldTtlBytes, hashFieldBytes } from './hash-fields.js';
import { databaseTableBytes, entryBytes, valueTableBytes } from './hash-tables.js';
import { claimedElements, measurePacked, peekText } from './packed-peek.js';
import { nameTreeBytes, RaxSizer } from './rax.js';
import { packedBytes, sdsBytes, type ServerProfile, structBytes } from './server-profile.js';
import { skiplistBytes, skiplistNodeBytes } from './skiplist.js';
import {
  ROLE_CONSUMER_NAME,
  ROLE_CONSUMERS,
  ROLE_COUNT,
  ROLE_ELEMENT,
  ROLE_FIELD_TTL,
  ROLE_FIELD_VALUE,
  ROLE_GROUP_NAME,
  ROLE_GROUPS,
  ROLE_MODULE_ID,
  ROLE_NODE_FORM,
  ROLE_OWNED,
  ROLE_OWNED_ID,
  ROLE_PACKED,
  ROLE_PENDING,
  ROLE_PENDING_ID,
  ROLE_STREAM_ID,
  ROLE_STREAM_LENGTH,
  ROLE_STRING,
  ValueWalker,
} from './value-walker.js';
import { VECTOR_SET_ID, VectorSetSizer } from './vector-set.js';

export { databaseTableBytes };

export interface MeterOptions {
  /** Look for the longest element in packed containers, too, which means walking them. Default false. */
  readonly largestElement?: boolean;
}

const OBJECT_BYTES = 16;
const QUICKLIST_BYTES = 40;
const LINKED_LIST_BYTES = 48;
const NACK_BYTES = 24;
const SMALL_INTEGERS = 10_000;
const LONGEST_INTEGER = 20;
const PLAIN_NODE = 1;
const BLOCK_BYTES = 64 * 1024;
/** An sds of this length or less is one allocation with its object; keys in objects: with the key, too. */
const EMBEDDED_LENGTH = 44;

/** Elements of a container per member: of a pair, two. */
const TUPLE: Readonly<Record<PackedShape, number>> = { list: 1, set: 1, zset: 2, hash: 2, 'timed hash': 3 };

type Encoded = 'int' | 'embstr' | 'raw';

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
  readonly #largest: boolean;
  #block: Uint8Array = new Uint8Array(0);
  // The key under way.
  #keyLength = 0;
  #hasTtl = false;
  #hasAccess = false;
  #container: ContainerName = 'listpack';
  #tuple = 1;
  // The value under way: what has been added up of it.
  #sum = 0;
  #nodes = 0;
  #plainNode = false;
  #fieldLength = -1;
  #fieldTimed = false;
  #textLength = 0;
  #textForm: Encoded = 'raw';
  #shared = false;
  #groupNames = 0;
  #groups = 0;
  #consumers = 0;
  #consumerNames = 0;
  #pendingLeft = 0;
  #ownedLeft = 0;
  #isVectorSet = false;
  readonly #vectors = new VectorSetSizer();
  readonly #index: RaxSizer;
  readonly #pending: RaxSizer;

  constructor(profile: ServerProfile, options: MeterOptions = {}) {
    super();
    this.profile = profile;
    this.#largest = options.largestElement ?? false;
    this.#index = new RaxSizer(profile);
    this.#pending = new RaxSizer(profile);
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

  override feed(bytes: Uint8Array, start: number, end: number): number {
    return super.feed(bytes, start, end);
  }

  /** After a sink is done. */
  close(): void {
    this.#finish();
  }

  #start(entry: RdbEntry): void {
    const { type } = entry;
    this.begin(type);
    this.#keyLength = entry.keyEnd - entry.keyStart;
    this.#hasTtl = entry.expiresAtMs !== -1;
    this.#hasAccess = entry.idleSeconds >= 0 || entry.lfuFrequency >= 0;
    this.bytes = 0;
    this.elements = 0;
    this.largestElementBytes = 0;
    this.fieldsWithTtl = 0;
    this.encoding = type.encoding;
    this.#sum = 0;
    this.#nodes = 0;
    this.#isVectorSet = false;
    if (type.kind === 'string') return;
    this.#fieldLength = -1;
    this.#plainNode = false;
    this.#fieldTimed = false;
    const packed =
      type.opening === 'packed' || type.opening === 'time+packed' || type.encoding === 'quicklist';
    if (packed) {
      const [container, shape] = packedLayout(type);
      this.#container = container;
      this.#tuple = TUPLE[shape];
    } else if (type.kind === 'stream') {
      this.#container = 'listpack';
      this.#startStream();
    }
  }

  #startStream(): void {
    this.#groupNames = 0;
    this.#groups = 0;
    this.#consumers = 0;
    this.#consumerNames = 0;
    this.#pendingLeft = -1;
    this.#ownedLeft = -1;
    this.#index.reset();
  }

  // ---- what the walker tells -------------------------------------------------------------------------

  protected override wants(role: number, length: number): boolean {
    if (role === ROLE_PACKED) return !this.#plainNode;
    return role === ROLE_STREAM_ID || (role === ROLE_STRING && length <= LONGEST_INTEGER);
  }

  protected override onString(
    role: number,
    form: number,
    length: number,
    bytes: Uint8Array,
    at: number,
    fileBytes: number,
  ): void {
    switch (role) {
      case ROLE_STRING:
        this.#string(form, length, bytes, at, fileBytes);
        break;
      case ROLE_ELEMENT:
        this.#element(length);
        break;
      case ROLE_FIELD_VALUE:
        this.#pair(length);
        break;
      case ROLE_PACKED:
        if (this.#plainNode) this.#plain(length);
        else this.#packed(form, length, bytes, at, fileBytes);
        break;
      case ROLE_STREAM_ID:
        if (length === 16) this.#index.addId(bytes, at);
        break;
      case ROLE_GROUP_NAME:
        this.#groupNames += length;
        break;
      case ROLE_CONSUMER_NAME:
        this.#consumerNames += length;
        this.#sum += structBytes(this.profile.streamConsumerBytes, this.profile) + this.#consumerName(length);
        break;
      default:
        break;
    }
  }

  protected override onNumber(role: number, value: number): void {
    switch (role) {
      case ROLE_COUNT:
        if (this.type!.kind !== 'stream' && this.type!.encoding !== 'quicklist') this.elements = value;
        break;
      case ROLE_NODE_FORM:
        this.#plainNode = value === PLAIN_NODE;
        break;
      case ROLE_FIELD_TTL:
        this.#fieldTimed = value !== 0;
        break;
      case ROLE_STREAM_LENGTH:
        this.elements = value;
        break;
      case ROLE_GROUPS:
        this.#groups = value;
        break;
      case ROLE_PENDING:
        this.#pending.reset();
        this.#sum += value * structBytes(NACK_BYTES, this.profile);
        this.#pendingLeft = value;
        if (value === 0) this.#endTree();
        break;
      case ROLE_CONSUMERS:
        this.#consumers += value;
        break;
      case ROLE_OWNED:
        this.#pending.reset();
        this.#ownedLeft = value;
        if (value === 0) this.#endTree();
        break;
      default:
        break;
    }
  }

  protected override onItem(bytes: Uint8Array, at: number, end: number): void {
    this.#sum += end - at;
    if (this.#isVectorSet) this.#vectors.add(bytes, at, end);
  }

  protected override onRaw(role: number, bytes: Uint8Array, at: number): void {
    if (role === ROLE_MODULE_ID) {
      this.#isVectorSet = lengthAsBigInt(bytes, at) === VECTOR_SET_ID;
      this.#vectors.reset();
    } else if (role === ROLE_FIELD_TTL) {
      // Valkey: behind field and value, 2^64 − 1 for none.
      this.#endPair(!(bytes[at + 7] === 0xff && bytes[at] === 0xff));
    } else if (role === ROLE_PENDING_ID) {
      this.#pending.addId(bytes, at);
      if (--this.#pendingLeft === 0) this.#endTree();
    } else if (role === ROLE_OWNED_ID) {
      this.#pending.addId(bytes, at);
      if (--this.#ownedLeft === 0) this.#endTree();
    }
  }

  // ---- elements --------------------------------------------------------------------------------------

  #sds(length: number): number {
    return this.profile.alloc.sizeOf(sdsBytes(length, this.profile));
  }

  #longest(length: number): void {
    if (length > this.largestElementBytes) this.largestElementBytes = length;
  }

  #string(form: number, length: number, bytes: Uint8Array, at: number, fileBytes: number): void {
    this.elements = 1;
    this.largestElementBytes = length;
    this.#textLength = length;
    this.#shared = false;
    if (form === STR_INT) {
      const value = readInteger(bytes, at, fileBytes);
      this.#textForm = 'int';
      this.#shared = value >= 0 && value < SMALL_INTEGERS;
    } else if (form === STR_PLAIN && length <= LONGEST_INTEGER && isInteger(bytes, at, length)) {
      this.#textForm = 'int';
    } else {
      this.#textForm = this.#embeds(length) ? 'embstr' : 'raw';
    }
    this.encoding = this.#textForm;
  }

  #element(length: number): void {
    this.#longest(length);
    const { kind } = this.type!;
    if (kind === 'hash') {
      this.#fieldLength = length;
    } else if (kind === 'list') {
      this.#sum += this.#listItem(length);
    } else if (kind === 'zset') {
      this.#sum += skiplistNodeBytes(length, this.profile);
    } else {
      this.#sum += this.#sds(length);
    }
  }

  /** A value: ends the pair, unless its TTL stands behind it. */
  #pair(length: number): void {
    this.#longest(length);
    this.#textLength = length;
    if (this.type!.name !== 'HASH_2') this.#endPair(this.#fieldTimed);
  }

  #endPair(timed: boolean): void {
    if (timed) this.fieldsWithTtl++;
    this.#sum += hashFieldBytes(this.#fieldLength, this.#textLength, timed, this.profile);
  }

  /** An item of a list that is stored one by one: a linked list, or since 3.2 what it is turned into. */
  #listItem(length: number): number {
    if (!this.profile.oldStrings) return length + 2 + (length > 63 ? 1 : 0);
    const { alloc } = this.profile;
    const text =
      length <= EMBEDDED_LENGTH
        ? alloc.sizeOf(OBJECT_BYTES + sdsBytes(length, this.profile))
        : this.#sds(length) + OBJECT_BYTES;
    return structBytes(24, this.profile) + text;
  }

  #plain(length: number): void {
    this.#nodes++;
    this.elements++;
    this.#longest(length);
    this.#sum += this.profile.alloc.sizeOf(length);
  }

  #packed(form: number, length: number, bytes: Uint8Array, at: number, fileBytes: number): void {
    const isStream = this.type!.kind === 'stream';
    this.#nodes++;
    this.#sum += packedBytes(length, this.profile);
    let elements = isStream ? 0 : claimedElements(this.#container, peekText(form, bytes, at, fileBytes));
    if (elements < 0 || this.#largest) {
      const found = this.#walk(form, length, bytes, at, fileBytes);
      elements = found.elements;
      this.#longest(found.longest);
    }
    if (!isStream) this.elements += Math.floor(elements / this.#tuple);
  }

  #walk(
    form: number,
    length: number,
    bytes: Uint8Array,
    at: number,
    fileBytes: number,
  ): { readonly elements: number; readonly longest: number } {
    if (form !== STR_LZF) return measurePacked(this.#container, bytes, at, at + fileBytes);
    let text: Uint8Array;
    if (length > BLOCK_BYTES) {
      text = decompressLzf(bytes, at, at + fileBytes, length);
    } else {
      if (this.#block.length === 0) this.#block = new Uint8Array(BLOCK_BYTES);
      text = this.#block.subarray(0, length);
      decompressLzfInto(text, bytes, at, at + fileBytes);
    }
    return measurePacked(this.#container, text, 0, length);
  }

  #endTree(): void {
    this.#sum += this.#pending.finish();
  }

  // ---- the whole -------------------------------------------------------------------------------------

  #finish(): void {
    const type = this.type!;
    this.bytes = type.kind === 'string' ? this.#stringKey() : this.#key() + this.#value(type);
  }

  /** Whether a string is in one allocation with its object. */
  #embeds(length: number): boolean {
    const { profile } = this;
    if (profile.keys !== 'in object') return length <= (profile.oldStrings ? 39 : EMBEDDED_LENGTH);
    return this.#embeddedBytes(OBJECT_BYTES - profile.embeddedHeaderBytes, length) <= profile.embedLimit;
  }

  /** Header, TTL, key and string in one. */
  #embeddedBytes(less: number, length: number): number {
    return this.#objectBytes() - less + length + 4;
  }

  /** An object with its key inside. */
  #objectBytes(): number {
    const ttl = this.#hasTtl || (this.profile.family === 'valkey' && this.#keyLength >= 128) ? 8 : 0;
    return OBJECT_BYTES + ttl + 1 + sdsBytes(this.#keyLength, this.profile);
  }

  #stringKey(): number {
    const { profile } = this;
    const { alloc } = profile;
    const length = this.#textLength;
    if (profile.keys === 'in object') {
      if (this.#textForm !== 'embstr')
        return this.#key() + (this.#textForm === 'raw' ? this.#sds(length) : 0);
      const less = OBJECT_BYTES - profile.embeddedHeaderBytes;
      return alloc.sizeOf(this.#embeddedBytes(less, length));
    }
    if (this.#textForm === 'int')
      return this.#key() + (this.#isShared() ? 0 : structBytes(OBJECT_BYTES, profile));
    if (this.#textForm === 'raw') return this.#key() + OBJECT_BYTES + this.#sds(length);
    if (profile.account === 'memory-usage' && profile.major < 7)
      return this.#key() + OBJECT_BYTES + length + 2;
    return this.#key() + alloc.sizeOf(OBJECT_BYTES + length + (profile.oldStrings ? 9 : 4));
  }

  /** Under a policy that needs to know when a key was used last, integers are not shared. */
  #isShared(): boolean {
    const { profile } = this;
    return this.#shared && profile.sharedIntegers && !this.#hasAccess && profile.account === 'allocated';
  }

  /** The key and what leads to its value, with the object when the key is in it. */
  #key(): number {
    const { profile } = this;
    const { alloc } = profile;
    if (profile.keys === 'in object') {
      // Valkey 8.1 does not count what the object takes beyond its header.
      const known = profile.account === 'allocated' || profile.major > 8;
      return known ? alloc.sizeOf(this.#objectBytes()) : OBJECT_BYTES;
    }
    const ttl = this.#hasTtl && profile.account === 'allocated' ? entryBytes(profile) : 0;
    const key = sdsBytes(this.#keyLength, profile);
    if (profile.keys === 'in entry') return alloc.sizeOf(17 + key) + ttl;
    return entryBytes(profile) + alloc.sizeOf(key) + ttl;
  }

  /** The value of a collection, with its object where that stands alone. */
  #value(type: ValueType): number {
    const { profile } = this;
    const object = profile.keys === 'in object' ? 0 : OBJECT_BYTES;
    switch (type.kind) {
      case 'list':
        return object + this.#list(type);
      case 'set':
        return (
          object +
          this.#sum +
          (type.opening === 'count' ? valueTableBytes(this.elements, 'members', profile) : 0)
        );
      case 'zset':
        return object + this.#sum + (type.opening === 'count' ? skiplistBytes(this.elements, profile) : 0);
      case 'hash':
        return object + this.#sum + this.#hashBytes(type);
      case 'stream':
        return object + this.#sum + this.#streamBytes();
      default:
        // A module's value is its own business: as long as in the file, unless we know better.
        return object + structBytes(OBJECT_BYTES, profile) + this.#moduleBytes();
    }
  }

  #list(type: ValueType): number {
    const { profile } = this;
    if (type.encoding === 'linkedlist') {
      if (profile.oldStrings) return structBytes(LINKED_LIST_BYTES, profile) + this.#sum;
      return structBytes(QUICKLIST_BYTES, profile) + this.#sum;
    }
    if (type.encoding === 'ziplist' && profile.oldStrings) return this.#sum;
    if (profile.bareListpackLists && this.#nodes === 1 && !this.#plainNode) {
      this.encoding = 'listpack';
      return this.#sum;
    }
    const packed = this.#nodes * structBytes(profile.listNodeBytes, profile);
    return structBytes(QUICKLIST_BYTES, profile) + packed + this.#sum;
  }

  #hashBytes(type: ValueType): number {
    const { profile } = this;
    if (type.opening === 'count' || type.opening === 'time+count') {
      return valueTableBytes(this.elements, 'pairs', profile) + fieldTtlBytes(this.fieldsWithTtl, profile);
    }
    return type.encoding === 'listpackex' ? structBytes(40, profile) : 0;
  }

  #streamBytes(): number {
    const { profile } = this;
    const stream = profile.account === 'memory-usage' && profile.major < 7 ? 0 : profile.streamBytes;
    let bytes = structBytes(stream, profile) + this.#index.finish();
    if (this.#groups === 0) return bytes;
    bytes += nameTreeBytes(this.#groups, this.#groupNames, profile);
    bytes += this.#groups * structBytes(profile.streamGroupBytes, profile);
    const perGroup = this.#consumers / this.#groups;
    return bytes + this.#groups * nameTreeBytes(perGroup, this.#consumerNames / this.#groups, profile);
  }

  #moduleBytes(): number {
    if (!this.#isVectorSet) return this.#sum;
    this.elements = this.#vectors.count;
    return this.#vectors.finish(this.profile);
  }

  #consumerName(length: number): number {
    return this.profile.account === 'memory-usage' ? length : this.#sds(length);
  }
}

/** Is the text the canonical form of an integer that fits 64 bits? */
function isInteger(bytes: Uint8Array, at: number, length: number): boolean {
  if (length === 0) return false;
  const negative = bytes[at] === 45;
  const from = negative ? at + 1 : at;
  const end = at + length;
  const first = bytes[from]!;
  if (from === end || first < 48 || first > 57) return false;
  if (first === 48) return length === 1;
  for (let index = from + 1; index < end; index++) {
    if (bytes[index]! < 48 || bytes[index]! > 57) return false;
  }
  return end - from < 19 || fits64(bytes, at, end);
}

function fits64(bytes: Uint8Array, at: number, end: number): boolean {
  let text = '';
  for (let index = at; index < end; index++) text += String.fromCharCode(bytes[index]!);
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value;
}
