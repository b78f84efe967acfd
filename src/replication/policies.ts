/** Decisions about time, as pure functions. All times in milliseconds. */

export interface BackOff {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Connections: a dropped link is tried again soon. */
export const RECONNECT: BackOff = { firstMs: 250, mostMs: 30_000 };
/** Full resyncs: each costs the source a fork. */
export const FULL_RESYNC: BackOff = { firstMs: 1000, mostMs: 300_000 };
/** A source or target that says "not now". */
export const BUSY: BackOff = { firstMs: 1000, mostMs: 15_000 };

/** A slot of a cluster that has moved is found at once, one that is on its way soon. */
export const MOVED: BackOff = { firstMs: 20, mostMs: 1000 };

/**
 * How long to wait before attempt number `attempt` (0 = the first retry): doubling, capped, and spread
 * evenly over the upper half so that many clients don't come back together. `random` is in [0, 1).
 */
export function backOffMs({ firstMs, mostMs }: BackOff, attempt: number, random: number): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(full / 2 + (full / 2) * random);
}

/** The servers' default repl-timeout; a primary pings every 10 s and keeps a waiting replica patient. */
export const SILENCE_MS = 60_000;

/** Has the source been silent for too long? Not when we ourselves are not reading. */
export function isSilent(nowMs: number, lastByteMs: number, paused: boolean): boolean {
  return !paused && nowMs - lastByteMs > SILENCE_MS;
}

export const ACK_EVERY_MS = 1000;
/** Right after a diskless snapshot the primary waits for an ACK, and may miss the first ones. */
export const EAGER_ACK_EVERY_MS = 50;
const EAGER_FOR_MS = 5000;

/**
 * How often to acknowledge: a primary that sent a diskless snapshot sends no stream byte before it gets an
 * ACK after its saving child was reaped (replication §3.1).
 */
export function ackEveryMs(sinceSnapshotEndMs: number, streamBytes: number): number {
  return streamBytes === 0 && sinceSnapshotEndMs < EAGER_FOR_MS ? EAGER_ACK_EVERY_MS : ACK_EVERY_MS;
}
