/**
 * The start of a sync: connects to both ends once, asks what stands there, refuses what cannot work, and
 * empties the target when that was asked for. Until that last step nothing is changed anywhere.
 */
import { countOurs, readCheckpoint } from '../checkpoint/store.js';
import { ReplicantError } from '../errors.js';
import { BUILTIN_COMMANDS, type CommandTable, extendTable } from '../keyspace/command-table.js';
import { type DbMap, describeDbCollision } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { describeCollision, type KeyMap } from '../keyspace/key-map.js';
import { keySlot } from '../keyspace/key-slot.js';
import { parseCommandReply } from '../keyspace/server-commands.js';
import { bytesOf } from '../keyspace/words.js';
import { Client } from '../net/client.js';
import { atLeast, formatServer, type ServerIdentity } from '../rdb/server-support.js';
import { ReplyError } from '../resp/reply-decoder.js';
import { type Capabilities, describeCapabilities } from '../target/capabilities.js';
import { connectAll, findPrimaries } from '../target/cluster/target-nodes.js';
import { PROBE_KEY, probeTarget } from '../target/probe-target.js';
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
  /** undefined: it would not say. */
  readonly sourceIdentity: ServerIdentity | undefined;
  /** The source's clock against ours; undefined when it would not tell. */
  readonly clockOffsetMs: number | undefined;
  readonly targetClockOffsetMs: number | undefined;
  /** The source may write relative times: it is older than 7.0, or does not say. */
  readonly relativeTtls: boolean;
  /** Commands and where their keys are, those of the source's modules too. */
  readonly table: CommandTable;
  /** The target is a cluster. */
  readonly cluster: boolean;
  /** The target runs scripts for this user. */
  readonly scripts: boolean;
  readonly sourceDatabases: number;
  readonly targetDatabases: number;
  /** Keys of the source in the databases that are carried; 0 when it would not say. */
  readonly sourceKeys: number;
  /** The target holds keys that stay, if only until all has been copied. */
  readonly targetHasKeys: boolean;
  /** An earlier run of this job has left its checkpoint there. */
  readonly known: boolean;
  /** Keys of the target in the databases that may be written; of few, checkpoints are not counted. */
  readonly targetKeys: number;
}

export interface ExaminationOptions {
  readonly sync: SyncOptions;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly keyMap: KeyMap | undefined;
  /** Target databases that may be written; undefined: any. */
  readonly dbs: ReadonlySet<number> | undefined;
  readonly signal: AbortSignal;
  readonly emit: (level: SyncEvent['level'], event: SyncEvent['event'], message: string) => void;
  /**
   * For a dry run: nothing at all is written, and this is told what would end a run before anything is, so that
   * the rest can be looked at, too.
   */
  readonly refuse?: ((error: ReplicantError) => void) | undefined;
  /** `sync.source` is one node of a cluster. */
  readonly sourceIsNode?: boolean | undefined;
  /** An earlier run is known to have been here. */
  readonly known?: boolean | undefined;
}

const DEFAULT_DATABASES = 16;
const FEW_KEYS = 100;

/** undefined when the run was stopped meanwhile. */
export async function examine(options: ExaminationOptions): Promise<Findings | undefined> {
  const source = await Client.connect(options.sync.source, 'source');
  try {
    const target = await Client.connect(options.sync.target, 'target');
    let nodes: readonly Client[] = [];
    try {
      if (options.sync.targetIsCluster) nodes = await connectAll(await findPrimaries(options.sync.target));
      return await examineBoth(options, source, target, nodes.length === 0 ? [target] : nodes);
    } finally {
      target.close();
      for (const node of nodes) node.close();
    }
  } finally {
    source.close();
  }
}

async function examineBoth(
  o: ExaminationOptions,
  source: Client,
  target: Client,
  nodes: readonly Client[],
): Promise<Findings | undefined> {
  const cluster = o.sync.targetIsCluster;
  const waiting = (message: string): void => o.emit('warn', 'waiting', message);
  const sourceInfo = await patiently(() => askInfo(source, 'source'), o.signal, waiting);
  const targetInfo = await patiently(() => askInfo(target, 'target'), o.signal, waiting);
  if (o.signal.aborted) return undefined;
  if (o.sync.shard === undefined && o.sourceIsNode !== true) checkMode(sourceInfo, 'source', source.address);
  if (!cluster) checkMode(targetInfo, 'target', target.address);
  checkDifferent(sourceInfo, targetInfo);
  checkWritable(targetInfo, target.address);
  const { server } = await askCapabilities(target, targetInfo);
  const table = await askCommands(source);
  // Those of the source's modules as well.
  const names = table.specs.map(({ name }) => name);
  const capabilities = await probe(o, target, server, names);
  // Those of Valkey's cluster-databases are not used.
  const targetDatabases = cluster ? 1 : ((await askDatabases(target)) ?? (await probeDatabases(target)));
  checkDatabases(sourceInfo, targetDatabases, o.filter, o.dbMap);
  warnOfCollisions(o, sourceInfo);
  const sourceDatabases = (await askDatabases(source)) ?? DEFAULT_DATABASES;
  if (o.sync.onUnsupported === 'auto' || o.sync.onUnsupported === 'fail')
    await checkSupport(source, sourceInfo, capabilities, target.address, o.refuse);
  for (const collision of o.keyMap?.collisions() ?? []) o.emit('warn', 'note', describeCollision(collision));
  const clockOffsetMs = await askClockOffset(source);
  const targetClockOffsetMs = await askClockOffset(target);
  const scripts = !((await target.request(['EVAL', 'return 1', '0'])) instanceof ReplyError);
  if (cluster && !scripts && o.sync.consistency === 'exactly-once') throw needsScripts(target.address);
  const checkpoint = o.sync.resumeFrom === undefined ? await readCheckpoint(target, o.sync.name) : undefined;
  const sourceKeys = [...(sourceInfo?.keys ?? [])]
    .filter(([db]) => o.filter.matchesDb(db))
    .reduce((sum, [, keys]) => sum + keys, 0);
  const prepared = o.sync.shard?.targetPrepared;
  const known =
    o.known === true ||
    prepared?.known === true ||
    checkpoint !== undefined ||
    o.sync.resumeFrom !== undefined;
  const keys = prepared === undefined ? await countForeignKeys(nodes, o.dbs) : 0;
  // A target that carries our own checkpoint holds what we have put there.
  const targetHasKeys =
    known ||
    (prepared?.targetHasKeys ??
      (o.refuse === undefined
        ? await dealWithKeys(
            { targetNotEmpty: o.sync.targetNotEmpty, dbs: o.dbs, emit: o.emit },
            nodes,
            capabilities,
            keys,
          )
        : wouldKeepKeys(o.sync.targetNotEmpty, keys, target.address, o.refuse)));
  const from = `source ${source.address} is ${describeServer(sourceInfo?.identity)}`;
  o.emit('info', 'connected', `${from}, target ${target.address} is ${describeServer(capabilities.server)}`);
  o.emit('info', 'connected', `the target: ${describeCapabilities(capabilities).slice(1).join('; ')}`);
  const version = sourceInfo?.identity?.version;
  const relativeTtls = version === undefined || !atLeast(version, 7);
  return {
    ...{ capabilities, clockOffsetMs, targetClockOffsetMs, relativeTtls, scripts, sourceDatabases },
    ...{ targetDatabases, sourceKeys, targetHasKeys, known, table, targetKeys: keys, cluster },
    sourceIdentity: sourceInfo?.identity,
  };
}

/** Keys in the databases that may be written; of few, those that are ours do not count. */
export async function countForeignKeys(
  nodes: readonly Client[],
  dbs: ReadonlySet<number> | undefined,
): Promise<number> {
  const all = await countKeys(nodes, dbs);
  // Looking for ours among many keys would take long, and change nothing.
  return all > 0 && all <= FEW_KEYS ? all - (await countOurs(nodes)) : all;
}

/** The questions are about a key, which on a cluster is some node's. */
async function probe(
  o: ExaminationOptions,
  target: Client,
  server: ServerIdentity,
  names: readonly string[],
): Promise<Capabilities> {
  const untouched = o.refuse !== undefined;
  if (!o.sync.targetIsCluster) return await probeTarget(target, server, names, untouched);
  const slot = keySlot(bytesOf(PROBE_KEY));
  const client = await Client.connect({ ...o.sync.target, find: { kind: 'slot', slot } }, 'target');
  try {
    return await probeTarget(client, server, names, untouched);
  } finally {
    client.close();
  }
}

function needsScripts(at: string): ReplicantError {
  return new ReplicantError('TARGET_DENIED', 'exactly-once on a cluster needs scripts (EVAL)', {
    place: { at },
    hint: 'give this user +@scripting on the target, or use --consistency at-least-once',
  });
}

/** What can be known of the source's data without looking at them all. */
async function checkSupport(
  source: Client,
  info: ServerInfo | undefined,
  can: Capabilities,
  at: string,
  refuse: (error: ReplicantError) => void = (error) => {
    throw error;
  },
): Promise<void> {
  const missing: string[] = [];
  if (info !== undefined && info.timedHashes > 0 && !can.fieldTtl)
    missing.push(`TTLs of hash fields (${info.timedHashes} hashes have some)`);
  if (!can.functions) {
    const libraries = await source.request(['FUNCTION', 'LIST']);
    if (Array.isArray(libraries) && libraries.length > 0)
      missing.push(`functions (there are ${libraries.length} libraries)`);
  }
  if (missing.length === 0) return;
  refuse(
    new ReplicantError(
      'RDB_UNSUPPORTED',
      `the target (${formatServer(can.server)}) has no place for what the source has: ${missing.join(', ')}`,
      { place: { at }, hint: '--on-unsupported report copies everything else and lists what was left out' },
    ),
  );
}

/** What the source's own list of commands adds: those of its modules. */
async function askCommands(source: Client): Promise<CommandTable> {
  const reply = await source.request(['COMMAND']);
  return reply instanceof ReplyError
    ? BUILTIN_COMMANDS
    : extendTable(BUILTIN_COMMANDS, parseCommandReply(reply));
}

function describeServer(identity: ServerIdentity | undefined): string {
  if (identity === undefined) return 'a server that does not tell its version';
  return formatServer(identity);
}

function warnOfCollisions({ dbMap, filter, emit }: ExaminationOptions, source: ServerInfo | undefined): void {
  const used = (db: number): boolean => (source?.keys.get(db) ?? 0) > 0;
  for (const collision of dbMap.collisions((db) => filter.matchesDb(db) && used(db)))
    emit('warn', 'note', describeDbCollision(collision));
}

export interface KeysPolicy {
  readonly targetNotEmpty: SyncOptions['targetNotEmpty'];
  readonly dbs: ReadonlySet<number> | undefined;
  readonly emit: ExaminationOptions['emit'];
}

/** Whether keys stay on the target. */
export async function dealWithKeys(
  { targetNotEmpty, dbs, emit }: KeysPolicy,
  nodes: readonly Client[],
  capabilities: Capabilities,
  keys: number,
): Promise<boolean> {
  // A further copy finds what the first one has written.
  if (keys === 0) return targetNotEmpty !== 'fail' && targetNotEmpty !== 'flush';
  switch (targetNotEmpty) {
    case 'fail':
      throw notEmpty(keys, nodes.map(({ address }) => address).join(', '));
    case 'flush':
      emit('warn', 'note', `deleting the target's ${keys} keys, as asked`);
      await emptyTarget(nodes, capabilities, dbs);
      return false;
    default:
      return true;
  }
}

/** The same in a dry run. */
function wouldKeepKeys(
  policy: SyncOptions['targetNotEmpty'],
  keys: number,
  at: string,
  refuse: (error: ReplicantError) => void,
): boolean {
  if (policy === 'fail' && keys > 0) refuse(notEmpty(keys, at));
  return policy !== 'fail' && policy !== 'flush';
}

function notEmpty(keys: number, at: string): ReplicantError {
  return new ReplicantError('TARGET_NOT_EMPTY', `the target holds ${keys} keys`, {
    place: { at },
    hint: 'use --target-not-empty merge to write among them, flush to delete them first, or mirror to delete afterwards what the source does not have',
  });
}
