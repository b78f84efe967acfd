/** Every command there is, in the order of `--help`. */
import { checkpointCommand } from './checkpoint.js';
import type { Command } from './command.js';
import { diffCommand } from './diff.js';
import { exportCommand } from './export.js';
import { inspectCommand } from './inspect.js';
import { restoreCommand } from './restore.js';
import { syncCommand } from './sync.js';

export const COMMANDS: readonly Command[] = [
  syncCommand,
  exportCommand,
  inspectCommand,
  diffCommand,
  restoreCommand,
  checkpointCommand,
];

/** Whether any command has such an option. */
export function isAnyOption(name: string): boolean {
  return COMMANDS.some(({ options }) => Object.hasOwn(options, name));
}
