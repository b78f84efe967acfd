/**
 * How keys and bytes would lie in a cluster's slots, whether or not they come from a cluster, and which hash
 * tags put much into one slot.
 */
import { keySlot, SLOTS } from '../keyspace/key-slot.js';
import { ByteCounter, hashOf } from './byte-counter.js';
import type { ReportSlots } from './report.js';
import { reportText } from './report-text.js';

const SLOTS_PER_GROUP = 64;
const HEAVIEST_SLOTS = 10;
const SHOWN_TAGS = 20;
const MAX_TAGS = 20_000;
const SHARDS = [3, 6, 12, 24];
const OPEN = 0x7b;
const CLOSE = 0x7d;

export class SlotLoad {
  readonly #keys: Float64Array = new Float64Array(SLOTS);
  readonly #bytes: Float64Array = new Float64Array(SLOTS);
  readonly #tags = new ByteCounter(MAX_TAGS);
  #tagged = 0;

  add(key: Uint8Array, start: number, end: number, size: number): void {
    const slot = keySlot(key, start, end);
    this.#keys[slot]!++;
    this.#bytes[slot]! += size;
    const open = find(key, OPEN, start, end);
    const close = find(key, CLOSE, open + 1, end);
    if (close === end || close === open + 1) return;
    this.#tagged++;
    this.#tags.add(hashOf(key, open + 1, close), key, open + 1, close, 0, size);
  }

  report(scale: number): ReportSlots {
    const load = (slot: number): { keys: number; bytes: number } => ({
      keys: Math.round(this.#keys[slot]! * scale),
      bytes: Math.round(this.#bytes[slot]! * scale),
    });
    const used = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => this.#keys[slot]! > 0);
    return {
      slotsPerGroup: SLOTS_PER_GROUP,
      groups: this.#groups(scale),
      used: used.length,
      heaviest: used
        .toSorted((a, b) => this.#bytes[b]! - this.#bytes[a]!)
        .slice(0, HEAVIEST_SLOTS)
        .map((slot) => ({ slot, ...load(slot) })),
      skew: SHARDS.map((shards) => ({ shards, fullest: this.#fullest(shards) })),
      tags: this.#tags
        .all()
        .filter(({ keys }) => keys > 1)
        .toSorted((a, b) => b.bytes - a.bytes)
        .slice(0, SHOWN_TAGS)
        .map(({ part, keys, bytes }) => ({
          tag: reportText(part),
          slot: keySlot(part),
          keys: Math.round(keys * scale),
          bytes: Math.round(bytes * scale),
        })),
      taggedKeys: Math.round(this.#tagged * scale),
    };
  }

  #groups(scale: number): { keys: number; bytes: number }[] {
    return Array.from({ length: SLOTS / SLOTS_PER_GROUP }, (_, group) => ({
      keys: Math.round(sum(this.#keys, group * SLOTS_PER_GROUP, (group + 1) * SLOTS_PER_GROUP) * scale),
      bytes: Math.round(sum(this.#bytes, group * SLOTS_PER_GROUP, (group + 1) * SLOTS_PER_GROUP) * scale),
    }));
  }

  /** As `redis-cli --cluster create` would cut them. */
  #fullest(shards: number): number {
    const total = sum(this.#bytes, 0, SLOTS);
    if (total === 0) return 1;
    let most = 0;
    for (let shard = 0; shard < shards; shard++) {
      const from = Math.round((shard * SLOTS) / shards);
      const to = Math.round(((shard + 1) * SLOTS) / shards);
      most = Math.max(most, sum(this.#bytes, from, to));
    }
    return Math.round(((most * shards) / total) * 1000) / 1000;
  }
}

/** `end` when it is not there. The bytes go on behind the key, so `indexOf` would search too far. */
function find(bytes: Uint8Array, byte: number, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== byte) at++;
  return Math.min(at, end);
}

function sum(values: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let at = from; at < to; at++) total += values[at]!;
  return total;
}
