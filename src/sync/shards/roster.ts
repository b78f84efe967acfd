/**
 * Which shard of the source each of a job's keys stands for. A key (`s1`, `s2`, …) names a shard's own job
 * (`<job>.s1`) with its record and state directory, and is never given to another shard. The roster is one string key
 * of the target, `__replicant:{<job>}:shards`, with one line of JSON:
 *
 *     {"version":1,"next":4,"shards":[{"key":"s1","shardId":"5a3…","nodeIds":"07c… 9e1…","slots":"0-5460"}, …]}
 *
 * `shardId` is null where the source does not tell; `next` is the number of the next new key. A `version` above ours is
 * refused.
 */
import { CHECKPOINT_PREFIX } from '../../checkpoint/record.js';
import { damaged, Fields } from '../../checkpoint/fields.js';
import { ReplicantError } from '../../errors.js';
import { SlotSet } from '../../keyspace/slot-set.js';
import type { ClusterMap, ClusterShard } from '../../topology/cluster-map.js';

export interface RosterEntry {
  readonly key: string;
  readonly shardId: string | undefined;
  /** All nodes that were ever seen to belong to it, the latest first. */
  readonly nodeIds: readonly string[];
  /** As last seen. */
  readonly slots: string;
}

export interface Roster {
  readonly next: number;
  readonly shards: readonly RosterEntry[];
}

export const EMPTY_ROSTER: Roster = { next: 1, shards: [] };

const CURRENT_VERSION = 1;
const MOST_NODE_IDS = 32;

export function rosterKey(job: string): string {
  return `${CHECKPOINT_PREFIX}{${job}}:shards`;
}

/** The job of one shard. */
export function shardJob(job: string, key: string): string {
  return `${job}.${key}`;
}

export function formatRoster({ next, shards }: Roster): string {
  return JSON.stringify({
    version: CURRENT_VERSION,
    next,
    shards: shards.map(({ key, shardId, nodeIds, slots }) => ({
      ...{ key, shardId: shardId ?? null, nodeIds: nodeIds.join(' '), slots },
    })),
  });
}

export function parseRoster(text: Uint8Array): Roster {
  const fields = Fields.parse(text);
  const version = fields.number('version');
  if (version > CURRENT_VERSION) {
    throw new ReplicantError(
      'CHECKPOINT',
      `the list of shards was written by a newer replicant (format ${version})`,
      {
        hint: `this version knows format ${CURRENT_VERSION}: use the newer one`,
      },
    );
  }
  const shards = fields.list('shards').map((one): RosterEntry => {
    const slots = one.text('slots');
    if (SlotSet.parse(slots) === undefined) throw damaged(`'shards.slots' is '${slots}'`);
    return {
      key: one.text('key'),
      shardId: one.has('shardId') ? one.text('shardId') : undefined,
      nodeIds: one
        .text('nodeIds')
        .split(' ')
        .filter((id) => id !== ''),
      slots,
    };
  });
  return { next: fields.number('next'), shards };
}

// ---- matching ----------------------------------------------------------------------------------------------

export interface Matched {
  readonly entry: RosterEntry;
  readonly shard: ClusterShard;
}

export interface Matching {
  /** Those of the roster that are there, brought up to date, and the new ones. */
  readonly entries: readonly Matched[];
  readonly added: readonly RosterEntry[];
  /** Not in the cluster any more. */
  readonly gone: readonly RosterEntry[];
  /** All of them, those that are gone included. */
  readonly roster: Roster;
}

/**
 * By shard id, else by common nodes, else by common slots, the better match first; an entry with another shard id than
 * a shard's is never taken for it by its nodes, since an emptied primary becomes a replica elsewhere. Shards without
 * slots only count when they are known.
 */
export function matchShards(roster: Roster, map: ClusterMap): Matching {
  const free = new Set(map.shards);
  const matched = new Map<RosterEntry, ClusterShard>();
  for (const rank of [rankById, rankByNodes, rankBySlots]) {
    for (const { entry, shard } of candidates(roster.shards, map.shards, rank)) {
      if (matched.has(entry) || !free.has(shard)) continue;
      matched.set(entry, shard);
      free.delete(shard);
    }
  }
  const known = roster.shards.flatMap((entry) => {
    const shard = matched.get(entry);
    return shard === undefined ? [] : [{ entry: updated(entry, shard), shard }];
  });
  const fresh = map.shards.filter((shard) => free.has(shard) && shard.slots.length > 0);
  const added = fresh.map((shard, index) => ({
    entry: updated({ key: `s${roster.next + index}`, shardId: undefined, nodeIds: [], slots: '' }, shard),
    shard,
  }));
  const gone = roster.shards.filter((entry) => !matched.has(entry));
  return {
    entries: [...known, ...added],
    added: added.map(({ entry }) => entry),
    gone,
    roster: {
      next: roster.next + added.length,
      shards: [...known.map(({ entry }) => entry), ...gone, ...added.map(({ entry }) => entry)].toSorted(
        byNumber,
      ),
    },
  };
}

type Rank = (entry: RosterEntry, shard: ClusterShard) => number;

function candidates(
  entries: readonly RosterEntry[],
  shards: readonly ClusterShard[],
  rank: Rank,
): { entry: RosterEntry; shard: ClusterShard }[] {
  return entries
    .flatMap((entry) => shards.map((shard) => ({ entry, shard, rank: rank(entry, shard) })))
    .filter((one) => one.rank > 0)
    .toSorted((a, b) => b.rank - a.rank || byNumber(a.entry, b.entry));
}

function rankById(entry: RosterEntry, shard: ClusterShard): number {
  return entry.shardId !== undefined && entry.shardId === shard.shardId ? 1 : 0;
}

function otherId(entry: RosterEntry, shard: ClusterShard): boolean {
  return entry.shardId !== undefined && shard.shardId !== undefined && entry.shardId !== shard.shardId;
}

function rankByNodes(entry: RosterEntry, shard: ClusterShard): number {
  if (otherId(entry, shard)) return 0;
  const nodes = shard.nodeIds.filter((id) => entry.nodeIds.includes(id)).length;
  return nodes === 0 ? 0 : nodes + (shard.slots.length > 0 ? 1000 : 0);
}

function rankBySlots(entry: RosterEntry, shard: ClusterShard): number {
  if (otherId(entry, shard)) return 0;
  const had = SlotSet.parse(entry.slots) ?? new SlotSet();
  return [...SlotSet.of(shard.slots)].filter((slot) => had.has(slot)).length;
}

function updated(entry: RosterEntry, shard: ClusterShard): RosterEntry {
  const nodeIds = [...new Set([...shard.nodeIds, ...entry.nodeIds])].slice(0, MOST_NODE_IDS);
  return {
    key: entry.key,
    shardId: shard.shardId ?? entry.shardId,
    nodeIds,
    slots: SlotSet.of(shard.slots).format(),
  };
}

function byNumber(a: { readonly key: string }, b: { readonly key: string }): number {
  return numberOf(a.key) - numberOf(b.key);
}

/** 7 for `s7`. */
export function numberOf(key: string): number {
  return Number(key.slice(1));
}

/** Of several processes this one runs the shard. */
export function runsHere(key: string, index: number | undefined, count: number | undefined): boolean {
  return index === undefined || count === undefined || numberOf(key) % count === index % count;
}
