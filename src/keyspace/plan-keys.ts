/** Plans for the commands that name keys of the database in force. */
import type { CommandSpec } from './command-data.js';
import { positionsOf } from './command-table.js';
import { kindOfPayload } from './payload-kind.js';
import { planLmove, planRename, planSmove } from './plan-moves.js';
import { DROP, dropWith, FORWARD, replaceHere, type Args, type FilterContext, type Plan } from './plan.js';
import { reduceKeys } from './reduce-keys.js';
import { sortPatterns } from './special-keys.js';
import { bytesOf, isWord, showKey } from './words.js';

const DEL: Uint8Array = bytesOf('DEL');

export function planKeyed(args: Args, spec: CommandSpec, context: FilterContext): Plan {
  const { filter } = context;
  if (!filter.matchesDb(context.db)) return DROP;
  if (spec.role === 'opaque') return planUnknown(args, context);
  const positions = positionsOf(spec.keys, args);
  if (filter.kindsActive && spec.kind !== 'any' && !filter.matchesKind(spec.kind)) {
    return overwritten(args, spec, positions, context);
  }
  if (spec.role === 'script') return planScript(args, spec, positions, context);
  const inside = positions.filter((at) => filter.matchesKey(args[at]!));
  if (inside.length === 0 && positions.length > 0) return DROP;
  return inside.length === positions.length
    ? planInside(args, spec, context)
    : planPartly(args, spec, positions, inside, context);
}

/** A command whose keys nobody knows: they may or may not pass, and may be any of its arguments. */
export function planUnknown(args: Args, { db, filter, names }: FilterContext): Plan {
  if (!filter.matchesDb(db)) return DROP;
  const name = showKey(args[0] ?? new Uint8Array(0));
  if (filter.keysActive || filter.kindsActive)
    return dropWith(
      `the keys of command ${name} are not known, so the filter cannot decide about it: left out`,
    );
  const keyMap = names?.of(db);
  if (keyMap === undefined || args.every((arg, at) => at === 0 || keyMap.map(arg) === undefined))
    return FORWARD;
  return dropWith(`the keys of command ${name} are not known, so they cannot be mapped: left out`);
}

/** A value of an excluded kind replaces what was there, which may have been of an included one. */
function overwritten(
  args: Args,
  spec: CommandSpec,
  positions: readonly number[],
  context: FilterContext,
): Plan {
  if (!spec.overwrites) return DROP;
  const written = spec.role === 'store' ? destinationOf(spec, positions) : positions;
  const keys = written.map((at) => args[at]!).filter((key) => context.filter.matchesKey(key));
  return keys.length === 0 ? DROP : replaceHere(context, [[DEL, ...keys]]);
}

/** The destination's position; none for SORT and GEORADIUS without STORE. */
function destinationOf(spec: CommandSpec, positions: readonly number[]): readonly number[] {
  if (spec.destination === 'first') return positions.slice(0, 1);
  return positions.length > 1 ? positions.slice(-1) : [];
}

function planInside(args: Args, spec: CommandSpec, context: FilterContext): Plan {
  switch (spec.role) {
    case 'rename':
      return planRename(args, spec, context);
    case 'restore':
      return planRestore(args, context);
    case 'store': {
      const report = hiddenInput(args, spec, context);
      return report === undefined ? FORWARD : replaceHere(context, [args], { report });
    }
    default:
      return FORWARD;
  }
}

/** Inputs which a *STORE reads although the filter leaves them out, and which its key positions don't show. */
function hiddenInput(args: Args, spec: CommandSpec, { filter }: FilterContext): string | undefined {
  const readsPatterns = spec.name === 'SORT' && filter.keysActive && sortPatterns(args).length > 0;
  const kinds = spec.name === 'SORT' ? (['list', 'set', 'zset'] as const) : (['set', 'zset'] as const);
  const mixesKinds = spec.name === 'SORT' || (spec.kind === 'zset' && spec.keys.at === 'numkeys');
  const readsKinds = mixesKinds && kinds.some((kind) => !filter.matchesKind(kind));
  if (!readsPatterns && !readsKinds) return undefined;
  return `${spec.name} may have read keys that the filter leaves out: its result can differ`;
}

function planRestore(args: Args, context: FilterContext): Plan {
  const { filter } = context;
  const [, key, , payload] = args;
  if (!filter.kindsActive || key === undefined || payload === undefined) return FORWARD;
  const kind = kindOfPayload(payload);
  if (kind === undefined || filter.matchesKind(kind)) return FORWARD;
  const replaces = args.slice(4).some((arg) => isWord(arg, 'REPLACE'));
  return replaces ? replaceHere(context, [[DEL, key]]) : DROP;
}

function planScript(
  args: Args,
  spec: CommandSpec,
  positions: readonly number[],
  context: FilterContext,
): Plan {
  const { filter } = context;
  const inside = positions.filter((at) => filter.matchesKey(args[at]!)).length;
  const undeclared = filter.keysActive && positions.length === 0;
  if (undeclared || (filter.kindsActive && inside === positions.length)) {
    const what = undeclared ? 'keys it does not declare' : 'values of a kind that is left out';
    return replaceHere(context, [args], { report: `${spec.name} was run as it is: it may write ${what}` });
  }
  if (inside === positions.length) return FORWARD;
  return inside === 0 ? DROP : dropWith(`${spec.name} was not run: the filter leaves out some of its keys`);
}

function planPartly(
  args: Args,
  spec: CommandSpec,
  positions: readonly number[],
  inside: readonly number[],
  context: FilterContext,
): Plan {
  switch (spec.role) {
    case 'each':
      return replaceHere(context, [reduceKeys(args, spec, positions, inside)]);
    case 'rename':
      return planRename(args, spec, context);
    case 'smove':
      return planSmove(args, context);
    case 'lmove':
      return planLmove(args, spec, context);
    case 'store':
    case 'merge':
      return planStorePartly(args, spec, positions, inside, context);
    default:
      return dropWith(`${spec.name} was left out: the filter leaves out some of its keys`);
  }
}

function planStorePartly(
  args: Args,
  spec: CommandSpec,
  positions: readonly number[],
  inside: readonly number[],
  context: FilterContext,
): Plan {
  const destination = destinationOf(spec, positions)[0];
  if (destination === undefined || !inside.includes(destination)) return DROP;
  const key = showKey(args[destination]!);
  const report = `${spec.name} into ${key} read keys that the filter leaves out: its result is not known`;
  const done =
    spec.role === 'merge' ? [args[0]!, ...inside.map((at) => args[at]!)] : [DEL, args[destination]!];
  return replaceHere(context, [done], { report });
}
