/**
 * Commands that do not say where their keys are (of modules, mostly): COMMAND GETKEYS names them, for one command at a
 * time. What it answers are names, and what is needed are places.
 */
import type { CommandSpec } from './command-data.js';
import { commandOf, type CommandTable } from './command-table.js';
import { NO_KEYS, special } from './command-data.js';
import { sameBytes } from './words.js';

type Args = readonly Uint8Array[];

/** Its keys are known by asking for them alone. */
export function hidesItsKeys(args: Args, table: CommandTable): boolean {
  const spec = commandOf(args, table);
  return spec === undefined || spec.role === 'opaque';
}

/** Where the named keys stand; undefined when an argument that is none looks like one of them. */
export function placesOf(args: Args, names: readonly Uint8Array[]): number[] | undefined {
  const places = args.flatMap((arg, at) =>
    at > 0 && names.some((name) => sameBytes(name, arg)) ? [at] : [],
  );
  return places.length === names.length ? places : undefined;
}

/** The table in which this one command has its keys at these places. */
export function withKeysAt(table: CommandTable, args: Args, places: readonly number[]): CommandTable {
  const known = commandOf(args, table);
  const name = args[0]!;
  const spec: CommandSpec = {
    ...{ name: known?.name ?? '', kind: known?.kind ?? 'module', overwrites: false, destination: 'first' },
    role: places.length === 0 ? 'keyless' : places.length === 1 ? 'single' : 'group',
    keys: places.length === 0 ? NO_KEYS : special(() => [...places]),
  };
  return {
    specs: table.specs,
    lookup: (bytes, start = 0, end = bytes.length) =>
      end - start === name.length && sameBytes(bytes.subarray(start, end), name)
        ? spec
        : table.lookup(bytes, start, end),
  };
}
