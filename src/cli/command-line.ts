/**
 * The words of the command line → which command with which options, or a text to print (help, version).
 *
 * yargs splits and explains; it converts nothing: every value stays the text that was typed, `config/` says
 * what is wrong with it. What yargs would let pass is refused here: an unknown command, an endpoint
 * written as `--source`, `-`, words after `--`, and a switch with a value that is neither true nor false.
 */
import yargs, { type Argv } from 'yargs';
import { ReplicantError } from '../errors.js';
import { isOptionName, optionSpec, SYNC_OPTION_NAMES } from '../config/option-table.js';
import { packageVersion } from './version.js';

export type CommandLine =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'sync'; readonly flags: Readonly<Record<string, unknown>> };

const COMMANDS: readonly string[] = ['sync'];
const MAX_WIDTH = 110;

const ROOT_EPILOGUE = `Examples:
  replicant sync redis://old:6379 redis://new:6379

replicant <command> --help shows the options of a command.`;

// Set by hand, because yargs puts examples into two columns, too narrow for URLs.
const SYNC_EPILOGUE = `Examples:
  copy, then keep up until Ctrl-C
    replicant sync redis://old:6379 redis://new:6379
  a migration that ends by itself
    replicant sync redis://old redis://new --until caught-up
  only some keys, with a status page and metrics
    replicant sync old new --include-key 'user:*' --http 127.0.0.1:9121
  database 3 into database 0, over TLS
    replicant sync redis://old/3 rediss://user:password@new:6380/0

Every option may also be set in the environment as REPLICANT_<OPTION>, for example REPLICANT_UNTIL=caught-up or REPLICANT_INCLUDE_DB=0,3, and in the config file. Flags win over the environment, which wins over the file.

Exit codes: 0 done, 1 other failure, 2 wrong usage (nothing was touched), 3 done but entries were skipped, 4 the source, 5 the target, 6 corrupt input, 70 a bug, 130 or 143 ended at once by a second signal.`;

export function parseCommandLine(argv: readonly string[], columns: number): CommandLine {
  // `replicant help sync` is what many would type.
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  refuseWhatYargsLetsPass(words);
  let flags: Readonly<Record<string, unknown>> | undefined;
  let printed = '';
  let failure: string | undefined;
  const parser = buildParser(Math.min(columns, MAX_WIDTH), (found) => (flags = found));
  parser.parseSync(words, {}, (error: Error | undefined, _parsed: unknown, output: string) => {
    printed = output;
    failure = error?.message;
  });
  if (failure !== undefined) throw explain(failure);
  refuseMore(flags?.['_']);
  return flags === undefined ? { kind: 'print', text: printed } : { kind: 'sync', flags };
}

function buildParser(width: number, onSync: (flags: Record<string, unknown>) => void): Argv {
  return hideTypes(yargs())
    .scriptName('replicant')
    .usage('$0 <command>\n\nCopies one Redis or Valkey to another, live, by replicating from it.')
    .exitProcess(false)
    .detectLocale(false)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .command('sync [source] [target]', 'full sync, then the live stream, until stopped', buildSync, onSync)
    .epilogue(ROOT_EPILOGUE)
    .demandCommand(1, 'name a command')
    .strict()
    .help()
    .alias('help', 'h')
    .version(packageVersion())
    .wrap(width);
}

function buildSync(parser: Argv): Argv {
  parser.usage('$0 sync <source> <target>\n\nCopies everything, then applies every change as it happens.');
  for (const name of SYNC_OPTION_NAMES) {
    const { kind, group, describe, positional, secret } = optionSpec(name);
    if (secret) continue;
    if (positional) parser.positional(name, { describe });
    else if (kind === 'switch') parser.option(name, { type: 'boolean', group, describe });
    else parser.option(name, { type: 'string', requiresArg: true, group, describe });
  }
  return parser.epilogue(SYNC_EPILOGUE);
}

/** `[string]` after every option says nothing to a reader. The type definitions do not know the method yet. */
function hideTypes(parser: Argv): Argv {
  if ('usageConfiguration' in parser && typeof parser.usageConfiguration === 'function') {
    parser.usageConfiguration({ 'hide-types': true });
  }
  return parser;
}

function refuseWhatYargsLetsPass(argv: readonly string[]): void {
  const [command] = argv;
  if (command !== undefined && !command.startsWith('-') && !COMMANDS.includes(command)) {
    throw usage(`there is no command '${command}'`, `the commands are: ${COMMANDS.join(', ')}`);
  }
  const end = argv.indexOf('--');
  for (const word of end === -1 ? argv : argv.slice(0, end)) {
    if (word === '-') throw usage('- (standard input or output) is not supported yet by sync', undefined);
    const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/su.exec(word) ?? [];
    if (!isOptionName(name)) continue;
    const { positional, kind } = optionSpec(name);
    if (positional) throw usage(`--${name} is not an option`, 'write replicant sync <source> <target>');
    if (kind === 'switch' && value !== undefined && value !== 'true' && value !== 'false') {
      throw usage(`--${name}: takes no value`, undefined);
    }
  }
}

/** What follows `--` is never an option, and beyond source and target never anything. */
function refuseMore(words: unknown): void {
  if (!Array.isArray(words) || words.length <= 1) return;
  throw usage(`there is no such argument: ${words.slice(1).join(', ')}`, 'see replicant sync --help');
}

/** yargs says `Unknown argument: foo` for a word too many as well as for `--foo`. */
function explain(message: string): ReplicantError {
  const unknown = /^Unknown arguments?: (.*)$/su.exec(message)?.[1];
  if (unknown !== undefined) {
    const guess = unknown === '' ? undefined : nearestOption(unknown);
    const hint = guess === undefined ? 'see replicant sync --help' : `did you mean --${guess}?`;
    return usage(`there is no such option or argument: ${unknown}`, hint);
  }
  const missing = /^Not enough arguments following: (.*)$/su.exec(message)?.[1];
  if (missing !== undefined) return usage(`--${missing}: a value must follow`, 'see replicant sync --help');
  return usage(message, 'see replicant --help');
}

function nearestOption(word: string): string | undefined {
  const flags = SYNC_OPTION_NAMES.filter((name) => !optionSpec(name).positional && !optionSpec(name).secret);
  return flags.find((name) => name.startsWith(word) || word.startsWith(name));
}

function usage(message: string, hint: string | undefined): ReplicantError {
  return new ReplicantError('USAGE', message, { hint });
}
