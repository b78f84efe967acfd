/**
 * Takes one value from a slot to another: DUMP here, RESTORE there. Deadlines stay the very numbers they are,
 * held or not (`convert/held-time.ts`): PEXPIRETIME gives them since 7.0, before they are PTTL and the server's
 * clock, read in one transaction, in which the clock must stand on one millisecond.
 */
import { ReplicantError } from '../../errors.js';
import { showKey } from '../../keyspace/words.js';
import type { CommandArg } from '../../resp/encode.js';
import type { Reply } from '../../resp/reply-decoder.js';
import { ask, askAll, type CarryContext } from './carry-context.js';

export interface KeyPlace {
  readonly slot: number;
  readonly key: Uint8Array | string;
}

/** What `proto-max-bulk-len` is when nobody has changed it. */
const MAX_BULK_BYTES = 512 * 1024 * 1024;
const CLOCK_TRIES = 50;
const MISSING = -2;
const NONE = -1;

/**
 * `to` becomes what `from` is: its value, with `deadlines` its deadline too (else it has none), or missing. False
 * when it is missing. Can be repeated as long as nobody changes `from`.
 */
export async function copyValue(
  context: CarryContext,
  from: KeyPlace,
  to: KeyPlace,
  deadlines: boolean,
): Promise<boolean> {
  const deadline = deadlines ? await readDeadline(context, from) : NONE;
  const payload = await ask(context, from.slot, 'DUMP', from.key);
  if (!(payload instanceof Uint8Array) || deadline === MISSING) {
    await ask(context, to.slot, 'DEL', to.key);
    return false;
  }
  checkSize(context, from, payload);
  if (deadline < 0) await ask(context, to.slot, 'RESTORE', to.key, '0', payload, 'REPLACE');
  else await restoreUntil(context, to, payload, deadline);
  return true;
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

/** In ms since 1970; NONE or MISSING. */
async function readDeadline(context: CarryContext, { slot, key }: KeyPlace): Promise<number> {
  if (context.can.expireFlags) return numberOf(await ask(context, slot, 'PEXPIRETIME', key));
  const question: readonly CommandArg[][] = [['TIME'], ['PTTL', key], ['TIME']];
  for (let tries = 1; ; tries++) {
    // oxlint-disable-next-line no-await-in-loop -- until both times are the same
    const [before, ttl, after] = await askAll(context, slot, question);
    const left = numberOf(ttl);
    if (left < 0) return left;
    const nowMs = clockMs(before);
    if (nowMs === clockMs(after) || tries === CLOCK_TRIES) return nowMs + left;
  }
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
