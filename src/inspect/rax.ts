/**
 * What a radix tree of the server (rax.c) takes, computed while its keys pass by in ascending order: where
 * two neighbours part, a node with a branch for each way stands; a run of bytes without branches is one
 * compressed node. All keys are of one length (stream ids), or else each costs as much as a short name.
 *
 *   node   4 bytes header, its characters, padding to 8, 8 bytes for each child (one if compressed), 8 for a value
 */
import { reckonsTrees, type ServerProfile } from './server-profile.js';

const HEADER = 4;
const POINTER = 8;
const STRUCT_BYTES = 24;
const ID_BYTES = 16;
/** MEMORY USAGE reckons with so much for each node and each key. */
const ASSUMED_NODE_BYTES: number = HEADER + 30 * POINTER;
const ASSUMED_KEY_BYTES = 16;

function nodeBytes(characters: number, children: number, isKey: boolean): number {
  return ((HEADER + characters + 7) & ~7) + children * POINTER + (isKey ? POINTER : 0);
}

export class RaxSizer {
  #profile: ServerProfile;
  #keys = 0;
  #nodes = 0;
  #bytes = 0;
  readonly #last = new Uint8Array(ID_BYTES);
  /** Depths at which the path to the last key branches, and how many ways go off there. */
  readonly #depths = new Int32Array(ID_BYTES + 1);
  readonly #ways = new Int32Array(ID_BYTES + 1);
  #open = 0;

  constructor(profile: ServerProfile) {
    this.#profile = profile;
  }

  /** Starts over with an empty tree. */
  reset(profile: ServerProfile = this.#profile): void {
    this.#profile = profile;
    this.#keys = 0;
    this.#nodes = 0;
    this.#bytes = 0;
    this.#open = 0;
  }

  /** A stream id of 16 bytes at `at`. */
  addId(bytes: Uint8Array, at: number): void {
    if (this.#keys > 0) this.#partAt(this.#commonWith(bytes, at));
    for (let index = 0; index < ID_BYTES; index++) this.#last[index] = bytes[at + index]!;
    this.#keys++;
    this.#node(0, 0, true);
  }

  /** The bytes of the whole tree. */
  finish(): number {
    if (this.#keys === 0) {
      this.#node(0, 0, false);
    } else {
      this.#closeBelow(-1);
    }
    const profile = this.#profile;
    if (!reckonsTrees(profile)) return profile.alloc.sizeOf(STRUCT_BYTES) + this.#bytes;
    return this.#keys * ASSUMED_KEY_BYTES + this.#nodes * ASSUMED_NODE_BYTES;
  }

  #commonWith(bytes: Uint8Array, at: number): number {
    let depth = 0;
    while (depth < ID_BYTES && bytes[at + depth] === this.#last[depth]) depth++;
    return depth;
  }

  /** The next key leaves the path of the last one behind `depth` bytes. */
  #partAt(depth: number): void {
    this.#closeBelow(depth);
    if (this.#open > 0 && this.#depths[this.#open - 1] === depth) {
      this.#ways[this.#open - 1]!++;
      return;
    }
    this.#depths[this.#open] = depth;
    this.#ways[this.#open] = 2;
    this.#open++;
  }

  /** Ends the branchings deeper than `depth`; the tail of the last key hangs on the deepest. */
  #closeBelow(depth: number): void {
    let to = ID_BYTES;
    while (this.#open > 0 && this.#depths[this.#open - 1]! > depth) {
      this.#open--;
      const at = this.#depths[this.#open]!;
      this.#edge(to - at - 1);
      this.#node(this.#ways[this.#open]!, this.#ways[this.#open]!, false);
      to = at;
    }
    // The edge that leads down from the branching at `depth`, or from the root.
    this.#edge(depth < 0 ? to : to - depth - 1);
  }

  /** A run of characters without branches: one compressed node, or a plain one for a single character. */
  #edge(characters: number): void {
    if (characters > 0) this.#node(characters, 1, false);
  }

  #node(characters: number, children: number, isKey: boolean): void {
    this.#nodes++;
    this.#bytes += this.#profile.alloc.sizeOf(nodeBytes(characters, children, isKey));
  }
}

/** A tree of names, such as those of a stream's groups, when only their number and length is known. */
export function nameTreeBytes(names: number, nameBytes: number, profile: ServerProfile): number {
  const { account, alloc } = profile;
  // MEMORY USAGE leaves them out.
  if (account === 'memory-usage') return 0;
  const average = names === 0 ? 0 : nameBytes / names;
  const each = alloc.sizeOf(nodeBytes(average, 1, false)) + alloc.sizeOf(nodeBytes(0, 0, true));
  return alloc.sizeOf(STRUCT_BYTES) + (names === 0 ? 8 : names * each);
}
