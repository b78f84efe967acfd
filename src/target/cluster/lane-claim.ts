/**
 * What the lanes of a job stand for, as the job's checkpoint has it, and what follows from that and from the
 * lanes' own texts: how far each slot has come.
 */
import type { LaneClaim } from '../../checkpoint/record.js';
import { SLOTS } from '../../keyspace/key-slot.js';
import { SlotSet } from '../../keyspace/slot-set.js';
import type { LaneText } from './lane-text.js';

/** Slots that have come equally far, when that is into a unit. */
export interface SlotGroup {
  readonly offset: number;
  /** Commands of the unit that begins at the offset … */
  readonly done: number;
  /** … counting those of all these slots, wherever they may be now, and however far. */
  readonly counted: SlotSet;
}

/** How far each slot had come when the lanes were opened. Commands that are before that are passed over. */
export class SlotProgress {
  readonly #offsets = new Float64Array(SLOTS).fill(-1);
  readonly #group = new Int16Array(SLOTS).fill(-1);
  readonly #groups: SlotGroup[] = [];
  readonly #groupsAt = new Map<number, SlotGroup[]>();
  /** No slot is further than this. */
  furthest = -1;
  /** The slot that is least far, of those that are told of. */
  least: number = Number.POSITIVE_INFINITY;

  /** `counted`: the slots whose commands `done` counts. */
  set(slots: Iterable<number>, offset: number, done: number, counted: SlotSet): void {
    const number = this.#groups.length;
    for (const slot of slots) {
      const known = this.#offsets[slot]!;
      if (known > offset || (known === offset && this.doneOf(slot) >= done)) continue;
      this.#offsets[slot] = offset;
      this.#group[slot] = done > 0 ? number : -1;
    }
    if (done > 0) {
      const group = { offset, done, counted };
      this.#groups.push(group);
      this.#groupsAt.set(offset, [...this.groupsAt(offset), group]);
    }
    if (offset > this.furthest) this.furthest = offset;
    if (offset < this.least) this.least = offset;
  }

  offsetOf(slot: number): number {
    return this.#offsets[slot]!;
  }

  doneOf(slot: number): number {
    return this.groupOf(slot)?.done ?? 0;
  }

  groupOf(slot: number): SlotGroup | undefined {
    return this.#groups[this.#group[slot]!];
  }

  /** Those that have come to the unit which begins there, and into it. */
  groupsAt(offset: number): readonly SlotGroup[] {
    return this.#groupsAt.get(offset) ?? [];
  }

  /** Has command number `index`, as the slot's group counts, of the unit that begins at `offset` been applied to the slot? */
  covers(slot: number, offset: number, index: number): boolean {
    const known = this.#offsets[slot]!;
    return offset < known || (offset === known && index < this.doneOf(slot));
  }
}

/** A generation is `<count>-<random>`: each time lanes are opened it is one more. */
export function countOf(generation: string): number {
  const count = Number(/^\d{1,9}(?=-)/u.exec(generation)?.[0]);
  return Number.isNaN(count) ? 0 : count;
}

/** While a snapshot is loaded lanes count the bytes of its file: those texts must not be taken for places of the stream. */
export function loadingGeneration(generation: string): string {
  return `${generation}l`;
}

/** What lanes stand for meanwhile: of every key before byte `from` of the file, and as they go on. */
export function loadingClaims(claims: readonly LaneClaim[], from: number): LaneClaim[] {
  return claims.map(({ tag, generation, node, slots }) => ({
    ...{ tag, node, slots, from, done: 0 },
    generation: loadingGeneration(generation),
  }));
}

/** Lanes were opened that the claims do not know of: the record was lost, and with it what they stood for. */
export function isOutdated(
  claims: readonly LaneClaim[],
  texts: Iterable<LaneText>,
  snapshot: string,
): boolean {
  const known = Math.max(0, ...claims.map(({ generation }) => countOf(generation)));
  return [...texts].some((text) => text.snapshot === snapshot && countOf(text.generation) > known);
}

/**
 * What was confirmed may be gone: a lane has no text at all (every one had a text before the claims were made), or
 * it has not come to its first one and its node is no primary any more: what `from` stands for may not have arrived at
 * the next one. (A lane whose key is on its way to another node does not come to its first text either.)
 */
export function isLost(
  claims: readonly LaneClaim[],
  texts: ReadonlyMap<string, LaneText>,
  isPrimary: (node: string) => boolean,
): boolean {
  return claims.some(({ tag, generation, node }) => {
    const text = texts.get(tag);
    return text === undefined || (text.generation !== generation && !isPrimary(node));
  });
}

/** Put together: of several claims on a slot the highest counts, as each of them is true. */
export function progressOf(
  claims: readonly LaneClaim[],
  texts: ReadonlyMap<string, LaneText>,
  snapshot: string,
): SlotProgress {
  const progress = new SlotProgress();
  const lanes = new Map<string, SlotSet>();
  for (const claim of claims) {
    const all = lanes.get(laneOf(claim)) ?? new SlotSet();
    for (const [first, last] of slotsIn(claim.slots).ranges()) all.addRange(first, last);
    lanes.set(laneOf(claim), all);
  }
  for (const claim of claims) {
    const { tag, generation, slots, from, done, of = slots } = claim;
    const text = texts.get(tag);
    const counts = text?.generation === generation && text.snapshot === snapshot;
    const further = counts && (text.offset > from || (text.offset === from && text.done > done));
    // A lane counts the commands of a unit over all its slots.
    if (further) progress.set(slotsIn(slots), text.offset, text.done, lanes.get(laneOf(claim))!);
    else progress.set(slotsIn(slots), from, done, slotsIn(of));
  }
  return progress;
}

function laneOf({ tag, generation }: LaneClaim): string {
  return `${tag} ${generation}`;
}

function slotsIn(text: string): SlotSet {
  return SlotSet.parse(text) ?? new SlotSet();
}

/** Claims of a new generation for a lane's slots: one for each group of slots that have come equally far. */
export function claimsFor(
  { tag, generation, node }: Pick<LaneClaim, 'tag' | 'generation' | 'node'>,
  slots: SlotSet,
  progress: SlotProgress | undefined,
  base: number,
): LaneClaim[] {
  const groups = new Map<SlotGroup | number, { set: SlotSet; from: number; group: SlotGroup | undefined }>();
  for (const slot of slots) {
    const known = progress === undefined ? -1 : progress.offsetOf(slot);
    const from = known < base ? base : known;
    const group = known < base ? undefined : progress?.groupOf(slot);
    const key = group ?? from;
    const together = groups.get(key) ?? { set: new SlotSet(), from, group };
    together.set.add(slot);
    groups.set(key, together);
  }
  return [...groups.values()].map(({ set, from, group }) => ({
    ...{ tag, generation, node, slots: set.format(), from, done: group?.done ?? 0 },
    ...(group === undefined ? {} : { of: group.counted.format() }),
  }));
}
