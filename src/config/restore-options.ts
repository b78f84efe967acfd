/** The options of `replicant restore`, and what their values mean. */
import { ReplicantError } from '../errors.js';
import { RESTORE_FORMATS, type RestoreFormat, type RestoreOptions } from '../restore/options.js';
import { resolveEndpoint } from './access.js';
import { oneOf, optional, optionalText, orElse, parsed, switchedOff } from './checks.js';
import { collectLayers } from './config-file.js';
import { planDatabases } from './databases.js';
import { positional, text, toggle, type OptionTable } from './option-table.js';
import { parseTime } from './parse-time.js';
import { checkOptions } from './schema.js';
import {
  CONFIG_OPTION,
  FILTER_OPTIONS,
  filterOf,
  LOG_OPTIONS,
  logSettings,
  MAP_DB_OPTION,
  RUN,
  TARGET_ACCESS,
  type AccessValues,
  type ConfigContext,
  type ConfigValues,
  type FilterValues,
  type LogSettings,
  type LogValues,
  type MapDbValues,
} from './shared-options.js';

export type RestoreValues = FilterValues &
  MapDbValues &
  ConfigValues &
  LogValues &
  AccessValues<'target'> & {
    readonly file: string | undefined;
    readonly target: string | undefined;
    readonly format: RestoreFormat;
    readonly 'target-not-empty': RestoreOptions['targetNotEmpty'];
    readonly 'on-error': RestoreOptions['onError'];
    readonly 'no-checksum': boolean;
    readonly 'truncated-tail': RestoreOptions['truncatedTail'];
    readonly 'to-time': number | undefined;
  };

export const RESTORE_OPTIONS: OptionTable<RestoreValues> = {
  file: positional(
    '.rdb, .aof, appendonlydir, NDJSON or commands; may be compressed; - is stdin',
    optionalText,
  ),
  target: positional('a running server: redis://[user:password@]host[:port]', optionalText),
  ...FILTER_OPTIONS,
  ...MAP_DB_OPTION,
  format: text(
    RUN,
    'rdb, aof, ndjson or resp; default: by what is in the file',
    orElse(oneOf(RESTORE_FORMATS), 'auto'),
  ),
  'target-not-empty': text(
    RUN,
    'when the target holds keys: fail (default), merge over them, or flush them first',
    orElse(oneOf(['fail', 'merge', 'flush']), 'fail'),
  ),
  'on-error': text(
    RUN,
    'when an entry is damaged or cannot be carried over: stop (default), or skip it and exit 3',
    orElse(oneOf(['stop', 'skip']), 'stop'),
  ),
  'no-checksum': toggle(RUN, 'take an RDB whose checksum is wrong', switchedOff),
  'truncated-tail': text(
    RUN,
    'when an AOF ends inside a command: fail (default), or keep what stands before it',
    orElse(oneOf(['fail', 'keep']), 'fail'),
  ),
  'to-time': text(
    RUN,
    'TIME: of an AOF with timestamps, only what was written up to then (2026-01-31T12:00:00Z or unix seconds)',
    optional(parsed('a time such as 2026-01-31T12:00:00Z, or unix seconds', parseTime)),
  ),
  ...CONFIG_OPTION,
  ...TARGET_ACCESS,
  ...LOG_OPTIONS,
};

export interface RestoreCommandOptions extends LogSettings {
  readonly restore: RestoreOptions;
}

export function resolveRestoreCommand(
  flags: Readonly<Record<string, unknown>>,
  context: ConfigContext,
): RestoreCommandOptions {
  const layer = collectLayers(flags, RESTORE_OPTIONS, context);
  const values = checkOptions(RESTORE_OPTIONS, layer);
  if (values.file === undefined) throw missing('there is no file');
  if (values.target === undefined) throw missing('there is no target');
  const target = resolveEndpoint('target', values.target, values, layer, context.readFile);
  const { include, map } = planDatabases({
    sourceDb: undefined,
    targetDb: target.db,
    include: values['include-db'],
    exclude: values['exclude-db'],
    map: values['map-db'],
  });
  return {
    restore: {
      source: values.file,
      format: values.format,
      target,
      targetNotEmpty: values['target-not-empty'],
      onError: values['on-error'],
      filter: filterOf(values, include),
      dbMap: map,
      checksum: !values['no-checksum'],
      truncatedTail: values['truncated-tail'],
      toTime: values['to-time'],
    },
    ...logSettings(values, context),
  };
}

function missing(what: string): ReplicantError {
  return new ReplicantError('USAGE', what, { hint: 'write replicant restore dump.rdb redis://target:6379' });
}
