/**
 * Which slots the primaries of a target say are their own, and which of these are on the move. Read before and
 * after a pass over all keys it tells what the pass may have missed: a key that moved from a node that was still
 * to be looked at to one that had been. Each node is asked for itself, as it knows first.
 */
import { SlotSet } from '../keyspace/slot-set.js';
import { SLOTS } from '../keyspace/key-slot.js';
import type { Client } from '../net/client.js';
import { replyText } from '../resp/reply-decoder.js';
import { parseClusterNodes } from '../topology/cluster-nodes.js';

export interface NodeSlots {
  readonly owned: SlotSet;
  /** Moved key by key at the moment, from it or to it. */
  readonly moving: SlotSet;
}

/** One for each client; undefined for a standalone target, and for one that does not let us ask. */
export async function readLayout(clients: readonly Client[]): Promise<readonly NodeSlots[] | undefined> {
  const layout = await Promise.all(clients.map(readSlots));
  const known = layout.filter((slots) => slots !== undefined);
  return known.length === clients.length ? known : undefined;
}

async function readSlots(client: Client): Promise<NodeSlots | undefined> {
  const reply = await client.request(['CLUSTER', 'NODES']);
  const nodes = reply instanceof Uint8Array ? parseClusterNodes(replyText(reply) ?? '') : undefined;
  const myself = nodes?.find(({ flags }) => flags.includes('myself'));
  if (myself === undefined) return undefined;
  const moving = new SlotSet();
  for (const { slot } of myself.moving) moving.add(slot);
  // A primary of before that has become a replica still lists nothing.
  return { owned: SlotSet.of(myself.slots), moving };
}

/** Whose the slot is, by their own words: an index, -1 for nobody, -2 for several or on the move. */
export function holderOf(layout: readonly NodeSlots[], slot: number): number {
  let holder = -1;
  for (const [index, { owned, moving }] of layout.entries()) {
    if (moving.has(slot)) return -2;
    if (!owned.has(slot)) continue;
    if (holder >= 0) return -2;
    holder = index;
  }
  return holder;
}

/** The slots of `among` (default: all) that were not the same node's, and at rest, in both. */
export function unsettledSlots(
  before: readonly NodeSlots[],
  after: readonly NodeSlots[],
  among: SlotSet | undefined,
): SlotSet {
  const out = new SlotSet();
  for (let slot = 0; slot < SLOTS; slot++) {
    if (among !== undefined && !among.has(slot)) continue;
    const holder = holderOf(before, slot);
    if (holder < 0 || holder !== holderOf(after, slot)) out.add(slot);
  }
  return out;
}
