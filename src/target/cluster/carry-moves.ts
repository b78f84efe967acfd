/**
 * Commands over two slots that need less than to be run on copies. Each line is one step (`carry-step.ts`):
 *
 *   rename     b becomes a's value, marker of b done; DEL a, marker of a done
 *   copy       b becomes a's value, marker of b done
 *   pop-push   the element of a joins b, marker of b done; it leaves a, marker of a done
 *
 * Up to the first marker a is as it was. With rename and pop-push the marker of a says that all is done, and that of
 * b alone that only a is left to do.
 */
import type { CarryPlan } from '../../keyspace/cross-slot-carry.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import { type CarryContext, readMarker, together } from './carry-context.js';
import { isSmall, runStep, type Step, takeStep } from './carry-step.js';
import { type CarriedValue, type KeyPlace, putValue, readValue } from './carry-value.js';

const NO_KEY = 'ERR no such key';

/** As RENAMENX it has succeeded, so nothing was there. */
export async function carryRename(context: CarryContext, plan: CarryPlan): Promise<Reply | undefined> {
  const [from, to] = [plan.keys[0]!, plan.keys[1]!];
  const [removed, put, value] = await together([
    readMarker(context, from.slot),
    readMarker(context, to.slot),
    readValue(context, from, true),
  ]);
  if (removed.stage === 'done') return undefined;
  if (put.stage === 'begin') {
    if (value === undefined) return new ReplyError(NO_KEY);
    await place(context, to, value, { slot: to.slot, marker: put, stage: 'done' });
  }
  const { slot, key } = from;
  await takeStep(context, { slot, marker: removed, stage: 'done', command: ['DEL', key], keys: [key] });
  return put.stage === 'begin' ? 'OK' : undefined;
}

/** It has succeeded, so either nothing was there or REPLACE was said. */
export async function carryCopy(context: CarryContext, plan: CarryPlan): Promise<Reply | undefined> {
  const [from, to] = [plan.keys[0]!, plan.keys[1]!];
  const [marker, value] = await together([readMarker(context, to.slot), readValue(context, from, true)]);
  if (marker.stage === 'done') return undefined;
  const step: Step = { slot: to.slot, marker, stage: 'done' };
  if (value === undefined) await takeStep(context, step);
  else await place(context, to, value, step);
  return value === undefined ? 0 : 1;
}

/** With the step, or when it is large before it. */
async function place(context: CarryContext, to: KeyPlace, value: CarriedValue, step: Step): Promise<void> {
  if (isSmall(value, 0)) {
    await takeStep(context, { ...step, values: [{ key: to.key, value }] });
    return;
  }
  await putValue(context, to, value);
  await takeStep(context, step);
}

export async function carryElement(
  context: CarryContext,
  plan: CarryPlan & { readonly how: 'pop-push' },
): Promise<Reply | undefined> {
  const [from, to] = [plan.keys[0]!, plan.keys[1]!];
  const [popped, pushed, element] = await together([
    readMarker(context, from.slot),
    readMarker(context, to.slot),
    context.ports.request(from.slot, ['LINDEX', from.key, plan.pop === 'LPOP' ? 0 : -1]),
  ]);
  if (popped.stage === 'done') return undefined;
  const last: Step = { slot: from.slot, marker: popped, stage: 'done' };
  if (pushed.stage === 'begin') {
    if (element instanceof ReplyError) return element;
    if (!(element instanceof Uint8Array)) {
      await takeStep(context, last);
      return null;
    }
    const { slot, key } = to;
    const command = [plan.push, key, element];
    const reply = await runStep(context, { slot, marker: pushed, stage: 'done', command, keys: [key] });
    if (reply instanceof ReplyError) return reply;
  }
  await takeStep(context, { ...last, command: [plan.pop, from.key], keys: [from.key] });
  return pushed.stage === 'begin' ? element : undefined;
}
