/** One command cut down to some of its keys, where these do not depend on each other (`each` in `command-data.ts`). */
import type { CommandSpec } from './command-data.js';
import { bytesOf } from './words.js';

type Args = readonly Uint8Array[];

const MSET: Uint8Array = bytesOf('MSET');

/** The command with only the keys at `inside`, and with each key what follows it up to the next one. */
export function reduceKeys(
  args: Args,
  spec: CommandSpec,
  positions: readonly number[],
  inside: readonly number[],
): Uint8Array[] {
  const { keys } = spec;
  const step = keys.at === 'none' || keys.at === 'special' ? 1 : keys.step;
  const kept = inside.flatMap((at) => args.slice(at, at + step));
  if (keys.at !== 'numkeys') return [spec.name === 'MSETNX' ? MSET : args[0]!, ...kept];
  const rest = args.slice(positions.at(-1)! + step);
  return [args[0]!, bytesOf(String(inside.length)), ...kept, ...rest];
}
