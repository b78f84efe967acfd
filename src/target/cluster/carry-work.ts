/**
 * Any command whose keys are known, over slots: it is run in one slot T on copies, and what it has made of them
 * is taken to where it belongs.
 *
 *   1  copies     of every key of another slot, and of those of T that are written: to names of ours in T. A
 *                 key that is replaced unseen has no copy yet, one that is missing neither
 *   2  the command, with the copies' names. When it is refused, the copies go, and nothing has happened
 *   3  marker     <id>:run
 *   4  copies     of written keys of other slots: back
 *   5  in one transaction: written keys of T get their copies' place; the copies go; marker <id>:done
 *
 * Up to the marker only copies have changed, so it can be begun anew; from there on the copies stay, so that 4
 * and 5 can be done again. One value is here at a time.
 */
import type { CarriedKey, CarryPlan } from '../../keyspace/cross-slot-carry.js';
import type { CommandArg } from '../../resp/encode.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import { ask, askAll, type CarryContext, copyKey, readStage, stageCommand } from './carry-context.js';
import { copyValue } from './carry-value.js';

/** A key of the command and its copy in T. */
interface Copy {
  readonly of: CarriedKey;
  readonly name: string;
}

/** The command's reply; an error when it was refused, undefined when it had been carried before. */
export async function carryWork(context: CarryContext, plan: CarryPlan): Promise<Reply | undefined> {
  const { slot } = plan;
  const stage = await readStage(context, slot);
  if (stage === 'done') return undefined;
  const copies = copiesOf(context, plan);
  let reply: Reply | undefined;
  if (stage === 'begin') {
    reply = await run(context, plan, copies);
    if (reply instanceof ReplyError) return reply;
    await ask(context, slot, ...stageCommand(context, slot, 'run'));
  }
  for (const { of, name } of copies) {
    if (of.slot === slot || of.access === 'read') continue;
    // oxlint-disable-next-line no-await-in-loop -- one value at a time
    await copyValue(context, { slot, key: name }, of, true);
  }
  await finish(context, slot, copies);
  return reply;
}

function copiesOf({ job }: CarryContext, { keys, slot }: CarryPlan): Copy[] {
  return keys.flatMap((of, index) => {
    const inPlace = of.slot === slot && of.access === 'read';
    return inPlace ? [] : [{ of, name: copyKey(slot, job, index) }];
  });
}

/** Leaves no copies when the command is refused, or a value can't be copied. */
async function run(context: CarryContext, plan: CarryPlan, copies: readonly Copy[]): Promise<Reply> {
  const { slot } = plan;
  let reply: Reply;
  try {
    await layOut(context, slot, copies);
    reply = await runOnCopies(context, plan, copies);
  } catch (error) {
    // When that fails too, they go when the command is carried again.
    await context.ports.request(slot, ['DEL', ...names(copies)]).catch(() => undefined);
    throw error;
  }
  if (reply instanceof ReplyError) await ask(context, slot, 'DEL', ...names(copies));
  return reply;
}

function names(copies: readonly Copy[]): string[] {
  return copies.map(({ name }) => name);
}

async function layOut(context: CarryContext, slot: number, copies: readonly Copy[]): Promise<void> {
  for (const { of, name } of copies) {
    // oxlint-disable no-await-in-loop -- one value at a time
    if (of.access === 'write') await ask(context, slot, 'DEL', name);
    // What is only read need not end before it has been.
    else await copyValue(context, of, { slot, key: name }, of.access === 'update');
    // oxlint-enable no-await-in-loop
  }
}

/** In a transaction, in which nothing blocks. */
async function runOnCopies(context: CarryContext, plan: CarryPlan, copies: readonly Copy[]): Promise<Reply> {
  const args: CommandArg[] = [...plan.args];
  for (const { of, name } of copies) for (const at of of.positions) args[at] = name;
  const replies = await context.ports.transaction(plan.slot, [args]);
  return replies instanceof ReplyError ? replies : (replies[0] ?? null);
}

async function finish(context: CarryContext, slot: number, copies: readonly Copy[]): Promise<void> {
  const commands: CommandArg[][] = [];
  for (const { of, name } of copies) {
    if (of.slot !== slot) continue;
    commands.push(['DEL', of.key]);
    // oxlint-disable-next-line no-await-in-loop
    if ((await ask(context, slot, 'EXISTS', name)) === 1) commands.push(['RENAME', name, of.key]);
  }
  await askAll(context, slot, [...commands, ['DEL', ...names(copies)], stageCommand(context, slot, 'done')]);
}
