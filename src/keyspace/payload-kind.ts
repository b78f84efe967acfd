/**
 * The kind of value in a DUMP payload, by its first byte. Redis and Valkey give 22 and 23 to different hash
 * forms, so the kind is the same in both. 28 is an ARRAY (Redis 8.8+), which counts as opaque. A payload that
 * begins with key metadata (0xf3, Redis 8.6+) tells nothing here.
 */
import type { ValueKind } from './filter-options.js';

const TYPES: readonly (readonly [ValueKind, readonly number[]])[] = [
  ['string', [0]],
  ['list', [1, 10, 14, 18]],
  ['set', [2, 11, 20]],
  ['zset', [3, 5, 12, 17]],
  ['hash', [4, 9, 13, 16, 22, 23, 24, 25, 29, 31]],
  ['stream', [15, 19, 21, 26, 27]],
  ['module', [6, 7, 28]],
];

const KIND_OF: ReadonlyMap<number, ValueKind> = new Map(
  TYPES.flatMap(([kind, types]) => types.map((type) => [type, kind] as const)),
);

/** undefined for a type byte not known here. */
export function kindOfPayload(payload: Uint8Array): ValueKind | undefined {
  return payload[0] === undefined ? undefined : KIND_OF.get(payload[0]);
}
