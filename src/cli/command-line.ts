/**
 * The words of the command line → which command with which options, or a text to print (help, version).
 *
 * yargs splits and explains; it converts nothing: every value stays the text that was typed, `config/` says
 * what is wrong with it. What yargs would let pass is refused here: an unknown command, an endpoint
 * written as `--source`, `-`, words after `--`, and a switch with a value that is neither true nor false.
 */
import yargs, { type Argv } from 'yargs';
import { ReplicantError } from '../errors.js';
import { optionOf, type Options } from '../config/option-table.js';
import type { Command, Flags } from './command.js';
import { packageVersion } from './version.js';

export type CommandLine =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly command: Command; readonly flags: Flags };

const MAX_WIDTH = 110;
/** Stands for `-` while yargs has it, which takes that for the beginning of a flag. */
const DASH = '\0dash';

const ROOT_EPILOGUE = `Examples:
  replicant sync redis://old:6379 redis://new:6379

replicant <command> --help shows the options of a command.`;

export function parseCommandLine(
  argv: readonly string[],
  columns: number,
  commands: readonly Command[],
): CommandLine {
  // `replicant help sync` is what many would type.
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  const asked = commandOf(words[0], commands);
  if (asked !== undefined) refuseWhatYargsLetsPass(words, asked);
  let line: CommandLine | undefined;
  let printed = '';
  let failure: string | undefined;
  const parser = buildParser(Math.min(columns, MAX_WIDTH), commands, (command, flags) => {
    line = { kind: 'run', command, flags: withDashes(flags) };
  });
  const parsed = words.map((word) => (word === '-' ? DASH : word));
  parser.parseSync(parsed, {}, (error: Error | undefined, _parsed: unknown, output: string) => {
    printed = output;
    failure = error?.message;
  });
  if (failure !== undefined) throw explain(failure, asked);
  if (line?.kind !== 'run') return { kind: 'print', text: printed };
  refuseMore(line.flags['_'], line.command);
  return line;
}

function withDashes(flags: Flags): Flags {
  const back = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((item) => back(item));
    return value === DASH ? '-' : value;
  };
  return Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, back(value)]));
}

function buildParser(
  width: number,
  commands: readonly Command[],
  onCommand: (command: Command, flags: Flags) => void,
): Argv {
  const parser = hideTypes(yargs())
    .scriptName('replicant')
    .usage('$0 <command>\n\nLive sync between Redis and Valkey servers, and their snapshots as files.')
    .exitProcess(false)
    .detectLocale(false)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'greedy-arrays': false,
    });
  for (const command of commands) {
    const { name, words, summary } = command;
    parser.command(
      `${name} ${words}`,
      summary,
      (inner: Argv) => buildCommand(inner, command),
      (flags: Record<string, unknown>) => onCommand(command, flags),
    );
  }
  return parser
    .epilogue(ROOT_EPILOGUE)
    .demandCommand(1, 'name a command')
    .strict()
    .help()
    .alias('help', 'h')
    .version(packageVersion())
    .wrap(width);
}

function buildCommand(
  parser: Argv,
  { name: command, usage, describe: what, options, epilogue }: Command,
): Argv {
  parser.usage(`$0 ${command} ${usage}\n\n${what}`);
  for (const [name, { kind, group, describe, positional, secret, letter }] of Object.entries(options)) {
    if (secret) continue;
    const alias = letter === undefined ? {} : { alias: letter };
    if (positional) parser.positional(name, { describe });
    else if (kind === 'switch') parser.option(name, { type: 'boolean', group, describe, ...alias });
    else parser.option(name, { type: 'string', requiresArg: true, group, describe, ...alias });
  }
  return parser.epilogue(epilogue);
}

/** `[string]` after every option says nothing to a reader. The type definitions do not know the method yet. */
function hideTypes(parser: Argv): Argv {
  if ('usageConfiguration' in parser && typeof parser.usageConfiguration === 'function') {
    parser.usageConfiguration({ 'hide-types': true });
  }
  return parser;
}

function commandOf(word: string | undefined, commands: readonly Command[]): Command | undefined {
  if (word === undefined || word.startsWith('-')) return undefined;
  const command = commands.find(({ name }) => name === word);
  if (command !== undefined) return command;
  const names = commands.map(({ name }) => name).join(', ');
  throw usageError(`there is no command '${word}'`, `the commands are: ${names}`);
}

function refuseWhatYargsLetsPass(argv: readonly string[], command: Command): void {
  const end = argv.indexOf('--');
  for (const word of end === -1 ? argv : argv.slice(0, end)) {
    if (word === '-' && !command.dash) {
      throw usageError(`- (standard input or output) is not supported yet by ${command.name}`, undefined);
    }
    const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/su.exec(word) ?? [];
    const spec = optionOf(command.options, name);
    if (spec === undefined) continue;
    if (spec.positional) {
      throw usageError(`--${name} is not an option`, `write replicant ${command.name} ${command.usage}`);
    }
    if (spec.kind === 'switch' && value !== undefined && value !== 'true' && value !== 'false') {
      throw usageError(`--${name}: takes no value`, undefined);
    }
  }
}

/** What follows `--` is never an option, and beyond the words of the command never anything. */
function refuseMore(words: unknown, command: Command): void {
  if (!Array.isArray(words) || words.length <= 1) return;
  throw usageError(`there is no such argument: ${words.slice(1).join(', ')}`, seeHelp(command));
}

/** yargs says `Unknown argument: foo` for a word too many as well as for `--foo`. */
function explain(message: string, command: Command | undefined): ReplicantError {
  const unknown = /^Unknown arguments?: (.*)$/su.exec(message)?.[1];
  if (unknown !== undefined) {
    const guess = unknown === '' ? undefined : nearestOption(unknown, command?.options ?? {});
    const hint = guess === undefined ? seeHelp(command) : `did you mean --${guess}?`;
    return usageError(`there is no such option or argument: ${unknown}`, hint);
  }
  const missing = /^Not enough arguments following: (.*)$/su.exec(message)?.[1];
  if (missing !== undefined) return usageError(`--${missing}: a value must follow`, seeHelp(command));
  return usageError(message, seeHelp(command));
}

function seeHelp(command: Command | undefined): string {
  return command === undefined ? 'see replicant --help' : `see replicant ${command.name} --help`;
}

function nearestOption(word: string, options: Options): string | undefined {
  const flags = Object.keys(options).filter((name) => !options[name]?.positional && !options[name]?.secret);
  return flags.find((name) => name.startsWith(word) || word.startsWith(name));
}

function usageError(message: string, hint: string | undefined): ReplicantError {
  return new ReplicantError('USAGE', message, { hint });
}
