/**
 * Small commands that stand side by side in the stream and do the same thing go to the target as one: plain SETs
 * as MSET, and LPUSH, RPUSH, SADD, HSET, ZADD of one element to the same key with all their elements. The result
 * is the same to the byte, and the target looks up, queues and answers one command where there were dozens: about a
 * fifth less work with such a stream than a replica has.
 *
 * Joined is only what stands or falls together: the key is the same, and so is whether it has the wrong type; a
 * SET has no way to fail of its own; scores are plain decimal numbers, which every version reads alike. What is
 * refused while a transaction is filled (a user that may SET and not MSET) is sent again one by one (`Refusals`).
 *
 * Commands are kept as positions in the reader's window, from `begin` until `write` or the next `begin`, so
 * the window must not move in between.
 */
import { isWord } from '../keyspace/words.js';
import type { CommandScanner } from '../resp/command-scanner.js';
import type { Capabilities } from './capabilities.js';
import type { Pipeline } from './pipeline.js';
import {
  copyViewed,
  headerBytes,
  sameViewed,
  STAR,
  type Viewed,
  viewed,
  writeHeader,
  writeWords,
} from './resp-writer.js';

/** For more elements at once than an entry in a packed form may have (128), servers begin with a larger form. */
const MOST = 64;
/** Of a larger command the bytes count, not that it is one. */
const MOST_COMMAND_BYTES = 512;
/** From here on it pays. */
const LEAST = 4;
/** Behind `*n\r\n` and `$n\r\n`, each with one digit. */
const HEAD_FROM = 4;
const NAME_FROM = 8;
const MSET = new TextEncoder().encode('$4\r\nMSET\r\n');
const DOT = 46;
const MINUS = 45;
const ZERO = 48;
const LF = 10;

/** What follows the common head: for SET key and value, else elements behind the key. */
const NOTHING = 0;
const PAIR = 1;
const ELEMENT = 2;
const FIELD = 3;
const SCORED = 4;

export type JoinerAbilities = Pick<Capabilities, 'hsetMany' | 'has'>;

export class CommandJoiner {
  readonly #sets: boolean;
  readonly #hashes: boolean;
  /** Where each command of the group ends, and the next begins. */
  readonly #ends = new Int32Array(MOST);
  /** What the group stands in. */
  #source: Viewed = viewed(new Uint8Array(0));
  #kind = NOTHING;
  #count = 0;
  #start = 0;
  /** Bytes from the start of a command that are the same in all of them. */
  #headBytes = 0;

  constructor({ hsetMany, has }: JoinerAbilities) {
    this.#sets = has('MSET');
    this.#hashes = hsetMany;
  }

  /** Commands in the group. */
  get count(): number {
    return this.#count;
  }

  /** It is worth writing as one. */
  get pays(): boolean {
    return this.#count >= LEAST;
  }

  /** Where the group begins. */
  get start(): number {
    return this.#start;
  }

  forget(): void {
    this.#count = 0;
  }

  /** Does the command bytes[at, next) go with the group? Then it is in it. */
  add(bytes: Uint8Array, at: number, next: number): boolean {
    if (this.#count === 0 || this.#count === MOST) return false;
    if (next - at > MOST_COMMAND_BYTES || next - at < this.#headBytes) return false;
    return sameViewed(this.#source, at, this.#start, this.#headBytes) && this.#take(bytes, at, next);
  }

  /** A new group, with the command bytes[at, next) that `scanner` has found, or empty if it can't be joined. */
  begin(bytes: Uint8Array, at: number, next: number, scanner: CommandScanner): void {
    this.#count = 0;
    const { argc, nameFrom, nameBytes } = scanner;
    if (argc > 4 || argc < 3 || nameFrom !== NAME_FROM || next - at > MOST_COMMAND_BYTES) return;
    const from = at + nameFrom;
    this.#kind = this.#kindOf(bytes, from, nameBytes, argc);
    if (this.#kind === NOTHING) return;
    if (bytes !== this.#source.bytes) this.#source = viewed(bytes);
    const behindName = from + nameBytes + 2;
    this.#headBytes = (this.#kind === PAIR ? behindName : behindBulk(bytes, behindName)) - at;
    this.#start = at;
    this.#take(bytes, at, next);
  }

  /** The group as one command; `offset`: of its first in the stream. */
  write(out: Pipeline, offset: number): void {
    const start = this.#start;
    const headBytes = this.#headBytes;
    const count = this.#count;
    const ends = this.#ends;
    const words = this.#kind === PAIR ? 1 + 2 * count : 2 + (this.#kind === ELEMENT ? 1 : 2) * count;
    const tailBytes = ends[count - 1]! - start - count * headBytes;
    const slab = out.reserve(headerBytes(words) + MSET.length + headBytes + tailBytes);
    out.made(offset);
    const source = this.#source;
    let at = writeHeader(slab.bytes, slab.used, STAR, words);
    if (this.#kind === PAIR) at = writeWords(slab.bytes, at, MSET);
    else at = copyViewed(slab, at, source, start + HEAD_FROM, start + headBytes);
    let from = start;
    for (let index = 0; index < count; index++) {
      const end = ends[index]!;
      at = copyViewed(slab, at, source, from + headBytes, end);
      from = end;
    }
    slab.used = at;
    out.ended(1);
  }

  #take(bytes: Uint8Array, at: number, next: number): boolean {
    if (this.#kind === SCORED && !isPlainNumber(bytes, at + this.#headBytes)) return false;
    this.#ends[this.#count++] = next;
    return true;
  }

  #kindOf(bytes: Uint8Array, from: number, length: number, argc: number): number {
    const is = (word: string): boolean => isWord(bytes, word, from, from + length);
    if (argc === 3) {
      if (length === 3) return this.#sets && is('SET') ? PAIR : NOTHING;
      if (length === 5) return is('LPUSH') || is('RPUSH') ? ELEMENT : NOTHING;
      return length === 4 && is('SADD') ? ELEMENT : NOTHING;
    }
    if (length !== 4) return NOTHING;
    if (is('ZADD')) return SCORED;
    return this.#hashes && is('HSET') ? FIELD : NOTHING;
  }
}

/** The position behind the bulk string at bytes[at]. */
function behindBulk(bytes: Uint8Array, at: number): number {
  let length = 0;
  let place = at + 1;
  for (; bytes[place]! >= ZERO; place++) length = length * 10 + bytes[place]! - ZERO;
  return place + 2 + length + 2;
}

/** Is the bulk string at bytes[at] written with digits, minus and point only? */
function isPlainNumber(bytes: Uint8Array, at: number): boolean {
  let place = at + 1;
  while (bytes[place] !== LF) place++;
  for (place++; bytes[place]! >= MINUS; place++) {
    const byte = bytes[place]!;
    if (byte > ZERO + 9 || (byte < ZERO && byte !== MINUS && byte !== DOT)) return false;
  }
  // CR: less than all of them.
  return bytes[place + 1] === LF;
}
