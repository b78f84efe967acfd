/**
 * Passes over all keys of a target while slots of it may move. A pass that is over is repeated for the slots that
 * changed hands, or were about to, until each of them has been gone over at rest. On a standalone target one pass
 * is all there is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicantError } from '../errors.js';
import type { SlotSet } from '../keyspace/slot-set.js';
import type { Client } from '../net/client.js';
import { holderOf, type NodeSlots, readLayout, unsettledSlots } from './slot-layout.js';

const POLL_MS = 100;
/** A slot with millions of keys takes some time to move. */
const MOVING_MS = 60_000;
/** Its owner is one that we are not connected to: only new connections help. */
const NOBODY_MS = 3000;

export interface Pass {
  /** Only keys of these slots; undefined: of all. */
  readonly slots: SlotSet | undefined;
  /** Undefined on a standalone target. */
  readonly layout: readonly NodeSlots[] | undefined;
}

/**
 * `pass` returns the slots in which it could not get at a key. Throws TARGET_BUSY (may be retried, with new
 * connections) when the target does not come to rest in time.
 */
export async function untilSettled(
  clients: readonly Client[],
  signal: AbortSignal | undefined,
  pass: (what: Pass) => Promise<Iterable<number>>,
  among?: SlotSet,
): Promise<void> {
  let layout = await readLayout(clients);
  const patience = new Patience(clients);
  for (let slots = among; ;) {
    /* oxlint-disable no-await-in-loop -- one pass after the other */
    const missed = await pass({ slots, layout });
    const after = layout === undefined ? undefined : await readLayout(clients);
    if (layout === undefined || after === undefined) return;
    const left = unsettledSlots(layout, after, slots);
    for (const slot of missed) left.add(slot);
    if (left.size === 0) return;
    layout = await patience.atRest(left, signal);
    slots = left;
    /* oxlint-enable no-await-in-loop */
  }
}

class Patience {
  readonly #clients: readonly Client[];
  #waitedMs = 0;

  constructor(clients: readonly Client[]) {
    this.#clients = clients;
  }

  /** Waits until each of the slots is one node's again. */
  async atRest(slots: SlotSet, signal: AbortSignal | undefined): Promise<readonly NodeSlots[] | undefined> {
    for (let unownedMs = 0; ;) {
      /* oxlint-disable no-await-in-loop -- until it is so */
      await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal });
      this.#waitedMs += POLL_MS;
      const layout = await readLayout(this.#clients);
      if (layout === undefined) return undefined;
      const restless = [...slots].filter((slot) => holderOf(layout, slot) < 0);
      if (restless.length === 0) return layout;
      const unowned = restless.find((slot) => holderOf(layout, slot) === -1);
      unownedMs = unowned === undefined ? 0 : unownedMs + POLL_MS;
      if (unowned !== undefined && unownedMs >= NOBODY_MS)
        throw this.#busy(`slot ${unowned} has gone elsewhere`);
      if (this.#waitedMs >= MOVING_MS) throw this.#busy(`slot ${restless[0]} does not come to rest`);
      /* oxlint-enable no-await-in-loop */
    }
  }

  #busy(what: string): ReplicantError {
    return new ReplicantError('TARGET_BUSY', `slots of the target move: ${what}`, {
      place: { at: this.#clients.map(({ address }) => address).join(',') },
    });
  }
}
