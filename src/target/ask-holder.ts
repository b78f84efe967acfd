/** A command about one key, put to whichever of the primaries holds it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../net/client.js';
import type { CommandArg } from '../resp/encode.js';
import { type Reply, ReplyError } from '../resp/reply-decoder.js';
import { isElsewhere } from './node-keys.js';

const ATTEMPTS = 30;
const PAUSE_MS = 100;

/**
 * Who answered, and what. A standalone target is asked once; of a cluster each in turn, until one says something
 * else than that the key is elsewhere. While a key moves that may take some rounds; after three seconds the
 * last answer is what it is.
 */
export async function askHolder(
  clients: readonly Client[],
  args: readonly CommandArg[],
): Promise<readonly [client: Client, reply: Reply]> {
  const [first] = clients;
  let last: readonly [Client, Reply] = [first!, new ReplyError('CLUSTERDOWN no primary is connected')];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    /* oxlint-disable no-await-in-loop -- one after the other */
    let moving: string | undefined;
    for (const client of clients) {
      const reply = await client.request(args);
      last = [client, reply];
      if (!isElsewhere(reply)) return last;
      if (!reply.message.startsWith('MOVED')) moving = reply.message;
    }
    if (moving !== undefined) {
      const found = await askImporting(clients, args);
      if (found !== undefined) return found;
    }
    await sleep(PAUSE_MS);
    /* oxlint-enable no-await-in-loop */
  }
  return last;
}

/** The slot is being moved and the key is not where it was: so it is where the slot goes, if there is one. */
async function askImporting(
  clients: readonly Client[],
  args: readonly CommandArg[],
): Promise<readonly [Client, Reply] | undefined> {
  for (const client of clients) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const [, reply] = await Promise.all([client.request(['ASKING']), client.request(args)]);
    if (!isElsewhere(reply)) return [client, reply];
  }
  return undefined;
}
