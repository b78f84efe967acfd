/**
 * Everything that says what `replicant sync` shall do (flags, environment, config file, defaults) → one
 * validated object. Every mistake is a USAGE error with the name of the option; nothing was touched by then.
 */
import { ReplicantError } from '../errors.js';
import { formatAddress, type Endpoint } from '../net/endpoint.js';
import type { SyncOptions } from '../sync/options.js';
import { resolveEndpoint } from './access.js';
import { readConfigFile } from './config-file.js';
import { planDatabases } from './databases.js';
import { defaultJobName } from './job-name.js';
import { environmentLayer, flagLayer, mergeLayers, type Layer } from './layers.js';
import type { ListenAddress } from './parse-values.js';
import type { ReadFile } from './read-file.js';
import { checkOptions, type CheckedOptions } from './schema.js';

export interface SyncCommandOptions {
  readonly sync: SyncOptions;
  readonly statusFile: string | undefined;
  readonly http: ListenAddress | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'pretty' | 'json';
  readonly quiet: boolean;
  readonly progress: boolean;
  readonly json: boolean;
}

export interface ConfigContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Do people read the log on a terminal? Decides between pretty and JSON lines. */
  readonly terminal: boolean;
  readonly readFile: ReadFile;
}

/** `flags` is what the parser found: names of the option table → text, texts or boolean. */
export function resolveSyncCommand(
  flags: Readonly<Record<string, unknown>>,
  context: ConfigContext,
): SyncCommandOptions {
  const layer = collectLayers(flags, context);
  const options = checkOptions(layer);
  const source = resolveEndpoint('source', options, layer, context.readFile);
  const target = resolveEndpoint('target', options, layer, context.readFile);
  refuseSameServer(source, target);
  return {
    sync: syncOptions(options, source, target),
    statusFile: options['status-file'],
    http: options.http,
    logLevel: options.quiet && options['log-level'] !== 'error' ? 'warn' : options['log-level'],
    logFormat: options['log-format'] ?? (context.terminal ? 'pretty' : 'json'),
    quiet: options.quiet,
    progress: !options.quiet && !options['no-progress'],
    json: options.json,
  };
}

function collectLayers(flags: Readonly<Record<string, unknown>>, context: ConfigContext): Layer {
  const above = mergeLayers(flagLayer(flags), environmentLayer(context.env));
  const config = above.get('config');
  if (config === undefined || typeof config.value !== 'string') return above;
  if (config.value === '') throw new ReplicantError('USAGE', `${config.label}: must not be empty`);
  return mergeLayers(above, readConfigFile(config.value, config.label, context.readFile));
}

function syncOptions(options: CheckedOptions, source: Endpoint, target: Endpoint): SyncOptions {
  const { include, map } = planDatabases({
    sourceDb: source.db,
    targetDb: target.db,
    include: options['include-db'],
    exclude: options['exclude-db'],
    map: options['map-db'],
  });
  return {
    name: options.name ?? defaultJobName(source, target),
    source,
    target,
    until: options.until,
    targetNotEmpty: options['target-not-empty'],
    onError: options['on-error'],
    filter: {
      includeKeys: options['include-key'],
      excludeKeys: options['exclude-key'],
      includeDbs: include,
      excludeDbs: options['exclude-db'],
      includeKinds: options['include-type'],
      excludeKinds: options['exclude-type'],
    },
    dbMap: map,
    psyncCommand: options['psync-command'],
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
