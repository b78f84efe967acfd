/**
 * Everything that says what `replicant sync` shall do (flags, environment, config file, defaults) → one
 * validated object. Every mistake is a USAGE error with the name of the option; nothing was touched by then.
 */
import { ReplicantError } from '../errors.js';
import { formatAddress, type Endpoint } from '../net/endpoint.js';
import type { SyncOptions } from '../sync/options.js';
import { resolveEndpoint } from './access.js';
import { collectLayers } from './config-file.js';
import { planDatabases } from './databases.js';
import { defaultJobName } from './job-name.js';
import type { ListenAddress } from './parse-values.js';
import { checkOptions } from './schema.js';
import { filterOf, logSettings, type ConfigContext, type LogSettings, type Side } from './shared-options.js';
import { SYNC_OPTIONS, type SyncValues } from './sync-options.js';

export interface SyncCommandOptions extends LogSettings {
  readonly sync: SyncOptions;
  readonly statusFile: string | undefined;
  readonly http: ListenAddress | undefined;
}

/** `flags` is what the parser found: names of the option table → text, texts or boolean. */
export function resolveSyncCommand(
  flags: Readonly<Record<string, unknown>>,
  context: ConfigContext,
): SyncCommandOptions {
  const layer = collectLayers(flags, SYNC_OPTIONS, context);
  const values = checkOptions(SYNC_OPTIONS, layer);
  const endpoint = (side: Side): Endpoint =>
    resolveEndpoint(side, required(side, values), values, layer, context.readFile);
  const source = endpoint('source');
  const target = endpoint('target');
  refuseSameServer(source, target);
  return {
    sync: syncOptions(values, source, target),
    statusFile: values['status-file'],
    http: values.http,
    ...logSettings(values, context),
  };
}

function required(side: Side, values: SyncValues): string {
  const url = values[side];
  if (url !== undefined) return url;
  throw new ReplicantError('USAGE', `there is no ${side}`, {
    hint: 'write replicant sync redis://source:6379 redis://target:6379',
  });
}

function syncOptions(values: SyncValues, source: Endpoint, target: Endpoint): SyncOptions {
  const { include, map } = planDatabases({
    sourceDb: source.db,
    targetDb: target.db,
    include: values['include-db'],
    exclude: values['exclude-db'],
    map: values['map-db'],
  });
  return {
    name: values.name ?? defaultJobName(source, target),
    source,
    target,
    until: values.until,
    targetNotEmpty: values['target-not-empty'],
    onError: values['on-error'],
    filter: filterOf(values, include),
    dbMap: map,
    psyncCommand: values['psync-command'],
  };
}

/** Even with different databases: what is written there would come back through the stream, for ever. */
function refuseSameServer(source: Endpoint, target: Endpoint): void {
  const same = (text: string): string => (source.address.kind === 'tcp' ? text.toLowerCase() : text);
  const [from, to] = [formatAddress(source.address), formatAddress(target.address)];
  if (source.address.kind !== target.address.kind || same(from) !== same(to)) return;
  throw new ReplicantError('USAGE', `source and target are the same server, ${from}`, {
    hint: 'name two different servers',
  });
}
