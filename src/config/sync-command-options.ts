/**
 * Everything that says what `replicant sync` shall do (flags, environment, config file, defaults) → one
 * validated object. Every mistake is a USAGE error with the name of the option; nothing was touched by then.
 */
import { join } from 'node:path';
import { formatError, ReplicantError } from '../errors.js';
import { compileKeyRegex } from '../keyspace/key-regex.js';
import { parsePrefixRule } from '../keyspace/key-map.js';
import { parseAddressMap } from '../net/address-map.js';
import { type Endpoint, formatEndpoint } from '../net/endpoint.js';
import type { SyncOptions } from '../sync/options.js';
import { resolveEndpoint } from './access.js';
import { collectLayers } from './config-file.js';
import { planDatabases } from './databases.js';
import { defaultJobName } from './job-name.js';
import type { ListenAddress } from './parse-values.js';
import { checkOptions } from './schema.js';
import { filterOf, logSettings, type ConfigContext, type LogSettings, type Side } from './shared-options.js';
import { SYNC_OPTIONS, type SyncValues } from './sync-options.js';

/** Less than this would be nothing but waiting. */
const LEAST_SPOOL_MEMORY = 4 * 1024 * 1024;

export interface SyncCommandOptions extends LogSettings {
  readonly sync: SyncOptions;
  /** Nothing is written; see sync/dry-run.ts. */
  readonly dryRun: boolean;
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
  checkRegexes(values);
  const addressMap = named('address-map', () => parseAddressMap(values['address-map']));
  const mapped = (found: Endpoint): Endpoint => (addressMap.size === 0 ? found : { ...found, addressMap });
  const source = mapped(endpoint('source'));
  const target = mapped(endpoint('target'));
  refuseSameServer(source, target);
  return {
    sync: syncOptions(values, source, target),
    dryRun: values['dry-run'],
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
  const { include, map, prefixes } = planDatabases({
    sourceDb: source.db,
    targetDb: target.db,
    include: values['include-db'],
    exclude: values['exclude-db'],
    map: values['map-db'],
  });
  const name = values.name ?? defaultJobName(source, target);
  const stateDir = values['spool-max'] === 0 ? undefined : (values['state-dir'] ?? join('.replicant', name));
  return {
    name,
    source,
    target,
    until: values.until,
    targetNotEmpty: values['target-not-empty'],
    onError: values['on-error'],
    filter: {
      ...filterOf(values, include),
      includeCommands: values['include-command'],
      excludeCommands: values['exclude-command'],
    },
    dbMap: map,
    dbPrefixes: prefixes,
    keyMap: values['map-prefix'].map((text) => named('map-prefix', () => parsePrefixRule(text))),
    psyncCommand: values['psync-command'],
    stateDir,
    onUnsupported: values['on-unsupported'],
    reportFile:
      values['report-file'] ?? (stateDir === undefined ? undefined : join(stateDir, 'left-out.ndjson')),
    spoolMemoryBytes: Math.max(values['spool-memory'], LEAST_SPOOL_MEMORY),
    spoolMaxBytes: values['spool-max'],
    spoolFull: values['spool-full'],
    consistency: values.consistency,
    expiry: values.expiry,
    holdMarginMs: values['hold-margin'],
    takeoverAfterMs: values['takeover-after'],
    ack: values.ack,
    resumeFrom: values['resume-from'],
    // What stands there is found out by asking.
    targetIsCluster: false,
    crossSlot: values['cross-slot'],
    cluster: {
      readFrom: values['read-from'],
      parallelSnapshots: values['parallel-snapshots'],
      ...shardShare(values),
      workers: values.workers,
    },
  };
}

function shardShare(values: SyncValues): { shardIndex?: number; shardCount?: number } {
  const { 'shard-index': shardIndex, 'shard-count': shardCount } = values;
  if (shardIndex === undefined && shardCount === undefined) return {};
  if (shardIndex === undefined || shardCount === undefined) {
    throw new ReplicantError('USAGE', '--shard-index and --shard-count are given together or not at all');
  }
  if (shardCount < 1 || shardIndex >= shardCount) {
    throw new ReplicantError('USAGE', `--shard-index ${shardIndex}: there are ${shardCount} shares`, {
      hint: 'shares are counted from 0',
    });
  }
  return { shardIndex, shardCount };
}

/** Mistakes that only the maker of a value sees get the option's name. */
function named<T>(option: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ReplicantError)) throw error;
    throw new ReplicantError(error.code, `--${option}: ${formatError(error)}`, { cause: error });
  }
}

function checkRegexes(values: SyncValues): void {
  for (const option of ['include-key-regex', 'exclude-key-regex'] as const)
    for (const text of values[option]) named(option, () => compileKeyRegex(text));
}

/** Even with different databases: what is written there would come back through the stream, for ever. */
function refuseSameServer(source: Endpoint, target: Endpoint): void {
  const same = (text: string): string => (source.address.kind === 'tcp' ? text.toLowerCase() : text);
  const [from, to] = [formatEndpoint(source), formatEndpoint(target)];
  if (source.address.kind !== target.address.kind || same(from) !== same(to)) return;
  throw new ReplicantError('USAGE', `source and target are the same server, ${from}`, {
    hint: 'name two different servers',
  });
}
