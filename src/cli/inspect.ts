/**
 * `replicant inspect`: what is in a snapshot and what it costs. The report is the data, so it goes to
 * stdout: text, or one line of JSON. Resolves with the exit code.
 */
import { writeFileSync } from 'node:fs';
import {
  INSPECT_OPTIONS,
  resolveInspectCommand,
  type InspectCommandOptions,
} from '../config/inspect-options.js';
import { ReplicantError } from '../errors.js';
import type { InspectResult } from '../inspect/run-inspect.js';
import { formatCount } from '../observe/units.js';
import { ENVIRONMENT_HELP, type Command } from './command.js';
import type { CliDeps } from './deps.js';
import { describeFailure, formatStack } from './failure.js';
import { renderText } from './inspect-text.js';
import { openSession, type Session, showReading } from './session.js';
import { onInterruption } from './stop-signals.js';

const EPILOGUE = `Examples:
  what is in a snapshot, and what costs
    replicant inspect dump.rdb
  a page to be attached to a ticket
    replicant inspect dump.rdb --html report.html
  a running server, without loading it with SCAN
    replicant inspect redis://:password@host:6379
  some numbers for a script
    replicant inspect dump.rdb --json | jq '.types[] | {type, keys, bytes}'

The commands of an append-only file are carried out by a server of this machine: redis-server or valkey-server on the PATH, or the one named by --scratch-server. It is started for this in private, saves nothing, and needs as much memory as a server with these data does; sizes and encodings are then those of its release.

Sizes are what the server's allocator hands out for keys and values, not their length in the file.

${ENVIRONMENT_HELP}

Exit codes: 0 done, 1 other failure, 2 wrong usage or no such file, 3 done but damaged records were skipped, 4 the source, 6 corrupt input, 70 a bug, 130 or 143 ended by a signal.`;

export const inspectCommand: Command = {
  name: 'inspect',
  words: '[source]',
  usage: '<source>',
  summary: 'what is in a snapshot and what it costs: types, biggest keys, prefixes, TTLs',
  describe: 'Reads a snapshot once and tells what is in it and what it costs in memory.',
  epilogue: EPILOGUE,
  options: INSPECT_OPTIONS,
  dash: true,
  run: (flags, context, deps) => runInspectCommand(resolveInspectCommand(flags, context), deps),
};

async function runInspectCommand(options: InspectCommandOptions, deps: CliDeps): Promise<number> {
  // Loaded here, so that no other command has to load it.
  const { runInspect } = await import('../inspect/run-inspect.js');
  const session = openSession(options, deps);
  const interruption = onInterruption(deps);
  const { input } = options.inspect;
  const run = runInspect({
    ...{ ...options.inspect, nowMs: deps.nowMs(), signal: interruption.signal },
    input: {
      ...input,
      scratch: input.scratch && { ...input.scratch, onNote: (note) => session.log.info(note) },
    },
  });
  const stopProgress = showReading(session, deps, options, 'inspect', () => {
    const { keys, ...bytes } = run.progress();
    return { ...bytes, counts: [`${formatCount(keys)} keys`] };
  });
  try {
    const result = await run.done;
    stopProgress();
    return await report(result, options, deps, session);
  } catch (error) {
    stopProgress();
    if (interruption.exitCode !== 0) {
      session.log.warn('stopped before the end: there is no report');
      return interruption.exitCode;
    }
    return fail(error, options, deps, session);
  } finally {
    interruption.stopListening();
  }
}

async function report(
  { report: found, lost }: InspectResult,
  options: InspectCommandOptions,
  deps: CliDeps,
  session: Session,
): Promise<number> {
  if (options.html !== undefined) {
    const { renderHtml } = await import('../inspect/html/render.js');
    writeHtml(options.html, renderHtml(found));
    session.log.info(`report written to ${options.html}`);
  }
  for (const note of found.notes) session.log.warn(note);
  if (options.json) deps.stdout.write(`${JSON.stringify(found)}\n`);
  else deps.stdout.write(renderText(found));
  return lost > 0 ? 3 : 0;
}

function writeHtml(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ReplicantError('USAGE', `the report can't be written: ${why}`, {
      place: { at: path },
      cause: error,
    });
  }
}

function fail(
  error: unknown,
  { json }: InspectCommandOptions,
  { stdout }: CliDeps,
  { log }: Session,
): number {
  const failure = describeFailure(error);
  log.error(failure.message);
  log.debug(formatStack(error));
  if (json) stdout.write(`${JSON.stringify({ ok: false, reason: 'failed', error: failure })}\n`);
  return failure.exitCode;
}
