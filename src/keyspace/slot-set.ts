/**
 * A set of cluster slots: 16384 bits, one byte for eight slots. Its text is that of `CLUSTER NODES`, in order
 * and with a comma between: `0-5460,5462`; the empty set is the empty text.
 */
import { SLOTS } from './key-slot.js';

/** Both ends belong to it. */
export type SlotRange = readonly [first: number, last: number];

export class SlotSet {
  readonly #bits = new Uint8Array(SLOTS / 8);
  #size = 0;

  static of(ranges: Iterable<SlotRange>): SlotSet {
    const set = new SlotSet();
    for (const [first, last] of ranges) set.addRange(first, last);
    return set;
  }

  /** Undefined when the text is none of ours. */
  static parse(text: string): SlotSet | undefined {
    const set = new SlotSet();
    for (const word of text === '' ? [] : text.split(',')) {
      const range = parseSlotRange(word);
      if (range === undefined) return undefined;
      set.addRange(range[0], range[1]);
    }
    return set;
  }

  get size(): number {
    return this.#size;
  }

  has(slot: number): boolean {
    return ((this.#bits[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0;
  }

  add(slot: number): void {
    if (slot < 0 || slot >= SLOTS || this.has(slot)) return;
    this.#bits[slot >> 3]! |= 1 << (slot & 7);
    this.#size++;
  }

  addRange(first: number, last: number): void {
    for (let slot = first; slot <= last; slot++) this.add(slot);
  }

  delete(slot: number): void {
    if (!this.has(slot)) return;
    this.#bits[slot >> 3]! &= ~(1 << (slot & 7));
    this.#size--;
  }

  clone(): SlotSet {
    return SlotSet.of(this.ranges());
  }

  equals(other: SlotSet): boolean {
    return this.#size === other.#size && this.#bits.every((byte, at) => byte === other.#bits[at]);
  }

  /** Has it a slot of the other? */
  overlaps(other: SlotSet): boolean {
    return this.#bits.some((byte, at) => (byte & other.#bits[at]!) !== 0);
  }

  /** In order, as few as there can be. */
  ranges(): SlotRange[] {
    const ranges: SlotRange[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      if (!this.has(slot)) {
        // A whole byte of them.
        if (this.#bits[slot >> 3] === 0) slot |= 7;
        continue;
      }
      const first = slot;
      while (this.has(slot + 1)) slot++;
      ranges.push([first, slot]);
    }
    return ranges;
  }

  *[Symbol.iterator](): Generator<number> {
    for (const [first, last] of this.ranges()) for (let slot = first; slot <= last; slot++) yield slot;
  }

  format(): string {
    return this.ranges().map(formatSlotRange).join(',');
  }
}

/** `5462` or `0-5460`; undefined for anything else. */
export function parseSlotRange(text: string): SlotRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/u.exec(text);
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return first <= last && last < SLOTS ? [first, last] : undefined;
}

export function formatSlotRange([first, last]: SlotRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}
