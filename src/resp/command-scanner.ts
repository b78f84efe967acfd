/**
 * Finds command boundaries in a stream of RESP arrays of bulk strings (`*n\r\n` then n × `$len\r\n…\r\n`)
 * without copying anything. Resumable: what is known of an unfinished command is kept relative to its
 * start, so that its bytes may move between calls, and a long argument is passed over before it arrives.
 */
import { ReplicantError } from '../errors.js';

export const INCOMPLETE = -1;

const LF = 10;
const CR = 13;
const STAR = 42;
const DOLLAR = 36;
const ZERO = 48;
/** The servers' own limit on arguments (1024 × 1024) is below this; int32 is what later versions allow. */
const MAX_ARGS = 0x7fffffff;
const MAX_BULK = 0xffffffff;
/** `*n\r\n` with one digit. */
const SMALL_HEADER = 4;
/** Longer than the longest header that is within these limits, leading zeros aside. */
const MAX_HEADER_BYTES = 32;

export class CommandScanner {
  /** Of the command being looked at: the name is bytes[start + nameFrom, start + nameFrom + nameBytes). */
  nameFrom = 0;
  nameBytes = 0;
  argc = 0;
  /** Arguments not yet reached; -1: the array's header has not been read. */
  #left = -1;
  #reached = 0;
  #line = 0;

  /** The name of the unfinished command is known. */
  get named(): boolean {
    return this.#left >= 0 && this.#left < this.argc;
  }

  /** A lower bound of the unfinished command's size. */
  get reached(): number {
    return this.#reached;
  }

  reset(): void {
    this.#left = -1;
    this.#reached = 0;
  }

  /** The position behind the command that starts at bytes[start], or INCOMPLETE. */
  find(bytes: Uint8Array, start: number, end: number): number {
    if (this.#left < 0) {
      const next = this.#findSmall(bytes, start, end);
      if (next !== INCOMPLETE) return next;
    }
    let at = start + this.#reached;
    if (this.#left < 0) {
      at = this.#readLine(bytes, start, end, STAR, MAX_ARGS);
      if (at === INCOMPLETE) return INCOMPLETE;
      // An empty array is a command to no server, and would never be answered by one.
      if (this.#line === 0) throw unexpected(ZERO, STAR, start);
      this.argc = this.#left = this.#line;
      this.nameBytes = 0;
      this.#reached = at - start;
    }
    while (this.#left > 0) {
      if (at >= end) return INCOMPLETE;
      const body = this.#readLine(bytes, at, end, DOLLAR, MAX_BULK);
      if (body === INCOMPLETE) return INCOMPLETE;
      if (this.#left === this.argc) {
        if (body + this.#line > end) return INCOMPLETE;
        this.nameFrom = body - start;
        this.nameBytes = this.#line;
      }
      at = body + this.#line + 2;
      this.#left--;
      this.#reached = at - start;
    }
    if (at > end) return INCOMPLETE;
    this.reset();
    return at;
  }

  /** The same for a whole command of few and short arguments, which most are; INCOMPLETE: for `find` to look at. */
  #findSmall(bytes: Uint8Array, start: number, end: number): number {
    if (start + SMALL_HEADER > end || bytes[start] !== STAR) return INCOMPLETE;
    const argc = bytes[start + 1]! - ZERO;
    if (argc < 1 || argc > 9 || bytes[start + 2] !== CR || bytes[start + 3] !== LF) return INCOMPLETE;
    let at = start + SMALL_HEADER;
    for (let left = argc; left > 0; left--) {
      // Two digits, and the two bytes behind them.
      if (at + 5 > end || bytes[at] !== DOLLAR) return INCOMPLETE;
      let length = bytes[at + 1]! - ZERO;
      if (length < 0 || length > 9) return INCOMPLETE;
      at += 2;
      if (bytes[at] !== CR) {
        const digit = bytes[at]! - ZERO;
        if (digit < 0 || digit > 9) return INCOMPLETE;
        length = length * 10 + digit;
        at++;
      }
      if (bytes[at] !== CR || bytes[at + 1] !== LF) return INCOMPLETE;
      at += 2;
      if (left === argc) {
        this.nameFrom = at - start;
        this.nameBytes = length;
      }
      at += length + 2;
    }
    if (at > end) return INCOMPLETE;
    this.argc = argc;
    return at;
  }

  /**
   * For a command that is handed on in pieces: its first `count` bytes (at most `reached`) have left, and
   * the next `find` starts behind them.
   */
  passed(count: number): void {
    this.#reached -= count;
  }

  /** Reads `<mark>digits\r\n` at `at` into #line. */
  #readLine(bytes: Uint8Array, start: number, end: number, mark: number, most: number): number {
    if (start >= end) return INCOMPLETE;
    if (bytes[start] !== mark) throw unexpected(bytes[start]!, mark, start);
    let value = 0;
    for (let at = start + 1; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= ZERO && byte <= ZERO + 9) {
        value = value * 10 + byte - ZERO;
        if (value > most || at - start > MAX_HEADER_BYTES) throw unexpected(byte, mark, start);
        continue;
      }
      if (byte !== CR || at === start + 1) throw unexpected(byte, mark, start);
      if (at + 1 === end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) throw unexpected(bytes[at + 1]!, mark, start);
      this.#line = value;
      return at + 2;
    }
    return INCOMPLETE;
  }
}

function unexpected(byte: number, mark: number, offset: number): ReplicantError {
  const expected = mark === STAR ? 'a command (*)' : 'an argument ($)';
  return new ReplicantError(
    'SOURCE_PROTOCOL',
    `byte 0x${byte.toString(16)} in the stream where ${expected} must stand`,
    {
      place: { offset },
    },
  );
}

/** The arguments of a whole command at bytes[start], as views. */
export function commandArgs(bytes: Uint8Array, start: number): Uint8Array[] {
  let at = start + 1;
  const number = (): number => {
    let value = 0;
    for (; bytes[at] !== CR; at++) value = value * 10 + bytes[at]! - ZERO;
    at += 2;
    return value;
  };
  const argc = number();
  const args: Uint8Array[] = [];
  for (let index = 0; index < argc; index++) {
    at++;
    const length = number();
    args.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
  return args;
}
