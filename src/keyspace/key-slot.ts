/** The cluster slot of a key: CRC16 of what stands between its first `{` and the next `}`, else of all. */
import { hashSlot } from './hash-slot.js';

export const SLOTS = 16384;

/** The slot of the key bytes[start, end). */
export function keySlot(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return hashSlot(bytes, start, end);
}
