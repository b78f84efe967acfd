/**
 * What carrying a command over slots needs (see `carry.ts`), and the names of the keys it makes:
 *
 *     __replicant:{<tag of the slot>}:carry:<job>        the marker: how far the carrying has come
 *     __replicant:{<tag of the slot>}:carry:<job>:<i>    a copy of the i-th key of the command
 */
import { tagOfSlot } from '../../keyspace/slot-tag.js';
import type { CommandArg } from '../../resp/encode.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import type { Capabilities } from '../capabilities.js';

type Command = readonly CommandArg[];

/**
 * The way to the nodes. Both go to the slot's owner, and both must do nothing any more once the job is another
 * process's. What is sent to one node is carried out there in the order in which it was sent, without waiting for
 * replies; what ends a connection is thrown.
 */
export interface CarryPorts {
  request(slot: number, args: Command): Promise<Reply>;
  /** MULTI … EXEC: a reply for each command, or the error because of which none was carried out. */
  transaction(slot: number, commands: readonly Command[]): Promise<readonly Reply[] | ReplyError>;
}

export interface CarryContext {
  readonly ports: CarryPorts;
  readonly job: string;
  /**
   * `<unit>:<n>`, the same when it is carried again. The unit, the place in the stream, say, is of commands that
   * are begun anew together, from the first one; n tells their order.
   */
  readonly id: string;
  readonly can: Pick<Capabilities, 'restoreAbsttl' | 'expireFlags' | 'maxBulkBytes'>;
  /** What to throw when a command of the carrying is refused, not the carried one. */
  readonly refused: (command: Command, error: ReplyError) => Error;
}

export function markerKey(slot: number, job: string): string {
  return `__replicant:{${tagOfSlot(slot)}}:carry:${job}`;
}

export function copyKey(slot: number, job: string, index: number): string {
  return `${markerKey(slot, job)}:${index}`;
}

/**
 * Waits for all, also when one fails: what is still on its way must not come behind what is tried next. Throws what
 * was thrown first in their order.
 */
export async function together<T extends readonly unknown[]>(promises: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/** A command that has to succeed. */
export async function ask(
  context: CarryContext,
  slot: number,
  ...args: Command
): Promise<Exclude<Reply, ReplyError>> {
  const reply = await context.ports.request(slot, args);
  if (reply instanceof ReplyError) throw context.refused(args, reply);
  return reply;
}

/** Commands that have to succeed, all or none. */
export async function askAll(
  context: CarryContext,
  slot: number,
  commands: readonly Command[],
): Promise<readonly Reply[]> {
  const replies = await context.ports.transaction(slot, commands);
  if (replies instanceof ReplyError) throw context.refused(['EXEC'], replies);
  const failed = replies.findIndex((reply) => reply instanceof ReplyError);
  if (failed >= 0) throw context.refused(commands[failed]!, replies[failed] as ReplyError);
  return replies;
}

/** `run`: the command has had its effect, and what is left may be repeated. `done`: nothing is left. */
export type CarryStage = 'begin' | 'run' | 'done';

/** What a slot's marker says of the command, and its text, '' when there is none. */
export interface Marker {
  readonly stage: CarryStage;
  readonly text: Uint8Array | string;
}

export async function readMarker(context: CarryContext, slot: number): Promise<Marker> {
  const reply = await ask(context, slot, 'GET', markerKey(slot, context.job));
  if (!(reply instanceof Uint8Array)) return { stage: 'begin', text: '' };
  return { stage: stageIn(new TextDecoder().decode(reply), context.id), text: reply };
}

/**
 * A marker holds `<id>:run` or `<id>:done`. One of a later command of the same unit says that this one is done,
 * and has been written over its marker; one of another unit says nothing.
 */
export function stageIn(marker: string, id: string): CarryStage {
  const [, unit, number, stage] = /^(.*):(\d+):(run|done)$/su.exec(marker) ?? [];
  const at = id.lastIndexOf(':');
  if (unit !== id.slice(0, at)) return 'begin';
  const ahead = Number(number) - Number(id.slice(at + 1));
  if (ahead === 0) return stage === 'run' ? 'run' : 'done';
  return ahead > 0 ? 'done' : 'begin';
}

export function markerText(context: CarryContext, stage: 'run' | 'done'): string {
  return `${context.id}:${stage}`;
}

/** The command that writes it. */
export function stageCommand(context: CarryContext, slot: number, stage: 'run' | 'done'): Command {
  return ['SET', markerKey(slot, context.job), markerText(context, stage)];
}
