/**
 * Decodes RESP2 replies into values, for the few commands whose answer matters. Push-fed: bytes are kept
 * until a reply is whole. Bulk strings are bytes; errors are values, for the caller to judge.
 *
 * The work is linear in the bytes, however they are cut: a large bulk string is gathered in memory of its own, what
 * else is kept is little, and elements of an array that has not come to its end are not read again.
 */
import { ReplicantError } from '../errors.js';

export class ReplyError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export type Reply = Uint8Array | string | number | null | ReplyError | readonly Reply[];

const LF = 10;
const END_BYTES = 2;
/** The largest bulk string, as on servers that nobody has told otherwise. */
const MAX_BULK_BYTES = 512 * 1024 * 1024;
/** Of all that is kept beside large bulk strings. */
const MAX_KEPT_BYTES = 512 * 1024 * 1024;
const FIRST_BYTES = 4096;
/** Bulk strings of this size on have memory of their own. */
const LARGE_BYTES = 64 * 1024;
const latin = new TextDecoder('latin1');

/** An array that is being read. */
interface OpenArray {
  readonly items: Reply[];
  left: number;
}

export class ReplyDecoder {
  /** bytes[at, end): not yet read. */
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #at = 0;
  #end = 0;
  /** Up to here there is no end of the line that begins at `at`. */
  #searched = 0;
  /** A large bulk string of which `#gathered` bytes have come. */
  #large: Uint8Array | undefined;
  #gathered = 0;
  /** From the outermost to the innermost. */
  readonly #open: OpenArray[] = [];

  push(bytes: Uint8Array): void {
    const rest = bytes.subarray(this.#gather(bytes));
    if (this.#end - this.#at + rest.length > MAX_KEPT_BYTES)
      throw new ReplicantError('TARGET_PROTOCOL', 'replies of more than 512 MiB that nobody has taken');
    this.#room(rest.length);
    this.#bytes.set(rest, this.#end);
    this.#end += rest.length;
  }

  /** Takes what belongs to the large bulk string: so many bytes. */
  #gather(bytes: Uint8Array): number {
    const large = this.#large;
    if (large === undefined) return 0;
    const count = Math.min(bytes.length, large.length - this.#gathered);
    large.set(bytes.subarray(0, count), this.#gathered);
    this.#gathered += count;
    return count;
  }

  #room(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const left = this.#end - this.#at;
    const fits = left + count <= this.#bytes.length / 2;
    const into = fits ? this.#bytes : new Uint8Array(2 * (left + count));
    into.set(this.#bytes.subarray(this.#at, this.#end));
    this.#bytes = into;
    this.#searched -= this.#at;
    this.#at = 0;
    this.#end = left;
  }

  /** The next whole reply, or undefined. */
  next(): Reply | undefined {
    for (;;) {
      const read = this.#read();
      if (read === undefined) return undefined;
      if (isOpen(read)) {
        this.#open.push(read);
        continue;
      }
      const whole = this.#put(read);
      if (whole !== undefined) return whole;
    }
  }

  /** Into the array it belongs to; answers what is whole now. */
  #put(reply: Reply): Reply | undefined {
    let whole = reply;
    for (;;) {
      const array = this.#open.at(-1);
      if (array === undefined) return whole;
      array.items.push(whole);
      if (--array.left > 0) return undefined;
      this.#open.pop();
      whole = array.items;
    }
  }

  /** A reply, or an array of which nothing but the length has been read; undefined: it is not whole. */
  #read(): Reply | OpenArray | undefined {
    if (this.#large !== undefined) return this.#endLarge(this.#large);
    const line = this.#line();
    if (line === undefined) return undefined;
    const rest = line.slice(1);
    switch (line[0]) {
      case '+':
        return rest;
      case '-':
        return new ReplyError(rest);
      case ':':
        return numberIn(line);
      case '$':
        return this.#bulk(numberIn(line), line.length + END_BYTES);
      case '*':
        return arrayOf(numberIn(line));
      default:
        throw noReply(line);
    }
  }

  #line(): string | undefined {
    const stop = this.#bytes.subarray(0, this.#end).indexOf(LF, Math.max(this.#searched, this.#at));
    this.#searched = this.#end;
    if (stop < 0) return undefined;
    const line = latin.decode(this.#bytes.subarray(this.#at, stop + 1 - END_BYTES));
    this.#at = stop + 1;
    this.#searched = this.#at;
    return line;
  }

  /** Its first line has been read; when the rest is not here, that is taken back. */
  #bulk(length: number, lineBytes: number): Uint8Array | null | undefined {
    if (length < 0) return null;
    if (length > MAX_BULK_BYTES)
      throw new ReplicantError('TARGET_PROTOCOL', `a bulk string of ${length} bytes, more than 512 MiB`);
    if (this.#at + length + END_BYTES <= this.#end) {
      const bulk = this.#bytes.slice(this.#at, this.#at + length);
      this.#at += length + END_BYTES;
      return bulk;
    }
    if (length < LARGE_BYTES) {
      this.#at -= lineBytes;
      this.#searched = this.#at;
      return undefined;
    }
    this.#large = new Uint8Array(length);
    this.#gathered = 0;
    this.#at += this.#gather(this.#bytes.subarray(this.#at, this.#end));
    return this.#endLarge(this.#large);
  }

  #endLarge(large: Uint8Array): Uint8Array | undefined {
    if (this.#gathered < large.length || this.#end - this.#at < END_BYTES) return undefined;
    this.#at += END_BYTES;
    this.#searched = this.#at;
    this.#large = undefined;
    return large;
  }
}

function arrayOf(length: number): OpenArray | readonly Reply[] | null {
  if (length < 0) return null;
  return length === 0 ? [] : { items: [], left: length };
}

function isOpen(reply: Reply | OpenArray): reply is OpenArray {
  return typeof reply === 'object' && reply !== null && 'left' in reply;
}

function numberIn(line: string): number {
  if (!/^.-?\d{1,19}$/.test(line)) throw noReply(line);
  return Number(line.slice(1));
}

function noReply(line: string): ReplicantError {
  return new ReplicantError('TARGET_PROTOCOL', `not a Redis reply: ${JSON.stringify(line.slice(0, 60))}`, {
    hint: 'is there a Redis or Valkey at this address, and does it want TLS?',
  });
}

/** A reply as text, when it is one. */
export function replyText(reply: Reply): string | undefined {
  if (typeof reply === 'string') return reply;
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : undefined;
}
