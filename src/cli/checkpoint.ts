/**
 * `replicant checkpoint`: shows, or removes, what syncs have recorded on a target. Resolves with the exit code:
 * 5 also when a checkpoint that is there cannot be read.
 */
import { confirmNotHeld, type SurveyedCheckpoint, surveyCheckpoints } from '../checkpoint/survey.js';
import { deleteCheckpoint } from '../checkpoint/store.js';
import {
  CHECKPOINT_OPTIONS,
  type CheckpointCommandOptions,
  resolveCheckpointCommand,
} from '../config/checkpoint-options.js';
import { ReplicantError } from '../errors.js';
import { Client } from '../net/client.js';
import { checkpointJson, leftBehind, renderFull, renderTable } from './checkpoint-text.js';
import { ENVIRONMENT_HELP, type Command } from './command.js';
import type { CliDeps } from './deps.js';
import { describeFailure, formatStack } from './failure.js';
import { openSession, type Session } from './session.js';
import { onInterruption } from './stop-signals.js';

const EPILOGUE = `Examples:
  which syncs write to this server, and how far are they?
    replicant checkpoint show redis://new:6379
  the position of one of them
    replicant checkpoint show redis://new:6379 --name orders --json | jq -r '.checkpoints[0].position'
  after a migration: leave nothing of replicant behind
    replicant checkpoint clear redis://new:6379 --all
  let the next sync start with a full copy
    replicant checkpoint clear redis://new:6379 --name orders

A sync keeps its checkpoint in database 0 of the target, as a key called __replicant:{NAME}:checkpoint. Clearing it removes this key and nothing else.

${ENVIRONMENT_HELP}

Exit codes: 0 done, 1 other failure, 2 wrong usage, 5 the target, or the checkpoint: there is none of this name, it cannot be read, or a sync holds it, 70 a bug, 130 or 143 ended by a signal.`;

export const checkpointCommand: Command = {
  name: 'checkpoint',
  words: '[action] [target]',
  usage: '<show|clear> <target>',
  summary: 'show or clear what syncs have recorded on a target',
  describe: 'Shows where the syncs to a target stand and who runs them, or removes their checkpoints.',
  epilogue: EPILOGUE,
  options: CHECKPOINT_OPTIONS,
  dash: false,
  run: (flags, context, deps) => runCheckpointCommand(resolveCheckpointCommand(flags, context), deps),
};

async function runCheckpointCommand(options: CheckpointCommandOptions, deps: CliDeps): Promise<number> {
  const session = openSession(options, deps);
  const { log } = session;
  const interruption = onInterruption(deps);
  try {
    return await withClient(options, interruption.signal, async (client) => {
      const found = await surveyCheckpoints(client, options.job);
      if (found.length === 0 && options.job !== undefined) throw nothingOf(options.job, client);
      return options.action === 'show'
        ? show(found, options, session, deps)
        : await clear(found, client, options, session, deps);
    });
  } catch (error) {
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

/** A new connection stands in database 0, where checkpoints are. */
async function withClient(
  { target }: CheckpointCommandOptions,
  signal: AbortSignal,
  action: (client: Client) => Promise<number>,
): Promise<number> {
  const client = await Client.connect(target, 'target');
  const close = (): void => client.close();
  signal.addEventListener('abort', close);
  try {
    signal.throwIfAborted();
    return await action(client);
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}

function show(
  found: readonly SurveyedCheckpoint[],
  { json, job }: CheckpointCommandOptions,
  { log }: Session,
  deps: CliDeps,
): number {
  const nowMs = Date.now();
  const unreadable = found.filter(({ error }) => error !== undefined);
  for (const { error } of unreadable) log.error(describeFailure(error).message);
  const ok = unreadable.length === 0;
  if (json) {
    const checkpoints = found.map((one) => checkpointJson(one, nowMs));
    deps.stdout.write(`${JSON.stringify({ ok, checkpoints })}\n`);
  } else if (found.length === 0) {
    log.info('there is no checkpoint on this target');
  } else {
    const [only] = found;
    deps.stdout.write(
      job !== undefined && only !== undefined ? renderFull(only, nowMs) : renderTable(found, nowMs),
    );
  }
  return ok ? 0 : 5;
}

/** All or none: whether one of them is held is known before the first is removed. */
async function clear(
  found: readonly SurveyedCheckpoint[],
  client: Client,
  { json, force }: CheckpointCommandOptions,
  { log }: Session,
  deps: CliDeps,
): Promise<number> {
  if (!force) for (const one of found) confirmNotHeld(one);
  for (const one of found) {
    // oxlint-disable-next-line no-await-in-loop -- few
    await deleteCheckpoint(client, one.job);
    log.info(`cleared the checkpoint of job ${one.job}`);
    for (const warning of leftBehind(one)) log.warn(warning);
  }
  if (found.length === 0) log.info('there is no checkpoint on this target');
  if (json) deps.stdout.write(`${JSON.stringify({ ok: true, cleared: found.map(({ job }) => job) })}\n`);
  return 0;
}

function nothingOf(job: string, client: Client): ReplicantError {
  return new ReplicantError('CHECKPOINT', `there is no checkpoint of job ${job}`, {
    place: { at: client.address },
    hint: 'replicant checkpoint show TARGET, without --name, lists those that are there',
  });
}
