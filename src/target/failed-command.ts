/** Traces an error reply back to the command it answers, by reading the slabs that are still held. */
import { CommandScanner, commandArgs } from '../resp/command-scanner.js';
import { type Origin, originAt, type Slab } from './slab.js';

export interface FailedCommand {
  /** The server's text, without the leading `-`. */
  readonly error: string;
  /** Name and all arguments; empty when it was too long to be kept, or part of a long transaction. */
  readonly name: string;
  readonly args: readonly Uint8Array[];
  /** Offset in the source (file or stream) at or shortly before the command; -1 when unknown. */
  readonly offset: number;
  /** The command itself stands there; otherwise it was made of what does. */
  readonly copied: boolean;
  /** Which command of the connection, from 0; inside a transaction the failing one of it. */
  readonly number: number;
  /** It failed when the EXEC it belongs to was carried out: the rest of the transaction was done. */
  readonly executed: boolean;
}

/**
 * `reply` counts from 0 over the whole connection. For an element of an EXEC's reply the command meant is as
 * many places before the EXEC as the reply has elements from there on. In any other reply an error is data
 * that a script made: undefined.
 */
export function commandAt(
  slabs: readonly Slab[],
  error: string,
  reply: number,
  element: number,
  elements: number,
): FailedCommand | undefined {
  const answered = heldCommand(slabs, reply);
  if (element >= 0 && nameOf(answered.args) !== 'EXEC') return undefined;
  const number = element < 0 ? reply : reply - elements + element;
  const { args, offset, copied } = element < 0 ? answered : heldCommand(slabs, number);
  return {
    error,
    name: nameOf(args),
    args,
    offset,
    copied,
    number,
    executed: element >= 0,
  };
}

interface HeldCommand extends Origin {
  readonly args: readonly Uint8Array[];
}

const NOT_HELD: HeldCommand = { args: [], offset: -1, copied: false };

/** Command `number` of the connection, if the slab it ends in is still here. */
function heldCommand(slabs: readonly Slab[], number: number): HeldCommand {
  const holder = slabs.find((slab) => slab.ends > 0 && slab.repliesDue > number);
  if (holder === undefined) return NOT_HELD;
  return readSlab(holder)[number - (holder.repliesDue - holder.ends)] ?? NOT_HELD;
}

function nameOf(args: readonly Uint8Array[]): string {
  return args.length === 0 ? '' : new TextDecoder('latin1').decode(args[0]).toUpperCase();
}

/** All commands that end in the slab; one that began before it is unreadable and stands as empty. */
function readSlab(slab: Slab): HeldCommand[] {
  const commands: HeldCommand[] = [];
  const scanner = new CommandScanner();
  let at = 0;
  if (slab.continues) {
    commands.push({ args: [], ...originAt(slab, 0) });
    at = slab.tail;
  }
  while (at < slab.used) {
    const next = scanner.find(slab.bytes, at, slab.used);
    if (next < 0) break;
    commands.push({
      args: commandArgs(slab.bytes, at).map((arg) => arg.slice()),
      ...originAt(slab, at),
    });
    at = next;
  }
  return commands;
}
