/**
 * `replicant restore`: loads a file into a running server. Log and progress on stderr, the summary of
 * `--json` on stdout. Resolves with the exit code.
 */
import {
  RESTORE_OPTIONS,
  resolveRestoreCommand,
  type RestoreCommandOptions,
} from '../config/restore-options.js';
import { openFileInput } from '../io/input.js';
import type { Reading } from '../observe/reading-progress.js';
import { formatBytes, formatCount, formatDuration } from '../observe/units.js';
import type { RestoreSummary } from '../restore/options.js';
import type { Restore } from '../restore/run-restore.js';
import { ENVIRONMENT_HELP, type Command } from './command.js';
import type { CliDeps } from './deps.js';
import { describeFailure, formatStack, type Failure } from './failure.js';
import { openSession, type Session, showReading } from './session.js';
import { onStopSignals } from './stop-signals.js';

/** Skipped entries that the end of the log repeats by name. */
const SKIPPED_SHOWN = 10;

const EPILOGUE = `Examples:
  a snapshot into an empty server
    replicant restore dump.rdb redis://new:6379
  an append-only file up to a moment
    replicant restore appendonlydir/ redis://new:6379 --to-time 2026-01-31T12:00:00Z
  what replicant export wrote, edited on the way
    replicant export dump.rdb -f ndjson | jq -c 'select(.db == 0)' | replicant restore - redis://new:6379
  some keys of a compressed snapshot among those that are there
    replicant restore dump.rdb.gz redis://new:6379 --include-key 'user:*' --target-not-empty merge

${ENVIRONMENT_HELP}

Exit codes: 0 done, 1 other failure, 2 wrong usage (nothing was touched), 3 done but entries were skipped, or stopped half-way, 4 the file cannot be read, 5 the target, 6 corrupt input, 70 a bug, 130 or 143 ended at once by a second signal.`;

export const restoreCommand: Command = {
  name: 'restore',
  words: '[file] [target]',
  usage: '<file> <target>',
  summary: 'load a snapshot, an AOF, NDJSON or commands into a running server',
  describe: 'Loads a file into a running server, by the same way that sync writes.',
  epilogue: EPILOGUE,
  options: RESTORE_OPTIONS,
  dash: true,
  run: (flags, context, deps) => runRestoreCommand(resolveRestoreCommand(flags, context), deps),
};

async function runRestoreCommand(options: RestoreCommandOptions, deps: CliDeps): Promise<number> {
  const { runRestore } = await import('../restore/run-restore.js');
  const session = openSession(options, deps);
  const { log } = session;
  const run = runRestore(options.restore, {
    open: openFileInput,
    emit: ({ level, message }) => log[level](message),
  });
  const removeSignals = onStopSignals(deps.signals, {
    first: (signal) => {
      log.info(`${signal}: stopping; a second ${signal} exits at once`);
      run.stop();
    },
    second: (_, exitCode) => deps.exit(exitCode),
  });
  const stopProgress = showReading(session, deps, options, 'restore', () => readingOf(run));
  try {
    const summary = await run.done;
    stopProgress();
    return reportDone(summary, options, session, deps);
  } catch (error) {
    stopProgress();
    return reportFailed(error, run.summary(), options, session, deps);
  } finally {
    removeSignals();
  }
}

function readingOf(run: Restore): Reading {
  const { bytesRead, totalBytes, keys, commands } = run.progress();
  const counts = [
    ...(keys > 0 || commands === 0 ? [`${formatCount(keys)} keys`] : []),
    ...(commands > 0 ? [`${formatCount(commands)} commands`] : []),
  ];
  return { bytesRead, totalBytes, counts };
}

function reportDone(
  summary: RestoreSummary,
  { json }: RestoreCommandOptions,
  { log }: Session,
  deps: CliDeps,
): number {
  log.info(`done: ${describe(summary)}`);
  for (const { what, name, db, why } of summary.skipped.slice(0, SKIPPED_SHOWN)) {
    log.warn(`skipped ${what} ${name}${db < 0 ? '' : ` in database ${db}`}: ${why}`);
  }
  if (summary.skippedCount > SKIPPED_SHOWN) log.warn(`${summary.skippedCount} entries were skipped in all`);
  if (json) deps.stdout.write(`${JSON.stringify(summary)}\n`);
  return summary.skippedCount > 0 ? 3 : 0;
}

function reportFailed(
  error: unknown,
  summary: RestoreSummary,
  { json }: RestoreCommandOptions,
  { log }: Session,
  deps: CliDeps,
): number {
  const failure: Failure = describeFailure(error);
  log.error(failure.message);
  log.debug(formatStack(error));
  if (summary.keys + summary.commands > 0) log.info(`until then: ${describe(summary)}`);
  if (json) deps.stdout.write(`${JSON.stringify({ ...summary, ok: false, error: failure })}\n`);
  return failure.exitCode;
}

function describe(summary: RestoreSummary): string {
  const { keys, commands, bytesRead, expiredKeys, skippedCount, seconds } = summary;
  const expired = expiredKeys > 0 ? `, ${expiredKeys} had expired` : '';
  const skipped = skippedCount > 0 ? `, ${skippedCount} skipped` : '';
  return `${keys} keys and ${commands} commands loaded from ${formatBytes(bytesRead)}${expired}${skipped}, in ${formatDuration(seconds)}`;
}
