/**
 * Puts one consumer group together while its parts come in, and checks what the servers check: ids pending
 * once, owned once, by a consumer of the group.
 */
import { corrupt } from '../encodings/corrupt.js';
import { viewOf } from '../encodings/packed-cursor.js';
import { formatId, ID_BYTES, readStreamId } from '../encodings/stream-id.js';
import type { StreamConsumer, StreamGroup, StreamId } from '../value-visitor.js';

interface Pending {
  readonly id: StreamId;
  consumer: Uint8Array | undefined;
  readonly deliveryTimeMs: number;
  readonly deliveryCount: number;
}

export class GroupBuilder {
  readonly #name: Uint8Array;
  readonly #lastId: StreamId;
  readonly #entriesRead: bigint | undefined;
  readonly #consumers: StreamConsumer[] = [];
  readonly #consumerNames = new Set<string>();
  readonly #pending = new Map<string, Pending>();
  /** NACKed entries (type 27) are pending without an owner. */
  readonly #nacked = new Set<Pending>();
  #owner: Uint8Array | undefined;

  constructor(name: Uint8Array, lastId: StreamId, entriesRead: bigint | undefined) {
    this.#name = name;
    this.#lastId = lastId;
    this.#entriesRead = entriesRead;
  }

  addPending(bytes: Uint8Array, at: number, deliveryTimeMs: number, deliveryCount: number): void {
    const key = keyOf(bytes, at, ID_BYTES);
    const id = readStreamId(bytes, at);
    if (this.#pending.has(key)) throw corrupt(`stream entry ${formatId(id)} is pending twice in a group`, at);
    this.#pending.set(key, { id, consumer: undefined, deliveryTimeMs, deliveryCount });
  }

  /** The consumer whose pending ids follow. */
  addConsumer(name: Uint8Array, seenTimeMs: number, activeTimeMs: number, at: number): void {
    const key = keyOf(name, 0, name.length);
    if (this.#consumerNames.has(key)) throw corrupt('two consumers of the same name in a group', at);
    this.#consumerNames.add(key);
    this.#owner = name.slice();
    this.#consumers.push({ name: this.#owner, seenTimeMs, activeTimeMs });
  }

  own(bytes: Uint8Array, at: number): void {
    const entry = this.#find(bytes, at);
    if (entry.consumer !== undefined) {
      throw corrupt(`stream entry ${formatId(entry.id)} is pending for two consumers`, at);
    }
    entry.consumer = this.#owner;
  }

  nack(bytes: Uint8Array, at: number): void {
    const entry = this.#find(bytes, at);
    if (entry.consumer !== undefined || this.#nacked.has(entry)) {
      throw corrupt(`stream entry ${formatId(entry.id)} is given up but has an owner`, at);
    }
    this.#nacked.add(entry);
  }

  build(at: number): StreamGroup {
    const pending = [...this.#pending.values()];
    for (const entry of pending) {
      if (entry.consumer === undefined && !this.#nacked.has(entry)) {
        throw corrupt(`stream entry ${formatId(entry.id)} is pending for no consumer`, at);
      }
    }
    return {
      name: this.#name,
      lastId: this.#lastId,
      entriesRead: this.#entriesRead,
      consumers: this.#consumers,
      pending,
    };
  }

  #find(bytes: Uint8Array, at: number): Pending {
    const entry = this.#pending.get(keyOf(bytes, at, ID_BYTES));
    if (entry !== undefined) return entry;
    throw corrupt(`stream entry ${formatId(readStreamId(bytes, at))} is not pending in its group`, at);
  }
}

/** Bytes as a string of one character each, to look them up. */
export function keyOf(bytes: Uint8Array, at: number, length: number): string {
  let key = '';
  for (const byte of viewOf(bytes, at, at + length)) key += String.fromCharCode(byte);
  return key;
}
