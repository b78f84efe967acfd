/** How many bytes of the stream make a commit due: few where answers come soon, more where the way is long. */
const MOST_BYTES = 4 * 1024 * 1024;
const BYTES_PER_MS = 64 * 1024;

/** `wayMs`: there and back. */
export function commitBytes(wayMs: number, least: number): number {
  return Math.min(MOST_BYTES, Math.max(least, wayMs * BYTES_PER_MS));
}
