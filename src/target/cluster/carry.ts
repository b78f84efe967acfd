/**
 * Carries out a command whose keys are in several slots of a cluster, by taking values from slot to slot. To be
 * called at a barrier: all before the command is applied and confirmed on all nodes, nothing behind it has been
 * sent, and nobody else writes to its keys. In between others may see a part of it.
 *
 * The process may end at any moment: of what has been sent to a node the first part has been carried out, and of what
 * has been sent to several nodes any of it. The same carrying, with the same id, is then begun again, and
 * the command will have had its effect once, also when it had been carried to the end: a marker tells. Commands
 * between which the place is not made final are a unit, and are begun again from the first. So the order is:
 * carry each; make the place behind them final; `forgetCarry` each. A marker that is left behind (the process
 * ended before it was forgotten) does no harm: units do not come again.
 *
 * Scripts are given the names of copies in KEYS. One that makes names of keys from other things, or stores the
 * names themselves, is not followed.
 */
import type { CarryPlan } from '../../keyspace/cross-slot-carry.js';
import type { Reply } from '../../resp/reply-decoder.js';
import { ask, type CarryContext, markerKey, stageCommand, together } from './carry-context.js';
import { carryCopy, carryElement, carryRename } from './carry-moves.js';
import { carryWork } from './carry-work.js';

/**
 * The command's reply; a ReplyError when the target refused it (because of the command, or because it takes no
 * writes now), in which case it has done nothing; undefined when it had been carried before.
 */
export function carry(context: CarryContext, plan: CarryPlan): Promise<Reply | undefined> {
  switch (plan.how) {
    case 'rename':
      return carryRename(context, plan);
    case 'copy':
      return carryCopy(context, plan);
    case 'pop-push':
      return carryElement(context, plan);
    default:
      return carryWork(context, plan);
  }
}

/**
 * The command was refused and is left out for good. When its unit is begun anew, it must not be tried again: by
 * then later commands may have changed what it was refused for.
 */
export async function leaveOutCarry(context: CarryContext, plan: CarryPlan): Promise<void> {
  const slot = lastMarked(plan);
  await ask(context, slot, ...stageCommand(context, slot, 'done'));
}

/** Nobody will carry this command again. Can be repeated. */
export async function forgetCarry(context: CarryContext, plan: CarryPlan): Promise<void> {
  const slots = [...new Set([plan.slot, lastMarked(plan)])];
  await together(slots.map((slot) => ask(context, slot, 'DEL', markerKey(slot, context.job))));
}

/** The slot whose marker says that all is done. */
function lastMarked({ how, keys, slot }: CarryPlan): number {
  return how === 'rename' || how === 'pop-push' ? keys[0]!.slot : slot;
}
