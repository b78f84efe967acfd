/** The whole program but for the process around it: words of the command line → exit code. */
import { parseCommandLine } from './command-line.js';
import { COMMANDS, isAnyOption } from './commands.js';
import type { CliDeps } from './deps.js';
import { describeFailure, formatStack } from './failure.js';

/** Never rejects: every failure is reported and becomes an exit code. */
export async function main(argv: readonly string[], deps: CliDeps): Promise<number> {
  try {
    const line = parseCommandLine(argv, deps.stderr.columns(), COMMANDS);
    if (line.kind === 'print') {
      deps.stdout.write(`${line.text}\n`);
      return 0;
    }
    const context = {
      env: deps.env,
      terminal: deps.stderr.isTty,
      readFile: deps.readFile,
      elsewhere: isAnyOption,
    };
    return await line.command.run(line.flags, context, deps);
  } catch (error) {
    return reportBeforeStart(error, argv, deps);
  }
}

/** There is no logger yet, so options that shape the report are looked for in the raw words. */
function reportBeforeStart(error: unknown, argv: readonly string[], deps: CliDeps): number {
  const failure = describeFailure(error);
  deps.stderr.write(`replicant: ${failure.message}\n`);
  if (isSet(argv, deps, 'log-level', 'debug')) deps.stderr.write(`${formatStack(error)}\n`);
  if (argv.includes('--json') || isSet(argv, deps, 'json', 'true') || deps.env['REPLICANT_JSON'] === '1') {
    deps.stdout.write(`${JSON.stringify({ ok: false, reason: 'failed', error: failure })}\n`);
  }
  return failure.exitCode;
}

function isSet(argv: readonly string[], deps: CliDeps, name: string, value: string): boolean {
  const variable = deps.env[`REPLICANT_${name.toUpperCase().replaceAll('-', '_')}`];
  const at = argv.indexOf(`--${name}`);
  return variable === value || argv.includes(`--${name}=${value}`) || (at !== -1 && argv[at + 1] === value);
}
