/**
 * A command of the program: one file each, named in `commands.ts`. It brings its table of options and its
 * words of help; parsing, `--help` and reports of wrong usage are the same for all (`command-line.ts`,
 * `program.ts`).
 */
import type { Options } from '../config/option-table.js';
import type { ConfigContext } from '../config/shared-options.js';
import type { CliDeps } from './deps.js';

/** Names of the option table → the text, texts or boolean that was typed. */
export type Flags = Readonly<Record<string, unknown>>;

export interface Command {
  readonly name: string;
  /** The positional options of the table as yargs wants them: `[source] [target]`, `[files..]`. */
  readonly words: string;
  /** The same for people: `<source> <target>`. */
  readonly usage: string;
  /** One line in the list of commands. */
  readonly summary: string;
  /** What it does, above its options. */
  readonly describe: string;
  /** Examples, exit codes. Set by hand: yargs puts examples into two columns, too narrow for URLs. */
  readonly epilogue: string;
  readonly options: Options;
  /** Whether `-` (standard input or output) may stand among the words. */
  readonly dash: boolean;
  /** Resolves with the exit code. What it throws before it has a logger is reported by `program.ts`. */
  run(flags: Flags, context: ConfigContext, deps: CliDeps): Promise<number>;
}

export const ENVIRONMENT_HELP =
  'Every option may also be set in the environment as REPLICANT_<OPTION>, for example REPLICANT_LOG_LEVEL=warn or REPLICANT_INCLUDE_DB=0,3, and in the config file. Flags win over the environment, which wins over the file.';
