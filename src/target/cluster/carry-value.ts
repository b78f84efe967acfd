/**
 * Takes one value from a slot to another: DUMP here, RESTORE there. Deadlines stay the very numbers they are,
 * held or not (`convert/held-time.ts`): PEXPIRETIME gives them since 7.0, before they are PTTL and the server's
 * clock, read in one transaction, in which the clock must stand on one millisecond.
 */
import { ReplicantError } from '../../errors.js';
import { showKey } from '../../keyspace/words.js';
import type { CommandArg } from '../../resp/encode.js';
import type { Reply } from '../../resp/reply-decoder.js';
import { ask, askAll, type CarryContext, together } from './carry-context.js';

export type Key = Uint8Array | string;

export interface KeyPlace {
  readonly slot: number;
  readonly key: Key;
}

/** What `proto-max-bulk-len` is when nobody has changed it. */
const MAX_BULK_BYTES = 512 * 1024 * 1024;
const CLOCK_TRIES = 50;
const MISSING = -2;
const NONE = -1;

/** As it is taken over: DUMP's reply. */
export interface CarriedValue {
  readonly payload: Uint8Array;
  /** In ms since 1970; undefined when it has none. */
  readonly deadline: number | undefined;
}

/** With `deadlines` its deadline too, else it has none. undefined: it is missing. */
export async function readValue(
  context: CarryContext,
  from: KeyPlace,
  deadlines: boolean,
): Promise<CarriedValue | undefined> {
  const { deadline, payload } = await readBoth(context, from, deadlines);
  if (!(payload instanceof Uint8Array) || deadline === MISSING) return undefined;
  checkSize(context, from, payload);
  return { payload, deadline: deadline < 0 ? undefined : deadline };
}

/** `to` becomes this value, or missing. Can be repeated. */
export async function putValue(
  context: CarryContext,
  to: KeyPlace,
  value: CarriedValue | undefined,
): Promise<void> {
  if (value === undefined) await ask(context, to.slot, 'DEL', to.key);
  else if (value.deadline === undefined)
    await ask(context, to.slot, 'RESTORE', to.key, '0', value.payload, 'REPLACE');
  else await restoreUntil(context, to, value.payload, value.deadline);
}

async function restoreUntil(
  context: CarryContext,
  { slot, key }: KeyPlace,
  payload: Uint8Array,
  deadline: number,
): Promise<void> {
  if (context.can.restoreAbsttl) {
    await ask(context, slot, 'RESTORE', key, deadline, payload, 'REPLACE', 'ABSTTL');
    return;
  }
  await askAll(context, slot, [
    ['RESTORE', key, '0', payload, 'REPLACE'],
    ['PEXPIREAT', key, deadline],
  ]);
}

function checkSize({ can }: CarryContext, { key }: KeyPlace, payload: Uint8Array): void {
  const most = can.maxBulkBytes ?? MAX_BULK_BYTES;
  if (payload.length <= most) return;
  const mib = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
  throw new ReplicantError(
    'TARGET_REFUSED',
    `a command needs a value of ${mib(payload.length)} MiB in another slot, and the target takes ${mib(most)} MiB at once`,
    {
      place: { key: typeof key === 'string' ? key : showKey(key) },
      hint: 'raise proto-max-bulk-len on the target, or use --cross-slot split',
    },
  );
}

interface Both {
  /** In ms since 1970; NONE or MISSING. */
  readonly deadline: number;
  readonly payload: Reply | undefined;
}

async function readBoth(context: CarryContext, from: KeyPlace, deadlines: boolean): Promise<Both> {
  const { slot, key } = from;
  if (!deadlines) return { deadline: NONE, payload: await ask(context, slot, 'DUMP', key) };
  if (context.can.expireFlags) {
    const [deadline, payload] = await together([
      ask(context, slot, 'PEXPIRETIME', key),
      ask(context, slot, 'DUMP', key),
    ]);
    return { deadline: numberOf(deadline), payload };
  }
  const question: readonly CommandArg[][] = [['TIME'], ['PTTL', key], ['TIME']];
  const [before, ttl, after, payload] = await askAll(context, slot, [...question, ['DUMP', key]]);
  let deadline = deadlineIn(before, ttl, after, 1);
  for (let tries = 2; deadline === undefined; tries++) {
    // oxlint-disable-next-line no-await-in-loop -- until both times are the same
    const [first, left, last] = await askAll(context, slot, question);
    deadline = deadlineIn(first, left, last, tries);
  }
  return { deadline, payload };
}

/** undefined: the clock went on meanwhile. */
function deadlineIn(
  before: Reply | undefined,
  ttl: Reply | undefined,
  after: Reply | undefined,
  tries: number,
): number | undefined {
  const left = numberOf(ttl);
  if (left < 0) return left;
  const nowMs = clockMs(before);
  return nowMs === clockMs(after) || tries === CLOCK_TRIES ? nowMs + left : undefined;
}

function numberOf(reply: Reply | undefined): number {
  return typeof reply === 'number' ? reply : NONE;
}

/** TIME is seconds and microseconds. */
function clockMs(reply: Reply | undefined): number {
  const [seconds, micros] = (Array.isArray(reply) ? reply : []).map((part) => {
    return Number(part instanceof Uint8Array ? new TextDecoder().decode(part) : part);
  });
  return (seconds ?? 0) * 1000 + Math.floor((micros ?? 0) / 1000);
}
