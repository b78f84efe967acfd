/** `replicant export -f rdb`, which writes files of another kind and so has an engine of its own. */
import { stat } from 'node:fs/promises';
import { ReplicantError } from '../errors.js';
import { stdoutDestination } from '../export/destination.js';
import { runRdbExport } from '../export/rdb-export.js';
import { exitCodeOf, type Loss, type RdbExportSummary } from '../export/rdb-report.js';
import { openInput } from '../io/input.js';
import type { SnapshotInput } from '../io/snapshot-input.js';
import { formatBytes, formatDuration } from '../observe/units.js';
import { type ExportResult, type ExportSession, inputOptions } from './export.js';

export async function runRdbExportCommand(session: ExportSession): Promise<ExportResult> {
  const { options, deps, log, signal } = session;
  const { sources, output, text, rdb } = options;
  await refuseExisting(output, options.force);
  let current: SnapshotInput | undefined;
  session.showProgress(() => ({
    bytesRead: current?.bytesRead ?? 0,
    totalBytes: current?.totalBytes,
    counts: sources.length > 1 && current !== undefined ? [current.label] : [],
  }));
  const { filter, selection, dbMap, server, onError, checksum } = text;
  const summary = await runRdbExport(
    {
      ...{ filter, selection, dbMap, server, onError, checksum, ...rdb },
      inputs: sources.map(({ spec }) => spec),
      out: output,
      force: options.force,
    },
    {
      openInput: (spec) =>
        openInput(
          spec,
          inputOptions(
            session,
            sources.find((source) => source.spec === spec),
          ),
        ),
      stdout: output === undefined ? (deps.openStdout ?? stdoutDestination)().target : undefined,
      nowMs: () => Date.now(),
      signal,
      onLoss: (loss) => session.lost(describeLoss(loss)),
      onInput: (input) => (current = input),
    },
  );
  for (const note of summary.notes) log.info(note);
  const seconds = (deps.nowMs() - session.startedMs) / 1000;
  return {
    line: describe(summary, seconds),
    summary: { ...summary, seconds },
    exitCode: exitCodeOf(summary),
  };
}

/** A shard's file may have any of several names, so those are left to the engine. */
async function refuseExisting(output: string | undefined, force: boolean): Promise<void> {
  if (output === undefined || force) return;
  const there = await stat(output).catch(() => undefined);
  if (there?.isFile() !== true) return;
  throw new ReplicantError('USAGE', 'the output file is there already', {
    place: { at: output },
    hint: 'name another one, or replace it with --force',
  });
}

function describeLoss({ what, input, db, key, type, why }: Loss): string {
  const place = [
    input,
    db === undefined ? undefined : `db ${db}`,
    key === undefined ? undefined : `key ${key}`,
  ];
  return `${what}${type === undefined ? '' : ` ${type}`}: ${why} (${place.filter((part) => part !== undefined).join(', ')})`;
}

function describe(summary: RdbExportSummary, seconds: number): string {
  const { keys, converted, filtered, duplicates, dropped, changed, damaged, files, format } = summary;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const where = files.length === 1 ? (files[0]!.path ?? 'stdout') : `${files.length} files`;
  const counts = Object.entries({ converted, filtered, duplicates, dropped, changed, damaged })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `, ${count} ${name}`);
  return `${keys} keys as ${format} to ${where}, ${formatBytes(bytes)}${counts.join('')}, in ${formatDuration(seconds)}`;
}
