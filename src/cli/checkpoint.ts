/**
 * `replicant checkpoint`: shows, or removes, what syncs have recorded on a target. Resolves with the exit code:
 * 5 also when a checkpoint that is there cannot be read.
 */
import { confirmNotHeld, type SurveyedCheckpoint, surveyCheckpoints } from '../checkpoint/survey.js';
import { clearJobs } from '../checkpoint/clear.js';
import {
  CHECKPOINT_OPTIONS,
  type CheckpointCommandOptions,
  resolveCheckpointCommand,
} from '../config/checkpoint-options.js';
import { ReplicantError } from '../errors.js';
import type { Client } from '../net/client.js';
import { type Endpoint, formatEndpoint } from '../net/endpoint.js';
import { connectPrimaries } from '../target/connect-primaries.js';
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

A sync keeps its checkpoint in database 0 of the target, as a key called __replicant:{NAME}:checkpoint. On a cluster there is one key more on each node, and a source that is a cluster has a job for each shard: NAME.s1, NAME.s2 … Clearing NAME removes these keys and nothing else.

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
    return await withClients(options, interruption.signal, async (clients) => {
      const found = await surveyCheckpoints(clients, options.job);
      return options.action === 'show'
        ? show(found, options, session, deps)
        : await clear(found, clients, options, session, deps);
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

/** New connections stand in database 0, where checkpoints are. */
async function withClients(
  { target }: CheckpointCommandOptions,
  signal: AbortSignal,
  action: (clients: readonly Client[]) => Promise<number>,
): Promise<number> {
  const clients = await connectPrimaries(target);
  const close = (): void => {
    for (const client of clients) client.close();
  };
  signal.addEventListener('abort', close);
  try {
    signal.throwIfAborted();
    return await action(clients);
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}

function show(
  found: readonly SurveyedCheckpoint[],
  { json, job, target }: CheckpointCommandOptions,
  { log }: Session,
  deps: CliDeps,
): number {
  if (found.length === 0 && job !== undefined) throw nothingOf(job, target);
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
    deps.stdout.write(
      job === undefined ? renderTable(found, nowMs) : found.map((one) => renderFull(one, nowMs)).join('\n'),
    );
  }
  return ok ? 0 : 5;
}

/** All or none: whether one of them is held is known before the first is removed. */
async function clear(
  found: readonly SurveyedCheckpoint[],
  clients: readonly Client[],
  { json, force, job, target }: CheckpointCommandOptions,
  { log }: Session,
  deps: CliDeps,
): Promise<number> {
  if (!force) for (const one of found) confirmNotHeld(one);
  const removed = await clearJobs(clients, job);
  if (removed === 0 && job !== undefined) throw nothingOf(job, target);
  for (const one of found) {
    log.info(`cleared the checkpoint of job ${one.job}`);
    for (const warning of leftBehind(one)) log.warn(warning);
  }
  if (found.length === 0) log.info('there is no checkpoint on this target');
  if (json) deps.stdout.write(`${JSON.stringify({ ok: true, cleared: found.map(({ job }) => job) })}\n`);
  return 0;
}

function nothingOf(job: string, target: Endpoint): ReplicantError {
  return new ReplicantError('CHECKPOINT', `there is no checkpoint of job ${job}`, {
    place: { at: formatEndpoint(target) },
    hint: 'replicant checkpoint show TARGET, without --name, lists those that are there',
  });
}
