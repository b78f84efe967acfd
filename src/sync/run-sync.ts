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
import { formatPosition, type Position } from '../replication/position.js';
import type { FailedCommand } from '../target/failed-command.js';
import { TargetLink } from '../target/target-link.js';
import { clearDatabases } from './clear-databases.js';
import { examine, type Findings } from './examination.js';
import type { SyncHandle } from './handle.js';
import type { SyncOptions } from './options.js';
import { patiently, sleep } from './patience.js';
import { askInfo, emptyTarget, flushCommands, writtenDbs } from './prepare.js';
import { judgeRefusal } from './refusal.js';
import { Replay } from './replay.js';
import { buildStatus, buildSummary, type RunFacts } from './report.js';
import { SourceWatch } from './source-watch.js';
import type { SyncEvent, SyncPhase, SyncStatus, SyncSummary } from './status.js';
import type { ClearRequest } from './stream-applier.js';
import { Tally } from './tally.js';

const WINDOW_BYTES = 4 * 1024 * 1024;
const DRAIN_TIMEOUT_MS = 30_000;
const CLEAR_TIMEOUT_MS = 600_000;
const GARBLED_MOST = 5;

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
  #findings: Findings | undefined;
  #link: ReplicationLink | undefined;
  #target: TargetLink | undefined;
  #replay: Replay | undefined;
  /** Stream bytes received over a link that is gone, behind the replay's position. */
  #held: Uint8Array | undefined;
  /** What ended the current attempt; the first error counts. */
  #broken: unknown;
  #reason: SyncSummary['reason'] = 'failed';
  #everCaughtUp = false;
  #endedMs = 0;
  /** Attempts since the link last worked, and full resyncs since the last time we were caught up. */
  #attempt = 0;
  #resyncs = 0;
  /** How often the stream turned into garbage at one and the same offset. */
  #garbled = 0;
  #garbledAt = -1;

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
    return buildStatus(this.#facts());
  }

  summary(): SyncSummary {
    return buildSummary(this.#facts(), this.#reason);
  }

  #facts(): RunFacts {
    return {
      name: this.#o.name,
      sourceAt: this.#sourceAt,
      targetAt: this.#targetAt,
      phase: this.#phase,
      everCaughtUp: this.#everCaughtUp,
      startedMs: this.#startedMs,
      nowMs: this.#endedMs === 0 ? Date.now() : this.#endedMs,
      sourceKeys: this.#findings?.sourceKeys ?? 0,
      tally: this.#tally,
      watch: this.#watch,
      replay: this.#replay,
    };
  }

  // ---- the loop ----------------------------------------------------------------------------------------

  async #run(): Promise<SyncSummary> {
    try {
      await this.#examine();
      while (!this.#stopped) await this.#attemptOnce();
      await this.#drain();
      // What was in flight at the stop may have been refused, or its fate be unknown.
      if (this.#broken !== undefined) throw this.#broken;
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
      const streamed = this.#link?.streamed === true;
      this.#link = undefined;
      if (this.#stopped) return;
      const garbled = this.#garbledStream(error);
      if (!(error instanceof ReplicantError) || !(error.retry || garbled)) throw error;
      this.#hold(streamed, garbled);
      await this.#recover(error);
    }
  }

  /**
   * Keeps the stream bytes that have come and wait for the target: they need not be asked for again, when
   * the source's backlog may have moved on. Bytes that are no stream are not worth keeping.
   */
  #hold(streamed: boolean, garbled: boolean): void {
    if (garbled) this.#held = undefined;
    else if (streamed) this.#held = this.#window.bytes.slice(this.#window.start, this.#window.end);
  }

  /** Where the next link starts: behind all that has been received. */
  get #position(): Position | undefined {
    const position = this.#replay?.position;
    if (position === undefined) return undefined;
    return { replid: position.replid, offset: position.offset + (this.#held?.length ?? 0) };
  }

  /** Bytes that are no command in a stream that worked: the link is torn, not the source a stranger. */
  #garbledStream(error: unknown): boolean {
    if (!(error instanceof ReplicantError) || error.code !== 'SOURCE_PROTOCOL') return false;
    if (this.#replay?.streaming !== true) return false;
    const offset = this.#replay.receivedOffset;
    this.#garbled = offset === this.#garbledAt ? this.#garbled + 1 : 1;
    this.#garbledAt = offset;
    return this.#garbled <= GARBLED_MOST;
  }

  async #runLink(): Promise<void> {
    const link = new ReplicationLink({
      source: this.#o.source,
      window: this.#window,
      handler: this.#replay!,
      psyncCommand: this.#o.psyncCommand,
      position: this.#position,
      held: this.#held,
    });
    this.#link = link;
    if (this.#phase !== 'streaming') this.#phase = 'connecting';
    this.#emit('debug', 'connecting', `connecting to ${this.#sourceAt}`);
    await link.run();
  }

  async #recover(error: ReplicantError): Promise<void> {
    // A link only ends with this code when its history broke off inside a transaction.
    const targetLost = this.#target === undefined || this.#target.over || error.code === 'TARGET_UNREACHABLE';
    const position = targetLost ? undefined : this.#position;
    const waitMs = this.#waitMs(error, position === undefined);
    if (targetLost) this.#dropTarget();
    const event = error.code.endsWith('_BUSY') ? 'waiting' : targetLost ? 'target-lost' : 'link-lost';
    const next =
      position === undefined ? this.#fullCopyNext() : `trying to go on at ${formatPosition(position)}`;
    this.#emit('warn', event, `${formatError(error)}; ${next} in ${(waitMs / 1000).toFixed(1)} s`, {
      attempt: this.#attempt,
      waitMs,
    });
    await sleep(waitMs, this.#abort.signal);
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

  async #drain(): Promise<void> {
    if (this.#target === undefined || this.#target.over) return;
    const idle = await this.#target.idle(DRAIN_TIMEOUT_MS);
    if (!idle)
      this.#emit(
        'warn',
        'note',
        `the target did not answer ${this.#target.pipeline.pending} commands in time`,
      );
  }

  #closingWords(): string {
    if (this.#reason === 'caught-up') return 'caught up: the target holds what the source held';
    const complete = this.#replay !== undefined && this.#replay.appliedOffset >= 0;
    if (complete)
      return `stopped at ${formatPosition({ replid: this.#replay!.replid, offset: this.#replay!.appliedOffset })}`;
    return this.#tally.fullSyncs > 0
      ? 'stopped during the full sync: the target is not a complete copy'
      : 'stopped before anything was written';
  }

  // ---- both ends ---------------------------------------------------------------------------------------

  async #examine(): Promise<void> {
    this.#findings = await examine({
      sync: this.#o,
      filter: this.#filter,
      dbMap: this.#dbMap,
      dbs: this.#dbs,
      signal: this.#abort.signal,
      emit: (level, event, message) => this.#emit(level, event, message),
    });
  }

  /** Target databases that may be written; undefined: any. */
  get #dbs(): ReadonlySet<number> | undefined {
    return writtenDbs(this.#o, this.#dbMap);
  }

  /** Makes sure there is a target connection, and a replay that belongs to it. */
  async #attach(): Promise<void> {
    if (this.#target !== undefined && !this.#target.over) return;
    const { capabilities, clockOffsetMs, sourceDatabases, targetDatabases, targetHasKeys } = this.#findings!;
    const again = this.#tally.fullSyncs > 0;
    const merge = this.#o.targetNotEmpty === 'merge';
    if (again && !merge) await this.#emptyAgain();
    const target = await TargetLink.open(this.#o.target, {
      commandFailed: (failed) => this.#commandFailed(failed),
      drained: () => this.#link?.resume(),
      applied: () => this.#applied(),
      stalled: (seconds) =>
        this.#emit('warn', 'waiting', `the target has not answered for ${seconds} s; waiting for it`),
      betweenCommands: () => this.#replay?.open !== true && this.#phase === 'streaming',
      lost: (error) => this.#breakOff(error),
    });
    this.#target = target;
    this.#replay = new Replay({
      pipeline: target.pipeline,
      crc: this.#crc,
      capabilities,
      tally: this.#tally,
      filter: this.#filter,
      dbMap: this.#dbMap,
      sourceDatabases,
      targetDatabases,
      clockOffsetMs,
      targetHasKeys,
      emptying: merge ? [] : flushCommands(capabilities, this.#dbs),
      events: {
        fullResync: (position, repeated) => this.#fullResync(formatPosition(position), repeated || again),
        continued: (replid, changed) => this.#continued(replid, changed),
        snapshotReceived: () =>
          this.#emit('info', 'note', 'the snapshot has been received and is being applied'),
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
      const { signal } = this.#abort;
      await patiently(
        () => askInfo(client, 'target'),
        signal,
        (message) => this.#emit('warn', 'waiting', message),
      );
      if (!this.#stopped) await emptyTarget(client, this.#findings!.capabilities, this.#dbs);
    } finally {
      client.close();
    }
  }

  #dropTarget(): void {
    this.#target?.close();
    this.#target = undefined;
    this.#replay = undefined;
    this.#held = undefined;
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
    this.#held = undefined;
    this.#everCaughtUp = false;
    this.#watch.forget();
    const why = again
      ? this.#o.targetNotEmpty === 'merge'
        ? 'the source starts over: a new full copy is taken; keys it has deleted meanwhile stay on the target'
        : 'the source starts over: the target is emptied and a new full copy is taken'
      : 'full sync started';
    this.#emit(again ? 'warn' : 'info', again ? 'full-resync' : 'full-sync-start', `${why} (${position})`);
  }

  #continued(replid: string, changed: boolean): void {
    this.#attempt = 0;
    const words = changed
      ? `the source goes on under a new replid, ${replid}`
      : 'the source goes on where we were';
    this.#emit('info', 'partial-resync', `${words}: nothing was lost`);
  }

  #applied(): void {
    const replay = this.#replay;
    if (replay === undefined) return;
    replay.applied();
    if (this.#phase !== 'streaming' && replay.streaming && replay.appliedOffset >= replay.base) {
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
    if (!this.#watch.reachedBy(applied, replay.receivedOffset, replay.replid)) return;
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
      if (!(await target.idle(CLEAR_TIMEOUT_MS))) {
        throw new ReplicantError('TARGET_BUSY', 'the target has not answered for 10 minutes', {
          place: { at: this.#targetAt },
        });
      }
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
    this.#skip({
      what: error.place.key === undefined ? 'function' : 'key',
      name: key,
      db,
      offset,
      why: error.message,
    });
  }

  #skip(item: Parameters<Tally['skip']>[0]): void {
    this.#tally.skip(item);
    this.#emit('warn', 'skipped', `left out ${item.what} ${item.name}: ${item.why}`, {
      db: item.db,
      offset: item.offset,
    });
  }

  #emit(
    level: SyncEvent['level'],
    event: SyncEvent['event'],
    message: string,
    details?: SyncEvent['details'],
  ): void {
    for (const listener of this.#listeners) {
      listener(details === undefined ? { level, event, message } : { level, event, message, details });
    }
  }
}
