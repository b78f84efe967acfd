/**
 * The slots that a shard's record says it answers for, and the parts of its stream that it must pass over all the
 * same. As text, in the record's `slots`: `0-99,101-5460!100@48213!200-210@50000`; the slots in the form of
 * `CLUSTER NODES`, then for each `!` the slots of which everything that begins before an offset is passed over.
 */
import { damaged } from '../../checkpoint/fields.js';
import { SlotSet } from '../../keyspace/slot-set.js';

export interface Passed {
  readonly slots: SlotSet;
  /** Offset in the shard's stream. */
  readonly before: number;
}

export interface Holding {
  readonly slots: SlotSet;
  readonly passed: readonly Passed[];
}

export function formatHolding({ slots, passed }: Holding): string {
  return slots.format() + passed.map((one) => `!${one.slots.format()}@${one.before}`).join('');
}

export function parseHolding(text: string): Holding {
  const [first = '', ...rest] = text.split('!');
  return { slots: parseSlots(first), passed: rest.map(parsePassed) };
}

function parsePassed(text: string): Passed {
  const match = /^([\d,-]+)@(\d{1,16})$/u.exec(text);
  if (match === null) throw damaged(`'slots' has '!${text}' in it`);
  return { slots: parseSlots(match[1]!), before: Number(match[2]) };
}

function parseSlots(text: string): SlotSet {
  const slots = SlotSet.parse(text);
  if (slots === undefined) throw damaged(`'slots' has '${text}' in it`);
  return slots;
}

// ---- sets of slots -----------------------------------------------------------------------------------------

/** Slots of `a` for which `keep` holds. */
export function filterSlots(a: SlotSet, keep: (slot: number) => boolean): SlotSet {
  const result = new SlotSet();
  for (const slot of a) if (keep(slot)) result.add(slot);
  return result;
}

export function union(a: SlotSet, b: SlotSet): SlotSet {
  const result = a.clone();
  for (const slot of b) result.add(slot);
  return result;
}

export function without(a: SlotSet, b: SlotSet): SlotSet {
  return filterSlots(a, (slot) => !b.has(slot));
}

export function common(a: SlotSet, b: SlotSet): SlotSet {
  return filterSlots(a, (slot) => b.has(slot));
}
