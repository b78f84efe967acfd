/**
 * One step of a carrying: values get their places, a command is carried out, the slot's marker moves on, and what is
 * not needed any more goes, all in one slot and as a whole. MULTI can't do that: EXEC goes on behind a command that
 * is refused, and would write the marker nevertheless.
 *
 *     EVAL <script> <n> <marker> <key>…  <expected> <text> <v> (<key> <deadline> <payload>)… <w> <word>… <gone>…
 *
 *     expected   what the marker must hold ('' for no marker); else nothing is done: REPLICANT CHAIN
 *     text       what it holds then; '' leaves it as it is
 *     v, w       how many values and words of the command there are; a payload of '' is a key that is missing, a
 *                deadline of '' none
 *     gone       keys that go at the end
 *
 * A value that can't be placed is REPLICANT PLACE <error>, an error of the command is passed on as it is; up to there
 * only values have been placed, and that can be repeated. All keys are declared, so that a node that does not have
 * all of them says so before it begins. What is large is better placed before by a RESTORE of its own: see `isSmall`.
 */
import { ReplicantError } from '../../errors.js';
import type { CommandArg } from '../../resp/encode.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import { type CarryContext, type Marker, markerKey, markerText } from './carry-context.js';
import type { CarriedValue, Key } from './carry-value.js';
import { plainScriptError } from './lane-script.js';

export const CARRY_SCRIPT = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return redis.error_reply('REPLICANT CHAIN') end
local at = 4
for i = 1, tonumber(ARGV[3]) do
  local key, deadline, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local reply
  if payload == '' then reply = redis.pcall('DEL', key)
  else reply = redis.pcall('RESTORE', key, '0', payload, 'REPLACE') end
  if type(reply) == 'table' and reply.err then return redis.error_reply('REPLICANT PLACE ' .. reply.err) end
  if deadline ~= '' then redis.call('PEXPIREAT', key, deadline) end
  at = at + 3
end
local words = tonumber(ARGV[at])
local reply = 1
if words > 0 then
  reply = redis.pcall(unpack(ARGV, at + 1, at + words))
  if type(reply) == 'table' and reply.err then return reply end
end
if ARGV[2] ~= '' then
  local set = redis.pcall('SET', KEYS[1], ARGV[2])
  if set.err then return set end
end
for i = at + words + 1, #ARGV do redis.pcall('DEL', ARGV[i]) end
return reply`;

/** Of all payloads of one step: what a node deserializes in about a millisecond. */
const MOST_BYTES = 1024 * 1024;

export interface Placed {
  readonly key: Key;
  /** undefined: it is to be missing. */
  readonly value: CarriedValue | undefined;
}

export interface Step {
  readonly slot: number;
  /** As it was read. */
  readonly marker: Marker;
  /** undefined: the marker stays. */
  readonly stage: 'run' | 'done' | undefined;
  readonly values?: readonly Placed[];
  readonly command?: readonly CommandArg[];
  /** Of the command. */
  readonly keys?: readonly Key[];
  readonly gone?: readonly Key[];
}

/** May it be placed by a step that has `bytes` to place already? */
export function isSmall(value: CarriedValue | undefined, bytes: number): boolean {
  return value === undefined || bytes + value.payload.length <= MOST_BYTES;
}

/** The command's reply, an error when it was refused and nothing has happened; without a command no matter what. */
export async function runStep(context: CarryContext, step: Step): Promise<Reply> {
  const { slot, marker, stage, values = [], command = [], keys = [], gone = [] } = step;
  const declared = [markerKey(slot, context.job), ...values.map(({ key }) => key), ...keys, ...gone];
  const args: CommandArg[] = ['EVAL', CARRY_SCRIPT, declared.length, ...declared];
  args.push(marker.text, stage === undefined ? '' : markerText(context, stage), values.length);
  for (const { key, value } of values) args.push(key, value?.deadline ?? '', value?.payload ?? '');
  args.push(command.length, ...command, ...gone);
  const reply = await context.ports.request(slot, args);
  return reply instanceof ReplyError ? refusalOf(context, reply, command) : reply;
}

/** A step that has to succeed. */
export async function takeStep(context: CarryContext, step: Step): Promise<Exclude<Reply, ReplyError>> {
  const reply = await runStep(context, step);
  if (reply instanceof ReplyError) throw context.refused(step.command ?? ['EVAL'], reply);
  return reply;
}

const OWN = /^(?:ERR )?REPLICANT (?:(CHAIN)|PLACE (.*))/su;

function refusalOf(
  context: CarryContext,
  { message }: ReplyError,
  command: readonly CommandArg[],
): ReplyError {
  const [, chain, place] = OWN.exec(message) ?? [];
  if (chain !== undefined) {
    throw new ReplicantError('TARGET_BUSY', 'what stands on the target was changed by somebody else');
  }
  if (place !== undefined) throw context.refused(['RESTORE'], new ReplyError(plainScriptError(place)));
  const error = new ReplyError(plainScriptError(message));
  if (command.length === 0) throw context.refused(['EVAL'], error);
  return error;
}
