/**
 * Commands that are not about one key:
 *
 *   EVALSHA                          sources up to 4.0    EVAL with the body seen before
 *   FUNCTION …                       < 7.0                left out; FUNCTION RESTORE gets a footer the target takes
 *   FLUSHALL, FLUSHDB ASYNC|SYNC     < 4.0, < 6.2         without it
 *   SCRIPT FLUSH ASYNC|SYNC          < 6.2                without it
 *   SPUBLISH                         < 7.0                dropped: nobody there can have subscribed
 *   PFCOUNT                          without it           dropped: a read that refreshes its cache
 */
import { formatServer, type ServerIdentity } from '../../rdb/server-support.js';
import type { TargetAbilities } from './abilities.js';
import { refooted } from './restore-payload.js';
import {
  type Args,
  DROPPED,
  isForeign,
  leftOut,
  need,
  only,
  optionOf,
  type Rule,
  type TargetContext,
  type TargetForm,
  upperText,
} from './rule.js';

function rewriteFlush(args: Args, { can }: TargetContext): TargetForm {
  const [name, mode] = args;
  const takes = optionOf(mode) === 'ASYNC' ? can.flushAsync : can.flushSync;
  return takes || name === undefined ? null : only(name);
}

function rewriteEval(args: Args, { scripts }: TargetContext): TargetForm {
  const [name, script] = args;
  if (script === undefined) return null;
  if (optionOf(name) === 'EVAL') {
    scripts.add(script);
    return null;
  }
  const body = scripts.get(upperText(script));
  if (body === undefined) return leftOut('a script is called by its SHA-1, and its text has not been seen');
  return only('EVAL', body, ...args.slice(2));
}

function rewriteScript(args: Args, { can, scripts }: TargetContext): TargetForm {
  const [name, sub, body] = args;
  const what = optionOf(sub);
  if (what === 'LOAD' && body !== undefined) scripts.add(body);
  if (what !== 'FLUSH' || name === undefined || sub === undefined) return null;
  scripts.clear();
  return args.length > 2 && !can.flushSync ? only(name, sub) : null;
}

function rewriteFunction(args: Args, { can }: TargetContext): TargetForm {
  if (!can.functions) return leftOut(`the target has no functions (${formatServer(can.server)})`);
  const payload = args[2];
  if (optionOf(args[1]) !== 'RESTORE' || payload === undefined) return null;
  const taken = refooted(payload, can);
  return taken === payload ? null : only(...args.slice(0, 2), taken, ...args.slice(3));
}

/** Since 5.0 scripts come as their effects. */
function sendsScripts(_can: TargetAbilities, source: ServerIdentity | undefined): boolean {
  return source === undefined || source.version[0] < 5;
}

export const SERVER_RULES: readonly Rule[] = [
  {
    names: ['EVAL', 'EVALSHA'],
    leastArgc: 3,
    needs: [need('2.6', '-', sendsScripts)],
    rewrite: rewriteEval,
  },
  {
    names: ['SCRIPT'],
    leastArgc: 2,
    needs: [
      need('2.6', '-', sendsScripts),
      // Since 7.0 the stream says nothing of the script cache.
      need('6.2', '-', (can, source) => !can.flushSync && (source === undefined || source.version[0] < 7)),
    ],
    rewrite: rewriteScript,
  },
  {
    names: ['FUNCTION'],
    leastArgc: 2,
    needs: [need('7.0', '7.2', (can, source) => !can.functions || isForeign(can, source))],
    rewrite: rewriteFunction,
  },
  {
    names: ['FLUSHALL', 'FLUSHDB'],
    leastArgc: 2,
    needs: [need('4.0', '7.2', (can) => !can.flushAsync), need('6.2', '7.2', (can) => !can.flushSync)],
    rewrite: rewriteFlush,
  },
  {
    names: ['SPUBLISH'],
    leastArgc: 1,
    needs: [need('7.0', '7.2', (can) => !can.has('SPUBLISH'))],
    rewrite: () => DROPPED,
  },
  {
    names: ['PFCOUNT'],
    leastArgc: 1,
    needs: [need('2.8', '7.2', (can) => !can.has('PFCOUNT'))],
    rewrite: () => DROPPED,
  },
];
