/** Traces an error reply back to the command it answers, by reading the slabs that are still held. */
import { CommandScanner, commandArgs } from '../resp/command-scanner.js';
import type { Slab } from './slab.js';

export interface FailedCommand {
  /** The server's text, without the leading `-`. */
  readonly error: string;
  /** Name and first argument of the command; empty when it was too long to be kept. */
  readonly name: string;
  readonly args: readonly Uint8Array[];
  /** Offset in the source (file or stream) at or shortly before the command; -1 when unknown. */
  readonly offset: number;
  /** Which command of the connection, from 0; inside a transaction the failing one of it. -1: unknown. */
  readonly number: number;
}

/**
 * `reply` counts from 0 over the whole connection. For an element of an EXEC's reply, the command meant is
 * the one behind the MULTI that many places on.
 */
export function commandAt(slabs: readonly Slab[], error: string, reply: number, element: number): FailedCommand {
  const unknown: FailedCommand = { error, name: '', args: [], offset: -1, number: element < 0 ? reply : -1 };
  const holder = slabs.find((slab) => slab.ends > 0 && slab.repliesDue > reply);
  if (holder === undefined) return unknown;
  const commands = readSlab(holder);
  const first = holder.repliesDue - holder.ends;
  const index = reply - first;
  const wanted = element < 0 ? index : indexInTransaction(commands, index, element);
  const found = commands[wanted];
  if (found === undefined) return { ...unknown, offset: commands[index]?.offset ?? -1 };
  return { error, name: nameOf(found.args), args: found.args, offset: found.offset, number: first + wanted };
}

interface HeldCommand {
  readonly args: readonly Uint8Array[];
  readonly offset: number;
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
    commands.push({ args: [], offset: slab.origins[1] ?? -1 });
    at = firstCommandAfterTail(slab);
  }
  while (at < slab.used) {
    const next = scanner.find(slab.bytes, at, slab.used);
    if (next < 0) break;
    commands.push({ args: commandArgs(slab.bytes, at).map((arg) => arg.slice()), offset: offsetAt(slab, at) });
    at = next;
  }
  return commands;
}

/** Behind the tail of a long command every further one was announced by an origin or starts with `*`. */
function firstCommandAfterTail(slab: Slab): number {
  for (let index = 2; index < slab.origins.length; index += 2) {
    if (slab.origins[index]! > 0) return slab.origins[index]!;
  }
  return slab.used;
}

/** Copied bytes keep their distances, so the offset follows from the nearest origin before. */
function offsetAt(slab: Slab, at: number): number {
  let offset = -1;
  for (let index = 0; index < slab.origins.length && slab.origins[index]! <= at; index += 2) {
    offset = slab.origins[index + 1]! + at - slab.origins[index]!;
  }
  return offset;
}

function indexInTransaction(commands: readonly HeldCommand[], exec: number, element: number): number {
  for (let index = exec - 1; index >= 0; index--) {
    if (nameOf(commands[index]!.args) === 'MULTI') return index + 1 + element;
  }
  return -1;
}
