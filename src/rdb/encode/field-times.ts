/** Times at which hash fields expire, as a target's form can hold them; NO_EXPIRY where it can't. */
import { NO_EXPIRY } from '../encodings/field-expiry.js';

/** Redis keeps 48 bits and refuses a file with a later time. */
const REDIS_LATEST_MS = 2 ** 48 - 1;

/** `form`: 24 Redis, 22 Valkey, undefined: the target has no such thing. */
export function fieldTimeFor(form: 24 | 22 | undefined, expiresAtMs: number): number {
  if (expiresAtMs === NO_EXPIRY || form === undefined) return NO_EXPIRY;
  if (form === 22) return expiresAtMs;
  // Valkey may hold 0, which is long ago; in Redis files it would mean: never.
  return expiresAtMs > REDIS_LATEST_MS ? NO_EXPIRY : Math.max(1, expiresAtMs);
}
