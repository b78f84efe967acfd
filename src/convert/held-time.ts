/**
 * Deadlines that are held back. A replica never expires anything by its own clock; a target that is a server
 * of its own does, and a key whose deadline is renewed on the source a moment later is gone there for good.
 * So, while the target may lag, it is given deadlines so late that they never come, from which the true ones
 * can be read again without any memory of ours:
 *
 *   key    held = true + 2^52 ms    [2^52, 2^52 + 2^48): the years 144683 to 153602; true ones up to 10889
 *   field  held = true + 2^45 ms    [2^45, 2^45 + 2^44): the years 3084 to 3642; true ones up to 2527
 *
 * 2^52 + t is exact in doubles, and so in the Lua of the servers and in their replies to scripts. Fields have
 * less room: Redis 7.4+ takes deadlines below 2^46 only. What is later than the last true one that can be
 * held stands as it is. A true deadline in the years of the held ones, which nobody means, is moved to just
 * behind them, so that it is never taken for a held one and made to pass at once.
 */

export const KEY_HOLD_MS: number = 2 ** 52;
export const FIELD_HOLD_MS: number = 2 ** 45;
/** True deadlines from here on are not held; so many ms wide is the range of the held ones. */
export const KEY_RANGE_MS: number = 2 ** 48;
export const FIELD_RANGE_MS: number = 2 ** 44;

export interface HoldPolicy {
  /**
   * True deadlines up to this one (ms since 1970) are held, later ones stand as they are. Infinity: hold all;
   * -Infinity: change nothing.
   */
  readonly holdBeforeMs: number;
  /** Told of every deadline that is written: held, or as it is. */
  readonly noted?: (held: boolean) => void;
}

export function isHeldKey(ms: number): boolean {
  return ms >= KEY_HOLD_MS && ms < KEY_HOLD_MS + KEY_RANGE_MS;
}

export function isHeldField(ms: number): boolean {
  return ms >= FIELD_HOLD_MS && ms < FIELD_HOLD_MS + FIELD_RANGE_MS;
}

/** The true deadline behind one that may be held. */
export function trueKeyDeadline(ms: number): number {
  return isHeldKey(ms) ? ms - KEY_HOLD_MS : ms;
}

export function trueFieldDeadline(ms: number): number {
  return isHeldField(ms) ? ms - FIELD_HOLD_MS : ms;
}

/** How a true deadline stands on the target. */
export function heldKeyDeadline(ms: number, policy: HoldPolicy): number {
  return held(ms, policy, KEY_HOLD_MS, KEY_RANGE_MS);
}

export function heldFieldDeadline(ms: number, policy: HoldPolicy): number {
  return held(ms, policy, FIELD_HOLD_MS, FIELD_RANGE_MS);
}

function held(ms: number, policy: HoldPolicy, holdMs: number, rangeMs: number): number {
  const { holdBeforeMs } = policy;
  if (!Number.isSafeInteger(ms) || holdBeforeMs === -Infinity) return ms;
  if (ms >= holdMs && ms < holdMs + rangeMs) return holdMs + rangeMs;
  const isHeld = ms <= holdBeforeMs && ms < rangeMs;
  policy.noted?.(isHeld);
  if (!isHeld) return ms;
  // Before 1970 is as past as 1970, and a held deadline must not look like a true one.
  return holdMs + Math.max(0, ms);
}
