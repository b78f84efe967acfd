/**
 * `replicant export`: a snapshot into another form. Data on stdout or in the file of `-o`; log and progress
 * on stderr; with `-o`, the summary of `--json` on stdout. Resolves with the exit code.
 */
import {
  resolveExportCommand,
  type ExportCommandOptions,
  type ExportSource,
} from '../config/export-command-options.js';
import { EXPORT_OPTIONS } from '../config/export-options.js';
import type { ReplicantError } from '../errors.js';
import { formatError } from '../errors.js';
import { fileDestination, stdoutDestination, type Destination } from '../export/destination.js';
import type { CsvModel } from '../export/csv.js';
import type { ExportSummary } from '../export/run-export.js';
import type { AllocatorName } from '../inspect/allocator.js';
import { type InputOptions, openInput } from '../io/input.js';
import type { SnapshotInput } from '../io/snapshot-input.js';
import { redact } from '../net/redact.js';
import type { Reading } from '../observe/reading-progress.js';
import { formatBytes, formatCount, formatDuration } from '../observe/units.js';
import { ENVIRONMENT_HELP, type Command } from './command.js';
import type { CliDeps, StopSignal } from './deps.js';
import { describeFailure, formatStack } from './failure.js';
import { openSession, type Session, showReading } from './session.js';
import { onStopSignals } from './stop-signals.js';

/** What was left out is named so many times; the rest is counted. */
const LOST_SHOWN = 10;

const EPILOGUE = `Examples:
  every key with its value, one line of JSON each; restore takes it back
    replicant export dump.rdb -f ndjson | jq -c 'select(.type == "hash")'
  what takes how much memory, for a spreadsheet
    replicant export dump.rdb.gz -o memory.csv
  the snapshot of a running server as one JSON document
    replicant export redis://:password@host:6379 -o snapshot.json
  some keys as commands for another server
    replicant export dump.rdb -f resp --include-key 'user:*' | redis-cli --pipe
  a snapshot of 7.4 for a server of 5.0
    replicant export dump.rdb -o old.rdb --for redis-5.0
  what an append-only file held at noon
    replicant export appendonlydir -f rdb -o noon.rdb --to-time 2026-01-31T12:00:00Z

The commands of an append-only file are carried out by a server of this machine: redis-server or valkey-server on the PATH, or the one named by --scratch-server, which should be of the release that wrote the file or a newer one. It is started for this in private, reachable by nobody else, saves nothing, and needs as much memory as a server with these data does. -f resp without filters needs none: it carries the commands as they are.

Standard output carries the data, unless -o names a file; so --json, which ends with a summary on standard output, needs -o.

${ENVIRONMENT_HELP}

Exit codes: 0 done, 1 other failure, 2 wrong usage (nothing was touched), 3 done but something was left out, 4 the source, 5 the output, 6 corrupt or unsupported input, 70 a bug, 130 or 143 stopped by a signal.`;

export const exportCommand: Command = {
  name: 'export',
  words: '[source..]',
  usage: '<file|source...> -f ndjson|json|csv|keys|resp|rdb [-o out]',
  summary: 'convert a snapshot to ndjson, json, csv, keys, commands or another rdb',
  describe: 'Writes what is in a snapshot in another form, to standard output or into a file.',
  epilogue: EPILOGUE,
  options: EXPORT_OPTIONS,
  dash: true,
  run: async (flags, context, deps) => runExportCommand(resolveExportCommand(flags, context), deps),
};

/** What both ways of exporting share. */
export interface ExportSession extends Session {
  readonly options: ExportCommandOptions;
  readonly deps: CliDeps;
  readonly startedMs: number;
  readonly signal: AbortSignal;
  /** Something was left out: names the first few. */
  readonly lost: (line: string) => void;
  /** Starts the progress line, unless that is switched off; stopped with the session. */
  readonly showProgress: (reading: () => Reading) => void;
}

class Stopped extends Error {
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super(`stopped by ${signal}, nothing is left of the output`);
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

async function runExportCommand(options: ExportCommandOptions, deps: CliDeps): Promise<number> {
  const session = openSession(options, deps);
  const { log } = session;
  const abort = new AbortController();
  const removeSignals = onStopSignals(deps.signals, {
    first: (signal) => abort.abort(new Stopped(signal)),
    second: (_, exitCode) => deps.exit(exitCode),
  });
  let stopProgress = (): void => {};
  let lostCount = 0;
  const shared: ExportSession = {
    ...{ ...session, options, deps, startedMs: deps.nowMs(), signal: abort.signal },
    lost(line) {
      lostCount++;
      if (lostCount <= LOST_SHOWN) log.warn(redact(line));
    },
    showProgress(reading) {
      stopProgress = showReading(session, deps, options, 'export', reading);
    },
  };
  try {
    const result = options.format === 'rdb' ? await exportRdb(shared) : await exportText(shared);
    stopProgress();
    if (lostCount > LOST_SHOWN) log.warn(`${lostCount} such things in all`);
    log.info(result.line);
    writeSummary(shared, { ok: true, ...result.summary });
    return result.exitCode;
  } catch (error) {
    stopProgress();
    return reportFailed(error, shared);
  } finally {
    removeSignals();
  }
}

export interface ExportResult {
  /** For people. */
  readonly line: string;
  readonly summary: object;
  readonly exitCode: number;
}

async function exportRdb(session: ExportSession): Promise<ExportResult> {
  const { runRdbExportCommand } = await import('./export-rdb.js');
  return runRdbExportCommand(session);
}

async function exportText(session: ExportSession): Promise<ExportResult> {
  const { options, deps, log, signal, lost } = session;
  const { format } = options;
  if (format === 'rdb') throw new TypeError('rdb is not a text format');
  const inputs = await openAll(session);
  try {
    const destination = await openDestination(options, deps);
    const { Exporter } = await import('../export/run-export.js');
    const exporter = new Exporter(
      { ...options.text, format, csv: format === 'csv' ? await csvModel(options) : undefined },
      {
        ...{ inputs, destination, signal },
        onLost: (error: ReplicantError) => lost(`left out: ${formatError(error)}`),
        onNote: (note) => log.info(note),
      },
    );
    session.showProgress(() => {
      const { bytesRead, bytesTotal, keys } = exporter.progress();
      return { bytesRead, totalBytes: bytesTotal, counts: [`${formatCount(keys)} keys`] };
    });
    const summary = await exporter.run();
    const seconds = (deps.nowMs() - session.startedMs) / 1000;
    return {
      line: describe(summary, seconds),
      summary: { ...summary, seconds },
      exitCode: summary.lost > 0 ? 3 : 0,
    };
  } finally {
    for (const input of inputs) await input.close();
  }
}

async function csvModel({ csv, sources }: ExportCommandOptions): Promise<CsvModel> {
  const { resolveAllocator } = await import('../inspect/find-allocator.js');
  const { server, allocator, account } = csv;
  const allocators: AllocatorName[] = [];
  for (const { spec } of sources) allocators.push(await resolveAllocator(allocator, spec, server));
  return { server, account, allocators };
}

/** As a source is to be opened. */
export function inputOptions(
  { options, log }: ExportSession,
  source: ExportSource | undefined,
): InputOptions {
  const { scratch } = options;
  return {
    ...source?.options,
    scratch: scratch === undefined ? undefined : { ...scratch, onNote: (note) => log.info(note) },
  };
}

async function openAll(session: ExportSession): Promise<SnapshotInput[]> {
  const inputs: SnapshotInput[] = [];
  try {
    for (const source of session.options.sources) {
      inputs.push(await openInput(source.spec, inputOptions(session, source)));
    }
  } catch (error) {
    for (const input of inputs) await input.close();
    throw error;
  }
  return inputs;
}

function openDestination({ output, force }: ExportCommandOptions, deps: CliDeps): Promise<Destination> {
  if (output !== undefined) return fileDestination(output, force);
  return Promise.resolve(deps.openStdout === undefined ? stdoutDestination() : deps.openStdout());
}

function describe(summary: ExportSummary, seconds: number): string {
  const { format, output, keys, commands, filteredKeys, bytesWritten, lost, readerGone } = summary;
  const carried = commands > 0 ? ` and ${commands} commands` : '';
  const filtered = filteredKeys > 0 ? `, ${filteredKeys} filtered out` : '';
  const leftOut = lost > 0 ? `, ${lost} times something left out` : '';
  const gone = readerGone ? ', until its reader went away' : '';
  return `${keys} keys${carried} as ${format} to ${output}, ${formatBytes(bytesWritten)}${filtered}${leftOut}${gone}, in ${formatDuration(seconds)}`;
}

function reportFailed(error: unknown, session: ExportSession): number {
  const { log, signal } = session;
  if (signal.aborted && signal.reason instanceof Stopped) {
    const { message, exitCode } = signal.reason;
    log.warn(message);
    writeSummary(session, { ok: false, error: { code: 'INTERRUPTED', message, exitCode } });
    return exitCode;
  }
  const failure = describeFailure(error);
  log.error(failure.message);
  log.debug(formatStack(error));
  writeSummary(session, { ok: false, error: failure });
  return failure.exitCode;
}

function writeSummary({ options, deps }: ExportSession, summary: object): void {
  if (options.json) deps.stdout.write(`${JSON.stringify(summary)}\n`);
}
