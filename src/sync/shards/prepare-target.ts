/**
 * Whether the target may be written, once for all shards of a job, before the first of their runs: an empty one may,
 * and one that carries the job's roster, which is only written after this.
 */
import { ReplicantError } from '../../errors.js';
import { createDbMap } from '../../keyspace/db-map.js';
import { Client } from '../../net/client.js';
import { connectAll, findPrimaries } from '../../target/cluster/target-nodes.js';
import { countForeignKeys, dealWithKeys } from '../examination.js';
import type { ShardRun, SyncOptions } from '../options.js';
import { patiently } from '../patience.js';
import { askCapabilities, askInfo, checkWritable, writtenDbs } from '../prepare.js';
import type { Emit } from '../status.js';

export interface PrepareOptions {
  readonly sync: SyncOptions;
  /** An earlier run of the job has been here. */
  readonly known: boolean;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** Undefined when it was stopped meanwhile. */
export async function prepareTarget(
  options: PrepareOptions,
): Promise<ShardRun['targetPrepared'] | undefined> {
  const { sync, known } = options;
  if (known) return { known, targetHasKeys: true };
  if (sync.targetNotEmpty === 'flush' && (sync.cluster?.shardIndex ?? 0) > 0) {
    // Two that empty the target would each delete what the other has begun to write.
    throw new ReplicantError('TARGET_BUSY', 'the target is emptied by the process with --shard-index 0', {
      hint: 'start that one first; the others go on where its job is known',
    });
  }
  const clients = sync.targetIsCluster
    ? await connectAll(await findPrimaries(sync.target))
    : [await Client.connect(sync.target, 'target')];
  try {
    return await prepareNodes(options, clients);
  } finally {
    for (const client of clients) client.close();
  }
}

async function prepareNodes(
  { sync, known, signal, emit }: PrepareOptions,
  clients: readonly Client[],
): Promise<ShardRun['targetPrepared'] | undefined> {
  const waiting = (message: string): void => emit('warn', 'waiting', message);
  const [first] = clients;
  const info = await patiently(() => askInfo(first!, 'target'), signal, waiting);
  if (signal.aborted) return undefined;
  checkWritable(info, first!.address);
  const capabilities = await askCapabilities(first!, info);
  const dbs = writtenDbs(sync, createDbMap(sync.dbMap));
  const keys = await countForeignKeys(clients, dbs);
  const { targetNotEmpty } = sync;
  const targetHasKeys = await dealWithKeys(
    { targetNotEmpty, dbs, emit: (level, event, message) => emit(level, event, message) },
    clients,
    capabilities,
    keys,
  );
  return { known, targetHasKeys };
}
