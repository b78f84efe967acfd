/**
 * Keys and bytes by a part of the key (a prefix, a hash tag), in bounded memory: when there are too many
 * parts, those with fewest bytes are forgotten, and from then on only what has gained as many bytes again
 * between two clear-outs stays. What is large is never lost; what is forgotten is missing from the part's
 * own count, not from the totals, which are kept elsewhere.
 *
 * Parts are looked up by a hash of their bytes and compared, so nothing is allocated for one that is known.
 */
export interface Counted {
  readonly part: Uint8Array;
  readonly depth: number;
  keys: number;
  bytes: number;
}

const FNV_START = 0x81_1c_9d_c5;

export class ByteCounter {
  readonly #limit: number;
  #parts = new Map<number, Counted>();
  /** Something has been forgotten. */
  pruned = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts the part bytes[start, end), whose `hashOf` is known. */
  add(hash: number, bytes: Uint8Array, start: number, end: number, depth: number, size: number): void {
    let slot = hash;
    for (;;) {
      const known = this.#parts.get(slot);
      if (known === undefined) break;
      if (isSame(known.part, bytes, start, end)) {
        known.keys++;
        known.bytes += size;
        return;
      }
      slot = (slot + 1) | 0;
    }
    if (this.#parts.size >= this.#limit) this.#prune();
    this.#parts.set(slot, { part: bytes.slice(start, end), depth, keys: 1, bytes: size });
  }

  all(): Counted[] {
    return [...this.#parts.values()];
  }

  /** Keeps the half with most bytes. A prefix has at least the bytes of those it contains, so it stays with them. */
  #prune(): void {
    this.pruned = true;
    const kept = this.all()
      .toSorted((a, b) => b.bytes - a.bytes || a.depth - b.depth)
      .slice(0, this.#limit >> 1);
    this.#parts = new Map();
    for (const counted of kept) {
      let slot = hashOf(counted.part, 0, counted.part.length);
      while (this.#parts.has(slot)) slot = (slot + 1) | 0;
      this.#parts.set(slot, counted);
    }
  }
}

/** FNV-1a, 32 bits; to be extended byte by byte with `extendHash`. */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_START | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
  return hash;
}

function isSame(part: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (part.length !== end - start) return false;
  for (let at = part.length - 1; at >= 0; at--) {
    if (part[at] !== bytes[start + at]) return false;
  }
  return true;
}
