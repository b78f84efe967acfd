/**
 * The shape of a rule: what to do with commands of some names on targets that lack something for them.
 *
 * A command in the stream has succeeded on the source. So conditions (NX, XX, GT, IFEQ …) held and may go, and
 * so may what only shapes the reply. What a rule returns has the very effect that the command had there.
 */
import { bytesOf } from '../../keyspace/words.js';
import { atLeast, type ServerIdentity } from '../../rdb/server-support.js';
import type { TargetAbilities } from './abilities.js';
import type { PayloadConverter } from './restore-payload.js';
import type { ScriptCache } from './script-cache.js';

export type Args = readonly Uint8Array[];

/**
 * `commands` in order, one unit when there are several, none when the command is left out. `report` says in
 * one line what comes out different from the source; it is the same text for all commands of one kind.
 */
export interface Rewritten {
  readonly commands: readonly Args[];
  readonly report?: string;
}

/** null: the target takes the command as it is. */
export type TargetForm = Rewritten | null;

export interface TargetContext {
  readonly can: TargetAbilities;
  /** undefined: it may be any. */
  readonly source: ServerIdentity | undefined;
  /** The rules that apply between these two, by the names of their commands. */
  readonly rules: ReadonlyMap<string, Rule>;
  readonly scripts: ScriptCache;
  readonly payloads: PayloadConverter;
}

/** Why commands of a rule may need to be rewritten: forms that came with some release. */
export interface Need {
  /** First releases whose streams have such forms; undefined: the family never sends them. */
  readonly redis: Release | undefined;
  readonly valkey: Release | undefined;
  /** Does the target not take them, as this source sends them? */
  lacks(can: TargetAbilities, source: ServerIdentity | undefined): boolean;
}

type Release = readonly [major: number, minor: number];

export interface Rule {
  readonly names: readonly string[];
  /** Commands with fewer arguments (the name counts) are fine as they are. */
  readonly leastArgc: number;
  readonly needs: readonly Need[];
  rewrite(args: Args, context: TargetContext): TargetForm;
}

/** May the source have sent what a target of its own kind would not need to be shielded from? */
export function isForeign(can: TargetAbilities, source: ServerIdentity | undefined): boolean {
  if (source === undefined || source.family !== can.server.family) return true;
  return !atLeast(can.server.version, source.version[0], source.version[1]);
}

/** `redis` and `valkey` as `6.2`; `-`: the family never sends such forms. */
export function need(redis: string, valkey: string, lacks: Need['lacks']): Need {
  return { redis: parseRelease(redis), valkey: parseRelease(valkey), lacks };
}

/** `6.2`; undefined for `-`. */
export function parseRelease(text: string): Release | undefined {
  const [major, minor] = text.split('.');
  return minor === undefined ? undefined : [Number(major), Number(minor)];
}

/** May this source send something by this rule's names that this target does not take? */
export function isNeeded(rule: Rule, can: TargetAbilities, source: ServerIdentity | undefined): boolean {
  return rule.needs.some((one) => {
    const floor = source === undefined ? undefined : one[source.family];
    const sent = source === undefined || (floor !== undefined && atLeast(source.version, ...floor));
    return sent && one.lacks(can, source);
  });
}

export const DROPPED: Rewritten = { commands: [] };

export function only(...words: readonly (string | Uint8Array)[]): Rewritten {
  return { commands: [command(...words)] };
}

export function leftOut(report: string): Rewritten {
  return { commands: [], report };
}

export function command(...words: readonly (string | Uint8Array)[]): Args {
  return words.map((word) => (typeof word === 'string' ? bytesOf(word) : word));
}

/** Commands and options are ASCII; other bytes never match a word. */
export function upperText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text.toUpperCase();
}

/** The argument as an option; too long to be one: empty. */
export function optionOf(arg: Uint8Array | undefined): string {
  return arg === undefined || arg.length > 16 ? '' : upperText(arg);
}
