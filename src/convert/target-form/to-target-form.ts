/**
 * Gives a command of the stream the form that the target takes, whatever versions the two are. One rule per
 * command, in the files beside; what the target has no command for, and no rule either, is left out and
 * reported. Most commands need no look at all: `needsLook` names those that do.
 *
 * Relative times are made absolute before (`convert/absolute-ttl.ts`). The deadlines in the results stand in
 * SET … PXAT, PEXPIREAT, HSETEX … PXAT, HPEXPIREAT and RESTORE … ABSTTL; the scripts carry none, but take over
 * what they find on the target.
 */
import { BUILTIN_COMMANDS } from '../../keyspace/command-table.js';
import type { CommandRole } from '../../keyspace/command-data.js';
import { formatServer, type ServerIdentity } from '../../rdb/server-support.js';
import type { TargetAbilities } from './abilities.js';
import { knowsCommand } from './command-since.js';
import { HASH_RULES } from './hash-rules.js';
import { KEY_RULES } from './key-rules.js';
import { LIST_RULES } from './list-rules.js';
import { PayloadConverter } from './restore-payload.js';
import {
  type Args,
  isNeeded,
  leftOut,
  type Rule,
  type TargetContext,
  type TargetForm,
  upperText,
} from './rule.js';
import { ScriptCache } from './script-cache.js';
import { SERVER_RULES } from './server-rules.js';
import { STREAM_RULES } from './stream-rules.js';
import { STRING_RULES } from './string-rules.js';
import { ZSET_RULES } from './zset-rules.js';

const RULES: readonly Rule[] = [
  ...STRING_RULES,
  ...KEY_RULES,
  ...LIST_RULES,
  ...ZSET_RULES,
  ...HASH_RULES,
  ...STREAM_RULES,
  ...SERVER_RULES,
];

const RULE_OF: ReadonlyMap<string, Rule> = new Map(
  RULES.flatMap((rule) => rule.names.map((name) => [name, rule] as const)),
);

const STREAM_NAMES: ReadonlySet<string> = new Set(STREAM_RULES.flatMap(({ names }) => names));

/** Commands that are never given to a target as they are. */
const HANDLED_ELSEWHERE: ReadonlySet<CommandRole> = new Set(['select', 'transaction', 'link', 'cluster']);

/** One per stream: it remembers scripts (those of a snapshot's `lua` fields are to be added by the caller). */
export function createTargetContext(can: TargetAbilities, source?: ServerIdentity): TargetContext {
  const rules = new Map(
    RULES.filter((rule) => isNeeded(rule, can, source)).flatMap((rule) =>
      rule.names.filter((name) => canHold(name, can)).map((name) => [name, rule] as const),
    ),
  );
  return { can, source, rules, scripts: new ScriptCache(), payloads: new PayloadConverter(can) };
}

/** null: as it is. */
export function toTargetForm(args: Args, context: TargetContext): TargetForm {
  const sent = args[0];
  if (sent === undefined) return null;
  const name = upperText(sent);
  const rule = context.rules.get(name);
  const form = rule === undefined || args.length < rule.leastArgc ? null : rule.rewrite(args, context);
  if (form !== null || context.can.has(name)) return form;
  return leftOut(`${formatServer(context.can.server)} has no command ${name}`);
}

/** Rules on streams suppose that there are streams. */
function canHold(name: string, can: TargetAbilities): boolean {
  return can.has('XADD') || !STREAM_NAMES.has(name);
}

/** Fewer arguments than this (the name counts), and the command is fine as it is. */
export function leastArgc(name: string, can: TargetAbilities): number {
  return can.has(name) ? (RULE_OF.get(name)?.leastArgc ?? 1) : 1;
}

/**
 * Names (in upper case) of the commands that `toTargetForm` may have something to say about on this target;
 * all others may pass unseen. `sourceCommands`: what the source itself said it knows (with its modules).
 */
export function needsLook(
  can: TargetAbilities,
  source?: ServerIdentity,
  sourceCommands: readonly string[] = [],
): readonly string[] {
  const names = new Set<string>();
  for (const rule of RULES) {
    if (!isNeeded(rule, can, source)) continue;
    for (const name of rule.names) names.add(name);
  }
  for (const { name, role } of BUILTIN_COMMANDS.specs) {
    if (HANDLED_ELSEWHERE.has(role) || can.has(name)) continue;
    if (source === undefined || knowsCommand(source, name)) names.add(name);
  }
  for (const name of sourceCommands.map((text) => text.toUpperCase())) if (!can.has(name)) names.add(name);
  return [...names];
}
