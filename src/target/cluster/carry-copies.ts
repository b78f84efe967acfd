/** The copies on which a command over slots is run (`carry-work.ts`). Few values are here at a time. */
import type { CarriedKey, CarryPlan } from '../../keyspace/cross-slot-carry.js';
import { type CarryContext, copyKey, together } from './carry-context.js';
import { isSmall, type Placed } from './carry-step.js';
import { type CarriedValue, putValue, readValue } from './carry-value.js';

/** So many values are asked for together. */
const AT_ONCE = 4;

/** A key of the command and its copy. */
export interface Copy {
  readonly of: CarriedKey;
  readonly name: string;
}

type Values = readonly (CarriedValue | undefined)[];

/** Of keys of other slots; with `written` also of those of the slot itself that are written. */
export function copiesOf({ job }: CarryContext, { keys, slot }: CarryPlan, written: boolean): Copy[] {
  return keys.flatMap((of, index) => {
    const stays = of.slot === slot && (of.access === 'read' || !written);
    return stays ? [] : [{ of, name: copyKey(slot, job, index) }];
  });
}

export function namesOf(copies: readonly Copy[]): string[] {
  return copies.map(({ name }) => name);
}

/** What is replaced unseen need not be read. */
function sourcesOf(copies: readonly Copy[]): readonly Copy[] {
  return copies.filter(({ of }) => of.access !== 'write');
}

/** Values of keys that the copies are made of, from number `at` on, as many as go together. */
export function readSources(context: CarryContext, copies: readonly Copy[], at: number): Promise<Values> {
  const group = sourcesOf(copies).slice(at, at + AT_ONCE);
  // What is only read need not end before it has been.
  return together(group.map(({ of }) => readValue(context, of, of.access === 'update')));
}

/** Values of the copies themselves. */
export function readCopies(
  context: CarryContext,
  slot: number,
  copies: readonly Copy[],
  at: number,
): Promise<Values> {
  const group = copies.slice(at, at + AT_ONCE);
  return together(group.map(({ name }) => readValue(context, { slot, key: name }, true)));
}

/** What a step is to put in place; large values are there already. `first`: from `readSources`. */
export async function layOut(
  context: CarryContext,
  slot: number,
  copies: readonly Copy[],
  first: Values,
): Promise<Placed[]> {
  const sources = sourcesOf(copies);
  const unseen = copies.filter(({ of }) => of.access === 'write');
  const placed: Placed[] = unseen.map(({ name }) => ({ key: name, value: undefined }));
  let bytes = 0;
  for (let at = 0; at < sources.length; at += AT_ONCE) {
    // oxlint-disable no-await-in-loop -- some values at a time
    const values = at === 0 ? first : await readSources(context, copies, at);
    const large: Promise<void>[] = [];
    for (const [index, value] of values.entries()) {
      const key = sources[at + index]!.name;
      if (isSmall(value, bytes)) {
        placed.push({ key, value });
        bytes += value?.payload.length ?? 0;
      } else large.push(putValue(context, { slot, key }, value));
    }
    await together(large);
    // oxlint-enable no-await-in-loop
  }
  return placed;
}

/** Copies become what their keys are. `first`: from `readCopies`. Can be repeated. */
export async function bringBack(
  context: CarryContext,
  slot: number,
  copies: readonly Copy[],
  first: Values | undefined,
): Promise<void> {
  for (let at = 0; at < copies.length; at += AT_ONCE) {
    // oxlint-disable no-await-in-loop -- some values at a time
    const values = at === 0 && first !== undefined ? first : await readCopies(context, slot, copies, at);
    await together(values.map((value, index) => putValue(context, copies[at + index]!.of, value)));
    // oxlint-enable no-await-in-loop
  }
}
