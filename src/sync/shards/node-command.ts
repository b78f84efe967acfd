/**
 * Commands in the stream of a cluster's node that are about the node and not about keys: on a target that others write
 * to as well, they count for the slots of this shard.
 *
 *     FLUSHALL FLUSHDB                        the keys of the shard's slots
 *     CLUSTER FLUSHSLOT n, SFLUSH a b …,      all keys of those slots, as far as they are the shard's (Valkey; Redis 8)
 *     TRIMSLOTS RANGES k a b …
 *     CLUSTER SYNCSLOTS …, other CLUSTER …    how slots move: nothing
 *     FUNCTION LOAD, DELETE                   come from every shard: the second must not fail
 */
import { parseSlotRange, SlotSet } from '../../keyspace/slot-set.js';
import type { Args } from '../../keyspace/plan.js';
import { bytesOf, isWord } from '../../keyspace/words.js';

export type NodePlan =
  | { readonly kind: 'drop' }
  /** The database in force, or all of them; a cluster has one. */
  | { readonly kind: 'clear'; readonly async: boolean }
  | { readonly kind: 'wipe'; readonly slots: SlotSet }
  /** As this, whether it fails or not. */
  | { readonly kind: 'tolerate'; readonly args: Args };

/** Those that need a look; in upper case. */
export const NODE_COMMANDS: readonly string[] = [
  'FLUSHALL',
  'FLUSHDB',
  'CLUSTER',
  'SFLUSH',
  'TRIMSLOTS',
  'FUNCTION',
];

/** Undefined: like any other. */
export function planNodeCommand(args: Args): NodePlan | undefined {
  const [name, sub] = args;
  if (name === undefined) return undefined;
  if (isWord(name, 'FLUSHALL') || isWord(name, 'FLUSHDB'))
    return { kind: 'clear', async: sub !== undefined && isWord(sub, 'ASYNC') };
  if (isWord(name, 'CLUSTER')) {
    const flushes = sub !== undefined && isWord(sub, 'FLUSHSLOT');
    return flushes ? { kind: 'wipe', slots: slotAt(args[2]) } : { kind: 'drop' };
  }
  if (isWord(name, 'SFLUSH')) return { kind: 'wipe', slots: pairs(args.slice(1)) };
  if (isWord(name, 'TRIMSLOTS')) return { kind: 'wipe', slots: pairs(args.slice(3)) };
  return isWord(name, 'FUNCTION') ? planFunction(args) : undefined;
}

function planFunction(args: Args): NodePlan | undefined {
  const [name, sub, ...rest] = args;
  if (name === undefined || sub === undefined) return undefined;
  if (isWord(sub, 'DELETE')) return { kind: 'tolerate', args };
  if (!isWord(sub, 'LOAD')) return undefined;
  const replaces = rest.length > 1 && isWord(rest[0]!, 'REPLACE');
  return { kind: 'tolerate', args: replaces ? args : [name, sub, bytesOf('REPLACE'), ...rest] };
}

function slotAt(word: Uint8Array | undefined): SlotSet {
  const range = word === undefined ? undefined : parseSlotRange(textOf(word));
  return SlotSet.of(range === undefined ? [] : [range]);
}

/** First and last, again and again; what follows them is none of that. */
function pairs(words: Args): SlotSet {
  const slots = new SlotSet();
  for (let at = 0; at + 1 < words.length; at += 2) {
    const range = parseSlotRange(`${textOf(words[at]!)}-${textOf(words[at + 1]!)}`);
    if (range === undefined) break;
    slots.addRange(range[0], range[1]);
  }
  return slots;
}

function textOf(word: Uint8Array): string {
  return new TextDecoder('latin1').decode(word);
}
