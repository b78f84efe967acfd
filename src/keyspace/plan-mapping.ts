/**
 * Gives the keys of a plan their names on the target. Where they stand in a command is known of every
 * command that comes here: those whose keys are not known have been left out.
 *
 *  SORT … BY/GET p     the part of the pattern before its `*` is mapped when one rule holds for all keys that
 *                      begin so; else reported, as its result may differ
 *  EVAL EVALSHA FCALL  the declared keys are mapped; reported, as a script may put names together by itself
 *  RENAME, COPY        of a key to itself, after mapping: nothing to do (only when prefixes collide)
 *
 * A command that comes with the databases of its keys has keys of several.
 *
 * Reports about scripts say the same for every script, so that whoever shows them can show them once.
 */
import type { CommandSpec } from './command-data.js';
import { commandOf, positionsOf } from './command-table.js';
import type { KeyMap } from './key-map.js';
import type { KeyNames } from './key-names.js';
import { copyOptions } from './plan-databases.js';
import {
  DROP,
  replaceHere,
  replaceWith,
  type Args,
  type FilterContext,
  type Plan,
  type PlannedCommand,
} from './plan.js';
import { sortPatterns } from './special-keys.js';
import { joinBytes, sameBytes, showKey } from './words.js';

const STAR = 0x2a;

interface Mapped {
  /** The same array when nothing changes. */
  readonly args: Args;
  readonly report?: string;
}

export function mapPlan(plan: Plan, args: Args, context: FilterContext, names: KeyNames): Plan {
  if (plan.action === 'forward') return mapForward(args, context, names);
  return plan.action === 'replace' ? mapReplacement(plan, context, names) : plan;
}

function mapForward(args: Args, context: FilterContext, names: KeyNames): Plan {
  const mapped = mapCommand(args, context, names);
  if (becomesNothing(args, mapped.args, context.dbMap.toTarget(context.db), context)) return DROP;
  if (mapped.args === args && mapped.report === undefined) return { action: 'forward' };
  return replaceHere(context, [mapped.args], reported(mapped.report));
}

function mapReplacement(plan: Plan & { action: 'replace' }, context: FilterContext, names: KeyNames): Plan {
  const commands: PlannedCommand[] = [];
  const reports = plan.report === undefined ? [] : [plan.report];
  for (const { targetDb, args, keyDbs } of plan.commands) {
    const mapped = mapCommand(args, context, names, keyDbs);
    if (becomesNothing(args, mapped.args, targetDb, context)) return DROP;
    commands.push({ targetDb, args: mapped.args });
    if (mapped.report !== undefined) reports.push(mapped.report);
  }
  const report = reports.length === 0 ? undefined : reports.join('; ');
  return replaceWith(commands, { tolerateErrors: plan.tolerateErrors, ...reported(report) });
}

function reported(report: string | undefined): { report?: string } {
  return report === undefined ? {} : { report };
}

function mapCommand(
  args: Args,
  { table, db }: FilterContext,
  names: KeyNames,
  keyDbs?: readonly number[],
): Mapped {
  const spec = commandOf(args, table);
  if (spec === undefined) return { args };
  const positions = positionsOf(spec.keys, args);
  if (keyDbs !== undefined)
    return { args: mapAt(args, positions, (key, nth) => names.of(keyDbs[nth] ?? db)?.map(key)) };
  const keyMap = names.of(db);
  if (keyMap === undefined) return { args };
  const mapped = mapAt(args, positions, (key) => keyMap.map(key));
  if (spec.role === 'script') return { args: mapped, report: scriptReport(spec) };
  return spec.name === 'SORT' ? mapSort(mapped, keyMap) : { args: mapped };
}

function scriptReport({ name }: CommandSpec): string {
  return `${name} was run with its declared keys mapped: names that a script puts together by itself are not`;
}

function mapAt(
  args: Args,
  positions: readonly number[],
  map: (arg: Uint8Array, nth: number) => Uint8Array | undefined,
): Args {
  let out: Uint8Array[] | undefined;
  for (const [nth, at] of positions.entries()) {
    const mapped = map(args[at]!, nth);
    if (mapped === undefined || mapped === args[at]) continue;
    out ??= [...args];
    out[at] = mapped;
  }
  return out ?? args;
}

/** Here the keys are mapped already, the patterns not. */
function mapSort(args: Args, keyMap: KeyMap): Mapped {
  const patterns = sortPatterns(args);
  const vague = patterns.find((at) => mapPattern(args[at]!, keyMap) === undefined);
  const mapped = mapAt(args, patterns, (pattern) => mapPattern(pattern, keyMap));
  if (vague === undefined) return { args: mapped };
  const report = `SORT reads keys by the pattern ${showKey(args[vague]!)}, which the key map does not map as one: its result can differ`;
  return { args: mapped, report };
}

/** undefined when keys that fit are mapped in different ways, or when a `*` would come into the pattern. */
function mapPattern(pattern: Uint8Array, keyMap: KeyMap): Uint8Array | undefined {
  const star = pattern.indexOf(STAR);
  const literal = pattern.subarray(0, star);
  const mapped = keyMap.mapPrefix(literal);
  if (mapped === literal) return pattern;
  if (mapped === undefined || mapped.includes(STAR)) return undefined;
  return joinBytes(mapped, pattern.subarray(star));
}

/** Two names of the source that are one on the target: the server would refuse COPY, and DEL lose the key. */
function becomesNothing(before: Args, after: Args, targetDb: number, { table }: FilterContext): boolean {
  const [, from, to] = after;
  if (before === after || from === undefined || to === undefined || !sameBytes(from, to)) return false;
  const role = commandOf(after, table)?.role;
  return role === 'rename' || (role === 'copy' && copyOptions(after, targetDb).toDb === targetDb);
}
