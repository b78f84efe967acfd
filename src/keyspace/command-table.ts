/**
 * Looks up a command by its name in any case, and tells where its keys are. Names are hashed (FNV-1a over the
 * upper-cased bytes) straight from the bytes of the stream, so that a lookup makes no string. A server's own
 * COMMAND reply adds the commands of its modules (`extendTable`); what is built in is not overridden.
 */
import { COMMANDS, type CommandSpec, type KeyRule } from './command-data.js';
import { type ServerCommand, specOf } from './server-commands.js';
import { bytesOf, parseCount, upper } from './words.js';

export interface CommandTable {
  readonly specs: readonly CommandSpec[];
  /** The command whose name is bytes[start, end). */
  lookup(bytes: Uint8Array, start?: number, end?: number): CommandSpec | undefined;
}

const LONGEST_NAME = 128;

function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ upper(bytes[at]!), 0x01000193);
  return hash >>> 0;
}

function nameEquals(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let at = 0; at < name.length; at++) {
    if (name[at] !== upper(bytes[start + at]!)) return false;
  }
  return true;
}

/** Names must be in upper case, and none twice. */
export function createTable(specs: readonly CommandSpec[]): CommandTable {
  let size = 256;
  while (size < specs.length * 4) size *= 2;
  const mask = size - 1;
  const slots = new Int32Array(size).fill(-1);
  const names = specs.map((spec) => bytesOf(spec.name));
  names.forEach((name, index) => {
    let slot = hashName(name, 0, name.length) & mask;
    while (slots[slot] !== -1) slot = (slot + 1) & mask;
    slots[slot] = index;
  });
  return {
    specs,
    lookup(bytes, start = 0, end = bytes.length) {
      let slot = hashName(bytes, start, end) & mask;
      for (let index = slots[slot]!; index !== -1; index = slots[slot]!) {
        if (nameEquals(names[index]!, bytes, start, end)) return specs[index];
        slot = (slot + 1) & mask;
      }
      return undefined;
    },
  };
}

export const BUILTIN_COMMANDS: CommandTable = createTable(COMMANDS);

export function lookupCommand(
  name: Uint8Array,
  start = 0,
  end: number = name.length,
): CommandSpec | undefined {
  return BUILTIN_COMMANDS.lookup(name, start, end);
}

/** A table that also knows the commands a server listed. Names that are known already keep their entry. */
export function extendTable(table: CommandTable, entries: readonly ServerCommand[]): CommandTable {
  const known = new Set(table.specs.map((spec) => spec.name));
  const added: CommandSpec[] = [];
  for (const entry of entries) {
    const spec = specOf(entry);
    if (known.has(spec.name)) continue;
    known.add(spec.name);
    added.push(spec);
  }
  return added.length === 0 ? table : createTable([...table.specs, ...added]);
}

/** What is known of this command, by its subcommand where that decides. */
export function commandOf(
  args: readonly Uint8Array[],
  table: CommandTable = BUILTIN_COMMANDS,
): CommandSpec | undefined {
  const [name, subcommand] = args;
  const spec = name === undefined ? undefined : table.lookup(name);
  if (spec?.subcommands === undefined || subcommand === undefined) return spec;
  return spec.subcommands.get(nameText(subcommand));
}

function nameText(name: Uint8Array): string {
  return String.fromCharCode(...name.subarray(0, LONGEST_NAME)).toUpperCase();
}

/**
 * Commands of the table whose keys are not known by position. When one stands in the stream and keys are
 * filtered or mapped, it is left out with a report.
 */
export function opaqueCommands(table: CommandTable): readonly string[] {
  return table.specs.flatMap((spec) => {
    const names = [...(spec.subcommands ?? [])].filter(([, sub]) => sub.role === 'opaque');
    if (spec.role === 'opaque') return [spec.name];
    return names.map(([sub]) => `${spec.name}|${sub}`);
  });
}

/** Positions of the keys in `args`; empty when it has none or is not known. */
export function keyPositions(args: readonly Uint8Array[], table: CommandTable = BUILTIN_COMMANDS): number[] {
  const spec = commandOf(args, table);
  return spec === undefined ? [] : positionsOf(spec.keys, args);
}

/** Never a position outside `args`, whatever the arguments claim. */
export function positionsOf(rule: KeyRule, args: readonly Uint8Array[]): number[] {
  if (rule.at === 'range') return rangePositions(rule.first, rule.last, rule.step, args.length);
  if (rule.at === 'special') return rule.find(args);
  if (rule.at === 'none') return [];
  const count = parseCount(args[rule.numkeys]) ?? 0;
  const first = rule.numkeys + 1;
  const keys = rangePositions(first, first + (count - 1) * rule.step, rule.step, args.length);
  return rule.before === undefined || args.length <= rule.before ? keys : [rule.before, ...keys];
}

function rangePositions(first: number, last: number, step: number, length: number): number[] {
  const end = Math.min(last < 0 ? length + last : last, length - 1);
  const out: number[] = [];
  for (let at = first; at <= end; at += Math.max(step, 1)) out.push(at);
  return out;
}
