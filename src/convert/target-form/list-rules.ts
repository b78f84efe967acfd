/**
 * Lists:
 *
 *   LPOP k n, RPOP k n        < 6.2   LTRIM
 *   LMOVE a b RIGHT LEFT      < 6.2   RPOPLPUSH; other directions by a script
 *   LPUSHX, RPUSHX k v v …    < 4.0   one by one
 */
import { parseCount } from '../../keyspace/words.js';
import { evalScript, POP_PUSH } from './lua.js';
import { type Args, command, need, only, optionOf, type Rule, type TargetForm } from './rule.js';

function rewritePop(args: Args): TargetForm {
  const [name, key] = args;
  const count = parseCount(args[2]);
  if (key === undefined || count === undefined) return null;
  return optionOf(name) === 'LPOP'
    ? only('LTRIM', key, String(count), '-1')
    : only('LTRIM', key, '0', String(-count - 1));
}

function rewriteMove(args: Args): TargetForm {
  const [, from, to] = args;
  if (from === undefined || to === undefined || args.length < 5) return null;
  const popLeft = optionOf(args[3]) === 'LEFT';
  const pushLeft = optionOf(args[4]) === 'LEFT';
  if (!popLeft && pushLeft) return only('RPOPLPUSH', from, to);
  const names = [popLeft ? 'LPOP' : 'RPOP', pushLeft ? 'LPUSH' : 'RPUSH'];
  return { commands: [evalScript(POP_PUSH, [from, to], names)] };
}

function rewritePushx(args: Args): TargetForm {
  const [name, key, ...items] = args;
  if (name === undefined || key === undefined) return null;
  return { commands: items.map((item) => command(name, key, item)) };
}

export const LIST_RULES: readonly Rule[] = [
  {
    names: ['LPOP', 'RPOP'],
    leastArgc: 3,
    needs: [need('6.2', '7.2', (can) => !can.popCount)],
    rewrite: rewritePop,
  },
  {
    names: ['LMOVE', 'BLMOVE'],
    leastArgc: 5,
    needs: [need('6.2', '7.2', (can) => !can.has('LMOVE'))],
    rewrite: rewriteMove,
  },
  {
    names: ['LPUSHX', 'RPUSHX'],
    leastArgc: 4,
    needs: [need('4.0', '7.2', (can) => !can.hsetMany)],
    rewrite: rewritePushx,
  },
];
