/** The cluster slot of a key: CRC16 of what stands between its first `{` and the next `}`, else of all. */
import calculate from 'cluster-key-slot';

export const SLOTS = 16384;

/** The library takes any array of bytes; its types only know strings and Node's own. */
const slotOf = calculate as (key: Uint8Array) => number;

/** The slot of the key bytes[start, end). */
export function keySlot(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return slotOf(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
}
