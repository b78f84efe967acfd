/**
 * A sync that writes nothing, on neither side nor on this machine: both ends are asked what a sync asks before it
 * begins, then the source gives one snapshot (a fork, as for any new replica), which goes through the writer of a
 * sync into nowhere. What would become of it all is the report.
 */
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { surveyCheckpoints } from '../checkpoint/survey.js';
import { Crc64 } from '../bytes/crc64.js';
import type { HoldPolicy } from '../convert/held-deadline.js';
import { formatError, ReplicantError } from '../errors.js';
import { DeploymentInput } from '../io/deployment-input.js';
import { WINDOW_BYTES } from '../io/snapshot-input.js';
import { createDbMap, type DbMap } from '../keyspace/db-map.js';
import { createKeyFilter, type KeyFilter } from '../keyspace/key-filter.js';
import { createKeyMap, type KeyMap } from '../keyspace/key-map.js';
import { keySlot } from '../keyspace/key-slot.js';
import { bytesOf } from '../keyspace/words.js';
import { Client } from '../net/client.js';
import { type Endpoint, formatDeployment } from '../net/endpoint.js';
import { formatServer } from '../rdb/server-support.js';
import { formatPosition } from '../replication/position.js';
import { describeCapabilities } from '../target/capabilities.js';
import { connectAll, findPrimaries } from '../target/cluster/target-nodes.js';
import { PROBE_KEY } from '../target/probe-target.js';
import { removeMissing } from '../target/remove-missing.js';
import { judgeCommands, readCalls } from './dry-run-commands.js';
import { showModules } from './dry-run-modules.js';
import type { DryRunModule, DryRunRefusal, DryRunReport } from './dry-run-report.js';
import { NamesSet, SnapshotRehearsal } from './dry-run-snapshot.js';
import { planShards, planStart, type Start } from './dry-run-start.js';
import { readBacklog, readServerInfo } from './server-info.js';
import { examine, type Findings } from './examination.js';
import type { SyncOptions } from './options.js';
import { writtenDbs } from './prepare.js';
import { noModule } from './refusal.js';
import { atHome, resolveEnds } from './resolve-ends.js';
import type { Emit } from './status.js';
import { targetKeys } from './target-keys.js';

export interface DryRunOptions {
  readonly sync: SyncOptions;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

export interface DryRunProgress {
  readonly bytesRead: number;
  /** Of the snapshot; undefined while the source has not said. */
  readonly totalBytes: number | undefined;
  readonly keys: number;
}

export interface DryRun {
  readonly done: Promise<DryRunReport>;
  progress(): DryRunProgress;
}

const SECRET_BYTES = 8;
const SKIPPED_EXIT = 3;
const PLACELESS: ReplicantError = new ReplicantError('RDB_UNSUPPORTED', '');
const NOTHING_READ: DryRunProgress = { bytesRead: 0, totalBytes: undefined, keys: 0 };

export function startDryRun(options: DryRunOptions): DryRun {
  let running: DryRunning | undefined;
  const run = async (): Promise<DryRunReport> => {
    running = new DryRunning(options);
    return await running.run();
  };
  return { done: run(), progress: () => running?.progress ?? NOTHING_READ };
}

/** What both ends have said. */
interface Answers {
  readonly findings: Findings;
  readonly start: Start;
  readonly calls: ReadonlyMap<string, number> | undefined;
  readonly sourceKeys: number;
}

class DryRunning {
  /** As it was given; then with what has been found at both ends. */
  #sync: SyncOptions;
  /** The source, or its shards. */
  #sources: readonly Endpoint[] = [];
  readonly #signal: AbortSignal;
  readonly #emit: Emit;
  readonly #filter: KeyFilter;
  readonly #dbMap: DbMap;
  readonly #keyMap: KeyMap | undefined;
  readonly #dbs: ReadonlySet<number> | undefined;
  readonly #refusals: ReplicantError[] = [];
  readonly #notes: string[] = [];
  #input: DeploymentInput | undefined;
  #rehearsal: SnapshotRehearsal | undefined;

  constructor({ sync, signal, emit }: DryRunOptions) {
    this.#sync = sync;
    this.#signal = signal;
    this.#emit = emit;
    this.#filter = createKeyFilter(sync.filter);
    this.#dbMap = createDbMap(sync.dbMap, sync.dbPrefixes);
    this.#keyMap = sync.keyMap.length === 0 ? undefined : createKeyMap(sync.keyMap);
    this.#dbs = writtenDbs(sync, this.#dbMap);
  }

  get progress(): DryRunProgress {
    return {
      bytesRead: this.#input?.bytesRead ?? 0,
      totalBytes: this.#input?.totalBytes,
      keys: this.#rehearsal?.tally.keys ?? 0,
    };
  }

  async run(): Promise<DryRunReport> {
    const { sync, sourceMap } = await resolveEnds(this.#sync);
    this.#signal.throwIfAborted();
    this.#sync = sync;
    this.#sources = sourceMap?.shards
      .filter(({ slots }) => slots.length > 0)
      .map(({ shardId, nodeIds }) => ({
        ...sync.source,
        find: { kind: 'shard', shardId, nodeIds, read: 'primary' },
      })) ?? [sync.source];
    const answers = await this.#ask();
    const present = this.#namesWanted(answers) ? new NamesSet(randomBytes(SECRET_BYTES)) : undefined;
    const crc = new Crc64(WINDOW_BYTES);
    const rehearsal = new SnapshotRehearsal({
      ...{ findings: answers.findings, filter: this.#filter, dbMap: this.#dbMap, keyMap: this.#keyMap },
      ...{ hold: this.#hold(answers.findings), crc, present },
    });
    this.#rehearsal = rehearsal;
    const { bytes, seconds } = await this.#read(rehearsal, crc);
    const [removedAfter, modules] = await this.#askAfterwards(answers, rehearsal, present);
    return this.#report(answers, rehearsal, { bytes, seconds, removedAfter, modules });
  }

  // ---- asking ----------------------------------------------------------------------------------------

  async #ask(): Promise<Answers> {
    const sync = this.#sync;
    const shards = this.#sources.length > 1 || this.#sources[0]?.find?.kind === 'shard';
    const found = await this.#withTargets((clients) => surveyCheckpoints(clients, sync.name));
    const findings = await examine({
      sync: { ...(sync.targetIsCluster ? atHome(sync) : sync), source: this.#sources[0]! },
      ...{ sourceIsNode: shards, known: shards && found.length > 0 },
      ...{ filter: this.#filter, dbMap: this.#dbMap, keyMap: this.#keyMap },
      ...{ dbs: this.#dbs, signal: this.#signal },
      emit: (level, event, message) => {
        if (event === 'note') this.#notes.push(message);
        else this.#emit(level, event, message);
      },
      refuse: (error) => this.#refusals.push(error),
    });
    this.#signal.throwIfAborted();
    if (findings === undefined) throw new ReplicantError('INTERNAL', 'an examination without findings');
    const told = await Promise.all(this.#sources.map(askSource));
    const [replication] = told.map((one) => one.replication);
    const facts = {
      ...{ sync, targetKeys: findings.targetKeys },
      spooled: await hasFiles(sync.stateDir),
      backlog: shards || replication === undefined ? undefined : readBacklog(replication),
    };
    const start = shards ? planShards(facts, found) : planStart({ ...facts, found: found[0] });
    if (start.refusal !== undefined) this.#refusals.unshift(start.refusal);
    const stats = told.map((one) => one.stats).filter((one) => one !== undefined);
    const calls = stats.length < told.length ? undefined : addCalls(stats.map(readCalls));
    const keys = told.map(({ keyspace }) => this.#countKeys(keyspace));
    const sourceKeys = shards ? keys.reduce((sum, count) => sum + count, 0) : findings.sourceKeys;
    return { findings, start, calls, sourceKeys };
  }

  #countKeys(keyspace: string | undefined): number {
    const counts = [...(keyspace === undefined ? [] : readServerInfo(keyspace).keys)];
    return counts.reduce((sum, [db, keys]) => (this.#filter.matchesDb(db) ? sum + keys : sum), 0);
  }

  /** Connections to the target, or to each of its primaries. */
  async #withTargets<T>(action: (clients: readonly Client[]) => Promise<T>): Promise<T> {
    const { target, targetIsCluster } = this.#sync;
    const clients = targetIsCluster
      ? await connectAll(await findPrimaries(target))
      : [await Client.connect(target, 'target')];
    try {
      return await action(clients);
    } finally {
      for (const client of clients) client.close();
    }
  }

  /** Everything is held while a snapshot is loaded. */
  #hold({ scripts }: Findings): HoldPolicy | undefined {
    if (this.#sync.expiry === 'plain') return undefined;
    if (scripts) return { holdBeforeMs: Number.POSITIVE_INFINITY };
    this.#notes.push(
      'this user may not run scripts on the target (EVAL), so the target expires keys by its own clock',
    );
    return undefined;
  }

  /** Would the sync remove what the snapshot lacks? */
  #removes({ findings, start }: Answers): boolean {
    const { targetNotEmpty } = this.#sync;
    if (targetNotEmpty === 'merge' || start.how === 'resume' || findings.targetKeys === 0) return false;
    return findings.known || targetNotEmpty === 'mirror';
  }

  #namesWanted(answers: Answers): boolean {
    const collide = this.#dbMap.collisions((db) => this.#filter.matchesDb(db)).length > 0;
    return collide || (this.#keyMap?.collisions().length ?? 0) > 0 || this.#removes(answers);
  }

  // ---- reading ---------------------------------------------------------------------------------------

  async #read(rehearsal: SnapshotRehearsal, crc: Crc64): Promise<{ bytes: number; seconds: number }> {
    const input = new DeploymentInput(this.#sync.source, this.#sync.psyncCommand);
    this.#input = input;
    this.#emit('info', 'full-sync-start', `asking ${input.label} for a snapshot, as a new replica would`);
    let firstMs = -1;
    try {
      const { bytes } = await input.snapshot(rehearsal, {
        ...{ crc, signal: this.#signal },
        beforeBatch: () => {
          if (firstMs < 0) firstMs = performance.now();
          rehearsal.beforeBatch(Date.now());
        },
        afterBatch: () => rehearsal.afterBatch(),
      });
      return { bytes, seconds: firstMs < 0 ? 0 : (performance.now() - firstMs) / 1000 };
    } finally {
      await input.close();
    }
  }

  async #askAfterwards(
    answers: Answers,
    rehearsal: SnapshotRehearsal,
    present: NamesSet | undefined,
  ): Promise<[removedAfter: number | null, modules: DryRunModule[]]> {
    const removes = present !== undefined && this.#removes(answers);
    if (!removes && rehearsal.modules.size === 0) return [null, []];
    const removed = removes
      ? await this.#withTargets((clients) => this.#countMissing(clients, present, answers.findings))
      : null;
    const slot = keySlot(bytesOf(PROBE_KEY));
    const { target, targetIsCluster } = this.#sync;
    const place: Endpoint = targetIsCluster ? { ...target, find: { kind: 'slot', slot } } : target;
    const modules = await withClient(place, 'target', (client) =>
      showModules(client, rehearsal, answers.findings),
    );
    return [removed, modules];
  }

  /** What a mirror would remove, which nothing is removed for. */
  async #countMissing(
    clients: readonly Client[],
    keys: NamesSet,
    { capabilities }: Findings,
  ): Promise<number> {
    const filter = this.#filter;
    const { removed } = await removeMissing(clients, {
      ...{ keys, dbs: this.#dbs, unlink: capabilities.unlink, signal: this.#signal },
      wanted: targetKeys(filter, this.#dbMap, this.#keyMap) ?? (() => true),
      wantedKind: filter.kindsActive ? (kind) => filter.matchesKind(kind) : undefined,
      remove: (_, doomed) => Promise.resolve(doomed.length),
    });
    return removed;
  }

  // ---- telling ---------------------------------------------------------------------------------------

  #report(
    { findings, start, calls, sourceKeys }: Answers,
    rehearsal: SnapshotRehearsal,
    read: { bytes: number; seconds: number; removedAfter: number | null; modules: DryRunModule[] },
  ): DryRunReport {
    const { name, source, target, targetNotEmpty } = this.#sync;
    const { capabilities, sourceIdentity, targetKeys, known } = findings;
    for (const { type } of read.modules.filter(({ accepted }) => accepted === false)) {
      if (rehearsal.modules.get(type)!.sent.size > 0)
        rehearsal.moduleRefused(type, noModule(type, capabilities.server, PLACELESS).message);
    }
    const leftOut = rehearsal.leftOut();
    this.#judge(leftOut.length > 0);
    const refusals = this.#refusals.map(describeRefusal);
    const exitCode = refusals[0]?.exitCode ?? (leftOut.length > 0 ? SKIPPED_EXIT : 0);
    const databases = rehearsal.databases();
    return {
      ...{ format: 'replicant-dry-run', version: 1, ok: exitCode === 0, exitCode, name },
      source: {
        address: formatDeployment(source),
        server: sourceIdentity === undefined ? null : formatServer(sourceIdentity),
        keys: sourceKeys,
      },
      target: {
        address: formatDeployment(target),
        server: formatServer(capabilities.server),
        keys: targetKeys,
        abilities: describeCapabilities(capabilities),
        modules: capabilities.modules,
      },
      start: {
        ...{ how: start.how, text: start.text },
        position: start.position === undefined ? null : formatPosition(start.position),
        removedBefore: targetNotEmpty === 'flush' && !known ? targetKeys : 0,
        removedAfter: read.removedAfter,
      },
      ...{ refusals, notes: this.#notes, databases, keys: rehearsal.keys(), totals: rehearsal.totals() },
      leftOut,
      functions: { libraries: rehearsal.libraries, carried: capabilities.functions },
      modules: read.modules,
      commands: judgeCommands(findings, this.#filter, calls),
      estimates: {
        snapshotBytes: read.bytes,
        snapshotSeconds: read.seconds,
        sentBytes: rehearsal.output.bytes,
        sentCommands: rehearsal.output.commands,
        memoryBytes: databases.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
        memoryModel: rehearsal.memoryModel,
        leastSeconds: read.seconds,
      },
    };
  }

  /** What would end the sync on its way. */
  #judge(leavesOut: boolean): void {
    if (!leavesOut || this.#sync.onUnsupported !== 'fail' || this.#refusals.length > 0) return;
    this.#refusals.push(
      new ReplicantError('RDB_UNSUPPORTED', 'the snapshot has what the target has no place for', {
        hint: '--on-unsupported report copies everything else and lists what was left out',
      }),
    );
  }
}

function describeRefusal(error: ReplicantError): DryRunRefusal {
  return { code: error.code, message: formatError(error), exitCode: error.exitCode };
}

interface Told {
  readonly replication: string | undefined;
  readonly stats: string | undefined;
  readonly keyspace: string | undefined;
}

function askSource(source: Endpoint): Promise<Told> {
  return withClient(source, 'source', async (client) => ({
    replication: await askText(client, 'replication'),
    stats: await askText(client, 'commandstats'),
    keyspace: await askText(client, 'keyspace'),
  }));
}

function addCalls(all: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of all.flatMap((one) => [...one])) sums.set(name, (sums.get(name) ?? 0) + count);
  return sums;
}

async function withClient<T>(
  endpoint: Endpoint,
  side: 'source' | 'target',
  action: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await Client.connect(endpoint, side);
  try {
    return await action(client);
  } finally {
    client.close();
  }
}

async function askText(client: Client, section: string): Promise<string | undefined> {
  const reply = await client.request(['INFO', section]);
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : undefined;
}

async function hasFiles(dir: string | undefined): Promise<boolean> {
  if (dir === undefined) return false;
  try {
    return (await readdir(dir)).length > 0;
  } catch {
    return false;
  }
}
