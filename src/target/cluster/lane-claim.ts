/**
 * What the lanes of a job stand for, as the job's checkpoint has it, and what follows from that and from the
 * lanes' own texts: how far each slot has come.
 */
import type { LaneClaim } from '../../checkpoint/record.js';
import { SLOTS } from '../../keyspace/key-slot.js';
import { SlotSet } from '../../keyspace/slot-set.js';
import type { LaneText } from './lane-text.js';

/** How far each slot had come when the lanes were opened. Commands that are before that are passed over. */
export class SlotProgress {
  readonly #offsets = new Float64Array(SLOTS).fill(-1);
  readonly #done = new Uint16Array(SLOTS);
  /** Slots of one group have come equally far, and count the commands of a unit together. */
  readonly #group = new Int16Array(SLOTS).fill(-1);
  /** No slot is further than this. */
  furthest = -1;
  /** The slot that is least far, of those that are told of. */
  least: number = Number.POSITIVE_INFINITY;

  set(slots: Iterable<number>, offset: number, done: number, group: number): void {
    for (const slot of slots) {
      const known = this.#offsets[slot]!;
      if (known > offset || (known === offset && this.#done[slot]! >= done)) continue;
      this.#offsets[slot] = offset;
      this.#done[slot] = done;
      this.#group[slot] = group;
    }
    if (offset > this.furthest) this.furthest = offset;
  }

  offsetOf(slot: number): number {
    return this.#offsets[slot]!;
  }

  doneOf(slot: number): number {
    return this.#done[slot]!;
  }

  groupOf(slot: number): number {
    return this.#group[slot]!;
  }

  /** Has command number `index` (within its group) of the unit that begins at `offset` been applied to the slot? */
  covers(slot: number, offset: number, index: number): boolean {
    const known = this.#offsets[slot]!;
    return offset < known || (offset === known && index < this.#done[slot]!);
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
 * it has not come to its first one and another node has its place, where what `from` stands for may not have arrived.
 */
export function isLost(
  claims: readonly LaneClaim[],
  texts: ReadonlyMap<string, LaneText>,
  nodeOf: (tag: string) => string | undefined,
): boolean {
  return claims.some(({ tag, generation, node }) => {
    const text = texts.get(tag);
    return text === undefined || (text.generation !== generation && nodeOf(tag) !== node);
  });
}

/** Put together: of several claims on a slot the highest counts, as each of them is true. */
export function progressOf(
  claims: readonly LaneClaim[],
  texts: ReadonlyMap<string, LaneText>,
  snapshot: string,
): SlotProgress {
  const progress = new SlotProgress();
  const lanes = [...new Set(claims.map(({ tag, generation }) => `${tag} ${generation}`))];
  claims.forEach(({ tag, generation, slots, from, done }, index) => {
    const set = SlotSet.parse(slots) ?? new SlotSet();
    const text = texts.get(tag);
    const counts = text?.generation === generation && text.snapshot === snapshot;
    const further = counts && (text.offset > from || (text.offset === from && text.done > done));
    const [offset, upTo] = further ? [text.offset, text.done] : [from, done];
    // A lane counts the commands of a unit over all its slots.
    const group = further ? lanes.indexOf(`${tag} ${generation}`) : lanes.length + index;
    progress.set(set, offset, upTo, group);
    progress.least = Math.min(progress.least, offset);
  });
  return progress;
}

/** Claims of a new generation for a lane's slots: one for each group of slots that have come equally far. */
export function claimsFor(
  { tag, generation, node }: Pick<LaneClaim, 'tag' | 'generation' | 'node'>,
  slots: SlotSet,
  progress: SlotProgress | undefined,
  base: number,
): LaneClaim[] {
  const groups = new Map<string, { set: SlotSet; from: number; done: number }>();
  for (const slot of slots) {
    const known = progress === undefined ? -1 : progress.offsetOf(slot);
    const from = known < base ? base : known;
    const done = known < base ? 0 : progress!.doneOf(slot);
    const key = `${from}+${done}+${done === 0 ? 0 : progress!.groupOf(slot)}`;
    const group = groups.get(key) ?? { set: new SlotSet(), from, done };
    group.set.add(slot);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ set, from, done }) => ({
    ...{ tag, generation, node, slots: set.format(), from, done },
  }));
}
