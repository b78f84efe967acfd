/**
 * Removes keys from a target, all nodes of it at once, while others go on reading: every key is looked at with SCAN
 * (2.8+), and those that are doomed are removed, UNLINK from 4.0 on. Reading goes ahead of removing by one page,
 * so memory is that of two pages for each node.
 *
 * SCAN returns each key that is there from its start to its end at least once, however the table grows or
 * shrinks meanwhile, some more than once. So nothing that was there at the start remains; slots of a cluster that
 * move meanwhile are gone over again. What is never touched: databases not asked for, and our own keys
 * (`__replicant:…`).
 *
 * A target in import mode hides keys that are past their time from everybody but an import source, and does
 * not remove them: there, the clients must have said CLIENT IMPORT-SOURCE ON.
 *
 * May be repeated from the start at any time. In the end the connections are in database 0; after an error or an
 * abort they are of no use and should be closed.
 */
import { CHECKPOINT_PREFIX } from '../checkpoint/record.js';
import type { ValueKind } from '../keyspace/filter-options.js';
import { keySlot } from '../keyspace/key-slot.js';
import { bytesOf, startsWith } from '../keyspace/words.js';
import type { Client } from '../net/client.js';
import type { CommandArg } from '../resp/encode.js';
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import { onEachNode } from './each-node.js';
import { NodeKeys, REMOVAL_TIMEOUT_MS } from './node-keys.js';
import { refusalOfTarget } from './target-state.js';
import { type Pass, untilSettled } from './until-settled.js';

/** Keys per SCAN; a server looks through about 1000 in a millisecond, and answers nobody else meanwhile. */
const FIRST_COUNT = 1000;
const LEAST_COUNT = 250;
const MOST_COUNT = 4000;
/** What a SCAN may take beyond the way there and back. */
const SHORT_MS = 2;
const LONG_MS = 8;
const OURS = bytesOf(CHECKPOINT_PREFIX);

export interface SweepKeysOptions {
  /** Is this key to go? Ours are not asked about. */
  readonly doomed: (db: number, key: Uint8Array) => boolean;
  /** Databases of the target; undefined: all. */
  readonly dbs: ReadonlySet<number> | undefined;
  /** Only values of such types. */
  readonly wantedKind?: ((kind: ValueKind) => boolean) | undefined;
  /** The target has UNLINK. */
  readonly unlink: boolean;
  /** In place of UNLINK, for who must write through something else; resolves to how many went. */
  readonly remove?: ((db: number, keys: readonly Uint8Array[]) => Promise<number>) | undefined;
  readonly onRemoved?: ((db: number, keys: readonly Uint8Array[]) => void) | undefined;
  readonly progress?: ((scanned: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Swept {
  readonly scanned: number;
  readonly removed: number;
}

export async function sweepKeys(clients: readonly Client[], options: SweepKeysOptions): Promise<Swept> {
  const counts = { scanned: 0, removed: 0, total: 0 };
  await untilSettled(clients, options.signal, async (pass) => {
    const sizes = await Promise.all(clients.map((client) => readSizes(client, options.dbs)));
    // What is gone over again has been counted.
    const told = pass.slots === undefined ? counts : { ...counts };
    told.total = sizes.flatMap((found) => [...found.values()]).reduce((sum, count) => sum + count, 0);
    const missed = await onEachNode(clients, options.signal, async (client, signal, index) => {
      const sweep = new Sweep(client, { ...options, signal }, pass, told);
      for (const db of sizes[index]!.keys()) await sweep.database(db);
      return sweep.missed;
    });
    counts.removed = told.removed;
    return missed.flatMap((slots) => [...slots]);
  });
  await Promise.all(clients.map((client) => client.request(['SELECT', 0])));
  return { scanned: counts.scanned, removed: counts.removed };
}

interface Page {
  readonly cursor: string;
  readonly keys: readonly Uint8Array[];
}

/** Of one node. */
class Sweep {
  readonly #client: Client;
  readonly #o: SweepKeysOptions;
  readonly #pass: Pass;
  readonly #counts: { scanned: number; removed: number; readonly total: number };
  readonly #nodeKeys: NodeKeys;
  #count = FIRST_COUNT;
  /** There and back, with next to nothing to do. */
  #tripMs = 0;

  constructor(
    client: Client,
    options: SweepKeysOptions,
    pass: Pass,
    counts: { scanned: number; removed: number; readonly total: number },
  ) {
    this.#client = client;
    this.#o = options;
    this.#pass = pass;
    this.#counts = counts;
    this.#nodeKeys = new NodeKeys(client, { clustered: pass.layout !== undefined, unlink: options.unlink });
  }

  /** Slots of keys that could not be got at. */
  get missed(): ReadonlySet<number> {
    return this.#nodeKeys.missed;
  }

  async database(db: number): Promise<void> {
    const startedMs = performance.now();
    await send(this.#client, ['SELECT', db]);
    this.#tripMs = performance.now() - startedMs;
    let page = handled(this.#scan('0'));
    let removal: Promise<void> = Promise.resolve();
    try {
      for (let cursor = ''; cursor !== '0';) {
        this.#o.signal?.throwIfAborted();
        const { cursor: next, keys } = await page;
        cursor = next;
        if (cursor !== '0') page = handled(this.#scan(cursor));
        await removal;
        removal = handled(this.#sift(db, keys));
      }
    } finally {
      // Also when it is given up: afterwards nothing is removed any more.
      await removal;
    }
  }

  async #scan(cursor: string): Promise<Page> {
    const startedMs = performance.now();
    const reply = await send(this.#client, ['SCAN', cursor, 'COUNT', this.#count]);
    this.#tune(performance.now() - startedMs - this.#tripMs);
    const [next, keys] = reply as readonly [Uint8Array, readonly Uint8Array[]];
    return { cursor: replyText(next) ?? '0', keys };
  }

  #tune(tookMs: number): void {
    if (tookMs < SHORT_MS) this.#count = Math.min(this.#count * 2, MOST_COUNT);
    else if (tookMs > LONG_MS) this.#count = Math.max(this.#count >> 1, LEAST_COUNT);
  }

  async #sift(db: number, keys: readonly Uint8Array[]): Promise<void> {
    const { doomed, wantedKind, remove, onRemoved, progress } = this.#o;
    const { slots } = this.#pass;
    const named = keys.filter(
      (key) => !isOurs(key) && doomed(db, key) && (slots === undefined || slots.has(keySlot(key))),
    );
    const going = wantedKind === undefined ? named : await this.#nodeKeys.ofKind(named, wantedKind);
    const counts = this.#counts;
    if (going.length > 0) {
      // Others count while it is waited for.
      const removed = await (remove === undefined ? this.#nodeKeys.remove(going) : remove(db, going));
      counts.removed += removed;
      onRemoved?.(db, going);
    }
    counts.scanned += keys.length;
    // Keys have come and gone since they were counted, and some are returned twice.
    progress?.(Math.min(counts.scanned, counts.total), counts.total);
  }
}

/** Keys per database that has any, in ascending order; who may not ask goes by what is wanted. */
async function readSizes(
  client: Client,
  dbs: ReadonlySet<number> | undefined,
): Promise<ReadonlyMap<number, number>> {
  const reply = await client.request(['INFO', 'keyspace'], REMOVAL_TIMEOUT_MS);
  if (reply instanceof ReplyError) {
    if (dbs === undefined) throw refusalOfTarget(client, 'INFO', reply);
    return new Map([...dbs].toSorted((a, b) => a - b).map((db) => [db, 0]));
  }
  const sizes = [...(replyText(reply) ?? '').matchAll(/^db(\d+):keys=(\d+)/gm)]
    .map(([, db, keys]) => [Number(db), Number(keys)] as const)
    .filter(([db]) => dbs === undefined || dbs.has(db))
    .toSorted(([a], [b]) => a - b);
  return new Map(sizes);
}

async function send(client: Client, args: readonly CommandArg[]): Promise<Reply> {
  const reply = await client.request(args, REMOVAL_TIMEOUT_MS);
  if (reply instanceof ReplyError) throw refusalOfTarget(client, String(args[0]), reply);
  return reply;
}

/** It is awaited later; should something else fail before, nobody misses it. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

export function isOurs(key: Uint8Array): boolean {
  return startsWith(key, OURS, 0, key.length);
}
