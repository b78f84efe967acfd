/**
 * What packed containers take: a value that is one (listpack, ziplist, intset, zipmap), the nodes of a
 * quicklist, which may also be plain items, and the nodes of a stream. How many elements are in them says
 * their header, unless there are too many; only for the longest they are walked.
 */
import { type ContainerName, packedLayout, type PackedShape } from '../rdb/decode/packed-walker.js';
import { decompressLzf, decompressLzfInto } from '../rdb/encodings/lzf.js';
import { STR_LZF } from '../rdb/primitives.js';
import type { ValueType } from '../rdb/value-types.js';
import { claimedElements, measurePacked, type PackedSpan, peekText } from './packed-peek.js';
import { packedBytes, type ServerProfile } from './server-profile.js';

const PLAIN_NODE = 1;
const BLOCK_BYTES = 64 * 1024;

/** Elements of a container per member: of a pair, two. */
const TUPLE: Readonly<Record<PackedShape, number>> = { list: 1, set: 1, zset: 2, hash: 2, 'timed hash': 3 };

export class PackedSizer {
  bytes = 0;
  nodes = 0;
  /** Items, members, pairs; none of streams, which say themselves how many entries they have. */
  elements = 0;
  /** Of the longest element: of plain nodes, and where containers are walked. */
  longest = 0;
  /** The node under way is a plain item. */
  plain = false;
  readonly #profile: ServerProfile;
  readonly #longestWanted: boolean;
  #isStream = false;
  #container: ContainerName = 'listpack';
  #tuple = 1;
  #block: Uint8Array = new Uint8Array(0);

  constructor(profile: ServerProfile, longestWanted: boolean) {
    this.#profile = profile;
    this.#longestWanted = longestWanted;
  }

  begin(type: ValueType): void {
    this.bytes = 0;
    this.nodes = 0;
    this.elements = 0;
    this.longest = 0;
    this.plain = false;
    this.#isStream = type.kind === 'stream';
    if (this.#isStream) {
      this.#container = 'listpack';
    } else if (isPacked(type)) {
      const [container, shape] = packedLayout(type);
      this.#container = container;
      this.#tuple = TUPLE[shape];
    }
  }

  nodeForm(form: number): void {
    this.plain = form === PLAIN_NODE;
  }

  /** A container or node as the walker tells it. */
  add(form: number, length: number, bytes: Uint8Array, at: number, fileBytes: number): void {
    this.nodes++;
    if (this.plain) {
      this.elements++;
      this.#longest(length);
      this.bytes += this.#profile.alloc.sizeOf(length);
      return;
    }
    this.bytes += packedBytes(length, this.#profile);
    if (this.#isStream && !this.#longestWanted) return;
    let elements = claimedElements(this.#container, peekText(form, bytes, at, fileBytes));
    if (elements < 0 || this.#longestWanted) {
      const found = this.#walk(form, length, bytes, at, fileBytes);
      elements = found.elements;
      this.#longest(found.longest);
    }
    if (!this.#isStream) this.elements += Math.floor(elements / this.#tuple);
  }

  #longest(length: number): void {
    if (length > this.longest) this.longest = length;
  }

  #walk(form: number, length: number, bytes: Uint8Array, at: number, fileBytes: number): PackedSpan {
    if (form !== STR_LZF) return measurePacked(this.#container, bytes, at, at + fileBytes);
    if (length > BLOCK_BYTES) {
      return measurePacked(this.#container, decompressLzf(bytes, at, at + fileBytes, length), 0, length);
    }
    if (this.#block.length === 0) this.#block = new Uint8Array(BLOCK_BYTES);
    const text = this.#block.subarray(0, length);
    decompressLzfInto(text, bytes, at, at + fileBytes);
    return measurePacked(this.#container, text, 0, length);
  }
}

/** Is a value of this type one container, or made of some? */
function isPacked({ kind, opening, encoding }: ValueType): boolean {
  return kind === 'stream' || opening === 'packed' || opening === 'time+packed' || encoding === 'quicklist';
}
