/** The same work on every primary of a target at once; a standalone target is one. */
import type { Client } from '../net/client.js';

/**
 * What the work came to, in the order of the clients. Where one fails the others are called off by their signal,
 * and all are waited for: afterwards nothing is done any more.
 */
export async function onEachNode<T>(
  clients: readonly Client[],
  signal: AbortSignal | undefined,
  work: (client: Client, signal: AbortSignal | undefined, index: number) => Promise<T>,
): Promise<T[]> {
  const [only, ...more] = clients;
  if (only !== undefined && more.length === 0) return [await work(only, signal, 0)];
  const failure = new AbortController();
  const both = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const failures: unknown[] = [];
  const settled = await Promise.allSettled(
    clients.map(async (client, index) => {
      try {
        return await work(client, both, index);
      } catch (error) {
        failures.push(error);
        failure.abort();
        throw error;
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}
