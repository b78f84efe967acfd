/** Every command there is, in the order of `--help`. */
import type { Command } from './command.js';
import { syncCommand } from './sync.js';

export const COMMANDS: readonly Command[] = [syncCommand];

export function commandNamed(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** Whether any command has such an option. */
export function isAnyOption(name: string): boolean {
  return COMMANDS.some(({ options }) => Object.hasOwn(options, name));
}
