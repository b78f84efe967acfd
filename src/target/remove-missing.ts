/**
 * Removes from a target what a snapshot written over it does not have, while readers go on reading: every key
 * is looked at with SCAN (2.8+) and those that are not in the set are removed, UNLINK from 4.0 on. Reading goes
 * ahead of removing by one page, so memory is that of two pages.
 *
 * SCAN returns each key that is there from its start to its end at least once, however the table grows or
 * shrinks meanwhile, some more than once. So nothing that was there at the start remains. Nobody else is
 * supposed to write: what appears during the scan may be removed as well, as a mirror has no keys of others.
 * What is never touched: databases not asked for, keys outside the filters, and our own (`__replicant:…`).
 *
 * A target in import mode hides keys that are past their time from everybody but an import source, and does
 * not remove them: there, `client` must have said CLIENT IMPORT-SOURCE ON.
 *
 * May be repeated from the start at any time. In the end the connection is in database 0; after an error or an
 * abort it is of no use and should be closed.
 */
import { CHECKPOINT_PREFIX } from '../checkpoint/record.js';
import { VALUE_KINDS, type ValueKind } from '../keyspace/filter-options.js';
import { bytesOf } from '../keyspace/words.js';
import type { Client } from '../net/client.js';
import type { CommandArg } from '../resp/encode.js';
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import type { KeySet } from './key-set.js';
import { refusalOfTarget } from './target-state.js';

/** Keys per SCAN; a server looks through about 1000 in a millisecond, and answers nobody else meanwhile. */
const FIRST_COUNT = 1000;
const LEAST_COUNT = 250;
const MOST_COUNT = 4000;
/** What a SCAN may take beyond the way there and back. */
const SHORT_MS = 2;
const LONG_MS = 8;
/** Keys per command: UNLINK only takes them out of the table, DEL frees their values as well. */
const UNLINK_KEYS = 500;
const DEL_KEYS = 50;
/** One DEL of a very large value takes as long as it takes, and what is sent behind it waits. */
const TIMEOUT_MS = 600_000;
const OURS = bytesOf(CHECKPOINT_PREFIX);

export interface RemoveMissingOptions {
  /** What stays, by database of the target. */
  readonly keys: KeySet;
  /** Databases of the target that the job writes; undefined: all. */
  readonly dbs: ReadonlySet<number> | undefined;
  /** False for a key outside the job's filters. */
  readonly wanted: (db: number, key: Uint8Array) => boolean;
  /** Under a type filter; what TYPE calls by another name is a `module`. */
  readonly wantedKind?: ((kind: ValueKind) => boolean) | undefined;
  /** The target has UNLINK. */
  readonly unlink: boolean;
  /** In place of UNLINK on `client`, for who must write through something else; resolves to how many went. */
  readonly remove?: ((db: number, keys: readonly Uint8Array[]) => Promise<number>) | undefined;
  readonly onRemoved?: ((db: number, keys: readonly Uint8Array[]) => void) | undefined;
  readonly progress?: ((scanned: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Removed {
  readonly scanned: number;
  readonly removed: number;
}

export async function removeMissing(client: Client, options: RemoveMissingOptions): Promise<Removed> {
  const sizes = await readSizes(client, options.dbs);
  const sweep = new Sweep(client, options, sum(sizes.values()));
  for (const db of sizes.keys()) await sweep.database(db);
  await send(client, ['SELECT', 0]);
  return { scanned: sweep.scanned, removed: sweep.removed };
}

interface Page {
  readonly cursor: string;
  readonly keys: readonly Uint8Array[];
}

class Sweep {
  scanned = 0;
  removed = 0;
  readonly #client: Client;
  readonly #o: RemoveMissingOptions;
  readonly #total: number;
  #count = FIRST_COUNT;
  /** There and back, with next to nothing to do. */
  #tripMs = 0;

  constructor(client: Client, options: RemoveMissingOptions, total: number) {
    this.#client = client;
    this.#o = options;
    this.#total = total;
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
    const { keys: kept, wanted } = this.#o;
    const strangers = keys.filter((key) => !kept.has(db, key) && !isOurs(key) && wanted(db, key));
    const doomed = await this.#ofWantedKind(strangers);
    if (doomed.length > 0) {
      const { remove } = this.#o;
      this.removed += await (remove === undefined ? this.#unlink(doomed) : remove(db, doomed));
      this.#o.onRemoved?.(db, doomed);
    }
    this.scanned += keys.length;
    // Keys have come and gone since they were counted, and some are returned twice.
    this.#o.progress?.(Math.min(this.scanned, this.#total), this.#total);
  }

  async #ofWantedKind(keys: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const { wantedKind } = this.#o;
    if (wantedKind === undefined) return keys;
    const types = await Promise.all(keys.map((key) => send(this.#client, ['TYPE', key])));
    return keys.filter((_, at) => {
      const type = replyText(types[at] ?? null) ?? 'none';
      return type !== 'none' && wantedKind(VALUE_KINDS.find((kind) => kind === type) ?? 'module');
    });
  }

  /** A key may have expired by now, or come up twice: what counts is what the target says. */
  async #unlink(keys: readonly Uint8Array[]): Promise<number> {
    const [command, most] = this.#o.unlink ? ['UNLINK', UNLINK_KEYS] : ['DEL', DEL_KEYS];
    const batches: Promise<Reply>[] = [];
    for (let at = 0; at < keys.length; at += most) {
      batches.push(send(this.#client, [command, ...keys.slice(at, at + most)]));
    }
    return sum((await Promise.all(batches)).map(Number));
  }
}

/** Keys per database that has any, in ascending order. */
async function readSizes(
  client: Client,
  dbs: ReadonlySet<number> | undefined,
): Promise<ReadonlyMap<number, number>> {
  const info = replyText(await send(client, ['INFO', 'keyspace'])) ?? '';
  const sizes = [...info.matchAll(/^db(\d+):keys=(\d+)/gm)]
    .map(([, db, keys]) => [Number(db), Number(keys)] as const)
    .filter(([db]) => dbs === undefined || dbs.has(db))
    .toSorted(([a], [b]) => a - b);
  return new Map(sizes);
}

async function send(client: Client, args: readonly CommandArg[]): Promise<Reply> {
  const reply = await client.request(args, TIMEOUT_MS);
  if (reply instanceof ReplyError) throw refusalOfTarget(client, String(args[0]), reply);
  return reply;
}

/** It is awaited later; should something else fail before, nobody misses it. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function isOurs(key: Uint8Array): boolean {
  for (let at = 0; at < OURS.length; at++) if (key[at] !== OURS[at]) return false;
  return true;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
