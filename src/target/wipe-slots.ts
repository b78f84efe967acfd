/**
 * Removes all keys of slots of a cluster from a target, but ours: before a shard takes a slot over, nothing may be
 * left of what another one wrote there. A cluster that has the same slots tells which keys are in one; on any
 * other target, and where names are mapped, every key is looked at once.
 */
import { type KeyNames, sourcesOfKey } from '../keyspace/key-names.js';
import { keySlot } from '../keyspace/key-slot.js';
import { SlotSet } from '../keyspace/slot-set.js';
import type { Client } from '../net/client.js';
import { type Reply, ReplyError } from '../resp/reply-decoder.js';
import { onEachNode } from './each-node.js';
import { NodeKeys } from './node-keys.js';
import { holderOf } from './slot-layout.js';
import { isOurs, sweepKeys } from './sweep-keys.js';
import { refusalOfTarget } from './target-state.js';
import { type Pass, untilSettled } from './until-settled.js';

const KEYS_PER_CALL = 1000;
const SLOTS_PER_CALL = 100;

export interface WipeOptions {
  /** False for a key that is not the job's, whatever its slot is. */
  readonly wanted?: ((db: number, key: Uint8Array) => boolean) | undefined;
  /** Names on the target are other than those on the source, whose slots are meant. */
  readonly names?: KeyNames | undefined;
}

export async function wipeSlot(
  clients: readonly Client[],
  slot: number,
  signal?: AbortSignal,
  options?: WipeOptions,
): Promise<number> {
  return await wipeSlots(clients, SlotSet.of([[slot, slot]]), signal, options);
}

/** How many keys went. */
export async function wipeSlots(
  clients: readonly Client[],
  slots: SlotSet,
  signal?: AbortSignal,
  options: WipeOptions = {},
): Promise<number> {
  if (slots.size === 0) return 0;
  if (options.names?.active === true) return await wipeByName(clients, slots, signal, options);
  let removed = 0;
  let clustered = true;
  await untilSettled(
    clients,
    signal,
    async (pass) => {
      clustered = pass.layout !== undefined;
      if (!clustered) return [];
      const parts = await onEachNode(clients, signal, async (client, both, index) => {
        const wipe = new SlotWipe(client, options, both);
        const gone = await wipe.all(slotsOf(pass, index));
        removed += gone;
        return wipe.missed;
      });
      return parts.flatMap((missed) => [...missed]);
    },
    slots,
  );
  return clustered ? removed : await wipeByName(clients, slots, signal, options);
}

async function wipeByName(
  clients: readonly Client[],
  slots: SlotSet,
  signal: AbortSignal | undefined,
  { wanted, names }: WipeOptions,
): Promise<number> {
  const within =
    names?.active === true
      ? (db: number, key: Uint8Array): boolean =>
          sourcesOfKey(names, db, key).some((source) => slots.has(keySlot(source.key)))
      : (_: number, key: Uint8Array): boolean => slots.has(keySlot(key));
  const { removed } = await sweepKeys(clients, {
    ...{ dbs: undefined, unlink: true, signal },
    doomed: (db, key) => within(db, key) && (wanted?.(db, key) ?? true),
  });
  return removed;
}

/** Of a pass, those that are this node's. */
function slotsOf({ slots, layout }: Pass, index: number): number[] {
  return [...(slots ?? [])].filter((slot) => holderOf(layout!, slot) === index);
}

/** Of one node of a cluster. */
class SlotWipe {
  readonly #client: Client;
  readonly #o: WipeOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #nodeKeys: NodeKeys;

  constructor(client: Client, options: WipeOptions, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#o = options;
    this.#signal = signal;
    this.#nodeKeys = new NodeKeys(client, { clustered: true, unlink: true });
  }

  get missed(): ReadonlySet<number> {
    return this.#nodeKeys.missed;
  }

  async all(slots: readonly number[]): Promise<number> {
    let removed = 0;
    for (let at = 0; at < slots.length; at += SLOTS_PER_CALL) {
      const counts = await Promise.all(slots.slice(at, at + SLOTS_PER_CALL).map((slot) => this.#one(slot)));
      removed += counts.reduce((sum, count) => sum + count, 0);
    }
    return removed;
  }

  /** There is no cursor: what stays is asked for again together with the next ones. */
  async #one(slot: number): Promise<number> {
    let removed = 0;
    for (let count = KEYS_PER_CALL; ;) {
      this.#signal?.throwIfAborted();
      const keys = keysOf(await this.#ask('GETKEYSINSLOT', slot, count));
      const going = keys.filter((key) => !isOurs(key) && (this.#o.wanted?.(0, key) ?? true));
      const gone = await this.#nodeKeys.remove(going);
      removed += gone;
      if (keys.length < count || this.missed.has(slot)) return removed;
      count = keys.length - gone + KEYS_PER_CALL;
    }
  }

  async #ask(command: string, slot: number, count: number): Promise<Reply> {
    const reply = await this.#client.request(['CLUSTER', command, slot, count]);
    if (reply instanceof ReplyError) throw refusalOfTarget(this.#client, `CLUSTER ${command}`, reply);
    return reply;
  }
}

function keysOf(reply: Reply): readonly Uint8Array[] {
  return Array.isArray(reply) ? reply.filter((key) => key instanceof Uint8Array) : [];
}
