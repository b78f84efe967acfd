/**
 * Decodes RESP2 replies into values, for the few commands whose answer matters. Push-fed: bytes are kept
 * until a reply is whole. Bulk strings are bytes; errors are values, for the caller to judge.
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
const MAX_REPLY_BYTES = 512 * 1024 * 1024;
const latin = new TextDecoder('latin1');

export class ReplyDecoder {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  push(bytes: Uint8Array): void {
    const left = this.#bytes.length - this.#at;
    const joined = new Uint8Array(left + bytes.length);
    joined.set(this.#bytes.subarray(this.#at));
    joined.set(bytes, left);
    if (joined.length > MAX_REPLY_BYTES)
      throw new ReplicantError('TARGET_PROTOCOL', 'a reply of more than 512 MB');
    this.#bytes = joined;
    this.#at = 0;
  }

  /** The next whole reply, or undefined. */
  next(): Reply | undefined {
    const start = this.#at;
    const reply = this.#read();
    if (reply === undefined) this.#at = start;
    return reply;
  }

  #line(): string | undefined {
    const stop = this.#bytes.indexOf(LF, this.#at);
    if (stop < 0) return undefined;
    const line = latin.decode(this.#bytes.subarray(this.#at, stop - 1));
    this.#at = stop + 1;
    return line;
  }

  #read(): Reply | undefined {
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
        return this.#bulk(numberIn(line));
      case '*':
        return this.#array(numberIn(line));
      default:
        throw noReply(line);
    }
  }

  #bulk(length: number): Uint8Array | null | undefined {
    if (length < 0) return null;
    if (this.#at + length + 2 > this.#bytes.length) return undefined;
    const bulk = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length + 2;
    return bulk;
  }

  #array(length: number): readonly Reply[] | null | undefined {
    if (length < 0) return null;
    const items: Reply[] = [];
    for (let index = 0; index < length; index++) {
      const item = this.#read();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
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
