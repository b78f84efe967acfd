/** What is asked of the target before anything is written, and the emptying that was asked for. */
import { ReplicantError } from '../errors.js';
import { Client } from '../net/client.js';
import { type Endpoint, formatDeployment } from '../net/endpoint.js';
import type { DbMap } from '../keyspace/db-map.js';
import { dealWithKeys } from '../sync/examination.js';
import { patiently } from '../sync/patience.js';
import {
  askCapabilities,
  askClockOffset,
  askDatabases,
  askInfo,
  checkMode,
  checkWritable,
  countKeys,
  probeDatabases,
  writtenDbs,
} from '../sync/prepare.js';
import type { Capabilities } from '../target/capabilities.js';
import { discover } from '../topology/discover.js';
import type { RestoreEvent, RestoreOptions } from './options.js';

export interface TargetFindings {
  readonly capabilities: Capabilities;
  readonly databases: number;
  /** Keys stay there (`merge`). */
  readonly hasKeys: boolean;
  /** The difference of its clock to ours. */
  readonly clockOffsetMs: number;
}

/** The server, or the primary that Sentinels name. */
export async function findTarget(target: Endpoint): Promise<Endpoint> {
  const topology = await discover(target, 'target');
  if (topology.kind === 'sentinel') return topology.endpoint;
  if (topology.kind === 'standalone') return target;
  throw new ReplicantError('USAGE', 'the target is a cluster, which restore does not load into yet', {
    place: { at: formatDeployment(target) },
    hint: 'load the file into a server of its own, and sync that with the cluster: replicant sync',
  });
}

export async function examineTarget(
  options: RestoreOptions,
  dbMap: DbMap,
  signal: AbortSignal,
  emit: (level: RestoreEvent['level'], message: string) => void,
): Promise<TargetFindings> {
  const client = await Client.connect(options.target, 'target');
  try {
    const info = await patiently(
      () => askInfo(client, 'target'),
      signal,
      (message) => emit('warn', message),
    );
    signal.throwIfAborted();
    checkMode(info, 'target', client.address);
    checkWritable(info, client.address);
    const capabilities = await askCapabilities(client, info);
    const databases = (await askDatabases(client)) ?? (await probeDatabases(client));
    const clockOffsetMs = (await askClockOffset(client)) ?? 0;
    const dbs = writtenDbs(options, dbMap);
    const hasKeys = await dealWithKeys(
      {
        targetNotEmpty: options.targetNotEmpty,
        dbs,
        emit: (level, _, message) => emit(level === 'error' ? 'warn' : level, message),
      },
      [client],
      capabilities,
      await countKeys([client], dbs),
    );
    return { capabilities, databases, hasKeys, clockOffsetMs };
  } finally {
    client.close();
  }
}
