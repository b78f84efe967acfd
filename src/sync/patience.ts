/** Waiting that ends early when the run is stopped, and asking again while a server says "not now". */
import { formatError, ReplicantError } from '../errors.js';
import { BUSY, backOffMs } from '../replication/policies.js';

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

/**
 * Runs `ask` until it gives an answer or an error other than …_BUSY; undefined when stopped meanwhile.
 * `waiting` hears of every wait.
 */
export async function patiently<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  waiting: (message: string) => void,
): Promise<T | undefined> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ReplicantError) || !error.code.endsWith('_BUSY')) throw error;
      const waitMs = backOffMs(BUSY, attempt, Math.random());
      waiting(`${formatError(error)}; asking again in ${(waitMs / 1000).toFixed(1)} s`);
      await sleep(waitMs, signal);
    }
  }
  return undefined;
}
