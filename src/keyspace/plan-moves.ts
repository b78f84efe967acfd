/** Plans for commands that take from one key and put into another, when the filter may part the two. */
import type { CommandSpec } from './command-data.js';
import { DROP, dropWith, FORWARD, replaceHere, type Args, type FilterContext, type Plan } from './plan.js';
import { bytesOf, isWord, sameBytes, showKey } from './words.js';

const DEL: Uint8Array = bytesOf('DEL');
const SREM: Uint8Array = bytesOf('SREM');
const SADD: Uint8Array = bytesOf('SADD');
const LPOP: Uint8Array = bytesOf('LPOP');
const RPOP: Uint8Array = bytesOf('RPOP');

export function planRename(args: Args, spec: CommandSpec, context: FilterContext): Plan {
  const { filter } = context;
  const [, from, to] = args;
  if (from === undefined || to === undefined) return FORWARD;
  const [fromIn, toIn] = [filter.matchesKey(from), filter.matchesKey(to)];
  if (!fromIn && !toIn) return DROP;
  if (!toIn) return replaceHere(context, [[DEL, from]]);
  if (!fromIn) {
    const report = `${spec.name} brought key ${showKey(to)} in from ${showKey(from)}, which the filter leaves out: its value is not known`;
    return replaceHere(context, [[DEL, to]], { report });
  }
  if (!filter.kindsActive) return FORWARD;
  if (sameBytes(from, to)) return DROP;
  // The key may be of an excluded kind and so not be here: then only what it replaced must go.
  return replaceHere(context, [[DEL, to], args], { tolerateErrors: true });
}

/** The member is an argument, so both halves can be done alone. */
export function planSmove(args: Args, context: FilterContext): Plan {
  const [, from, to, member] = args;
  if (from === undefined || to === undefined || member === undefined) return FORWARD;
  return replaceHere(context, [context.filter.matchesKey(from) ? [SREM, from, member] : [SADD, to, member]]);
}

export function planLmove(args: Args, spec: CommandSpec, context: FilterContext): Plan {
  const [, from, to, side] = args;
  if (from === undefined || to === undefined) return FORWARD;
  if (!context.filter.matchesKey(from)) {
    return dropWith(
      `${spec.name} moved an element into ${showKey(to)} from ${showKey(from)}, which the filter leaves out: it is not known`,
    );
  }
  const left = !spec.name.includes('RPOPLPUSH') && side !== undefined && isWord(side, 'LEFT');
  // LMOVEM source destination from to COUNT|EXACTLY n …
  const count = spec.name === 'LMOVEM' && args.length > 6 ? [args[6]!] : [];
  return replaceHere(context, [[left ? LPOP : RPOP, from, ...count]]);
}
