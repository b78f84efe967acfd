/**
 * One writer per job. The checkpoint names its owner, and each transaction of an owner is guarded by a WATCH on
 * the checkpoint: whoever puts another owner there has fenced off the old one, even one that sleeps and wakes up
 * much later. What is decided here is only who may do that.
 *
 *     the owner's connection is not listed              it is dead: take over
 *     listed, used since we look at it                  it holds the job: TARGET_HELD
 *     listed, not used since                            looked at until it is used, or has not been for longer:
 *     listed, not used for `staleAfterMs`               it is stuck: close its connection, take over
 *     connections can't be listed                       it holds the job if the checkpoint changes meanwhile
 *
 * A process that was killed may be listed a moment longer, while the server works off what it had sent; and
 * after a pause of the server everybody seems stuck. Hence a connection that is listed is looked at for some
 * seconds before anything is concluded.
 *
 * A stuck one is fenced off first and closed then: should it wake up just before, it is alive and keeps the job.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicantError } from '../errors.js';
import { bytesOf, sameBytes } from '../keyspace/words.js';
import type { Client } from '../net/client.js';
import {
  connectionName,
  idleSecondsOf,
  killConnection,
  listOwnerConnections,
  type OwnerConnection,
} from './connections.js';
import { type Checkpoint, formatCheckpoint, type Owner } from './record.js';
import { parseStored, readCheckpointText, replaceCheckpoint } from './store.js';

/** An owner sends something every five seconds, so this one is stuck, or cut off. */
export const STALE_AFTER_MS = 30_000;
const GRACE_MS = 3000;
const POLL_MS = 100;
/** An owner sends something every second, and servers count in whole ones. */
const ALIVE_MS = 1500;
/** How often somebody else may be faster before we believe that it is alive. */
const ATTEMPTS = 5;

export interface ClaimOptions {
  readonly job: string;
  readonly owner: Owner;
  readonly staleAfterMs: number;
  readonly now: () => number;
  /** Tells the user what is done to another holder, and what is waited for. */
  readonly announce: (message: string) => void;
  /** How long a killed process may seem alive, and one that is alive seem stuck. */
  readonly graceMs?: number | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

export interface Claim {
  /** What stood there before; undefined when there is no checkpoint, and then nothing has been written. */
  readonly previous: Checkpoint | undefined;
  /** What stands there now, owned by us, and its exact text. */
  readonly current: Checkpoint | undefined;
  readonly text: Uint8Array | undefined;
}

const NOTHING: Claim = { previous: undefined, current: undefined, text: undefined };

/**
 * Makes `owner` the owner of the job, or throws TARGET_HELD. Names the client's connection. Without a checkpoint
 * the owner's first transaction creates it, guarded by WATCH.
 */
export async function claimJob(client: Client, options: ClaimOptions): Promise<Claim> {
  const { job, owner, now } = options;
  await client.request(['CLIENT', 'SETNAME', connectionName(job, owner.id)]);
  await closeFormer(client, options);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    /* oxlint-disable no-await-in-loop -- one try after the other */
    const text = await readCheckpointText(client, job);
    if (text === undefined) {
      await closeStale(client, options);
      return NOTHING;
    }
    const previous = parseStored(client, job, text);
    if (previous.owner?.id === owner.id) return { previous, current: previous, text };
    if (previous.owner !== undefined) await judge(client, previous.owner, text, options);
    const current = { ...previous, owner, timeMs: now() };
    const ours = bytesOf(formatCheckpoint(current));
    if (await replaceCheckpoint(client, job, text, ours)) {
      await closeStale(client, options);
      return { previous, current, text: ours };
    }
    /* oxlint-enable no-await-in-loop */
  }
  throw held(job, 'is held by another process, which keeps writing to the target');
}

/** Throws TARGET_HELD when another run has become the owner. A checkpoint without owner is free, not taken. */
export function confirmOwner({ job, owner }: Checkpoint, ownerId: string): void {
  if (owner === undefined || owner.id === ownerId) return;
  throw held(job, `was taken over by ${describeOwner(owner)}`);
}

/** `pid 71 on host box since 2026-01-31 12:00:00 UTC` */
export function describeOwner({ host, pid, sinceMs }: Owner): string {
  return `pid ${pid} on host ${host} since ${formatTime(sinceMs)}`;
}

/** That it may be taken over from `other`, or TARGET_HELD. */
async function judge(client: Client, other: Owner, text: Uint8Array, options: ClaimOptions): Promise<void> {
  const { job, staleAfterMs, graceMs = GRACE_MS, announce, signal } = options;
  let before = 0;
  let used = false;
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    /* oxlint-disable no-await-in-loop -- until it is decided */
    const connections = await listUsefully(client, options);
    if (connections === undefined) return judgeByWrites(client, other, text, options);
    const idleSeconds = idleSecondsOf(connections, job, other.id);
    if (idleSeconds === undefined) {
      announce(`job ${job} was held by ${describeOwner(other)}, which is gone`);
      return;
    }
    used ||= idleSeconds < before || idleSeconds * 1000 + ALIVE_MS < waitedMs;
    before = idleSeconds;
    if (waitedMs >= graceMs) {
      // A stuck one's connection is closed later, with those of all others.
      if (idleSeconds * 1000 >= staleAfterMs) return;
      // One that has not moved since it is looked at may be stuck.
      if (used)
        throw held(job, `is held by ${describeOwner(other)} (last sign of life ${idleSeconds} s ago)`);
    }
    if (waitedMs === 0) announce(`job ${job} is held by ${describeOwner(other)}: waiting whether it is gone`);
    await sleep(POLL_MS, undefined, { signal });
    /* oxlint-enable no-await-in-loop */
  }
}

/** Undefined where no conclusion can be drawn: not permitted, or our own name is not in the list either. */
async function listUsefully(
  client: Client,
  { job, owner }: ClaimOptions,
): Promise<OwnerConnection[] | undefined> {
  const connections = await listOwnerConnections(client);
  const seen = connections !== undefined && idleSecondsOf(connections, job, owner.id) !== undefined;
  return seen ? connections : undefined;
}

/** That the checkpoint has not changed for so long, or has to be looked at anew; or TARGET_HELD. */
async function judgeByWrites(
  client: Client,
  other: Owner,
  text: Uint8Array,
  { job, staleAfterMs, graceMs = GRACE_MS, announce, signal }: ClaimOptions,
): Promise<void> {
  announce(
    `job ${job} was last held by ${describeOwner(other)}; the target does not show its connections (CLIENT LIST), so waiting ${seconds(staleAfterMs)} s to see whether it still writes`,
  );
  for (let waitedMs = 0; waitedMs < staleAfterMs; waitedMs += POLL_MS) {
    /* oxlint-disable no-await-in-loop -- until it is decided */
    await sleep(POLL_MS, undefined, { signal });
    const now = await readCheckpointText(client, job);
    if (now === undefined) return;
    if (sameBytes(now, text)) continue;
    const { owner } = parseStored(client, job, now);
    // Free now; or the last that a killed process had sent: judged again from there, a few times.
    if (owner === undefined || (owner.id === other.id && waitedMs < graceMs)) return;
    throw held(job, `is held by ${describeOwner(owner)}, which has just written to the target`);
    /* oxlint-enable no-await-in-loop */
  }
}

/** On a node that does not hold the record: connections of other runs of the job that are stuck, and our own former ones. */
export async function closeConnections(
  client: Client,
  options: Pick<ClaimOptions, 'job' | 'owner' | 'staleAfterMs' | 'announce'>,
): Promise<void> {
  await closeFormer(client, options);
  await closeStale(client, options);
}

/**
 * Our own connections from before: what they had sent may lie in some buffer yet, and must not be carried out
 * behind what comes now. Which one `client` is servers tell since 5.0.
 */
async function closeFormer(
  client: Client,
  { job, owner }: Pick<ClaimOptions, 'job' | 'owner'>,
): Promise<void> {
  const self = await client.request(['CLIENT', 'ID']);
  if (typeof self !== 'number') return;
  for (const connection of (await listOwnerConnections(client)) ?? []) {
    if (connection.job !== job || connection.ownerId !== owner.id || connection.id === String(self)) continue;
    // oxlint-disable-next-line no-await-in-loop -- one or two
    await killConnection(client, connection);
  }
}

/** Connections of other runs of this job that have not been used for long: they can't write any more. */
async function closeStale(
  client: Client,
  options: Pick<ClaimOptions, 'job' | 'owner' | 'staleAfterMs' | 'announce'>,
): Promise<void> {
  const { job, owner, staleAfterMs, announce } = options;
  for (const connection of (await listOwnerConnections(client)) ?? []) {
    const { idleSeconds, addr } = connection;
    if (connection.job !== job || connection.ownerId === owner.id) continue;
    if (idleSeconds * 1000 < staleAfterMs) continue;
    // oxlint-disable-next-line no-await-in-loop -- few
    if (!(await killConnection(client, connection))) continue;
    announce(`closed the connection of an older run of job ${job} (${addr}), unused for ${idleSeconds} s`);
  }
}

function held(job: string, how: string): ReplicantError {
  return new ReplicantError('TARGET_HELD', `job ${job} ${how}`, {
    hint: 'stop one of the two, or give each a --name of its own; see replicant checkpoint show',
  });
}

/** `2026-01-31 12:00:00 UTC`; what another machine wrote may be no time at all. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return 'an unknown time';
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
