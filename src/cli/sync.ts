/**
 * `replicant sync`: runs the engine and tells people how it goes: log and progress on stderr, the summary
 * of `--json` on stdout, `--status-file` and `--http` on the side. Resolves with the exit code.
 */
import { resolveSyncCommand, type SyncCommandOptions } from '../config/sync-command-options.js';
import { SYNC_OPTIONS } from '../config/sync-options.js';
import { startHttp } from '../observe/http.js';
import { startProgress } from '../observe/progress-ticker.js';
import { formatTotals } from '../observe/progress.js';
import { startStatusFile } from '../observe/status-file.js';
import type { SyncHandle } from '../sync/handle.js';
import type { SyncStatus, SyncSummary } from '../sync/status.js';
import { ENVIRONMENT_HELP, type Command } from './command.js';
import type { CliDeps } from './deps.js';
import { runDryRunCommand } from './dry-run.js';
import { describeFailure, formatStack, type Failure } from './failure.js';
import { openSession, type Session } from './session.js';
import { onStopSignals } from './stop-signals.js';

/** Skipped entries that the end of the log repeats by name. */
const SKIPPED_SHOWN = 10;

const EPILOGUE = `Examples:
  copy, then keep up until Ctrl-C
    replicant sync redis://old:6379 redis://new:6379
  a migration that ends by itself
    replicant sync redis://old redis://new --until caught-up
  only some keys, with a status page and metrics
    replicant sync old new --include-key 'user:*' --http 127.0.0.1:9121
  what would that do, and what would not go?
    replicant sync redis://old redis://new --dry-run
  database 3 into database 0, over TLS
    replicant sync redis://old/3 rediss://user:password@new:6380/0

${ENVIRONMENT_HELP}

Exit codes: 0 done, 1 other failure, 2 wrong usage (nothing was touched), 3 done but entries were skipped, 4 the source, 5 the target, 6 corrupt input, 70 a bug, 130 or 143 ended at once by a second signal. With --dry-run: that of the sync it tells about, as far as can be known.`;

export const syncCommand: Command = {
  name: 'sync',
  words: '[source] [target]',
  usage: '<source> <target>',
  summary: 'full sync, then the live stream, until stopped',
  describe: 'Copies everything, then applies every change as it happens.',
  epilogue: EPILOGUE,
  options: SYNC_OPTIONS,
  dash: false,
  run: async (flags, context, deps) => {
    const options = resolveSyncCommand(flags, context);
    return options.dryRun ? await runDryRunCommand(options, deps) : await runSyncCommand(options, deps);
  },
};

interface SyncSession extends Session {
  readonly options: SyncCommandOptions;
  readonly deps: CliDeps;
}

async function runSyncCommand(options: SyncCommandOptions, deps: CliDeps): Promise<number> {
  const session: SyncSession = { ...openSession(options, deps), options, deps };
  let handle: SyncHandle | undefined;
  const status = (): SyncStatus => handle?.status() ?? statusBeforeStart(options.sync.name);
  // Before the engine, so that a port in use is found before anything is touched.
  const http = options.http === undefined ? undefined : await startHttp(options.http, status);
  try {
    if (http !== undefined) session.log.info(`status page at http://${http.address}/`);
    handle = deps.startSync(options.sync);
    return await watch(handle, session);
  } finally {
    await http?.close();
  }
}

/** Until the engine ends, one way or the other. */
async function watch(handle: SyncHandle, session: SyncSession): Promise<number> {
  const { options, deps, output, screen, log } = session;
  const status = (): SyncStatus => handle.status();
  handle.on(({ level, message, details }) => log[level](message, details));
  const removeSignals = onStopSignals(deps.signals, {
    first: (signal) => {
      log.info(
        `${signal}: stopping once what is in flight has been applied; a second ${signal} exits at once`,
      );
      handle.stop();
    },
    second: (signal, exitCode) => exitAtOnce(handle, session, signal, exitCode),
  });
  const file =
    options.statusFile === undefined ? undefined : startStatusFile(options.statusFile, status, log.warn);
  const progress = options.progress
    ? startProgress({ status, output, screen, log, nowMs: deps.nowMs })
    : undefined;
  const end = async (): Promise<void> => {
    progress?.stop();
    await file?.close();
  };
  try {
    const summary = await handle.done;
    await end();
    return reportDone(summary, session);
  } catch (error) {
    await end();
    return reportFailed(error, handle.summary(), session);
  } finally {
    removeSignals();
  }
}

function reportDone(summary: SyncSummary, session: SyncSession): number {
  const { log } = session;
  log.info(`${summary.reason}: ${formatTotals(summary.totals, summary.seconds)}`);
  const left = summary.totals.skipped;
  for (const { what, name, db, why } of summary.skipped.slice(0, SKIPPED_SHOWN)) {
    log.warn(`skipped ${what} ${name} in database ${db}: ${why}`);
  }
  if (left > SKIPPED_SHOWN) log.warn(`${left} entries were skipped in all`);
  writeSummary(summary, session);
  return left > 0 ? 3 : 0;
}

function reportFailed(error: unknown, summary: SyncSummary, session: SyncSession): number {
  const failure = describeFailure(error);
  session.log.error(failure.message);
  session.log.debug(formatStack(error));
  session.log.info(`until then: ${formatTotals(summary.totals, summary.seconds)}`);
  writeSummary({ ...summary, ok: false, reason: 'failed', error: failure }, session);
  return failure.exitCode;
}

function exitAtOnce(handle: SyncHandle, session: SyncSession, signal: string, exitCode: number): void {
  session.screen.clear();
  const message = `stopped at once by a second ${signal}`;
  session.log.warn(message);
  const error: Failure = { code: 'INTERRUPTED', message, exitCode };
  writeSummary({ ...handle.summary(), ok: false, error }, session);
  session.deps.exit(exitCode);
}

/** The one line that `sync` ever writes to stdout. */
function writeSummary(summary: SyncSummary & { readonly error?: Failure }, session: SyncSession): void {
  if (session.options.json) session.deps.stdout.write(`${JSON.stringify(summary)}\n`);
}

function statusBeforeStart(name: string): SyncStatus {
  const totals = { keys: 0, commands: 0, bytes: 0, skipped: 0, errors: 0 };
  return {
    name,
    phase: 'connecting',
    caughtUp: false,
    uptimeSeconds: 0,
    waitingFor: null,
    targetAbilities: [],
    totals,
    shards: [],
  };
}
