/**
 * The sync of one source to one target, from the first question to the summary: puts the two sides and the
 * spool between them together, tells what happens, and decides when it is over.
 *
 *   SourceSide ─→ Intake ─→ Spool ─→ TargetSide (Delivery)
 *
 * Either side has its own troubles and gets over them by itself; neither waits for the other.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Crc64 } from '../bytes/crc64.js';
import { connectionName } from '../checkpoint/connections.js';
import type { Owner } from '../checkpoint/record.js';
import { formatError, ReplicantError } from '../errors.js';
import { createDbMap, type DbMap } from '../keyspace/db-map.js';
import { createKeyFilter, type KeyFilter } from '../keyspace/key-filter.js';
import { createKeyMap, type KeyMap } from '../keyspace/key-map.js';
import { Client } from '../net/client.js';
import { type Endpoint, formatDeployment, formatEndpoint } from '../net/endpoint.js';
import { isOutOfReach } from '../net/socket.js';
import { RECONNECT } from '../replication/policies.js';
import { formatPosition, type Position } from '../replication/position.js';
import type { Spool } from '../spool/spool.js';
import { EventFeed } from './event-feed.js';
import { examine, type Findings } from './examination.js';
import { ExpiryKeeper } from './expiry-keeper.js';
import { FailoverWatch } from './failover-watch.js';
import type { SyncHandle } from './handle.js';
import { History } from './history.js';
import { Intake } from './intake.js';
import type { SyncOptions, ValueKind } from './options.js';
import { askAgain, sleep } from './patience.js';
import { writtenDbs } from './prepare.js';
import { buildStatus, buildSummary, type RunFacts } from './report.js';
import { atHome } from './resolve-ends.js';
import { readBacklog } from './server-info.js';
import { SourceSide } from './source-side.js';
import { SourceWatch } from './source-watch.js';
import { JobState } from './job-state.js';
import { LeftOutFile } from './left-out.js';
import type { Emit, SyncEvent, SyncPhase, SyncStatus, SyncSummary } from './status.js';
import { Tally } from './tally.js';
import { ownsOf } from './slot-duty.js';
import { targetKeys } from './target-keys.js';
import { TargetSide } from './target-side.js';
import { describeCapabilities } from '../target/capabilities.js';
import { connectAll, findPrimaries } from '../target/cluster/target-nodes.js';

const WINDOW_BYTES = 4 * 1024 * 1024;
const GARBLED_MOST = 5;
/** So long after the start both ends are asked anew; a server that is silent takes all of it at once. */
const EXAMINE_AGAIN_MS = 10_000;
const WRITTEN_POLL_MS = 10;
const OWNER_ID_BYTES = 8;

export function startSync(options: SyncOptions): SyncHandle {
  return new SyncRun(options);
}

class SyncRun implements SyncHandle {
  readonly done: Promise<SyncSummary>;
  readonly #o: SyncOptions;
  readonly #filter: KeyFilter;
  readonly #dbMap: DbMap;
  readonly #keyMap: KeyMap | undefined;
  readonly #tally = new Tally();
  readonly #startedMs = Date.now();
  readonly #owner: Owner;
  readonly #feed = new EventFeed();
  readonly #abort = new AbortController();
  readonly #watch: SourceWatch;
  readonly #emit: Emit = this.#feed.emit;
  #phase: SyncPhase = 'connecting';
  #findings: Findings | undefined;
  #state: JobState | undefined;
  #spool: Spool | undefined;
  #intake: Intake | undefined;
  #source: SourceSide | undefined;
  #target: TargetSide | undefined;
  #expiry: ExpiryKeeper | undefined;
  #failovers: readonly FailoverWatch[] = [];
  #leftOut: LeftOutFile | undefined;
  #reason: SyncSummary['reason'] = 'failed';
  #waitingFor: string | undefined;
  #everCaughtUp = false;
  #endedMs = 0;
  /** Where everything ended, once both sides are gone. */
  #finalOffset = -1;
  /** How often the stream turned into garbage at one and the same offset. */
  #garbled = 0;
  #garbledAt = -1;

  constructor(given: SyncOptions) {
    const options = given.targetIsCluster ? atHome(given) : given;
    this.#o = options;
    this.#filter = createKeyFilter(options.filter);
    this.#dbMap = createDbMap(options.dbMap, options.dbPrefixes);
    this.#keyMap = options.keyMap.length === 0 ? undefined : createKeyMap(options.keyMap);
    this.#watch = new SourceWatch(options.source, () => this.#checkCaughtUp());
    this.#owner = {
      id: randomBytes(OWNER_ID_BYTES).toString('hex'),
      ...{ host: hostname(), pid: process.pid, sinceMs: this.#startedMs },
    };
    this.done = Promise.resolve().then(() => this.#run());
  }

  on(listener: (event: SyncEvent) => void): void {
    this.#feed.on(listener);
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
    const delivery = this.#target?.delivery;
    const stream = this.#spool?.stream;
    return {
      name: this.#o.name,
      sourceAt: this.#source?.address ?? formatEndpoint(this.#o.source),
      targetAt: this.#target?.address ?? formatDeployment(this.#o.target),
      phase: this.#phase,
      everCaughtUp: this.#everCaughtUp,
      startedMs: this.#startedMs,
      nowMs: this.#endedMs === 0 ? Date.now() : this.#endedMs,
      sourceKeys: this.#findings?.sourceKeys ?? 0,
      tally: this.#tally,
      watch: this.#watch,
      replid: this.#replid,
      receivedOffset: stream?.open === true ? stream.end : -1,
      appliedOffset:
        delivery === undefined
          ? Math.max(this.#finalOffset, this.#target?.mostCommitted ?? -1)
          : delivery.committed,
      rdbBytes: delivery?.rdbBytes ?? 0,
      rdbBytesTotal: this.#intake?.rdbBytesTotal ?? 0,
      keysHint: delivery?.keysHint ?? 0,
      spoolBytes: this.#spool?.bytes ?? 0,
      targetAbilities: this.#findings === undefined ? [] : describeCapabilities(this.#findings.capabilities),
      waitingFor:
        this.#waitingFor ??
        (this.#spool?.full === true ? 'the spool is full: for the target to take something' : undefined) ??
        this.#source?.waitingFor,
    };
  }

  get #replid(): string {
    const spool = this.#spool;
    if (spool === undefined) return '';
    return History.of((spool.stream.open ? spool.stream : spool.snapshot).meta).replid;
  }

  // ---- from start to end -------------------------------------------------------------------------------

  async #run(): Promise<SyncSummary> {
    try {
      await this.#examine();
      if (!this.#stopped) await this.#sync();
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
      for (const failovers of this.#failovers) await failovers.close();
      this.#expiry?.close();
      this.#finalOffset = this.#target?.delivery?.committed ?? this.#finalOffset;
      this.#target?.close();
      await this.#leftOut?.close();
      await this.#spool?.close();
      await this.#state?.close();
    }
  }

  get #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  #finish(reason: 'stopped' | 'caught-up'): void {
    this.#reason = reason;
    this.#abort.abort();
  }

  /** Who can't be reached at the start ends the run; who answered and was lost is asked again for a while. */
  async #examine(): Promise<void> {
    const until = performance.now() + EXAMINE_AGAIN_MS;
    this.#findings = await askAgain(() => this.#examineOnce(), {
      signal: this.#abort.signal,
      passing: (error) => error.retry && !isOutOfReach(error) && !this.#stopped && performance.now() < until,
      backOff: RECONNECT,
      waiting: (message) => this.#emit('warn', 'retry', message),
    });
    this.#waitingFor = undefined;
  }

  #examineOnce(): Promise<Findings | undefined> {
    return examine({
      sync: this.#o,
      filter: this.#filter,
      dbMap: this.#dbMap,
      keyMap: this.#keyMap,
      dbs: this.#dbs,
      signal: this.#abort.signal,
      emit: (level, event, message) => {
        this.#waitingFor = event === 'waiting' ? message : undefined;
        this.#emit(level, event, message);
      },
    });
  }

  /** Target databases that may be written; undefined: any. */
  get #dbs(): ReadonlySet<number> | undefined {
    return writtenDbs(this.#o, this.#dbMap);
  }

  async #sync(): Promise<void> {
    await this.#prepare();
    const source = this.#source!;
    const target = this.#target!;
    try {
      // The first side that can't be helped ends the other, too.
      const end = (error: unknown): never => {
        this.#abort.abort();
        throw error;
      };
      await Promise.all([source.run().catch(end), target.run().catch(end)]);
    } finally {
      this.#abort.abort();
    }
    const final = await target.finish();
    this.#finalOffset = target.delivery?.committed ?? -1;
    if (!final)
      this.#emit(
        'warn',
        'note',
        'the target did not confirm the last writes in time; the next start sees what came of them',
      );
  }

  async #prepare(): Promise<void> {
    const { signal } = this.#abort;
    const sync = this.#o;
    const findings = this.#findings!;
    this.#state = await JobState.open(
      sync,
      () => this.#everCaughtUp,
      this.#emit,
      () => this.#source?.resume(),
      (error) => this.#fail(error),
    );
    const spool = this.#state.spool;
    this.#spool = spool;
    const intake = new Intake({
      spool,
      tally: this.#tally,
      acknowledged: () => this.#acknowledged,
      events: {
        fullResync: (position, before) => this.#fullResync(position, before),
        continued: (replid, changed) => this.#continued(replid, changed),
        snapshotReceived: () => {
          this.#source?.works();
          this.#source?.snapshotReceived();
          void this.#tellOfSnapshot(spool);
          this.#target?.pump();
        },
        received: () => this.#target?.pump(),
      },
    });
    this.#intake = intake;
    this.#source = new SourceSide({
      ...{ source: sync.source, psyncCommand: sync.psyncCommand, intake, signal, emit: this.#emit },
      snapshotTurn: sync.shard?.snapshotTurn,
      snapshotLost: () => this.#target?.snapshotLost(),
    });
    const { snapshotsInVain, lastSnapshotMs } = this.#state;
    this.#source.rememberSnapshots(snapshotsInVain, Date.now() - lastSnapshotMs);
    this.#expiry = this.#expiryKeeper(findings);
    this.#leftOut =
      sync.reportFile === undefined
        ? undefined
        : new LeftOutFile(sync.reportFile, (message) => this.#emit('warn', 'note', message));
    this.#target = new TargetSide({
      ...{
        sync,
        findings,
        owner: this.#owner,
        spool,
        filter: this.#filter,
        dbMap: this.#dbMap,
        keyMap: this.#keyMap,
        dbs: this.#dbs,
      },
      ...{ tally: this.#tally, source: this.#source, expiry: this.#expiry, signal, emit: this.#emit },
      duty: sync.shard?.duty,
      leftOut: this.#leftOut,
      crc: new Crc64(WINDOW_BYTES),
      events: {
        loading: () => this.#loading(),
        loaded: () => this.#loaded(),
        resumed: (offset) => this.#resumed(offset),
        applied: () => this.#checkCaughtUp(),
        garbled: (error) => this.#garbledStream(error),
        waiting: (why) => {
          this.#waitingFor = why;
        },
      },
    });
    this.#failovers = this.#followFailovers(this.#source, this.#target);
  }

  /** A former primary may answer for long, and loses what is written to it: neither side waits for its end. */
  #followFailovers(source: SourceSide, target: TargetSide): readonly FailoverWatch[] {
    return [
      new FailoverWatch({
        ...{ endpoint: this.#o.source, side: 'source', emit: this.#emit },
        address: () => source.address,
        leave: () => {
          this.#watch.reconnect();
          source.beginAnew();
        },
      }),
      new FailoverWatch({
        ...{ endpoint: this.#o.target, side: 'target', emit: this.#emit },
        address: () => target.address,
        leave: (why) => target.lapsed(why),
      }),
    ];
  }

  #expiryKeeper({
    capabilities,
    targetClockOffsetMs,
    targetDatabases,
    scripts,
  }: Findings): ExpiryKeeper | undefined {
    if (this.#o.expiry === 'plain') return undefined;
    if (!scripts) {
      this.#emit(
        'warn',
        'note',
        'this user may not run scripts on the target (EVAL), so the target expires keys by its own clock: a key that is renewed in time on the source may be lost',
      );
      return undefined;
    }
    const filter = this.#filter;
    return new ExpiryKeeper({
      connect: async () =>
        this.#o.targetIsCluster
          ? await connectAll(await findPrimaries(this.#o.target))
          : [await Client.connect(this.#o.target, 'target')],
      job: this.#o.name,
      connectionName: connectionName(this.#o.name, this.#owner.id),
      marginMs: this.#o.holdMarginMs,
      sole: this.#o.targetNotEmpty !== 'merge',
      dbs: this.#dbs,
      databases: targetDatabases,
      fields: capabilities.fieldTtl,
      wanted: targetKeys(filter, this.#dbMap, this.#keyMap, ownsOf(this.#o.shard?.duty)),
      wantedKind: filter.kindsActive ? (kind) => filter.matchesKind(kind as ValueKind) : undefined,
      clockOffsetMs: targetClockOffsetMs ?? 0,
      expectedKeys: this.#findings?.sourceKeys ?? 0,
      emit: this.#emit,
      events: {
        note: (record) => this.#target?.note(record) ?? Promise.resolve(false),
        lapsed: (why) => this.#target?.lapsed(why),
      },
    });
  }

  #fail(error: unknown): void {
    this.#target?.fail(error);
  }

  get #acknowledged(): number {
    const committed = this.#target?.mostCommitted ?? -1;
    return Math.max(0, this.#o.ack === 'behind' ? committed - 1 : committed);
  }

  #closingWords(): string {
    if (this.#reason === 'caught-up') return 'caught up: the target holds what the source held';
    const offset = this.#finalOffset;
    if (offset >= 0) return `stopped at ${formatPosition({ replid: this.#replid, offset })}`;
    return this.#tally.fullSyncs > 0
      ? 'stopped during the full sync: the target is not a complete copy; the next start goes on'
      : 'stopped before anything was written';
  }

  // ---- what happens on the way -------------------------------------------------------------------------

  #fullResync(position: Position, before: Position | undefined): void {
    const again = this.#tally.fullSyncs > 0 || this.#findings?.known === true;
    this.#tally.fullSyncs++;
    this.#phase = 'full-sync';
    this.#everCaughtUp = false;
    this.#watch.forget();
    this.#watch.reconnect();
    this.#expiry?.forget();
    this.#source?.works();
    this.#source?.snapshotBegins();
    void this.#state?.snapshotBegins(this.#source?.snapshotsInVain ?? 1);
    if (before !== undefined) void this.#tellOfLoss(position, before);
    const merge = this.#o.targetNotEmpty === 'merge';
    const words = !again
      ? 'full sync started'
      : merge
        ? 'the source starts over: a new full copy is taken; keys it has deleted meanwhile stay on the target'
        : 'the source starts over: a new full copy is taken, and what it does not have is then removed from the target';
    const at = formatPosition(position);
    this.#emit(again ? 'warn' : 'info', again ? 'full-resync' : 'full-sync-start', `${words} (${at})`);
    this.#target?.startOver();
  }

  /** It is told when it outlives this process: from then on no crash costs the source another one. */
  async #tellOfSnapshot({ snapshot }: Spool): Promise<void> {
    const { id } = snapshot.meta;
    const unwritten = (): boolean =>
      snapshot.retain && snapshot.meta['id'] === id && snapshot.written < snapshot.end;
    // oxlint-disable-next-line no-await-in-loop -- a moment, unless the disk is slow
    while (unwritten() && !this.#stopped) await sleep(WRITTEN_POLL_MS, this.#abort.signal);
    this.#emit('info', 'note', 'the snapshot has been received and is being applied');
  }

  /** Why it starts over may be that it was put back to an older state: somebody should hear of that. */
  async #tellOfLoss({ replid, offset }: Position, before: Position): Promise<void> {
    const same = replid === before.replid;
    const kept = same ? offset : await endOfFormer(this.#o.source, before.replid);
    if (kept === undefined || kept >= before.offset) return;
    this.#emit(
      'warn',
      'note',
      `the source has come back with less than it had: it holds everything up to ${kept}, we had received up to ${before.offset}; a full sync puts that right`,
    );
  }

  #continued(replid: string, changed: boolean): void {
    this.#source?.works();
    if (changed) this.#o.shard?.duty.continued(this.#spool?.stream.end ?? 0);
    this.#watch.reconnect();
    const words = changed
      ? `the source goes on under a new replid, ${replid}`
      : 'the source goes on where we were';
    this.#emit('info', 'partial-resync', `${words}: nothing was lost`);
  }

  #loading(): void {
    this.#phase = 'full-sync';
  }

  #loaded(): void {
    this.#phase = 'streaming';
    this.#source?.loaded();
    void this.#state?.snapshotLoaded();
    const { keys, expiredKeys } = this.#tally;
    this.#emit('info', 'full-sync-done', `full sync done: ${keys} keys`, {
      keys,
      bytes: this.#target?.delivery?.rdbBytes ?? 0,
      expired: expiredKeys,
    });
    this.#watch.start();
  }

  #resumed(offset: number): void {
    if (this.#phase !== 'streaming') {
      this.#emit('info', 'stream-start', `going on at ${formatPosition({ replid: this.#replid, offset })}`);
    }
    this.#phase = 'streaming';
    this.#watch.start();
  }

  #checkCaughtUp(): void {
    const delivery = this.#target?.delivery;
    const stream = this.#spool?.stream;
    if (delivery === undefined || stream === undefined || this.#phase !== 'streaming' || this.#stopped)
      return;
    const { committed } = delivery;
    if (this.#everCaughtUp && this.#o.until !== 'caught-up') return;
    if (!this.#watch.reachedBy(committed, stream.end, this.#replid)) return;
    if (!this.#everCaughtUp) {
      this.#everCaughtUp = true;
      this.#emit('info', 'caught-up', `caught up at offset ${committed}`);
      if (this.#o.until === 'stopped') this.#target?.settle();
    }
    if (this.#o.until === 'caught-up') this.#finish('caught-up');
  }

  /** Bytes that are no command in a stream that worked: the link is torn, not the source a stranger. */
  #garbledStream(error: ReplicantError): boolean {
    const spool = this.#spool!;
    if (!spool.stream.open) return false;
    const begun = Number(spool.stream.meta['base'] ?? 0);
    const offset = Math.max(this.#target?.mostCommitted ?? -1, begun);
    this.#garbled = offset === this.#garbledAt ? this.#garbled + 1 : 1;
    this.#garbledAt = offset;
    if (this.#garbled > GARBLED_MOST) return false;
    this.#emit(
      'warn',
      'link-lost',
      `${formatError(error)}; asking for the stream again from offset ${offset}`,
    );
    spool.stream.begin(spool.stream.meta, offset);
    this.#source?.beginAnew();
    return true;
  }
}

/** Where the source's data leave its former history, of this name; undefined when it has none or does not tell. */
async function endOfFormer(source: Endpoint, replid: string): Promise<number | undefined> {
  try {
    const client = await Client.connect(source, 'source');
    try {
      const info = await client.ask('INFO', 'replication');
      const backlog = info === undefined ? undefined : readBacklog(info);
      return backlog?.formerReplid === replid ? backlog.formerEnd - 1 : undefined;
    } finally {
      client.close();
    }
  } catch {
    // It is told for information only.
    return undefined;
  }
}
