/**
 * Commands over several slots that need values of other slots. The plan says which keys are only read, which
 * are written, and in which slot the work is best done: values of the other slots are copied there and what
 * was written is copied back, so it is the slot which saves most copies.
 *
 *   how       keys                    what the carrying does
 *   rename    a update, b write       a's value becomes b's, a goes
 *   copy      a read, b write         a's value becomes b's
 *   pop-push  a update, b update      one element leaves a and joins b
 *   work      as the command has it   the command itself, on copies in `slot`
 */
import type { CommandSpec } from './command-data.js';
import { hashSlot } from './hash-slot.js';
import { isWord } from './words.js';

type Args = readonly Uint8Array[];

/** `read`: stays as it is. `write`: replaced whatever it was. `update`: what it was matters, and it may change. */
export type KeyAccess = 'read' | 'write' | 'update';

/** One key, even when the command names it several times. */
export interface CarriedKey {
  readonly key: Uint8Array;
  readonly slot: number;
  /** Where it stands in the command. */
  readonly positions: readonly number[];
  readonly access: KeyAccess;
}

export interface ElementEnds {
  readonly pop: 'LPOP' | 'RPOP';
  readonly push: 'LPUSH' | 'RPUSH';
}

interface Carry {
  readonly kind: 'carry';
  readonly args: Args;
  /** In the order of the command; two or more, of different slots. */
  readonly keys: readonly CarriedKey[];
  /** Where it is carried out. */
  readonly slot: number;
}

export type CarryPlan = Carry &
  (
    | { readonly how: 'work' }
    | { readonly how: 'rename' }
    | { readonly how: 'copy' }
    | ({ readonly how: 'pop-push' } & ElementEnds)
  );

/** `positions`: of all its keys, which are in more than one slot. */
export function planCarry(args: Args, spec: CommandSpec, positions: readonly number[]): CarryPlan {
  const keys = carriedKeys(args, positions, accessOf(spec, positions));
  const base = { kind: 'carry', args, keys } as const;
  const to = keys.at(-1)!.slot;
  switch (spec.role) {
    case 'rename':
      return { ...base, how: 'rename', slot: to };
    case 'copy':
      return { ...base, how: 'copy', slot: to };
    case 'lmove': {
      const ends = endsOf(args, spec);
      if (ends !== undefined) return { ...base, how: 'pop-push', slot: to, ...ends };
      return { ...base, how: 'work', slot: workSlot(keys) };
    }
    default:
      return { ...base, how: 'work', slot: workSlot(keys) };
  }
}

/** What the command does with the key at a position. */
function accessOf(spec: CommandSpec, positions: readonly number[]): (at: number) => KeyAccess {
  const destination = spec.destination === 'first' ? positions[0] : positions.at(-1);
  switch (spec.role) {
    case 'store':
      return (at) => (at === destination ? 'write' : 'read');
    case 'merge':
      return (at) => (at === destination ? 'update' : 'read');
    case 'rename':
      return (at) => (at === positions[0] ? 'update' : 'write');
    case 'copy':
      return (at) => (at === positions[0] ? 'read' : 'write');
    default:
      return () => 'update';
  }
}

function carriedKeys(
  args: Args,
  positions: readonly number[],
  access: (at: number) => KeyAccess,
): CarriedKey[] {
  const found = new Map<string, { key: Uint8Array; positions: number[]; access: KeyAccess }>();
  for (const at of positions) {
    const key = args[at]!;
    const name = nameOf(key);
    const known = found.get(name);
    if (known === undefined) {
      found.set(name, { key, positions: [at], access: access(at) });
      continue;
    }
    known.positions.push(at);
    // Read in one place and written in another.
    if (known.access !== access(at)) known.access = 'update';
  }
  return [...found.values()].map((one) => ({ ...one, slot: hashSlot(one.key, 0, one.key.length) }));
}

const latin = new TextDecoder('latin1');

/** One text for one key. (This decoder maps 0x80 to 0x9f to other characters, but no two bytes to the same.) */
function nameOf(key: Uint8Array): string {
  return latin.decode(key);
}

/** `LMOVE a b LEFT|RIGHT LEFT|RIGHT`, RPOPLPUSH and the blocking forms; of LMOVEM nothing. */
function endsOf(args: Args, { name }: CommandSpec): ElementEnds | undefined {
  if (name.endsWith('RPOPLPUSH')) return { pop: 'RPOP', push: 'LPUSH' };
  const [popLeft, pushLeft] = [isLeft(args[3]), isLeft(args[4])];
  if (name === 'LMOVEM' || popLeft === undefined || pushLeft === undefined) return undefined;
  return { pop: popLeft ? 'LPOP' : 'RPOP', push: pushLeft ? 'LPUSH' : 'RPUSH' };
}

function isLeft(side: Uint8Array | undefined): boolean | undefined {
  if (side === undefined) return undefined;
  if (isWord(side, 'LEFT')) return true;
  return isWord(side, 'RIGHT') ? false : undefined;
}

const COPIES: Readonly<Record<KeyAccess, number>> = { read: 1, write: 1, update: 2 };

/** The slot whose keys would cost most copies elsewhere; a written key decides between equals. */
function workSlot(keys: readonly CarriedKey[]): number {
  const saved = new Map<number, number>();
  const sources = keys.filter(({ access }) => access === 'read').length;
  for (const { slot, access } of keys) {
    // What is made of one source alone (by ZRANGESTORE, SORT …) is no larger than that.
    const weight =
      access === 'read' && sources === 1 ? 1.5 : COPIES[access] + (access === 'write' ? 0.25 : 0);
    saved.set(slot, (saved.get(slot) ?? 0) + weight);
  }
  let best = keys[0]!.slot;
  for (const [slot, weight] of saved) if (weight > saved.get(best)!) best = slot;
  return best;
}
