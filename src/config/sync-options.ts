/** The options of `replicant sync`. */
import { z } from 'zod';
import type { SyncOptions } from '../sync/options.js';
import { oneOf, optional, optionalText, orElse, parsed } from './checks.js';
import { positional, text, type OptionTable } from './option-table.js';
import { parseListenAddress, type ListenAddress } from './parse-values.js';
import {
  CONFIG_OPTION,
  FILTER_OPTIONS,
  LOG_OPTIONS,
  MAP_DB_OPTION,
  OUTPUT,
  RUN,
  SOURCE_ACCESS,
  TARGET_ACCESS,
  type AccessValues,
  type ConfigValues,
  type FilterValues,
  type LogValues,
  type MapDbValues,
} from './shared-options.js';

export type SyncValues = FilterValues &
  MapDbValues &
  ConfigValues &
  LogValues &
  AccessValues<'source'> &
  AccessValues<'target'> & {
    readonly source: string | undefined;
    readonly target: string | undefined;
    readonly name: string | undefined;
    readonly until: SyncOptions['until'];
    readonly 'target-not-empty': SyncOptions['targetNotEmpty'];
    readonly 'on-error': SyncOptions['onError'];
    readonly 'psync-command': string;
    readonly 'status-file': string | undefined;
    readonly http: ListenAddress | undefined;
  };

const jobName = parsed(
  'letters, digits, dots, dashes and underscores, at most 100, beginning with a letter or digit',
  (word) => (/^[a-zA-Z\d][a-zA-Z\d._-]{0,99}$/u.test(word) ? word : undefined),
);
const commandName = parsed('the name of a command', (word) => (/^[!-~]+$/u.test(word) ? word : undefined));
const listenAddress = parsed('HOST:PORT, such as 127.0.0.1:9121 or 0.0.0.0:9121', parseListenAddress);
const url = z.string().optional();

export const SYNC_OPTIONS: OptionTable<SyncValues> = {
  source: positional('where the data come from: redis://[user:password@]host[:port][/db]', url),
  target: positional('where they go; rediss:// is TLS, unix:///path.sock a socket', url),
  ...FILTER_OPTIONS,
  ...MAP_DB_OPTION,
  name: text(RUN, 'NAME of the job in logs and status; default: made from both addresses', optional(jobName)),
  until: text(
    RUN,
    'stopped: go on until stopped (default); caught-up: end once the target has caught up',
    orElse(oneOf(['caught-up', 'stopped']), 'stopped'),
  ),
  'target-not-empty': text(
    RUN,
    'when the target holds keys: fail (default), merge over them, or flush them first',
    orElse(oneOf(['fail', 'merge', 'flush']), 'fail'),
  ),
  'on-error': text(
    RUN,
    'when an entry cannot be carried over: stop (default), or skip it and exit 3',
    orElse(oneOf(['stop', 'skip']), 'stop'),
  ),
  'psync-command': text(
    RUN,
    'NAME that PSYNC was given on the source by rename-command',
    orElse(commandName, 'PSYNC'),
  ),
  ...CONFIG_OPTION,
  ...SOURCE_ACCESS,
  ...TARGET_ACCESS,
  'status-file': text(OUTPUT, 'FILE: the status as JSON, replaced every second', optionalText),
  http: text(OUTPUT, 'HOST:PORT for a status page, /status, /metrics and /healthz', optional(listenAddress)),
  ...LOG_OPTIONS,
};
