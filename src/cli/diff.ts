/**
 * `replicant diff`: what changed between two snapshots, on stdout as text or as one line of JSON. Resolves
 * with the exit code: 3 when they differ.
 */
import { resolveDiffCommand, DIFF_OPTIONS, type DiffCommandOptions } from '../config/diff-options.js';
import { formatCount } from '../observe/units.js';
import { ENVIRONMENT_HELP, type Command } from './command.js';
import type { CliDeps } from './deps.js';
import { renderDiff } from './diff-text.js';
import { describeFailure, formatStack } from './failure.js';
import { openSession, showReading } from './session.js';
import { onInterruption } from './stop-signals.js';

const EPILOGUE = `Examples:
  what changed since yesterday
    replicant diff monday.rdb tuesday.rdb
  names of all keys that went away
    replicant diff a.rdb b.rdb --limit 1000000 --json | jq -r '.removed[].key'
  do two snapshots hold the same, whatever wrote them?
    replicant diff a.rdb b.rdb --limit 0 && echo same
  what has changed on a server since its last snapshot
    replicant diff dump.rdb redis://:password@host:6379
  what prefixes would take on another server, without what the version makes of it
    replicant diff a.rdb b.rdb --server valkey-9.1

Either side may be a running server: a snapshot is taken as a replica would take one, and nothing more. Access to the first is given with --source-…, to the second with --target-….

Values are compared, not how they are stored: a snapshot loaded and saved by another version is the same. TTLs are compared by their deadline. When consumers of streams were last seen counts only with --consumer-times.

Memory does not grow with the number of keys: beyond 100,000 or so, 28 bytes of each go to a temporary file (TMPDIR), and of keys that can be read only once (standard input, a server) their names as well.

${ENVIRONMENT_HELP}

Exit codes: 0 no difference, 1 other failure, 2 wrong usage or no such file, 3 they differ, 4 a server (unreachable, auth, PSYNC refused), 5 no room for a temporary file, 6 corrupt input, 70 a bug, 130 or 143 ended by a signal.`;

export const diffCommand: Command = {
  name: 'diff',
  words: '[before] [after]',
  usage: '<before> <after>',
  summary: 'what changed between two snapshots',
  describe: 'Compares two snapshots: keys added, removed and changed, and which prefixes grew.',
  epilogue: EPILOGUE,
  options: DIFF_OPTIONS,
  dash: true,
  run: (flags, context, deps) => runDiffCommand(resolveDiffCommand(flags, context), deps),
};

async function runDiffCommand(options: DiffCommandOptions, deps: CliDeps): Promise<number> {
  const { runDiff } = await import('../inspect/run-diff.js');
  const session = openSession(options, deps);
  const { log } = session;
  const interruption = onInterruption(deps);
  const run = runDiff({ ...options.diff, signal: interruption.signal });
  const stopProgress = showReading(session, deps, options, 'diff', () => {
    const { keys, ...bytes } = run.progress();
    return { ...bytes, counts: keys > 0 ? [`${formatCount(keys)} keys`] : [] };
  });
  try {
    const report = await run.done;
    stopProgress();
    for (const note of report.notes) log.warn(note);
    deps.stdout.write(options.json ? `${JSON.stringify(report)}\n` : renderDiff(report));
    return report.equal ? 0 : 3;
  } catch (error) {
    stopProgress();
    if (interruption.exitCode !== 0) return interruption.exitCode;
    const failure = describeFailure(error);
    log.error(failure.message);
    log.debug(formatStack(error));
    if (options.json)
      deps.stdout.write(`${JSON.stringify({ ok: false, reason: 'failed', error: failure })}\n`);
    return failure.exitCode;
  } finally {
    interruption.stopListening();
  }
}
