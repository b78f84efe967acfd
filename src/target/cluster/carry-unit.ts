/**
 * Carries out one command of the source, or what became of it, where lanes can't: at a barrier (`carry.ts`), in order, each
 * part once however often it is begun anew.
 *
 *   every          on each primary: what can be repeated (SCRIPT, FUNCTION)
 *   slot, parts    in a transaction with the slot's marker: scripts, which no script may run, and very long commands
 *   carry          over slots
 */
import { ReplicantError } from '../../errors.js';
import { SLOTS } from '../../keyspace/key-slot.js';
import type { ClusterPlan } from '../../keyspace/cross-slot.js';
import type { Client } from '../../net/client.js';
import type { CommandArg } from '../../resp/encode.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import { isMoved, refusalOfTarget } from '../target-state.js';
import { carry, leaveOutCarry } from './carry.js';
import {
  ask,
  type CarryContext,
  type CarryPorts,
  markerKey,
  readMarker,
  stageCommand,
  together,
} from './carry-context.js';
import type { TargetNode } from './target-nodes.js';

type Args = readonly Uint8Array[];

export interface UnitCommand {
  readonly args: Args;
  readonly plan: Exclude<ClusterPlan, { readonly kind: 'refuse' }>;
  readonly tolerate: boolean;
}

export interface UnitOptions {
  readonly nodes: readonly TargetNode[];
  readonly clients: readonly Client[];
  readonly job: string;
  /** Of the command in the stream: the snapshot and the offset. */
  readonly id: string;
  readonly can: CarryContext['can'];
  /** The target has refused a command of the source; may throw to end it all. */
  readonly refused: (args: Args, error: string) => void;
}

const TIMEOUT_MS = 600_000;

export async function carryUnit(commands: readonly UnitCommand[], options: UnitOptions): Promise<void> {
  const ports = portsTo(options.nodes, options.clients);
  for (const [index, command] of commands.entries()) {
    const context: CarryContext = {
      ...{ ports, job: options.job, id: `${options.id}:${index}`, can: options.can },
      refused: (args, error) => refusalOfTarget(options.clients[0]!, String(args[0]), error),
    };
    // oxlint-disable-next-line no-await-in-loop -- in their order
    const reply = await carryOne(context, command, options);
    if (!(reply instanceof ReplyError)) continue;
    if (!command.tolerate) options.refused(command.args, reply.message);
    // It goes on without the command: that must not be tried again when what follows has been done.
    // oxlint-disable-next-line no-await-in-loop
    await leaveOut(context, command);
  }
}

async function leaveOut(context: CarryContext, { plan }: UnitCommand): Promise<void> {
  if (plan.kind === 'carry') await leaveOutCarry(context, plan);
  const slots =
    plan.kind === 'slot' ? [plan.slot] : plan.kind === 'parts' ? plan.parts.map(({ slot }) => slot) : [];
  await together(
    [...new Set(slots)].map((slot) => ask(context, slot, ...stageCommand(context, slot, 'done'))),
  );
}

/** The slots that it is about; none for what goes to every primary. */
export function slotsIn({ plan }: UnitCommand): number[] {
  switch (plan.kind) {
    case 'slot':
      return [plan.slot];
    case 'parts':
      return plan.parts.map(({ slot }) => slot);
    case 'carry':
      return [plan.slot, ...plan.keys.map(({ slot }) => slot)];
    default:
      return [];
  }
}

/** What these slots remember of having carried something: nobody will carry it again. */
export async function forgetMarkers(
  slots: readonly number[],
  job: string,
  { nodes, clients }: Pick<UnitOptions, 'nodes' | 'clients'>,
): Promise<void> {
  const ports = portsTo(nodes, clients);
  await together(slots.map((slot) => ports.request(slot, ['DEL', markerKey(slot, job)])));
}

async function carryOne(
  context: CarryContext,
  { args, plan }: UnitCommand,
  { clients }: UnitOptions,
): Promise<Reply | undefined> {
  switch (plan.kind) {
    case 'every':
      return await onEvery(clients, args);
    case 'any':
      return await clients[0]!.request(args, TIMEOUT_MS);
    case 'slot':
      return await once(context, plan.slot, [args]);
    case 'parts': {
      const bySlot = new Map<number, Args[]>();
      for (const part of plan.parts) bySlot.set(part.slot, [...(bySlot.get(part.slot) ?? []), part.args]);
      // Each has its own marker, and none needs what another does.
      const replies = await together([...bySlot].map(([slot, all]) => once(context, slot, all)));
      return replies.find((reply) => reply instanceof ReplyError);
    }
    default:
      return await carry(context, plan);
  }
}

/** The first error, if there is one. */
async function onEvery(clients: readonly Client[], args: Args): Promise<Reply | undefined> {
  const replies = await Promise.all(clients.map((client) => client.request(args, TIMEOUT_MS)));
  return replies.find((reply) => reply instanceof ReplyError);
}

/** Commands of one slot with its marker. */
async function once(
  context: CarryContext,
  slot: number,
  commands: readonly Args[],
): Promise<Reply | undefined> {
  if ((await readMarker(context, slot)).stage === 'done') return undefined;
  const replies = await context.ports.transaction(slot, [...commands, stageCommand(context, slot, 'done')]);
  if (replies instanceof ReplyError) return replies;
  return replies.find((reply) => reply instanceof ReplyError);
}

function portsTo(nodes: readonly TargetNode[], clients: readonly Client[]): CarryPorts {
  const owner = new Int16Array(SLOTS).fill(-1);
  nodes.forEach(({ slots }, index) => {
    for (const slot of slots) owner[slot] = index;
  });
  const clientOf = (slot: number): Client => {
    const client = clients[owner[slot]!];
    if (client !== undefined) return client;
    throw new ReplicantError('TARGET_BUSY', `slot ${slot} of the target is served by nobody`);
  };
  return {
    request: async (slot, args) => here(slot, await clientOf(slot).request(args, TIMEOUT_MS)),
    transaction: async (slot, commands) => {
      const client = clientOf(slot);
      const all: readonly (readonly CommandArg[])[] = [['MULTI'], ...commands, ['EXEC']];
      const replies = await Promise.all(all.map((args) => client.request(args, TIMEOUT_MS)));
      const exec = here(slot, replies.at(-1)!);
      const queued = replies.slice(1, -1).find((reply) => reply instanceof ReplyError);
      if (queued !== undefined) here(slot, queued);
      if (queued instanceof ReplyError) return queued;
      if (exec instanceof ReplyError) return exec;
      if (!Array.isArray(exec)) throw new ReplicantError('TARGET_BUSY', 'a transaction was not carried out');
      for (const reply of exec) here(slot, reply);
      return exec;
    },
  };
}

function here(slot: number, reply: Reply): Reply {
  if (reply instanceof ReplyError && isMoved(reply.message)) {
    throw new ReplicantError('TARGET_MOVED', `slot ${slot} of the target has moved or is being moved`, {
      hint: 'going on where it is now',
    });
  }
  return reply;
}
