/** Waiting that ends early when the run is stopped, and asking again while a server says "not now". */
import { formatError, ReplicantError } from '../errors.js';
import { type BackOff, BUSY, backOffMs } from '../replication/policies.js';

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

export interface Patience {
  readonly signal: AbortSignal;
  /** Whether it may be another answer the next time; others are thrown. */
  readonly passing: (error: ReplicantError) => boolean;
  readonly backOff: BackOff;
  /** Hears of every wait. */
  readonly waiting?: (message: string) => void;
}

/** Runs `ask` until it gives an answer or an error that does not pass; undefined when stopped meanwhile. */
export async function askAgain<T>(
  ask: () => Promise<T>,
  { signal, passing, backOff, waiting }: Patience,
): Promise<T | undefined> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    /* oxlint-disable no-await-in-loop -- one attempt after the other */
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ReplicantError) || !passing(error)) throw error;
      const waitMs = backOffMs(backOff, attempt, Math.random());
      waiting?.(`${formatError(error)}; asking again in ${(waitMs / 1000).toFixed(1)} s`);
      await sleep(waitMs, signal);
    }
    /* oxlint-enable no-await-in-loop */
  }
  return undefined;
}

/** `askAgain` of a server that says "not now": …_BUSY. */
export function patiently<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  waiting: (message: string) => void,
): Promise<T | undefined> {
  return askAgain(ask, { signal, passing: ({ code }) => code.endsWith('_BUSY'), backOff: BUSY, waiting });
}
