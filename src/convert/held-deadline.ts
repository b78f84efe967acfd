/**
 * Holds back the deadlines in commands of the stream (see `held-time.ts` for what that means). Relative times
 * have been made absolute before (`absolute-ttl.ts`); what is left are these, as servers send them to
 * replicas, and their like:
 *
 *   SET k v … PXAT t | EXAT s         SET k v … PXAT h
 *   PEXPIREAT k t [NX|XX|GT|LT]       PEXPIREAT k h                  EXPIREAT likewise
 *   GETEX k PXAT t | EXAT s           GETEX k PXAT h
 *   MSETEX n k v … PXAT t | EXAT s    MSETEX n k v … PXAT h
 *   RESTORE k t p … ABSTTL            RESTORE k h p … ABSTTL         and deadlines of fields inside p
 *   HPEXPIREAT k t [NX|XX] FIELDS …   HPEXPIREAT k h [NX|XX] FIELDS …; with GT or LT a script
 *   HSETEX, HGETEX k … PXAT t … FIELDS …
 *
 * PEXPIREAT with a condition is only sent by a source where it held, so the condition goes: here it would be
 * judged against a held deadline. Not so with fields: Redis 7.4+ names only those where it held, Valkey 9
 * sends the command as it came, with the fields where it did not (both seen in their AOF). NX and XX ask
 * whether there is a deadline, which holding doesn't change; GT and LT compare, so see `held-fields.ts`.
 *
 * A deadline that has passed by the target's clock is held like any other: the source decides.
 */
import { bytesOf, isWord, parseCount } from '../keyspace/words.js';
import { compareFieldDeadlines, holdPayloadFields } from './held-fields.js';
import { heldFieldDeadline, heldKeyDeadline, type HoldPolicy } from './held-time.js';

export {
  FIELD_HOLD_MS,
  heldFieldDeadline,
  heldKeyDeadline,
  type HoldPolicy,
  isHeldField,
  isHeldKey,
  KEY_HOLD_MS,
  trueFieldDeadline,
  trueKeyDeadline,
} from './held-time.js';

type Args = readonly Uint8Array[];
type Hold = (args: Args, policy: HoldPolicy) => readonly Args[] | null;
type HeldDeadline = (ms: number, policy: HoldPolicy) => number;

const PXAT: Uint8Array = bytesOf('PXAT');
const PEXPIREAT: Uint8Array = bytesOf('PEXPIREAT');
const HPEXPIREAT: Uint8Array = bytesOf('HPEXPIREAT');

const HOLDERS: readonly (readonly [name: string, hold: Hold])[] = [
  ['SET', (args, policy) => holdOption(args, 3, args.length, policy, heldKeyDeadline)],
  ['PEXPIREAT', (args, policy) => holdExpireAt(args, 1, policy)],
  ['EXPIREAT', (args, policy) => holdExpireAt(args, 1000, policy)],
  ['GETEX', (args, policy) => holdOption(args, 2, args.length, policy, heldKeyDeadline)],
  ['MSETEX', holdMsetex],
  ['RESTORE', holdRestore],
  ['RESTORE-ASKING', holdRestore],
  ['HPEXPIREAT', (args, policy) => holdFieldExpireAt(args, 1, policy)],
  ['HEXPIREAT', (args, policy) => holdFieldExpireAt(args, 1000, policy)],
  ['HSETEX', holdFieldOption],
  ['HGETEX', holdFieldOption],
];

/** The commands that must be shown to `holdDeadlines`. A SET of three arguments need not. */
export const DEADLINE_COMMANDS: readonly string[] = HOLDERS.map(([name]) => name);

/** The same effect with deadlines held, or null when there is nothing to change. Several are one unit. */
export function holdDeadlines(args: Args, policy: HoldPolicy): readonly Args[] | null {
  const name = args[0];
  if (name === undefined || args.length < 3 || policy.holdBeforeMs === -Infinity) return null;
  for (const [word, hold] of HOLDERS) {
    if (isWord(name, word)) return hold(args, policy);
  }
  return null;
}

/** A time in ms, or undefined when it is no integer, or one too large to be exact. */
function parseTime(bytes: Uint8Array | undefined, unitMs: number): number | undefined {
  if (bytes === undefined) return undefined;
  const negative = bytes[0] === 0x2d;
  // Sixteen digits reach beyond 2^53; RESTORE and SET never have more in earnest.
  const digits = parseDigits(negative ? bytes.subarray(1) : bytes);
  const ms = digits === undefined ? NaN : digits * unitMs * (negative ? -1 : 1);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

const MAX_DIGITS = 16;

function parseDigits(bytes: Uint8Array): number | undefined {
  if (bytes.length <= MAX_DIGITS - 1) return parseCount(bytes);
  if (bytes.length > MAX_DIGITS) return undefined;
  const high = parseCount(bytes.subarray(0, MAX_DIGITS - 1));
  const low = parseCount(bytes.subarray(MAX_DIGITS - 1));
  return high === undefined || low === undefined ? undefined : high * 10 + low;
}

/** The held form of a time as it stands in a command; undefined: it stays. */
function heldTime(
  bytes: Uint8Array | undefined,
  unitMs: number,
  policy: HoldPolicy,
  heldDeadline: HeldDeadline,
): Uint8Array | undefined {
  const ms = parseTime(bytes, unitMs);
  if (ms === undefined) return undefined;
  const held = heldDeadline(ms, policy);
  return held === ms ? undefined : bytesOf(String(held));
}

/** Options that are followed by an argument, which must not be taken for an option. */
function takesArgument(option: Uint8Array): boolean {
  return (
    isWord(option, 'EX') ||
    isWord(option, 'PX') ||
    isWord(option, 'IFEQ') ||
    isWord(option, 'IFNE') ||
    isWord(option, 'IFDEQ') ||
    isWord(option, 'IFDNE')
  );
}

/** PXAT t or EXAT s among the options args[from, to). */
function holdOption(
  args: Args,
  from: number,
  to: number,
  policy: HoldPolicy,
  heldDeadline: HeldDeadline,
): readonly Args[] | null {
  for (let at = from; at < to - 1; at++) {
    const option = args[at]!;
    const inMs = isWord(option, 'PXAT');
    if (inMs || isWord(option, 'EXAT')) {
      const held = heldTime(args[at + 1], inMs ? 1 : 1000, policy, heldDeadline);
      return held === undefined ? null : [args.toSpliced(at, 2, PXAT, held)];
    }
    if (takesArgument(option)) at++;
  }
  return null;
}

/** MSETEX numkeys key value … [NX|XX] [EX|PX|EXAT|PXAT t|KEEPTTL] */
function holdMsetex(args: Args, policy: HoldPolicy): readonly Args[] | null {
  const keys = parseCount(args[1]);
  return keys === undefined ? null : holdOption(args, 2 + 2 * keys, args.length, policy, heldKeyDeadline);
}

function holdExpireAt(args: Args, unitMs: number, policy: HoldPolicy): readonly Args[] | null {
  const key = args[1]!;
  const held = heldTime(args[2], unitMs, policy, heldKeyDeadline);
  if (held !== undefined) return [[PEXPIREAT, key, held]];
  return args.length > 3 ? [args.slice(0, 3)] : null;
}

/** RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME s] [FREQ f]; a ttl of 0 is none. */
function holdRestore(args: Args, policy: HoldPolicy): readonly Args[] | null {
  const [name, key, ttl, payload, ...options] = args;
  if (name === undefined || key === undefined || ttl === undefined || payload === undefined) return null;
  const timed = parseTime(ttl, 1) !== 0 && options.some((option) => isWord(option, 'ABSTTL'));
  const held = timed ? heldTime(ttl, 1, policy, heldKeyDeadline) : undefined;
  const fields = holdPayloadFields(payload, policy);
  if (held === undefined && fields === undefined) return null;
  return [[name, key, held ?? ttl, fields ?? payload, ...options]];
}

/** HPEXPIREAT key t [NX|XX|GT|LT] FIELDS n field … */
function holdFieldExpireAt(args: Args, unitMs: number, policy: HoldPolicy): readonly Args[] | null {
  const [, key, time, condition] = args;
  if (key === undefined || time === undefined || condition === undefined) return null;
  const held = heldTime(time, unitMs, policy, heldFieldDeadline);
  const greater = isWord(condition, 'GT');
  if (greater || isWord(condition, 'LT')) {
    const ms = parseTime(time, unitMs);
    if (ms === undefined || !isWord(args[4] ?? condition, 'FIELDS')) return null;
    return [compareFieldDeadlines(key, greater, ms, held ?? bytesOf(String(ms)), args.slice(6))];
  }
  return held === undefined ? null : [[HPEXPIREAT, key, held, ...args.slice(3)]];
}

/** HSETEX key [FNX|FXX] [EXAT|PXAT t …] FIELDS n field value …, and HGETEX likewise. */
function holdFieldOption(args: Args, policy: HoldPolicy): readonly Args[] | null {
  const fields = args.findIndex((arg, at) => at >= 2 && isWord(arg, 'FIELDS'));
  return fields < 0 ? null : holdOption(args, 2, fields, policy, heldFieldDeadline);
}
