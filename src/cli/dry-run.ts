/**
 * `replicant sync --dry-run`: what a sync would do. The report is the data, so it goes to stdout: text, or one
 * line of JSON. Resolves with the exit code that the sync would have as far as can be known.
 */
import type { SyncCommandOptions } from '../config/sync-command-options.js';
import { formatCount } from '../observe/units.js';
import type { DryRunReport } from '../sync/dry-run-report.js';
import type { CliDeps } from './deps.js';
import { renderDryRun } from './dry-run-text.js';
import { describeFailure, formatStack } from './failure.js';
import { openSession, type Session, showReading } from './session.js';
import { onInterruption } from './stop-signals.js';

export async function runDryRunCommand(options: SyncCommandOptions, deps: CliDeps): Promise<number> {
  // Loaded here, so that a sync does not have to load it.
  const { startDryRun } = await import('../sync/dry-run.js');
  const session = openSession(options, deps);
  const { log } = session;
  if (options.statusFile !== undefined || options.http !== undefined)
    log.warn('a dry run has no status: --status-file and --http are left aside');
  const interruption = onInterruption(deps);
  const run = startDryRun({
    sync: options.sync,
    signal: interruption.signal,
    emit: (level, _event, message, details) => log[level](message, details),
  });
  const stopProgress = showReading(session, deps, options, 'dry run', () => {
    const { keys, ...bytes } = run.progress();
    return { ...bytes, counts: [`${formatCount(keys)} keys`] };
  });
  try {
    const report = await run.done;
    stopProgress();
    return tell(report, options, deps, session);
  } catch (error) {
    stopProgress();
    if (interruption.exitCode !== 0) {
      log.warn('stopped before the end: there is no report');
      return interruption.exitCode;
    }
    return fail(error, options, deps, session);
  } finally {
    interruption.stopListening();
  }
}

function tell(
  report: DryRunReport,
  { json }: SyncCommandOptions,
  { stdout }: CliDeps,
  { log }: Session,
): number {
  for (const { message } of report.refusals) log.error(message);
  stdout.write(json ? `${JSON.stringify(report)}\n` : renderDryRun(report));
  return report.exitCode;
}

function fail(error: unknown, { json }: SyncCommandOptions, { stdout }: CliDeps, { log }: Session): number {
  const failure = describeFailure(error);
  log.error(failure.message);
  log.debug(formatStack(error));
  if (json) stdout.write(`${JSON.stringify({ ok: false, reason: 'failed', error: failure })}\n`);
  return failure.exitCode;
}
