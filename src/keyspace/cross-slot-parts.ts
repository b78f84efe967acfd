/**
 * Commands over several slots that can be cut into one for each slot without any value being known: keys that
 * do not depend on each other, and moves whose element stands in the command.
 */
import type { CommandSpec } from './command-data.js';
import { hashSlot } from './hash-slot.js';
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

const MSET: Uint8Array = bytesOf('MSET');
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
  return [...groups].map(([slot, inside]) => ({ slot, args: reduce(args, spec, positions, inside) }));
}

/** The command with only the keys at `inside`, and with each key what follows it up to the next one. */
function reduce(
  args: Args,
  spec: CommandSpec,
  positions: readonly number[],
  inside: readonly number[],
): Uint8Array[] {
  const { keys } = spec;
  const step = keys.at === 'none' || keys.at === 'special' ? 1 : keys.step;
  const kept = inside.flatMap((at) => args.slice(at, at + step));
  if (keys.at !== 'numkeys') return [spec.name === 'MSETNX' ? MSET : args[0]!, ...kept];
  const rest = args.slice(positions.at(-1)! + step);
  return [args[0]!, bytesOf(String(inside.length)), ...kept, ...rest];
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
