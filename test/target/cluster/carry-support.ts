/** A real cluster behind the ports of carrying, with ends of the process at will; and a look at its keys. */
import type { ClusterClient } from '../../../scripts/lib/cluster-client.mjs';
import {
  type Client,
  ReplyError as TestReplyError,
  type Reply as TestReply,
} from '../../../scripts/lib/client.mjs';
import { BUILTIN_COMMANDS } from '../../../src/keyspace/command-table.js';
import type { CarryPlan } from '../../../src/keyspace/cross-slot-carry.js';
import { type ClusterPlan, planForCluster } from '../../../src/keyspace/cross-slot.js';
import { tagOfSlot } from '../../../src/keyspace/slot-tag.js';
import { bytesOf } from '../../../src/keyspace/words.js';
import { type Reply, ReplyError } from '../../../src/resp/reply-decoder.js';
import type { CarryContext, CarryPorts } from '../../../src/target/cluster/carry-context.js';
import { carry, forgetCarry, leaveOutCarry } from '../../../src/target/cluster/carry.js';

export type Words = readonly (string | number | Uint8Array)[];

/**
 * The process ends at its n-th request from here on, when that has been carried out and its reply is not seen, or
 * before it is, `alone` of those that are on their way at that moment: a node may not get what others do.
 */
export interface Fault {
  readonly request: number;
  readonly sent: boolean;
  readonly alone?: boolean;
}

export class ProcessEnd extends Error {}

function fromTest(reply: TestReply): Reply {
  if (reply instanceof TestReplyError) return new ReplyError(reply.message);
  if (Array.isArray(reply)) return reply.map((one: TestReply) => fromTest(one));
  return typeof reply === 'bigint' ? Number(reply) : reply;
}

export interface Counts {
  requests: number;
}

export function portsTo(cluster: ClusterClient, fault?: Fault, counts: Counts = { requests: 0 }): CarryPorts {
  /** It has ended; `node`: where nothing arrives any more, as there is one connection to each. */
  let end: { readonly node: unknown; over: boolean } | undefined;
  const nodeOf = (slot: number): string => JSON.stringify(cluster.ownerOf(slot));
  const send = async (slot: number, commands: readonly Words[]): Promise<Reply[]> => {
    const hit = fault?.request === counts.requests++;
    if (end?.over === true || end?.node === nodeOf(slot)) throw new ProcessEnd();
    if (hit) {
      end = { node: nodeOf(slot), over: fault.alone !== true };
      // What was sent together goes out before anything else happens.
      if (fault.alone === true) setImmediate(() => (end!.over = true));
      if (!fault.sent) throw new ProcessEnd();
    }
    const isOver = end !== undefined;
    const replies = await cluster.pipelineTo(`{${tagOfSlot(slot)}}`, commands);
    if (isOver || end !== undefined) throw new ProcessEnd();
    return replies.map((reply) => fromTest(reply));
  };
  return {
    request: async (slot, args) => (await send(slot, [args]))[0]!,
    transaction: async (slot, commands) => {
      const replies = await send(slot, [['MULTI'], ...commands, ['EXEC']]);
      return replies.at(-1) as readonly Reply[] | ReplyError;
    },
  };
}

export function planOf(words: Words): ClusterPlan {
  const args = words.map((word) => (word instanceof Uint8Array ? word : bytesOf(String(word))));
  return planForCluster(args, { table: BUILTIN_COMMANDS, db: 0, databases: 1, sortPatterns: true });
}

/** Of a command that must be carried. */
export function carryOf(words: Words): CarryPlan {
  const plan = planOf(words);
  if (plan.kind !== 'carry') throw new Error(`${words.join(' ')}: ${plan.kind}`);
  return plan;
}

export type CarryHow = Omit<CarryContext, 'ports'>;

/** Carries, and begins anew after each end of the process; the last reply. */
export async function carryThrough(
  cluster: ClusterClient,
  plan: CarryPlan,
  how: CarryHow,
  faults: readonly Fault[] = [],
): Promise<Reply | undefined> {
  return (await carryUnit(cluster, [plan], how, faults))[0];
}

/** Commands that are begun anew from the first one; `id` is the unit's. */
export async function carryUnit(
  cluster: ClusterClient,
  plans: readonly CarryPlan[],
  how: CarryHow,
  faults: readonly Fault[] = [],
): Promise<(Reply | undefined)[]> {
  const carryAll = async (ports: CarryPorts): Promise<(Reply | undefined)[]> => {
    const replies: (Reply | undefined)[] = [];
    for (const [n, plan] of plans.entries()) {
      const context = { ...how, id: `${how.id}:${n}`, ports };
      // oxlint-disable no-await-in-loop -- in their order
      const reply = await carry(context, plan);
      if (reply instanceof ReplyError) await leaveOutCarry(context, plan);
      // oxlint-enable no-await-in-loop
      replies.push(reply);
    }
    return replies;
  };
  for (const fault of faults) {
    // oxlint-disable-next-line no-await-in-loop -- one process after the other
    await carryAll(portsTo(cluster, fault)).catch((error: unknown) => {
      if (!(error instanceof ProcessEnd)) throw error;
    });
  }
  const ports = portsTo(cluster);
  const replies = await carryAll(ports);
  await Promise.all(plans.map((plan) => forgetCarry({ ...how, ports }, plan)));
  return replies;
}

export interface Look {
  readonly type: string;
  readonly digest: string;
  readonly ttl: number;
}

const questions = (key: string, ttlCommand: string): Words[] => [
  ['TYPE', key],
  ['DEBUG', 'DIGEST-VALUE', key],
  [ttlCommand, key],
];

export async function lookAtOne(client: Client, key: string, ttlCommand: string): Promise<Look> {
  return lookOf(await client.pipeline(questions(key, ttlCommand)));
}

export async function lookAtCluster(cluster: ClusterClient, key: string, ttlCommand: string): Promise<Look> {
  return lookOf(await cluster.pipelineTo(key, questions(key, ttlCommand)));
}

function lookOf([type, digest, ttl]: readonly TestReply[]): Look {
  return { type: String(type), digest: String(digest), ttl: Number(ttl) };
}
