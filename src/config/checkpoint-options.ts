/** The options of `replicant checkpoint`, and what their values mean. */
import { ReplicantError } from '../errors.js';
import type { Endpoint } from '../net/endpoint.js';
import { resolveEndpoint } from './access.js';
import { oneOf, optional, optionalText, parsed, switchedOff } from './checks.js';
import { collectLayers } from './config-file.js';
import { positional, text, toggle, type OptionTable } from './option-table.js';
import { checkOptions } from './schema.js';
import {
  CONFIG_OPTION,
  LOG_OPTIONS,
  logSettings,
  OUTPUT,
  RUN,
  TARGET_ACCESS,
  type AccessValues,
  type ConfigContext,
  type ConfigValues,
  type LogSettings,
  type LogValues,
} from './shared-options.js';

export const CHECKPOINT_ACTIONS = ['show', 'clear'] as const;
export type CheckpointAction = (typeof CHECKPOINT_ACTIONS)[number];

export type CheckpointValues = ConfigValues &
  LogValues &
  AccessValues<'target'> & {
    readonly action: CheckpointAction | undefined;
    readonly target: string | undefined;
    readonly name: string | undefined;
    readonly all: boolean;
    readonly force: boolean;
  };

const jobName = parsed('the name of a job', (word) => (/^[a-zA-Z\d._-]+$/u.test(word) ? word : undefined));

export const CHECKPOINT_OPTIONS: OptionTable<CheckpointValues> = {
  action: positional('show or clear', optional(oneOf(CHECKPOINT_ACTIONS))),
  target: positional(
    'the server that holds it, nodes of the cluster, or Sentinels: redis://[user:password@]host[:port][,host…]',
    optionalText,
  ),
  name: text(RUN, 'NAME of the job; show: only this one', optional(jobName)),
  all: toggle(RUN, 'clear: those of all jobs', switchedOff),
  force: toggle(
    RUN,
    'clear: even while a sync holds the job, which then copies everything anew',
    switchedOff,
  ),
  ...CONFIG_OPTION,
  ...TARGET_ACCESS,
  ...LOG_OPTIONS,
  json: toggle(OUTPUT, 'the result as JSON on stdout, as one line', switchedOff),
};

export interface CheckpointCommandOptions extends LogSettings {
  readonly action: CheckpointAction;
  readonly target: Endpoint;
  /** Undefined: all jobs. */
  readonly job: string | undefined;
  readonly force: boolean;
}

export function resolveCheckpointCommand(
  flags: Readonly<Record<string, unknown>>,
  context: ConfigContext,
): CheckpointCommandOptions {
  const layer = collectLayers(flags, CHECKPOINT_OPTIONS, context);
  const values = checkOptions(CHECKPOINT_OPTIONS, layer);
  const { action, name, all, force } = values;
  if (action === undefined) {
    throw usage('there is nothing to do', 'write replicant checkpoint show redis://target:6379');
  }
  if (values.target === undefined) {
    throw usage('there is no target', `write replicant checkpoint ${action} redis://target:6379`);
  }
  if (action === 'clear' && name === undefined && !all) {
    throw usage('which job?', 'name it with --name, as checkpoint show has it, or clear --all');
  }
  if (all && name !== undefined) throw usage('--name and --all exclude each other', 'keep one');
  if (action === 'show' && force) throw usage('--force is for checkpoint clear', undefined);
  return {
    action,
    target: resolveEndpoint('target', values.target, values, layer, context.readFile),
    job: name,
    force,
    ...logSettings(values, context),
  };
}

function usage(what: string, hint: string | undefined): ReplicantError {
  return new ReplicantError('USAGE', what, { hint });
}
