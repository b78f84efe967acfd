/**
 * Counts the replies of a pipelined connection (RESP2) and looks only at errors: everything else is passed
 * over without being copied. Push-fed; a reply may be split anywhere.
 *
 *   +text\r\n   -error\r\n   :int\r\n   $len\r\n bytes \r\n   $-1\r\n   *n\r\n replies   *-1\r\n
 */
import { ReplicantError } from '../errors.js';

const LF = 10;
const CR = 13;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;
const MAX_ERROR_BYTES = 1024;
/** More than any size has, and few enough for the number to stay exact. */
const MAX_DIGITS = 15;

/**
 * `reply` is the number of the top-level reply the error belongs to, from 0 for the first of the
 * connection; `element` is its index in the array of `elements` (an EXEC), or -1 (of 0) when it is the reply
 * itself. Errors deeper down are not told: they are data, made by a script.
 */
export type ReplyErrorListener = (text: string, reply: number, element: number, elements: number) => void;

const state = { type: 0, line: 1, size: 2, error: 3, body: 4 } as const;

export class ReplyScanner {
  /** Complete top-level replies seen. */
  replies = 0;
  readonly #onError: ReplyErrorListener;
  #now: number = state.type;
  /** The type whose size is being read; the size so far; its sign. */
  #sizeOf = 0;
  #size = 0;
  #digits = 0;
  #negative = false;
  /** Bytes of a bulk still to pass over, its CRLF included. */
  #body = 0;
  #error = '';
  /** Top-level replies whose bulk is wanted, by their numbers, lowest first; and what has come of the first. */
  readonly #wanted: WantedReply[] = [];
  #pieces: Uint8Array[] = [];
  /** Elements left in each open array. */
  readonly #open: number[] = [];
  #element = -1;
  #elements = 0;

  constructor(onError: ReplyErrorListener) {
    this.#onError = onError;
  }

  /**
   * Gives the body of reply number `reply`, which must be a bulk string, to `take`: undefined when it is nil or
   * anything else. To be asked in the order of the replies, before they come.
   */
  want(reply: number, take: (body: Uint8Array | undefined) => void): void {
    this.#wanted.push({ reply, take });
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.#now) {
        case state.type:
          at = this.#begin(bytes, at, end);
          break;
        case state.line:
          at = this.#skipLine(bytes, at, end);
          break;
        case state.size:
          at = this.#readSize(bytes, at, end);
          break;
        case state.error:
          at = this.#readError(bytes, at, end);
          break;
        default:
          at = this.#skipBody(bytes, at, end);
      }
    }
  }

  #begin(bytes: Uint8Array, at: number, end: number): number {
    const type = bytes[at]!;
    if (type === PLUS || type === COLON) {
      this.#now = state.line;
      return this.#skipLine(bytes, at + 1, end);
    }
    if (type === MINUS) {
      this.#now = state.error;
      this.#error = '';
      return at + 1;
    }
    if (type !== DOLLAR && type !== STAR) throw unexpected('a reply that starts with', type);
    this.#now = state.size;
    this.#sizeOf = type;
    this.#size = 0;
    this.#digits = 0;
    this.#negative = false;
    return at + 1;
  }

  #skipLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && bytes[at] !== LF) at++;
    if (at === end) return end;
    this.#complete();
    return at + 1;
  }

  #readSize(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= ZERO && byte <= ZERO + 9) {
        this.#size = this.#size * 10 + byte - ZERO;
        if (++this.#digits > MAX_DIGITS) throw unexpected('a size of too many digits, the last', byte);
      } else if (byte === LF && this.#digits > 0) {
        this.#sized();
        return at + 1;
      } else if (byte === MINUS && this.#digits === 0 && !this.#negative) {
        this.#negative = true;
      } else if (byte !== CR) {
        throw unexpected('a size with', byte);
      }
    }
    return at;
  }

  #sized(): void {
    this.#now = state.type;
    if (this.#negative || (this.#size === 0 && this.#sizeOf === STAR)) {
      this.#complete();
    } else if (this.#sizeOf === STAR) {
      if (this.#open.length === 0) {
        this.#element = 0;
        this.#elements = this.#size;
      }
      this.#open.push(this.#size);
    } else {
      this.#now = state.body;
      this.#body = this.#size + 2;
    }
  }

  #skipBody(bytes: Uint8Array, at: number, end: number): number {
    const taken = Math.min(this.#body, end - at);
    if (this.#wanted.length > 0 && this.#open.length === 0 && this.#wanted[0]!.reply === this.replies) {
      // The last two bytes are the line end.
      const kept = Math.min(taken, Math.max(0, this.#body - 2));
      this.#pieces.push(bytes.slice(at, at + kept));
    }
    this.#body -= taken;
    if (this.#body === 0) this.#complete();
    return at + taken;
  }

  #readError(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === LF) {
        if (this.#open.length < 2) this.#onError(this.#error, this.replies, this.#element, this.#elements);
        this.#complete();
        return at + 1;
      }
      if (byte !== CR && this.#error.length < MAX_ERROR_BYTES) this.#error += String.fromCharCode(byte);
    }
    return at;
  }

  /** One reply is over: perhaps the last element of an array, which is then over too. */
  #complete(): void {
    this.#now = state.type;
    const open = this.#open;
    while (open.length > 0) {
      if (open.length === 1) this.#element++;
      const left = --open[open.length - 1]!;
      if (left > 0) return;
      open.pop();
    }
    this.#element = -1;
    this.#elements = 0;
    const reply = this.replies++;
    if (this.#wanted.length > 0 && this.#wanted[0]!.reply === reply) this.#deliver();
  }

  #deliver(): void {
    const { take } = this.#wanted.shift()!;
    const pieces = this.#pieces;
    this.#pieces = [];
    take(pieces.length === 0 ? undefined : concatBytes(pieces));
  }
}

interface WantedReply {
  readonly reply: number;
  readonly take: (body: Uint8Array | undefined) => void;
}

function concatBytes(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function unexpected(what: string, byte: number): ReplicantError {
  return new ReplicantError('TARGET_PROTOCOL', `${what} byte 0x${byte.toString(16)}`, {
    hint: 'what answers there does not speak RESP2',
  });
}
