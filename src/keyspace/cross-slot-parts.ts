/**
 * Commands over several slots that can be cut into one for each slot without any value being known: keys that
 * do not depend on each other, and moves whose element stands in the command.
 */
import type { CommandSpec } from './command-data.js';
import { hashSlot } from './hash-slot.js';
import { reduceKeys } from './reduce-keys.js';
import { bytesOf } from './words.js';

type Args = readonly Uint8Array[];

/** A command whose keys are all in `slot`. */
export interface SlotPart {
  readonly slot: number;
  readonly args: Args;
}

export interface PartsPlan {
  readonly kind: 'parts';
  readonly parts: readonly SlotPart[];
}

export const NO_PARTS: PartsPlan = { kind: 'parts', parts: [] };

const SREM: Uint8Array = bytesOf('SREM');
const SADD: Uint8Array = bytesOf('SADD');

/** undefined when the command can't be cut. `positions`: of all its keys. */
export function planParts(
  args: Args,
  spec: CommandSpec,
  positions: readonly number[],
): PartsPlan | undefined {
  if (spec.name === 'PFCOUNT') return NO_PARTS;
  if (spec.role === 'each') return { kind: 'parts', parts: bySlot(args, spec, positions) };
  return spec.role === 'smove' ? splitSmove(args) : undefined;
}

function slotOf(key: Uint8Array): number {
  return hashSlot(key, 0, key.length);
}

function bySlot(args: Args, spec: CommandSpec, positions: readonly number[]): SlotPart[] {
  const groups = new Map<number, number[]>();
  for (const at of positions) {
    const slot = slotOf(args[at]!);
    const group = groups.get(slot);
    if (group === undefined) groups.set(slot, [at]);
    else group.push(at);
  }
  return [...groups].map(([slot, inside]) => ({ slot, args: reduceKeys(args, spec, positions, inside) }));
}

function splitSmove(args: Args): PartsPlan | undefined {
  const [, from, to, member] = args;
  if (from === undefined || to === undefined || member === undefined) return undefined;
  return {
    kind: 'parts',
    parts: [
      { slot: slotOf(from), args: [SREM, from, member] },
      { slot: slotOf(to), args: [SADD, to, member] },
    ],
  };
}
