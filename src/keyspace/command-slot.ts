/**
 * The cluster slot a command of the stream belongs to. For most commands (a range of keys) the headers of its
 * arguments are walked in the buffer and the keys summed where they stand; the others are taken apart first.
 *
 *   SET k v, DEL {a}1 {a}2     the slot of the keys
 *   PING, PUBLISH, FUNCTION …  NO_KEY
 *   DEL a b                    MANY_SLOTS, when a and b are in different ones
 *   unknown commands, EVAL …0  UNKNOWN: keys there may be, but nobody tells where
 *   SPUBLISH channel m         the slot of the channel, which is where it must be sent
 */
import { commandArgs } from '../resp/command-scanner.js';
import type { CommandSpec, KeyRule } from './command-data.js';
import { BUILTIN_COMMANDS, commandOf, positionsOf, type CommandTable } from './command-table.js';
import { hashSlot } from './hash-slot.js';

/** It has no keys. */
export const NO_KEY = -1;
/** It has keys in more than one slot. */
export const MANY_SLOTS = -2;
/** It can't be known where its keys are. */
export const UNKNOWN = -3;

type RangeRule = KeyRule & { readonly at: 'range' };

const CR = 13;
const ZERO = 48;
const SHARDED_MESSAGE = 'SPUBLISH';

/**
 * The slot of the whole command (a RESP array of bulk strings) at bytes[start, end), or one of the above. Its
 * name is bytes[start + nameFrom, start + nameFrom + nameBytes), as CommandScanner tells it.
 */
export function commandSlot(
  bytes: Uint8Array,
  start: number,
  end: number,
  nameFrom: number,
  nameBytes: number,
  table: CommandTable = BUILTIN_COMMANDS,
): number {
  const name = start + nameFrom;
  const spec = table.lookup(bytes, name, name + nameBytes);
  if (spec === undefined) return UNKNOWN;
  const { keys } = spec;
  if (keys.at === 'range' && spec.subcommands === undefined) {
    return rangeSlot(bytes, start, end, name + nameBytes + 2, keys);
  }
  if (keys.at === 'none' && isKeyless(spec)) return NO_KEY;
  return argsSlot(commandArgs(bytes, start), table);
}

/** The same of a command that has been taken apart. */
export function argsSlot(args: readonly Uint8Array[], table: CommandTable = BUILTIN_COMMANDS): number {
  const spec = commandOf(args, table);
  if (spec === undefined) return UNKNOWN;
  const [, first] = args;
  if (spec.name === SHARDED_MESSAGE && first !== undefined) return hashSlot(first, 0, first.length);
  const positions = positionsOf(spec.keys, args);
  if (positions.length === 0 && hidesKeys(spec)) return UNKNOWN;
  let slot = NO_KEY;
  for (const at of positions) {
    const key = args[at]!;
    const next = hashSlot(key, 0, key.length);
    if (slot !== NO_KEY && next !== slot) return MANY_SLOTS;
    slot = next;
  }
  return slot;
}

/** Whatever its arguments are. */
function isKeyless(spec: CommandSpec): boolean {
  return spec.subcommands === undefined && spec.name !== SHARDED_MESSAGE && !hidesKeys(spec);
}

/** When no key is declared: a script may name keys itself, MIGRATE always has some. */
function hidesKeys({ role, name }: CommandSpec): boolean {
  return role === 'opaque' || role === 'script' || name === 'MIGRATE';
}

/** `at`: where the header of the first argument behind the name begins. */
function rangeSlot(bytes: Uint8Array, start: number, end: number, from: number, rule: RangeRule): number {
  const last = rule.last >= 0 ? rule.last : numberAt(bytes, start + 1) + rule.last;
  const step = rule.step > 1 ? rule.step : 1;
  let at = from;
  let slot = NO_KEY;
  let next = rule.first;
  for (let index = 1; index <= last && at < end; index++) {
    let length = 0;
    for (at++; bytes[at] !== CR; at++) length = length * 10 + bytes[at]! - ZERO;
    at += 2;
    if (index === next) {
      const found = hashSlot(bytes, at, at + length);
      if (slot === NO_KEY) slot = found;
      else if (slot !== found) return MANY_SLOTS;
      next += step;
    }
    at += length + 2;
  }
  return slot;
}

function numberAt(bytes: Uint8Array, from: number): number {
  let value = 0;
  for (let at = from; bytes[at] !== CR; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}
