/**
 * What a server says of its commands. One entry of COMMAND and COMMAND INFO, as an array:
 *
 *   0 name   1 arity   2 flags   3 first key   4 last key   5 step
 *   6 ACL categories (6.0+)   7 tips   8 key specs   9 subcommands (7.0+)
 */
import {
  NO_KEYS,
  range,
  special,
  type CommandKind,
  type CommandRole,
  type CommandSpec,
  type KeyRule,
} from './command-data.js';
import {
  givesOne,
  listOf,
  needMovable,
  numberOf,
  parseKeySpecs,
  specPositions,
  textOf,
  type KeySpec,
} from './key-specs.js';

export interface ServerCommand {
  readonly name: string;
  readonly firstKey: number;
  readonly lastKey: number;
  readonly step: number;
  /** `movablekeys` is among its flags. */
  readonly movable: boolean;
  /** By its ACL categories; `module` when it does not say. */
  readonly kind?: CommandKind;
  /** undefined when the server gives none (before 7.0) or when they do not cover all keys. */
  readonly keySpecs?: readonly KeySpec[];
  readonly subcommands?: readonly ServerCommand[];
}

/** The entries of a reply to COMMAND or COMMAND INFO; what is no entry (null: not known there) is left out. */
export function parseCommandReply(reply: unknown): ServerCommand[] {
  return listOf(reply).flatMap((entry) => {
    const command = parseEntry(listOf(entry));
    return command === undefined ? [] : [command];
  });
}

function parseEntry(entry: readonly unknown[]): ServerCommand | undefined {
  const [name, , flags, firstKey, lastKey, step, categories, , specs, subcommands] = entry;
  if (entry.length < 6 || textOf(name) === '') return undefined;
  const words = listOf(flags).map((flag) => textOf(flag));
  const keySpecs = specs === undefined ? undefined : parseKeySpecs(listOf(specs));
  const subs = parseCommandReply(subcommands);
  return {
    name: textOf(name),
    firstKey: numberOf(firstKey),
    lastKey: numberOf(lastKey),
    step: numberOf(step),
    movable: words.includes('movablekeys'),
    kind: words.includes('module') ? 'module' : kindOf(listOf(categories).map((name) => textOf(name))),
    ...(keySpecs === undefined ? {} : { keySpecs }),
    ...(subs.length === 0 ? {} : { subcommands: subs }),
  };
}

/** Without a category (before 6.0, or of a module) nothing is known: the same as a module's. */
const KINDS: readonly (readonly [string, CommandKind])[] = [
  ['@string', 'string'],
  ['@bitmap', 'string'],
  ['@hyperloglog', 'string'],
  ['@list', 'list'],
  ['@set', 'set'],
  ['@sortedset', 'zset'],
  ['@geo', 'zset'],
  ['@hash', 'hash'],
  ['@stream', 'stream'],
];

function kindOf(categories: readonly string[]): CommandKind {
  const kinds = new Set(KINDS.flatMap(([category, kind]) => (categories.includes(category) ? [kind] : [])));
  const [only] = kinds;
  if (only !== undefined) return kinds.size === 1 ? only : 'any';
  return categories.includes('@keyspace') || categories.includes('@scripting') ? 'any' : 'module';
}

/** The entry as our table has it. */
export function specOf(entry: ServerCommand): CommandSpec {
  const name = entry.name.toUpperCase();
  const [role, keys] = keysOf(entry);
  return {
    name: name.slice(name.indexOf('|') + 1),
    kind: role === 'keyless' ? 'any' : (entry.kind ?? 'module'),
    role,
    keys,
    overwrites: false,
    destination: 'first',
    ...(entry.subcommands === undefined
      ? {}
      : { subcommands: new Map(entry.subcommands.map(specOf).map((sub) => [sub.name, sub])) }),
  };
}

function keysOf({ firstKey, lastKey, step, movable, keySpecs }: ServerCommand): [CommandRole, KeyRule] {
  if (keySpecs !== undefined && keySpecs.length > 0 && (!movable || needMovable(keySpecs))) {
    const role = keySpecs.length === 1 && givesOne(keySpecs[0]!) ? 'single' : 'group';
    return [role, special((args) => specPositions(keySpecs, args))];
  }
  // A range that moves is only a part of the keys: not enough to decide on.
  if (movable) return ['opaque', NO_KEYS];
  if (firstKey === 0 || keySpecs?.length === 0) return ['keyless', NO_KEYS];
  return [lastKey === firstKey ? 'single' : 'group', range(firstKey, lastKey, step)];
}
