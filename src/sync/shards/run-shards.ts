/**
 * A cluster as source: a run for each of its shards, as one job. Shards that come are added, those that have gone
 * are wound up; who writes which slot is `handover.ts`. What the runs tell becomes one status, one stream of events with the
 * shard's key in front, and one summary.
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { claimJob } from '../../checkpoint/lease.js';
import { checkpointKey, parseCheckpoint } from '../../checkpoint/record.js';
import { formatError, ReplicantError } from '../../errors.js';
import { SlotSet } from '../../keyspace/slot-set.js';
import type { ClusterMap } from '../../topology/cluster-map.js';
import { TopologyWatch } from '../../topology/topology-watch.js';
import { EventFeed } from '../event-feed.js';
import type { SyncHandle } from '../handle.js';
import type { ShardRun, SyncOptions } from '../options.js';
import { sleep } from '../patience.js';
import { startSync } from '../run-sync.js';
import type { Emit, SyncEvent, SyncPhase, SyncStatus, SyncSummary } from '../status.js';
import { parseHolding } from './holding.js';
import { addTotals, mergeStatus, mergeSummaries, NO_TOTALS } from './merge-status.js';
import { prepareTarget } from './prepare-target.js';
import {
  formatRoster,
  type Matched,
  matchShards,
  type Roster,
  type RosterEntry,
  runsHere,
  shardJob,
} from './roster.js';
import { changeRoster, readRoster } from './roster-store.js';
import { ShardMember } from './shard-member.js';
import { SnapshotGate } from './snapshot-gate.js';
import { TargetAccess } from './target-access.js';
import { TargetBoard } from './target-board.js';
import { Turns } from './turns.js';

const PROCESS_BYTES = 6;
const OWNER_ID_BYTES = 8;
const COMPLETE_POLL_MS = 100;
const RETIRE_RETRY_MS = 5000;

/** What a run of a part of the shards has from the job as a whole. */
export interface WholeJob {
  readonly targetPrepared: ShardRun['targetPrepared'];
  /** Waits for the turn to take a snapshot from this host. */
  readonly acquire: (host: string) => Promise<() => void>;
}

export interface ShardsHandle extends SyncHandle {
  /** Is everything on the target that the shards held at one moment, this one? */
  reached(): Promise<boolean>;
}

/** `whole`: others run the rest of the shards, and somebody else tells of the job as a whole. */
export function startShards(options: SyncOptions, map: ClusterMap, whole?: WholeJob): ShardsHandle {
  return new ShardsRun(options, map, whole);
}

class ShardsRun implements ShardsHandle {
  readonly done: Promise<SyncSummary>;
  readonly #o: SyncOptions;
  readonly #startedMs = Date.now();
  readonly #feed = new EventFeed();
  readonly #abort = new AbortController();
  readonly #access: TargetAccess;
  readonly #process = randomBytes(PROCESS_BYTES).toString('hex');
  readonly #gate: Pick<SnapshotGate, 'acquire'>;
  readonly #whole: WholeJob | undefined;
  readonly #members = new Map<string, ShardMember>();
  readonly #ended: SyncSummary[] = [];
  readonly #runs = new Set<Promise<void>>();
  /** Changes of the source, one after the other. */
  readonly #turns = new Turns();
  readonly #emit: Emit = this.#feed.emit;
  #map: ClusterMap;
  #prepared: ShardRun['targetPrepared'] | undefined;
  #roster: Roster | undefined;
  #phase: SyncPhase | undefined = 'connecting';
  #reason: SyncSummary['reason'] = 'failed';
  #complete = false;
  #endedMs = 0;
  #waitingFor: string | undefined;
  #failure: { readonly error: unknown } | undefined;
  #fail: (error: unknown) => void = () => {};

  constructor(options: SyncOptions, map: ClusterMap, whole: WholeJob | undefined) {
    this.#o = options;
    this.#map = map;
    this.#whole = whole;
    this.#access = new TargetAccess(options.target, options.targetIsCluster);
    this.#gate = whole ?? new SnapshotGate(options.cluster?.parallelSnapshots ?? 1);
    this.done = Promise.resolve().then(() => this.#run());
  }

  on(listener: (event: SyncEvent) => void): void {
    this.#feed.on(listener);
  }

  stop(): void {
    if (this.#abort.signal.aborted) return;
    this.#emit(this.#level, 'stopping', 'stopping: applying what is in flight');
    this.#finish('stopped');
  }

  status(): SyncStatus {
    const { name } = this.#o;
    return mergeStatus({
      ...{ name, phase: this.#phase, waitingFor: this.#waitingFor, complete: this.#complete },
      uptimeSeconds: ((this.#endedMs === 0 ? Date.now() : this.#endedMs) - this.#startedMs) / 1000,
      before: this.#ended.reduce((sum, { totals }) => addTotals(sum, totals), NO_TOTALS),
      parts: [...this.#members.values()].map(({ part }) => part),
    });
  }

  summary(): SyncSummary {
    const summaries = [...this.#members.values()].map(({ handle }) => handle.summary());
    return mergeSummaries(this.status(), this.#reason, [...this.#ended, ...summaries]);
  }

  #finish(reason: 'stopped' | 'caught-up'): void {
    this.#reason = reason;
    this.#abort.abort();
  }

  // ---- from start to end -------------------------------------------------------------------------------

  async #run(): Promise<SyncSummary> {
    let watch: TopologyWatch | undefined;
    const failed = new Promise<never>((_, reject) => {
      this.#fail = (error) => {
        this.#failure ??= { error };
        reject(error);
      };
    });
    failed.catch(() => {});
    try {
      await this.#prepare();
      if (!this.#stopped) {
        this.#phase = undefined;
        watch = this.#watch();
        await Promise.race([failed, this.#untilEnd()]);
      }
      await this.#stopMembers();
      if (this.#failure !== undefined) throw this.#failure.error;
      this.#phase = 'stopped';
      this.#endedMs = Date.now();
      this.#emit(
        this.#level,
        'stopped',
        this.#reason === 'caught-up'
          ? 'caught up: the target holds what the source held'
          : 'all shards have stopped',
      );
      return this.summary();
    } catch (error) {
      this.#abort.abort();
      await this.#stopMembers();
      this.#phase = 'failed';
      this.#reason = 'failed';
      this.#endedMs = Date.now();
      throw this.#failure?.error ?? error;
    } finally {
      this.#abort.abort();
      await watch?.close();
      await this.#access.close();
    }
  }

  /** Of what the job as a whole tells as well. */
  get #level(): SyncEvent['level'] {
    return this.#whole === undefined ? 'info' : 'debug';
  }

  get #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async #prepare(): Promise<void> {
    const { signal } = this.#abort;
    const known = (await readRoster(this.#access, this.#o.name)) !== undefined;
    this.#prepared =
      this.#whole?.targetPrepared ??
      (await prepareTarget({ sync: this.#o, known, signal, emit: this.#emit }));
    if (!this.#stopped) await this.#follow(this.#map);
  }

  #watch(): TopologyWatch {
    return new TopologyWatch({
      endpoint: this.#o.source,
      side: 'source',
      changed: ({ map }) => {
        this.#waitingFor = undefined;
        this.#turns.take(() => this.#follow(map)).catch((error: unknown) => this.#followFailed(error));
      },
      failed: (error) => {
        this.#emit('debug', 'note', `can't ask the source who is there: ${formatError(error)}`);
      },
    });
  }

  #followFailed(error: unknown): void {
    if (!(error instanceof ReplicantError) || !error.retry) this.#fail(error);
    else this.#emit('warn', 'waiting', `${formatError(error)}; looked at again when the source changes`);
  }

  async #untilEnd(): Promise<void> {
    const { signal } = this.#abort;
    while (!this.#stopped) {
      /* oxlint-disable no-await-in-loop -- until it is so */
      await sleep(COMPLETE_POLL_MS, signal);
      if (this.#stopped || !this.#allCaughtUp) continue;
      if (this.#complete && this.#o.until !== 'caught-up') continue;
      if (!(await this.#reached())) continue;
      if (!this.#complete && this.#whole === undefined)
        this.#emit('info', 'caught-up', 'all shards are caught up');
      this.#complete = true;
      if (this.#o.until === 'caught-up') this.#finish('caught-up');
      /* oxlint-enable no-await-in-loop */
    }
  }

  get #allCaughtUp(): boolean {
    const members = [...this.#members.values()];
    return members.length > 0 && members.every(({ everCaughtUp }) => everCaughtUp);
  }

  async reached(): Promise<boolean> {
    return this.#allCaughtUp && (await this.#reached());
  }

  /** Is everything on the target that the source held at one moment, this one? */
  async #reached(): Promise<boolean> {
    const members = [...this.#members.values()];
    try {
      const looks = await Promise.all(members.map((member) => member.look()));
      if (!looks.every(({ complete }) => complete)) return false;
      while (!this.#stopped) {
        const behind = members.some(
          ({ handle, everCaughtUp }, at) =>
            !everCaughtUp || (handle.status().shards[0]?.appliedOffset ?? -1) < looks[at]!.offset,
        );
        if (!behind) return this.#members.size === members.length;
        if (!members.every(({ everCaughtUp }) => everCaughtUp)) return false;
        // oxlint-disable-next-line no-await-in-loop
        await sleep(COMPLETE_POLL_MS, this.#abort.signal);
      }
      return false;
    } catch (error) {
      if (error instanceof ReplicantError && error.retry) return false;
      throw error;
    }
  }

  async #stopMembers(): Promise<void> {
    // What has begun to follow the source ends first.
    await this.#turns.take(async () => {});
    for (const { handle } of this.#members.values()) handle.stop();
    await Promise.allSettled(this.#runs);
  }

  // ---- the shards --------------------------------------------------------------------------------------

  async #follow(map: ClusterMap): Promise<void> {
    if (this.#stopped) return;
    this.#map = map;
    const { name, cluster } = this.#o;
    const before = this.#roster;
    if (before === undefined || formatRoster(matchShards(before, map).roster) !== formatRoster(before))
      this.#roster = await changeRoster(this.#access, name, (roster) => matchShards(roster, map).roster);
    const { entries, gone } = matchShards(this.#roster!, map);
    const here = (entry: RosterEntry): boolean =>
      runsHere(entry.key, cluster?.shardIndex, cluster?.shardCount);
    const ours = entries.filter(({ entry }) => here(entry));
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const matched of ours) await this.#keep(matched, ours.length);
    for (const entry of gone.filter(here)) this.#windUp(entry);
    if (ours.length === 0 && before === undefined && this.#whole === undefined)
      this.#emit('warn', 'note', 'none of the shards is for this process to run');
  }

  /** Starts a run unless there is one; a shard that never had slots has nothing to tell. */
  async #keep({ entry, shard }: Matched, share: number): Promise<void> {
    const member = this.#members.get(entry.key);
    if (member?.finds(shard) === true) {
      member.update(shard);
      return;
    }
    // One after the other all its nodes have been replaced.
    if (member !== undefined) await this.#dismiss(member);
    if (shard.slots.length === 0 && (await this.#heldBy(entry)) === undefined) return;
    const added = new ShardMember({
      ...{ sync: this.#o, entry, shard, share, access: this.#access, process: this.#process },
      ...{ gate: this.#gate, targetPrepared: this.#prepared!, start: startSync, emit: this.#emit },
      sibling: (key) => this.#members.get(key),
      changed: () => {
        for (const one of this.#members.values()) one.poke();
      },
    });
    this.#members.set(entry.key, added);
    this.#complete = false;
    this.#attend(added);
  }

  #attend(member: ShardMember): void {
    const run = this.#outlive(member);
    this.#runs.add(run);
    void run.finally(() => this.#runs.delete(run));
  }

  async #outlive(member: ShardMember): Promise<void> {
    try {
      await member.handle.done;
    } catch (error) {
      if (this.#members.get(member.key) === member) this.#fail(error);
    }
    await member.close();
  }

  // ---- shards that have gone ---------------------------------------------------------------------------

  /** Once all that it holds is owned by others: its run ends, and its record goes. */
  #windUp(entry: RosterEntry): void {
    void this.#turns.take(() => this.#retire(entry)).catch((error: unknown) => this.#followFailed(error));
  }

  async #retire(entry: RosterEntry): Promise<void> {
    const isGone = matchShards(this.#roster!, this.#map).gone.some(({ key }) => key === entry.key);
    if (!isGone || this.#stopped) return;
    const member = this.#members.get(entry.key);
    const held = member?.held ?? (await this.#heldBy(entry)) ?? new SlotSet();
    if (![...held].every((slot) => this.#map.owner[slot]! >= 0)) {
      this.#retireLater(entry);
      return;
    }
    if (member !== undefined) await this.#dismiss(member);
    await this.#remove(entry);
  }

  async #dismiss(member: ShardMember): Promise<void> {
    this.#members.delete(member.key);
    member.handle.stop();
    await member.handle.done.catch(() => {});
    await member.close();
    this.#ended.push(member.handle.summary());
  }

  #retireLater(entry: RosterEntry): void {
    const timer = setTimeout(() => this.#windUp(entry), RETIRE_RETRY_MS);
    this.#abort.signal.addEventListener('abort', () => clearTimeout(timer));
  }

  async #remove(entry: RosterEntry): Promise<void> {
    const { name, stateDir } = this.#o;
    if (!(await this.#removeRecord(entry))) {
      this.#retireLater(entry);
      return;
    }
    this.#roster = await changeRoster(this.#access, name, (roster) => ({
      ...roster,
      shards: roster.shards.filter(({ key }) => key !== entry.key),
    }));
    if (stateDir !== undefined) await rm(join(stateDir, entry.key), { recursive: true, force: true });
    this.#emit(
      'info',
      'note',
      `${entry.key} has left the cluster: others have its slots, and its job is done`,
    );
    for (const one of this.#members.values()) one.poke();
  }

  /** False when another process has it. */
  async #removeRecord({ key }: RosterEntry): Promise<boolean> {
    const { name, target, targetIsCluster, takeoverAfterMs } = this.#o;
    const job = shardJob(name, key);
    const record = checkpointKey(job);
    const board = new TargetBoard({ access: this.#access, job: name, key, process: this.#process });
    // Its connection becomes one of the shard's job.
    const access = new TargetAccess(target, targetIsCluster);
    try {
      const { current } = await access.on(record, (client) =>
        claimJob(client, {
          ...{ job, staleAfterMs: takeoverAfterMs, signal: this.#abort.signal, now: () => Date.now() },
          owner: {
            ...{ id: randomBytes(OWNER_ID_BYTES).toString('hex'), host: hostname(), pid: process.pid },
            sinceMs: Date.now(),
          },
          announce: (message) => this.#emit('info', 'note', message),
        }),
      );
      if (current === undefined) return true;
      await board.soil(parseHolding(current.slots ?? '').slots);
      await access.ask(record, [['DEL', record]]);
      return true;
    } catch (error) {
      if (!(error instanceof ReplicantError) || error.code !== 'TARGET_HELD') throw error;
      this.#emit('info', 'note', `${key} has left the cluster, but its job is held: ${error.message}`);
      return false;
    } finally {
      await access.close();
    }
  }

  async #heldBy({ key }: RosterEntry): Promise<SlotSet | undefined> {
    const record = checkpointKey(shardJob(this.#o.name, key));
    const text = await this.#access.get(record);
    return text !== undefined ? parseHolding(parseCheckpoint(text).slots ?? '').slots : undefined;
  }
}
