/**
 * Strings:
 *
 *   SET k v PXAT t              < 6.2   SET k v, PEXPIREAT k t
 *   SET k v KEEPTTL             < 6.0   a script that reads the deadline and sets it again
 *   SET k v NX|XX|GET|IFEQ x …          SET k v: the condition held
 *   MSETEX n k v … PXAT t               SET k v PXAT t for each
 *   GETDEL, DELIFEQ, DELEX              DEL
 *   GETEX k PXAT t | PERSIST            PEXPIREAT, PERSIST
 *   BITOP DIFF|DIFF1|ANDOR|ONE          AND, OR, XOR over keys for the time being
 */
import { parseCount } from '../../keyspace/words.js';
import type { TargetAbilities } from './abilities.js';
import { evalScript, SET_KEEP_TTL } from './lua.js';
import {
  type Args,
  command,
  DROPPED,
  isForeign,
  need,
  only,
  optionOf,
  type Rewritten,
  type Rule,
  type TargetContext,
  type TargetForm,
} from './rule.js';

/** What the options of SET, MSETEX, GETEX or HSETEX say about time. */
export interface Timing {
  /** Command suffixes: EXAT or PXAT (or relative ones, which pass as they are), with the number. */
  readonly until: readonly [option: string, number: Uint8Array] | undefined;
  readonly keep: boolean;
  readonly persist: boolean;
}

const WITH_VALUE = new Set(['IFEQ', 'IFNE', 'IFDEQ', 'IFDNE']);
const TIMES = new Set(['EX', 'PX', 'EXAT', 'PXAT']);

/** Reads options from args[from, to). */
export function readTiming(args: Args, from: number, to: number = args.length): Timing {
  let until: Timing['until'];
  let keep = false;
  let persist = false;
  for (let at = from; at < to; at++) {
    const option = optionOf(args[at]);
    if (TIMES.has(option) && args[at + 1] !== undefined) until = [option, args[++at]!];
    else if (option === 'KEEPTTL') keep = true;
    else if (option === 'PERSIST') persist = true;
    else if (WITH_VALUE.has(option)) at++;
  }
  return { until, keep, persist };
}

/** The deadline as a command of its own. */
export function expireCommand(key: Uint8Array, [option, number]: readonly [string, Uint8Array]): Args {
  const names: Readonly<Record<string, string>> = { EX: 'EXPIRE', PX: 'PEXPIRE', EXAT: 'EXPIREAT' };
  return command(names[option] ?? 'PEXPIREAT', key, number);
}

function setCommands(key: Uint8Array, value: Uint8Array, timing: Timing, can: TargetAbilities): Args[] {
  const { until, keep } = timing;
  if (keep) {
    return can.setKeepTtl
      ? [command('SET', key, value, 'KEEPTTL')]
      : [evalScript(SET_KEEP_TTL, [key], [value])];
  }
  if (until === undefined) return [command('SET', key, value)];
  return can.setPxat
    ? [command('SET', key, value, ...until)]
    : [command('SET', key, value), expireCommand(key, until)];
}

function rewriteSet(args: Args, { can }: TargetContext): TargetForm {
  const [, key, value] = args;
  if (key === undefined || value === undefined) return null;
  return { commands: setCommands(key, value, readTiming(args, 3), can) };
}

function rewriteMsetex(args: Args, { can }: TargetContext): TargetForm {
  const count = parseCount(args[1]);
  const end = 2 + (count ?? 0) * 2;
  if (count === undefined || args.length < end) return null;
  const timing = readTiming(args, end);
  if (timing.until === undefined && !timing.keep) return only('MSET', ...args.slice(2, end));
  const commands: Args[] = [];
  for (let at = 2; at < end; at += 2) commands.push(...setCommands(args[at]!, args[at + 1]!, timing, can));
  return { commands };
}

function rewriteGetex(args: Args): TargetForm {
  const key = args[1];
  if (key === undefined) return null;
  const { until, persist } = readTiming(args, 2);
  if (persist) return only('PERSIST', key);
  return until === undefined ? DROPPED : { commands: [expireCommand(key, until)] };
}

/** Keys of ours that exist only inside the unit. */
const SCRATCH = ['__replicant:scratch:1', '__replicant:scratch:2', '__replicant:scratch:3'] as const;

/**
 * With X the first key and Y the others:
 *   DIFF   X and not (Y1 or Y2 …)      DIFF1   (Y1 or Y2 …) and not X      ANDOR   X and (Y1 or Y2 …)
 *   ONE    in exactly one of all
 * `a and not b` is `a xor (a and b)`, which unlike NOT is as long as the longest of all.
 */
function rewriteBitop(args: Args): TargetForm {
  const [, , dest, first, ...others] = args;
  if (dest === undefined || first === undefined) return null;
  const [a, b, c] = SCRATCH;
  const end = command('DEL', ...SCRATCH);
  const union = command('BITOP', 'OR', a, ...others);
  switch (optionOf(args[1])) {
    case 'DIFF':
      return unit(union, command('BITOP', 'AND', b, first, a), command('BITOP', 'XOR', dest, first, b), end);
    case 'DIFF1':
      return unit(union, command('BITOP', 'AND', b, first, a), command('BITOP', 'XOR', dest, a, b), end);
    case 'ANDOR':
      return unit(union, command('BITOP', 'AND', dest, first, a), end);
    case 'ONE':
      return unit(
        command('BITOP', 'OR', a, first),
        ...others.flatMap((key) => [
          command('BITOP', 'AND', c, a, key),
          command('BITOP', 'OR', b, b, c),
          command('BITOP', 'OR', a, a, key),
        ]),
        command('BITOP', 'XOR', dest, a, b),
        end,
      );
    default:
      return null;
  }
}

function unit(...commands: readonly Args[]): Rewritten {
  return { commands };
}

const del = (args: Args): TargetForm => (args[1] === undefined ? null : only('DEL', args[1]));

export const STRING_RULES: readonly Rule[] = [
  {
    names: ['SET'],
    leastArgc: 4,
    needs: [
      need('6.0', '7.2', (can) => !can.setKeepTtl),
      need('6.2', '7.2', (can) => !can.setPxat),
      need('8.4', '8.1', isForeign),
    ],
    rewrite: rewriteSet,
  },
  {
    names: ['MSETEX'],
    leastArgc: 4,
    needs: [need('8.4', '9.1', (can) => !can.has('MSETEX'))],
    rewrite: rewriteMsetex,
  },
  {
    names: ['GETEX'],
    leastArgc: 2,
    needs: [need('6.2', '7.2', (can) => !can.has('GETEX'))],
    rewrite: rewriteGetex,
  },
  ...(
    [
      ['GETDEL', '6.2', '7.2'],
      ['DELIFEQ', '-', '9.0'],
      ['DELEX', '8.4', '-'],
    ] as const
  ).map(([name, redis, valkey]) => ({
    names: [name],
    leastArgc: 2,
    needs: [need(redis, valkey, (can) => !can.has(name))],
    rewrite: del,
  })),
  {
    names: ['BITOP'],
    leastArgc: 4,
    needs: [need('8.2', '-', (can) => !can.bitopDiff)],
    rewrite: rewriteBitop,
  },
];
