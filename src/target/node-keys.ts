/**
 * Looking at and removing many keys of one node. On a cluster one command may name keys of one slot only, and a key
 * that has moved, or is about to, is answered with MOVED, ASK or TRYAGAIN: its slot goes into `missed`, and
 * somebody else gets it later (`until-settled.ts`).
 */
import { VALUE_KINDS, type ValueKind } from '../keyspace/filter-options.js';
import { keySlot } from '../keyspace/key-slot.js';
import type { Client } from '../net/client.js';
import type { CommandArg } from '../resp/encode.js';
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import { refusalOfTarget } from './target-state.js';

/** Keys per command: UNLINK only takes them out of the table, DEL frees their values as well. */
const UNLINK_KEYS = 500;
const DEL_KEYS = 50;
/** One DEL of a very large value takes as long as it takes, and what is sent behind it waits. */
export const REMOVAL_TIMEOUT_MS = 600_000;

/** `-MOVED 93 10.0.0.7:6379`; the key is not here, or not all of these keys are. */
const ELSEWHERE = /^(?:MOVED|ASK|TRYAGAIN)\b/u;

export function isElsewhere(reply: Reply): reply is ReplyError {
  return reply instanceof ReplyError && ELSEWHERE.test(reply.message);
}

export interface NodeKeysOptions {
  /** It is a node of a cluster. */
  readonly clustered: boolean;
  /** It has UNLINK. */
  readonly unlink: boolean;
}

export class NodeKeys {
  readonly missed: Set<number> = new Set<number>();
  readonly #client: Client;
  readonly #clustered: boolean;
  #unlink: boolean;

  constructor(client: Client, { clustered, unlink }: NodeKeysOptions) {
    this.#client = client;
    this.#clustered = clustered;
    this.#unlink = unlink;
  }

  /** Those that are there and of such a type; what TYPE calls by another name is a `module`. */
  async ofKind(
    keys: readonly Uint8Array[],
    wanted: (kind: ValueKind) => boolean,
  ): Promise<readonly Uint8Array[]> {
    const types = await Promise.all(keys.map((key) => this.#send(['TYPE', key], [key])));
    return keys.filter((_, at) => {
      const type = replyText(types[at] ?? null) ?? 'none';
      return type !== 'none' && wanted(VALUE_KINDS.find((kind) => kind === type) ?? 'module');
    });
  }

  /** How many there were: a key may have expired by now, or come up twice. */
  async remove(keys: readonly Uint8Array[]): Promise<number> {
    const most = this.#unlink ? UNLINK_KEYS : DEL_KEYS;
    const groups = this.#clustered ? bySlot(keys) : [keys];
    const batches: Promise<number>[] = [];
    for (const group of groups) {
      for (let at = 0; at < group.length; at += most)
        batches.push(this.#removeBatch(group.slice(at, at + most)));
    }
    return (await Promise.all(batches)).reduce((sum, count) => sum + count, 0);
  }

  async #removeBatch(keys: readonly Uint8Array[]): Promise<number> {
    const reply = await this.#client.request([this.#unlink ? 'UNLINK' : 'DEL', ...keys], REMOVAL_TIMEOUT_MS);
    if (typeof reply === 'number') return reply;
    const message = reply instanceof ReplyError ? reply.message : '';
    if (this.#unlink && /^ERR unknown command/iu.test(message)) {
      this.#unlink = false;
      return this.remove(keys);
    }
    // Some of them have moved on already; or it is a cluster that would not say so.
    if (keys.length > 1 && /^(?:TRYAGAIN|ASK|CROSSSLOT)\b/u.test(message)) {
      const counts = await Promise.all(keys.map((key) => this.#removeBatch([key])));
      return counts.reduce((sum, count) => sum + count, 0);
    }
    return Number(this.#accept('UNLINK', reply, keys) ?? 0);
  }

  async #send(args: readonly CommandArg[], keys: readonly Uint8Array[]): Promise<Reply> {
    return this.#accept(String(args[0]), await this.#client.request(args, REMOVAL_TIMEOUT_MS), keys);
  }

  /** Null for a key that is elsewhere. */
  #accept(command: string, reply: Reply, keys: readonly Uint8Array[]): Reply {
    if (!(reply instanceof ReplyError)) return reply;
    if (!isElsewhere(reply)) throw refusalOfTarget(this.#client, command, reply);
    for (const key of keys) this.missed.add(keySlot(key));
    return null;
  }
}

function bySlot(keys: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
  const groups = new Map<number, Uint8Array[]>();
  for (const key of keys) {
    const slot = keySlot(key);
    const group = groups.get(slot);
    if (group === undefined) groups.set(slot, [key]);
    else group.push(key);
  }
  return groups.values();
}
