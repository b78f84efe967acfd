/**
 * The sync of one source to one target, from the first question to the summary.
 *
 * One loop: have a target connection, have a link to the source, run until one of them breaks, say what
 * broke and what happens next, wait, go on. The position survives a broken link (partial resync); it does
 * not survive a broken target connection, since what was in flight may or may not have been applied: then
 * a new full copy is taken, and said so.
 */
import { Crc64 } from '../bytes/crc64.js';
import { ByteWindow } from '../bytes/window.js';
import { formatError, ReplicantError } from '../errors.js';
import { createDbMap, type DbMap } from '../keyspace/db-map.js';
import { createKeyFilter, type KeyFilter } from '../keyspace/key-filter.js';
import { Client } from '../net/client.js';
import { formatAddress } from '../net/endpoint.js';
import { ReplicationLink } from '../replication/link.js';
import { BUSY, backOffMs, FULL_RESYNC, RECONNECT } from '../replication/policies.js';
import { formatPosition } from '../replication/position.js';
import type { Capabilities } from '../target/capabilities.js';
import type { FailedCommand } from '../target/failed-command.js';
import { TargetLink } from '../target/target-link.js';
import { clearDatabases } from './clear-databases.js';
import type { SyncHandle } from './handle.js';
import type { SyncOptions } from './options.js';
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
  flushCommands,
  writtenDbs,
} from './prepare.js';
import { judgeRefusal } from './refusal.js';
import { Replay } from './replay.js';
import { SourceWatch } from './source-watch.js';
import type { SyncEvent, SyncPhase, SyncStatus, SyncSummary } from './status.js';
import type { ClearRequest } from './stream-applier.js';
import { Tally } from './tally.js';

const WINDOW_BYTES = 4 * 1024 * 1024;
const DRAIN_TIMEOUT_MS = 30_000;
const CLEAR_TIMEOUT_MS = 600_000;
const DEFAULT_DATABASES = 16;

export function startSync(options: SyncOptions): SyncHandle {
  return new SyncRun(options);
}

class SyncRun implements SyncHandle {
  readonly done: Promise<SyncSummary>;
  readonly #o: SyncOptions;
  readonly #filter: KeyFilter;
  readonly #dbMap: DbMap;
  readonly #tally = new Tally();
  readonly #startedMs = Date.now();
  readonly #listeners: ((event: SyncEvent) => void)[] = [];
  readonly #crc = new Crc64(WINDOW_BYTES);
  readonly #window = new ByteWindow(this.#crc.window);
  readonly #abort = new AbortController();
  readonly #watch: SourceWatch;
  readonly #sourceAt: string;
  readonly #targetAt: string;
  #phase: SyncPhase = 'connecting';
  #capabilities: Capabilities | undefined;
  #clockOffsetMs: number | undefined;
  #sourceDatabases = DEFAULT_DATABASES;
  #sourceKeys = 0;
  #targetHasKeys = false;
  #link: ReplicationLink | undefined;
  #target: TargetLink | undefined;
  #replay: Replay | undefined;
  /** What ended the current attempt; the first error counts. */
  #broken: unknown;
  #reason: SyncSummary['reason'] = 'failed';
  #everCaughtUp = false;
  #endedMs = 0;
  /** Attempts since the link last worked, and full resyncs since the last time we were caught up. */
  #attempt = 0;
  #resyncs = 0;

  constructor(options: SyncOptions) {
    this.#o = options;
    this.#filter = createKeyFilter(options.filter);
    this.#dbMap = createDbMap(options.dbMap);
    this.#sourceAt = formatAddress(options.source.address);
    this.#targetAt = formatAddress(options.target.address);
    this.#watch = new SourceWatch(options.source, () => this.#checkCaughtUp());
    this.done = Promise.resolve().then(() => this.#run());
  }

  on(listener: (event: SyncEvent) => void): void {
    this.#listeners.push(listener);
  }

  stop(): void {
    if (this.#abort.signal.aborted) return;
    this.#emit('info', 'stopping', 'stopping: applying what is in flight');
    this.#finish('stopped');
  }

  status(): SyncStatus {
    const now = this.#endedMs === 0 ? Date.now() : this.#endedMs;
    const replay = this.#replay;
    const received = replay?.receivedOffset ?? -1;
    const applied = replay?.appliedOffset ?? -1;
    const sourceOffset = Math.max(this.#watch.offset, received);
    const lagSeconds = applied < 0 ? 0 : this.#watch.lagSeconds(now, applied, received);
    const { keys, commands, bytes, skippedCount, errors } = this.#tally;
    return {
      name: this.#o.name,
      phase: this.#phase,
      caughtUp: this.#everCaughtUp && this.#phase !== 'full-sync' && lagSeconds < 5,
      uptimeSeconds: (now - this.#startedMs) / 1000,
      totals: { keys, commands, bytes, skipped: skippedCount, errors },
      shards: [
        {
          ...{ source: this.#sourceAt, target: this.#targetAt, phase: this.#phase },
          replid: replay?.replid ?? '',
          ...{ receivedOffset: received, appliedOffset: applied, sourceOffset },
          lagBytes: applied < 0 ? 0 : Math.max(0, sourceOffset - applied),
          lagSeconds,
          ...{ rdbBytes: replay?.rdbBytes ?? 0, rdbBytesTotal: replay?.rdbBytesTotal ?? 0 },
          ...{ keys, keysTotal: Math.max(this.#sourceKeys, replay?.keysHint ?? 0), spoolBytes: 0 },
        },
      ],
    };
  }

  summary(): SyncSummary {
    const { totals, shards } = this.status();
    return {
      ok: this.#reason !== 'failed' && totals.skipped === 0,
      name: this.#o.name,
      reason: this.#reason,
      totals,
      expiredKeys: this.#tally.expiredKeys,
      fullSyncs: this.#tally.fullSyncs,
      partialResyncs: this.#tally.partialResyncs,
      replid: shards[0]!.replid,
      appliedOffset: shards[0]!.appliedOffset,
      skipped: this.#tally.skipped,
      seconds: ((this.#endedMs || Date.now()) - this.#startedMs) / 1000,
    };
  }

  // ---- the loop ----------------------------------------------------------------------------------------

  async #run(): Promise<SyncSummary> {
    try {
      await this.#prepare();
      while (!this.#stopped) await this.#attemptOnce();
      await this.#drain();
      this.#phase = 'stopped';
      this.#endedMs = Date.now();
      this.#emit('info', 'stopped', this.#closingWords());
      return this.summary();
    } catch (error) {
      this.#phase = 'failed';
      this.#reason = 'failed';
      this.#endedMs = Date.now();
      throw error;
    } finally {
      this.#abort.abort();
      this.#watch.close();
      this.#link?.stop();
      this.#target?.close();
    }
  }

  get #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  #finish(reason: 'stopped' | 'caught-up'): void {
    this.#reason = reason;
    this.#abort.abort();
    this.#link?.stop();
  }

  /** Runs a link until it ends; a failure that can be helped ends in a wait, any other is thrown. */
  async #attemptOnce(): Promise<void> {
    this.#broken = undefined;
    try {
      await this.#attach();
      if (this.#stopped) return;
      await this.#runLink();
      if (this.#broken !== undefined) throw this.#broken;
    } catch (caught) {
      const error = this.#broken ?? caught;
      this.#link = undefined;
      if (this.#stopped) return;
      if (!(error instanceof ReplicantError) || !(error.retry || this.#garbledStream(error))) throw error;
      await this.#recover(error);
    }
  }

  /** Bytes that are no command in a stream that worked: the link is torn, not the source a stranger. */
  #garbledStream(error: ReplicantError): boolean {
    return error.code === 'SOURCE_PROTOCOL' && this.#phase === 'streaming' && this.#attempt < 5;
  }

  async #runLink(): Promise<void> {
    const link = new ReplicationLink({
      source: this.#o.source,
      window: this.#window,
      handler: this.#replay!,
      psyncCommand: this.#o.psyncCommand,
      position: this.#replay!.position,
    });
    this.#link = link;
    if (this.#phase !== 'streaming') this.#phase = 'connecting';
    this.#emit('debug', 'connecting', `connecting to ${this.#sourceAt}`);
    await link.run();
  }

  async #recover(error: ReplicantError): Promise<void> {
    const targetLost = this.#target === undefined || this.#target.over;
    const position = targetLost ? undefined : this.#replay?.position;
    const waitMs = this.#waitMs(error, position === undefined);
    if (targetLost) this.#dropTarget();
    const event = error.code.endsWith('_BUSY') ? 'waiting' : targetLost ? 'target-lost' : 'link-lost';
    const next = position === undefined ? this.#fullCopyNext() : `trying to go on at ${formatPosition(position)}`;
    this.#emit('warn', event, `${formatError(error)}; ${next} in ${(waitMs / 1000).toFixed(1)} s`, {
      attempt: this.#attempt,
      waitMs,
    });
    await this.#sleep(waitMs);
  }

  #fullCopyNext(): string {
    return this.#tally.fullSyncs === 0 ? 'trying again' : 'a new full copy will be taken, trying';
  }

  #waitMs(error: ReplicantError, full: boolean): number {
    const attempt = this.#attempt++;
    if (error.code.endsWith('_BUSY')) return backOffMs(BUSY, attempt, Math.random());
    if (full && this.#tally.fullSyncs > 0) return backOffMs(FULL_RESYNC, this.#resyncs++, Math.random());
    return backOffMs(RECONNECT, attempt, Math.random());
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#abort.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #drain(): Promise<void> {
    if (this.#target === undefined || this.#target.over) return;
    const idle = await this.#target.idle(DRAIN_TIMEOUT_MS);
    if (!idle) this.#emit('warn', 'note', `the target did not answer ${this.#target.pipeline.pending} commands in time`);
  }

  #closingWords(): string {
    if (this.#reason === 'caught-up') return 'caught up: the target holds what the source held';
    const complete = this.#replay !== undefined && this.#replay.appliedOffset >= 0;
    if (complete) return `stopped at ${formatPosition({ replid: this.#replay!.replid, offset: this.#replay!.appliedOffset })}`;
    return this.#tally.fullSyncs > 0
      ? 'stopped during the full sync: the target is not a complete copy'
      : 'stopped before anything was written';
  }

  // ---- both ends ---------------------------------------------------------------------------------------

  async #prepare(): Promise<void> {
    const { source, target } = this.#o;
    const sourceClient = await Client.connect(source, 'source');
    try {
      const targetClient = await Client.connect(target, 'target');
      try {
        await this.#examine(sourceClient, targetClient);
      } finally {
        targetClient.close();
      }
    } finally {
      sourceClient.close();
    }
  }

  async #examine(sourceClient: Client, targetClient: Client): Promise<void> {
    const sourceInfo = await this.#patiently(() => askInfo(sourceClient, 'source'));
    const targetInfo = await this.#patiently(() => askInfo(targetClient, 'target'));
    if (this.#stopped) return;
    checkMode(sourceInfo, 'source', this.#sourceAt);
    checkMode(targetInfo, 'target', this.#targetAt);
    checkDifferent(sourceInfo, targetInfo);
    checkWritable(targetInfo, this.#targetAt);
    const capabilities = await askCapabilities(targetClient, targetInfo);
    checkDatabases(sourceInfo, await askDatabases(targetClient), this.#filter, this.#dbMap);
    this.#capabilities = capabilities;
    this.#sourceDatabases = (await askDatabases(sourceClient)) ?? DEFAULT_DATABASES;
    this.#clockOffsetMs = await askClockOffset(sourceClient);
    for (const [db, keys] of sourceInfo?.keys ?? []) if (this.#filter.matchesDb(db)) this.#sourceKeys += keys;
    for (const { target, sources } of this.#dbMap.collisions((db) => this.#filter.matchesDb(db))) {
      const used = sources.filter((db) => (sourceInfo?.keys.get(db) ?? 0) > 0);
      if (used.length < 2) continue;
      this.#emit('warn', 'note', `databases ${used.join(' and ')} of the source both go to db ${target}: keys of the same name overwrite each other`);
    }
    await this.#emptyOrNot(targetClient, capabilities, await countKeys(targetClient, targetInfo, this.#dbs));
    const { family, version } = capabilities.server;
    const from = sourceInfo?.identity;
    const sourceName = from === undefined ? 'a server that does not tell its version' : `${from.family} ${from.version.join('.')}`;
    this.#emit('info', 'connected', `source ${this.#sourceAt} is ${sourceName}, target ${this.#targetAt} is ${family} ${version.join('.')}`);
  }

  get #dbs(): ReadonlySet<number> | undefined {
    return writtenDbs(this.#o, this.#dbMap);
  }

  async #emptyOrNot(client: Client, capabilities: Capabilities, keys: number): Promise<void> {
    if (keys === 0) return;
    switch (this.#o.targetNotEmpty) {
      case 'fail':
        throw new ReplicantError('TARGET_NOT_EMPTY', `the target holds ${keys} keys`, {
          place: { at: this.#targetAt },
          hint: 'use --target-not-empty merge to write among them, or flush to delete them first',
        });
      case 'flush':
        this.#emit('warn', 'note', `deleting the target's ${keys} keys, as asked`);
        await emptyTarget(client, capabilities, this.#dbs);
        return;
      default:
        this.#targetHasKeys = true;
    }
  }

  /** Asks again while the server says that it is not ready yet. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 0; !this.#stopped; attempt++) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ReplicantError) || !error.code.endsWith('_BUSY')) throw error;
        const waitMs = backOffMs(BUSY, attempt, Math.random());
        this.#emit('warn', 'waiting', `${formatError(error)}; asking again in ${(waitMs / 1000).toFixed(1)} s`);
        await this.#sleep(waitMs);
      }
    }
    return undefined;
  }

  /** Makes sure there is a target connection, and a replay that belongs to it. */
  async #attach(): Promise<void> {
    if (this.#target !== undefined && !this.#target.over) return;
    const again = this.#tally.fullSyncs > 0;
    const merge = this.#o.targetNotEmpty === 'merge';
    if (again && !merge) await this.#emptyAgain();
    const target = await TargetLink.open(this.#o.target, {
      commandFailed: (failed) => this.#commandFailed(failed),
      drained: () => this.#link?.resume(),
      applied: () => this.#applied(),
      lost: (error) => this.#breakOff(error),
    });
    this.#target = target;
    this.#replay = new Replay({
      ...{ pipeline: target.pipeline, crc: this.#crc, capabilities: this.#capabilities!, tally: this.#tally },
      ...{ filter: this.#filter, dbMap: this.#dbMap, sourceDatabases: this.#sourceDatabases },
      ...{ clockOffsetMs: this.#clockOffsetMs, targetHasKeys: this.#targetHasKeys },
      emptying: merge ? [] : flushCommands(this.#capabilities!, this.#dbs),
      events: {
        fullResync: (position, repeated) => this.#fullResync(formatPosition(position), repeated || again),
        continued: (replid, changed) => this.#continued(replid, changed),
        snapshotReceived: () => this.#emit('info', 'note', 'the snapshot has been received and is being applied'),
        getAck: () => this.#link?.acknowledge(),
        clearRequested: (request) => void this.#clear(request),
        unsupported: (error) => this.#unsupported(error),
        reported: (why, name, offset, db) => this.#skip({ what: 'command', name, db, offset, why }),
      },
    });
  }

  /** A target we have filled, about to be filled anew: what it holds is ours, and partly out of date. */
  async #emptyAgain(): Promise<void> {
    const client = await Client.connect(this.#o.target, 'target');
    try {
      await this.#patiently(() => askInfo(client, 'target'));
      if (!this.#stopped) await emptyTarget(client, this.#capabilities!, this.#dbs);
    } finally {
      client.close();
    }
  }

  #dropTarget(): void {
    this.#target?.close();
    this.#target = undefined;
    this.#replay = undefined;
    this.#phase = 'connecting';
  }

  /** The target's connection is over: so is the link. The loop finds the reason in #broken. */
  #breakOff(error: unknown): void {
    this.#broken ??= error;
    this.#link?.stop();
  }

  // ---- what happens on the way -------------------------------------------------------------------------

  #fullResync(position: string, again: boolean): void {
    this.#phase = 'full-sync';
    this.#everCaughtUp = false;
    const why = again
      ? this.#o.targetNotEmpty === 'merge'
        ? 'the source starts over: a new full copy is taken; keys it has deleted meanwhile stay on the target'
        : 'the source starts over: the target is emptied and a new full copy is taken'
      : 'full sync started';
    this.#emit(again ? 'warn' : 'info', again ? 'full-resync' : 'full-sync-start', `${why} (${position})`);
  }

  #continued(replid: string, changed: boolean): void {
    this.#attempt = 0;
    const words = changed ? `the source goes on under a new replid, ${replid}` : 'the source goes on where we were';
    this.#emit('info', 'partial-resync', `${words}: nothing was lost`);
  }

  #applied(): void {
    const replay = this.#replay;
    if (replay === undefined) return;
    replay.applied();
    if (this.#phase === 'full-sync' && replay.streaming && replay.appliedOffset >= replay.base) {
      this.#phase = 'streaming';
      this.#attempt = 0;
      this.#emit('info', 'full-sync-done', `full sync done: ${this.#tally.keys} keys`, {
        keys: this.#tally.keys,
        bytes: replay.rdbBytes,
        expired: this.#tally.expiredKeys,
      });
      this.#watch.start();
    }
    if (!this.#everCaughtUp) this.#checkCaughtUp();
  }

  #checkCaughtUp(): void {
    const replay = this.#replay;
    if (replay === undefined || this.#phase !== 'streaming' || this.#stopped) return;
    const applied = replay.appliedOffset;
    if (!this.#watch.reachedBy(applied, replay.receivedOffset)) return;
    if (!this.#everCaughtUp) {
      this.#everCaughtUp = true;
      this.#resyncs = 0;
      this.#emit('info', 'caught-up', `caught up at offset ${applied}`);
    }
    if (this.#o.until === 'caught-up') this.#finish('caught-up');
  }

  async #clear(request: ClearRequest): Promise<void> {
    const target = this.#target!;
    const replay = this.#replay!;
    try {
      await target.idle(CLEAR_TIMEOUT_MS);
      await clearDatabases(this.#o.target, request, this.#filter);
      replay.cleared();
      this.#link?.resume();
    } catch (error) {
      this.#breakOff(error);
    }
  }

  #commandFailed(failed: FailedCommand): void {
    this.#tally.errors++;
    const where = this.#replay?.streaming === true ? 'stream' : 'snapshot';
    const { error, skippable } = judgeRefusal(failed, this.#targetAt, where);
    if (!skippable || this.#o.onError === 'stop') throw error;
    const key = error.place.key ?? '';
    if (where === 'snapshot') this.#tally.keys--;
    this.#skip({
      what: where === 'snapshot' ? 'key' : 'command',
      name: where === 'snapshot' ? key : `${failed.name} ${key}`,
      ...{ db: -1, offset: failed.offset, why: failed.error },
    });
  }

  #unsupported(error: ReplicantError): void {
    if (this.#o.onError === 'stop') throw error;
    const { key = 'function library', db = -1, offset = -1 } = error.place;
    this.#skip({ what: error.place.key === undefined ? 'function' : 'key', name: key, db, offset, why: error.message });
  }

  #skip(item: Parameters<Tally['skip']>[0]): void {
    this.#tally.skip(item);
    this.#emit('warn', 'skipped', `left out ${item.what} ${item.name}: ${item.why}`, { db: item.db, offset: item.offset });
  }

  #emit(level: SyncEvent['level'], event: SyncEvent['event'], message: string, details?: SyncEvent['details']): void {
    for (const listener of this.#listeners) {
      listener(details === undefined ? { level, event, message } : { level, event, message, details });
    }
  }
}
