/**
 * Gives the keys of a plan their names on the target. Where they stand in a command is known of every
 * command that comes here: those whose keys are not known have been left out.
 *
 *  SORT … BY/GET p     the part of the pattern before its `*` is mapped when one rule holds for all keys that
 *                      begin so; else reported, as its result may differ
 *  EVAL EVALSHA FCALL  the declared keys are mapped; reported, as a script may put names together by itself
 *  RENAME, COPY        of a key to itself, after mapping: nothing to do (only when prefixes collide)
 *
 * Reports about scripts say the same for every script, so that whoever shows them can show them once.
 */
import type { CommandSpec } from './command-data.js';
import { commandOf, positionsOf } from './command-table.js';
import type { KeyMap } from './key-map.js';
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

export function mapPlan(plan: Plan, args: Args, context: FilterContext, keyMap: KeyMap): Plan {
  if (plan.action === 'forward') return mapForward(args, context, keyMap);
  return plan.action === 'replace' ? mapReplacement(plan, context, keyMap) : plan;
}

function mapForward(args: Args, context: FilterContext, keyMap: KeyMap): Plan {
  const mapped = mapCommand(args, context, keyMap);
  if (becomesNothing(args, mapped.args, context.dbMap.toTarget(context.db), context)) return DROP;
  if (mapped.args === args && mapped.report === undefined) return { action: 'forward' };
  return replaceHere(context, [mapped.args], reported(mapped.report));
}

function mapReplacement(plan: Plan & { action: 'replace' }, context: FilterContext, keyMap: KeyMap): Plan {
  const commands: PlannedCommand[] = [];
  const reports = plan.report === undefined ? [] : [plan.report];
  for (const { targetDb, args } of plan.commands) {
    const mapped = mapCommand(args, context, keyMap);
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

function mapCommand(args: Args, { table }: FilterContext, keyMap: KeyMap): Mapped {
  const spec = commandOf(args, table);
  if (spec === undefined) return { args };
  const mapped = mapAt(args, positionsOf(spec.keys, args), (key) => keyMap.map(key));
  if (spec.role === 'script') return { args: mapped, report: scriptReport(spec) };
  return spec.name === 'SORT' ? mapSort(mapped, keyMap) : { args: mapped };
}

function scriptReport({ name }: CommandSpec): string {
  return `${name} was run with its declared keys mapped: names that a script puts together by itself are not`;
}

function mapAt(
  args: Args,
  positions: readonly number[],
  map: (arg: Uint8Array) => Uint8Array | undefined,
): Args {
  let out: Uint8Array[] | undefined;
  for (const at of positions) {
    const mapped = map(args[at]!);
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
