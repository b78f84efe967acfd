/**
 * What carrying a command over slots needs (see `carry.ts`), and the names of the keys it makes:
 *
 *     __replicant:{<tag of the slot>}:carry:<job>        the marker: how far the carrying has come
 *     __replicant:{<tag of the slot>}:carry:<job>:<i>    a copy of the i-th key of the command
 */
import { tagOfSlot } from '../../keyspace/slot-tag.js';
import { bytesOf } from '../../keyspace/words.js';
import type { CommandArg } from '../../resp/encode.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import type { Capabilities } from '../capabilities.js';

type Command = readonly CommandArg[];

/**
 * The way to the nodes. Both go to the slot's owner and follow redirections, and both must do nothing any more
 * once the job is another process's. What ends a connection is thrown.
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

/**
 * A marker holds `<id>:run` or `<id>:done`. One of a later command of the same unit says that this one is done,
 * and has been written over its marker; one of another unit says nothing.
 */
export async function readStage(context: CarryContext, slot: number): Promise<CarryStage> {
  const reply = await ask(context, slot, 'GET', markerKey(slot, context.job));
  return stageIn(reply instanceof Uint8Array ? new TextDecoder().decode(reply) : '', context.id);
}

export function stageIn(marker: string, id: string): CarryStage {
  const [, unit, number, stage] = /^(.*):(\d+):(run|done)$/su.exec(marker) ?? [];
  const at = id.lastIndexOf(':');
  if (unit !== id.slice(0, at)) return 'begin';
  const ahead = Number(number) - Number(id.slice(at + 1));
  if (ahead === 0) return stage === 'run' ? 'run' : 'done';
  return ahead > 0 ? 'done' : 'begin';
}

/** The command that writes it. */
export function stageCommand(context: CarryContext, slot: number, stage: 'run' | 'done'): Command {
  return ['SET', markerKey(slot, context.job), bytesOf(`${context.id}:${stage}`)];
}
