/** What a value had and the target's form of it has not. All zero: nothing was lost. */
export interface ValueLosses {
  /** Hash fields whose TTL was left out: they no longer expire. */
  fieldTtls: number;
  /** Stream entries pending without an owner (Redis 8.8): no longer pending. */
  unownedPending: number;
  /** Ids by which idempotent producers recognise their entries (Redis 8.6). */
  producerIds: number;
  /** Consumers whose last activity (Redis 7.2) was not when they were last seen. */
  consumerActivity: number;
  /** Counters of a stream (Redis 7.0) that the target will guess otherwise: added, deleted, read. */
  streamCounters: number;
}

export const LOSS_TEXTS: Readonly<Record<keyof ValueLosses, string>> = {
  fieldTtls: 'TTLs of hash fields',
  unownedPending: 'pending stream entries without an owner',
  producerIds: 'ids of idempotent stream producers',
  consumerActivity: 'activity times of stream consumers',
  streamCounters: 'counters of streams and their groups',
};

/** What an older server has no notion of, and nobody asks it for. */
const UNREMARKABLE: ReadonlySet<keyof ValueLosses> = new Set(['consumerActivity', 'streamCounters']);

export function noLosses(): ValueLosses {
  return { fieldTtls: 0, unownedPending: 0, producerIds: 0, consumerActivity: 0, streamCounters: 0 };
}

/** The losses that there are, in the order of the interface. */
export function listLosses(losses: Readonly<ValueLosses>): [kind: keyof ValueLosses, count: number][] {
  const kinds: (keyof ValueLosses)[] = [
    'fieldTtls',
    'unownedPending',
    'producerIds',
    'consumerActivity',
    'streamCounters',
  ];
  return kinds
    .map((kind): [keyof ValueLosses, number] => [kind, losses[kind]])
    .filter(([, count]) => count > 0);
}

/** Those of them that somebody may miss. */
export function remarkableLosses(losses: Readonly<ValueLosses>): [kind: keyof ValueLosses, count: number][] {
  return listLosses(losses).filter(([kind]) => !UNREMARKABLE.has(kind));
}
