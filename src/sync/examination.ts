/**
 * The start of a sync: connects to both ends once, asks what stands there, refuses what cannot work, and
 * empties the target when that was asked for. Until that last step nothing is changed anywhere.
 */
import { ReplicantError } from '../errors.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { Client } from '../net/client.js';
import { formatServer, type ServerIdentity } from '../rdb/server-support.js';
import type { Capabilities } from '../target/capabilities.js';
import type { SyncOptions } from './options.js';
import { patiently } from './patience.js';
import {
  askCapabilities,
  askClockOffset,
  askDatabases,
  askInfo,
  checkDatabases,
  checkDifferent,
  checkMode,
  checkWritable,
  countKeys,
  emptyTarget,
  probeDatabases,
} from './prepare.js';
import type { ServerInfo } from './server-info.js';
import type { SyncEvent } from './status.js';

/** What is known of both ends before the first link. */
export interface Findings {
  readonly capabilities: Capabilities;
  readonly clockOffsetMs: number | undefined;
  readonly sourceDatabases: number;
  readonly targetDatabases: number;
  /** Keys of the source in the databases that are carried; 0 when it would not say. */
  readonly sourceKeys: number;
  /** The target holds keys that stay (`merge`). */
  readonly targetHasKeys: boolean;
}

export interface ExaminationOptions {
  readonly sync: SyncOptions;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  /** Target databases that may be written; undefined: any. */
  readonly dbs: ReadonlySet<number> | undefined;
  readonly signal: AbortSignal;
  readonly emit: (level: SyncEvent['level'], event: SyncEvent['event'], message: string) => void;
}

const DEFAULT_DATABASES = 16;

/** undefined when the run was stopped meanwhile. */
export async function examine(options: ExaminationOptions): Promise<Findings | undefined> {
  const source = await Client.connect(options.sync.source, 'source');
  try {
    const target = await Client.connect(options.sync.target, 'target');
    try {
      return await examineBoth(options, source, target);
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

async function examineBoth(
  o: ExaminationOptions,
  source: Client,
  target: Client,
): Promise<Findings | undefined> {
  const waiting = (message: string): void => o.emit('warn', 'waiting', message);
  const sourceInfo = await patiently(() => askInfo(source, 'source'), o.signal, waiting);
  const targetInfo = await patiently(() => askInfo(target, 'target'), o.signal, waiting);
  if (o.signal.aborted) return undefined;
  checkMode(sourceInfo, 'source', source.address);
  checkMode(targetInfo, 'target', target.address);
  checkDifferent(sourceInfo, targetInfo);
  checkWritable(targetInfo, target.address);
  const capabilities = await askCapabilities(target, targetInfo);
  const targetDatabases = (await askDatabases(target)) ?? (await probeDatabases(target));
  checkDatabases(sourceInfo, targetDatabases, o.filter, o.dbMap);
  warnOfCollisions(o, sourceInfo);
  const sourceDatabases = (await askDatabases(source)) ?? DEFAULT_DATABASES;
  const clockOffsetMs = await askClockOffset(source);
  const sourceKeys = [...(sourceInfo?.keys ?? [])]
    .filter(([db]) => o.filter.matchesDb(db))
    .reduce((sum, [, keys]) => sum + keys, 0);
  const targetHasKeys = await dealWithKeys(
    { targetNotEmpty: o.sync.targetNotEmpty, dbs: o.dbs, emit: o.emit },
    target,
    capabilities,
    await countKeys(target, targetInfo, o.dbs),
  );
  const from = `source ${source.address} is ${describeServer(sourceInfo?.identity)}`;
  o.emit('info', 'connected', `${from}, target ${target.address} is ${describeServer(capabilities.server)}`);
  return { capabilities, clockOffsetMs, sourceDatabases, targetDatabases, sourceKeys, targetHasKeys };
}

function describeServer(identity: ServerIdentity | undefined): string {
  if (identity === undefined) return 'a server that does not tell its version';
  return formatServer(identity);
}

function warnOfCollisions({ dbMap, filter, emit }: ExaminationOptions, source: ServerInfo | undefined): void {
  for (const { target, sources } of dbMap.collisions((db) => filter.matchesDb(db))) {
    const used = sources.filter((db) => (source?.keys.get(db) ?? 0) > 0);
    if (used.length < 2) continue;
    const which = `databases ${used.join(' and ')} of the source both go to db ${target}`;
    emit('warn', 'note', `${which}: keys of the same name overwrite each other`);
  }
}

export interface KeysPolicy {
  readonly targetNotEmpty: SyncOptions['targetNotEmpty'];
  readonly dbs: ReadonlySet<number> | undefined;
  readonly emit: ExaminationOptions['emit'];
}

/** Whether keys stay on the target. */
export async function dealWithKeys(
  { targetNotEmpty, dbs, emit }: KeysPolicy,
  target: Client,
  capabilities: Capabilities,
  keys: number,
): Promise<boolean> {
  // A further copy finds what the first one has written.
  if (keys === 0) return targetNotEmpty === 'merge';
  switch (targetNotEmpty) {
    case 'fail':
      throw new ReplicantError('TARGET_NOT_EMPTY', `the target holds ${keys} keys`, {
        place: { at: target.address },
        hint: 'use --target-not-empty merge to write among them, or flush to delete them first',
      });
    case 'flush':
      emit('warn', 'note', `deleting the target's ${keys} keys, as asked`);
      await emptyTarget(target, capabilities, dbs);
      return false;
    default:
      return true;
  }
}
