/**
 * Commands over two slots that need less than to be run on copies.
 *
 *   rename     RESTORE b; marker of b <id>:run; DEL a; marker of b <id>:done. Up to the first marker a is there
 *              and all can be repeated, up to the second DEL can
 *   copy       RESTORE b; marker of b <id>:done. Up to the marker a is as it was, and it can be repeated
 *   pop-push   with `element` known, in one transaction each, so that neither is done twice:
 *              LPUSH b element, marker of b <id>:done; then RPOP a, marker of a <id>:done.
 *              Whether a push can be done is asked first: EXEC would write the marker nevertheless
 */
import type { CarryPlan } from '../../keyspace/cross-slot-carry.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import { ask, askAll, type CarryContext, readStage, stageCommand } from './carry-context.js';
import { copyValue } from './carry-value.js';

const NO_KEY = 'ERR no such key';
const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';

/** As RENAMENX it has succeeded, so nothing was there. */
export async function carryRename(context: CarryContext, plan: CarryPlan): Promise<Reply | undefined> {
  const [from, to] = [plan.keys[0]!, plan.keys[1]!];
  const stage = await readStage(context, to.slot);
  if (stage === 'done') return undefined;
  if (stage === 'begin') {
    if ((await ask(context, from.slot, 'EXISTS', from.key)) === 0) return new ReplyError(NO_KEY);
    await copyValue(context, from, to, true);
    await ask(context, to.slot, ...stageCommand(context, to.slot, 'run'));
  }
  await ask(context, from.slot, 'DEL', from.key);
  await ask(context, to.slot, ...stageCommand(context, to.slot, 'done'));
  return stage === 'begin' ? 'OK' : undefined;
}

/** It has succeeded, so either nothing was there or REPLACE was said. */
export async function carryCopy(context: CarryContext, plan: CarryPlan): Promise<Reply | undefined> {
  const [from, to] = [plan.keys[0]!, plan.keys[1]!];
  if ((await readStage(context, to.slot)) === 'done') return undefined;
  const isThere = (await ask(context, from.slot, 'EXISTS', from.key)) === 1;
  if (isThere) await copyValue(context, from, to, true);
  await ask(context, to.slot, ...stageCommand(context, to.slot, 'done'));
  return isThere ? 1 : 0;
}

export async function carryElement(
  context: CarryContext,
  plan: CarryPlan & { readonly how: 'pop-push' },
): Promise<Reply | undefined> {
  const [from, to] = [plan.keys[0]!, plan.keys[1]!];
  const [popped, pushed] = [await readStage(context, from.slot), await readStage(context, to.slot)];
  if (popped === 'done') return undefined;
  let element: Reply | undefined;
  if (pushed === 'begin') {
    element = await context.ports.request(from.slot, ['LINDEX', from.key, plan.pop === 'LPOP' ? 0 : -1]);
    if (element instanceof ReplyError) return element;
    if (!(element instanceof Uint8Array)) return await nothingToMove(context, [from.slot, to.slot]);
    const type = await ask(context, to.slot, 'TYPE', to.key);
    if (type !== 'list' && type !== 'none') return new ReplyError(WRONG_TYPE);
    await askAll(context, to.slot, [[plan.push, to.key, element], stageCommand(context, to.slot, 'done')]);
  }
  await askAll(context, from.slot, [[plan.pop, from.key], stageCommand(context, from.slot, 'done')]);
  return element;
}

async function nothingToMove(context: CarryContext, slots: readonly number[]): Promise<null> {
  await Promise.all(slots.map((slot) => ask(context, slot, ...stageCommand(context, slot, 'done'))));
  return null;
}
