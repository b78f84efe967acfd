/**
 * Keeps the target supplied: connects, claims the job, sees from checkpoint and spool where to go on, and
 * delivers until something breaks; then again. Errors that pass by themselves (a lost connection, out of memory,
 * read-only after a failover, loading) are waited for, while the source is read on into the spool.
 */
import { randomBytes } from 'node:crypto';
import type { Crc64 } from '../bytes/crc64.js';
import { claimJob, confirmOwner, type Claim } from '../checkpoint/lease.js';
import {
  type Checkpoint,
  type ExpiryRecord,
  formatCheckpoint,
  type Owner,
  parseCheckpoint,
} from '../checkpoint/record.js';
import { readCheckpoint, readCheckpointText, replaceCheckpoint } from '../checkpoint/store.js';
import { createTargetContext, needsLook, toTargetForm } from '../convert/target-form/to-target-form.js';
import { formatError, ReplicantError } from '../errors.js';
import { BUILTIN_COMMANDS } from '../keyspace/command-table.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { KeyMap } from '../keyspace/key-map.js';
import { bytesOf } from '../keyspace/words.js';
import { Client } from '../net/client.js';
import { formatDeployment } from '../net/endpoint.js';
import { type BackOff, BUSY, backOffMs, MOVED, RECONNECT } from '../replication/policies.js';
import { formatPosition } from '../replication/position.js';
import type { Spool } from '../spool/spool.js';
import { KeySet } from '../target/key-set.js';
import { awaitReplicas, type LaneSurvey, surveyLanes } from '../target/cluster/open-lanes.js';
import type { Outlet } from '../target/outlet.js';
import type { TargetLinkHandler } from '../target/target-link.js';
import { Beside } from './beside.js';
import { Delivery } from './delivery.js';
import type { Findings } from './examination.js';
import type { ExpiryKeeper } from './expiry-keeper.js';
import { History } from './history.js';
import type { LeftOutFile } from './left-out.js';
import type { SyncOptions } from './options.js';
import { sleep } from './patience.js';
import { askInfo } from './prepare.js';
import { Refusals } from './refusals.js';
import { planResume, type ResumePlan } from './resume-plan.js';
import type { Presence } from './snapshot-writer.js';
import type { SlotDuty } from './slot-duty.js';
import type { SourceSide } from './source-side.js';
import type { Emit } from './status.js';
import type { CommandForm } from './stream-requests.js';
import type { Tally } from './tally.js';
import { type Delivering, TargetAsides } from './target-asides.js';
import { openClusterOutlet, type OpenedOutlet, openSingleOutlet } from './target-outlet.js';

export interface TargetSideOptions {
  readonly sync: SyncOptions;
  readonly findings: Findings;
  readonly owner: Owner;
  readonly spool: Spool;
  readonly crc: Crc64;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly keyMap: KeyMap | undefined;
  /** Target databases that may be written; undefined: any. */
  readonly dbs: ReadonlySet<number> | undefined;
  readonly tally: Tally;
  readonly source: SourceSide;
  readonly expiry: ExpiryKeeper | undefined;
  /** The source is one shard of several: the slots that this run answers for. */
  readonly duty: SlotDuty | undefined;
  /** Where what can't be carried over is written down. */
  readonly leftOut: LeftOutFile | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly events: TargetSideEvents;
}

export interface TargetSideEvents {
  loading(): void;
  /** The snapshot is on the target. */
  loaded(): void;
  /** The stream is being applied from the place a checkpoint names. */
  resumed(offset: number): void;
  applied(): void;
  /** The stream is no stream at this place. */
  garbled(error: ReplicantError): boolean;
  /** What the target is waited for; undefined: for nothing. */
  waiting(why: string | undefined): void;
}

type Deliverable = Extract<ResumePlan, { kind: 'load' | 'follow' }>;

const DRAIN_TIMEOUT_MS = 30_000;
const PROBE_SECRET_BYTES = 8;
const SPLIT =
  'the source has transactions over several slots: on the target the part of each slot is one, not all of it';
const ANSWER_POLL_MS = 5;
const GARBLED_MOST = 5;
/** Of so many attempts to find a slot that has moved one is told. */
const TOLD_MOVES = 20;
const RECORD_GONE =
  "the job's checkpoint is gone from the target (was it emptied, or has it come back empty?)";
/** Deadlines stand as they are, and nobody looks after them. */
const NOT_HELD: ExpiryRecord = {
  ...{ mode: 'plain', state: 'released', runId: '', expiredKeys: 0, clearUntilMs: 0 },
};

export class TargetSide {
  readonly #o: TargetSideOptions;
  readonly #at: string;
  readonly #sourceAt: string;
  readonly #refusals: Refusals;
  /** A slot of the target was elsewhere, so often since something was last made final. */
  #moves = 0;
  #mostLoaded = -1;
  #toldOfSplits = false;
  #outlet: Outlet | undefined;
  #delivery: Delivery | undefined;
  #present: Presence | undefined;
  /** A snapshot has begun to come in since this process started. */
  #fresh = false;
  #attempt = 0;
  #end: (error: unknown) => void = () => {};
  /** What was planned last is of no use any more. */
  #overtaken = false;
  #news: () => void = () => {};
  #mostCommitted = -1;
  /** One for the whole run: it remembers scripts. */
  readonly #form: CommandForm | undefined;
  #fatal: unknown;
  /** A delivery has begun in this run. */
  #started = false;
  readonly #beside: Beside;
  readonly #asides: TargetAsides;
  #delivering: Delivering | undefined;
  #address: string | undefined;

  constructor(options: TargetSideOptions) {
    this.#o = options;
    this.#at = formatDeployment(options.sync.target);
    this.#sourceAt = formatDeployment(options.sync.source);
    this.#form = commandForm(options.findings);
    this.#beside = new Beside(options.sync, options.owner);
    this.#refusals = new Refusals({
      ...{ side: options, at: this.#at, sourceAt: this.#sourceAt },
      delivery: () => this.#delivery,
    });
    this.#asides = new TargetAsides({
      ...{ side: options, beside: this.#beside, at: this.#at },
      note: (slots) => this.#noteSlots(slots),
      refused: (failed) => this.#refusals.commandFailed(failed),
    });
    options.duty?.attach({
      note: (slots) => this.#noteSlots(slots),
      wipe: (slots) => this.#asides.wipe(slots),
    });
    options.signal.addEventListener('abort', () => {
      this.#news();
      this.#end(undefined);
      this.#beside.leave();
    });
  }

  get delivery(): Delivery | undefined {
    return this.#delivery;
  }

  /** The one server that is being written to; undefined when there is none, or several. */
  get address(): string | undefined {
    return this.#address;
  }

  /** The highest offset of this history that was ever on the target, as far as it has not lost that again. */
  get mostCommitted(): number {
    return this.#mostCommitted;
  }

  async run(): Promise<void> {
    while (!this.#o.signal.aborted) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one connection after the other
        await this.#once();
        this.#attempt = 0;
        if (this.#o.signal.aborted) break;
        this.#drop();
      } catch (error) {
        this.#drop();
        // oxlint-disable-next-line no-await-in-loop
        await this.#recover(error);
      }
    }
  }

  /** There is something new in the spool. */
  pump(): void {
    this.#delivery?.pump();
  }

  /** The source has started over: what was being delivered is of no use any more. */
  startOver(): void {
    this.#fresh = true;
    this.#present = undefined;
    this.#refusals.leftOut.clear();
    this.#mostLoaded = -1;
    // Nothing that the former history's delivery still hears counts for this one.
    this.#delivery?.close();
    this.#mostCommitted = -1;
    this.#news();
    this.#end(undefined);
  }

  /** A snapshot will not be completed; the next one is on its way. */
  snapshotLost(): void {
    this.#end(undefined);
  }

  /** After the run: what has been written is made final. False when its fate is unknown. */
  async finish(): Promise<boolean> {
    const delivery = this.#delivery;
    if (delivery === undefined) return true;
    const done = await delivery.finish(DRAIN_TIMEOUT_MS);
    if (!done) return false;
    if (this.#delivering !== undefined) await this.#asides.finish(this.#delivering);
    const { expiry } = this.#o;
    const { checkpoint } = delivery;
    const released = delivery.streaming && expiry !== undefined ? await expiry.release() : checkpoint.expiry;
    return await delivery.conclude({ ...checkpoint, owner: undefined, expiry: released }, DRAIN_TIMEOUT_MS);
  }

  close(): void {
    this.#drop();
  }

  /** Ends everything: what happened can't be waited for. */
  fail(error: unknown): void {
    this.#fatal = error;
    this.#news();
    this.#end(error);
  }

  /** Caught up: deadlines that are far away become true on the target. */
  settle(): void {
    this.#o.expiry?.settle();
  }

  /** Puts it into the checkpoint; false when that could not be done. */
  async note(expiry: ExpiryRecord): Promise<boolean> {
    const delivery = this.#delivery;
    if (delivery?.streaming !== true) return false;
    delivery.note({ expiry });
    return await delivery.renew(DRAIN_TIMEOUT_MS);
  }

  /** Keys may have run out on the target, or it is another server now: the next attempt finds that out, too. */
  lapsed(why: string): void {
    this.#end(new ReplicantError('TARGET_UNREACHABLE', why, { place: { at: this.#at } }));
  }

  // ---- one connection ----------------------------------------------------------------------------------

  async #once(): Promise<void> {
    // What the last connection had begun to remove must not go on beside what is written now.
    await this.#beside.over;
    const client = await Client.connect(this.#o.sync.target, 'target');
    let ended: Promise<void>;
    let survey: LaneSurvey | undefined;
    try {
      await this.#checkReady(client);
      const claim = await this.#claim(client);
      survey = await this.#survey(claim);
      const clients = survey?.clients ?? [client];
      const checkpoint = this.#lastConfirmed(this.#startingPoint(claim), survey);
      this.#o.duty?.restore(checkpoint?.slots);
      const spoiled =
        survey?.outdated === true
          ? 'the target has lost its record of what was applied (a failover?)'
          : await this.#spoiled(clients, checkpoint);
      const found = await this.#decide(checkpoint, spoiled);
      if (found === undefined) return;
      // From here on the plan may be overtaken: by a source that starts over, or by a stop.
      ended = this.#untilEnd();
      if (!(await this.#beginDuty(found))) return;
      const plan = await this.#prepareExpiry(clients, checkpoint, found);
      if (!this.#overtaken) await this.#deliver(claim, checkpoint, plan, survey);
    } finally {
      client.close();
      for (const one of survey?.clients ?? []) one.close();
    }
    await ended;
  }

  /** Of one shard of several: which slots a new snapshot counts for. False when another one is needed. */
  async #beginDuty(plan: Deliverable): Promise<boolean> {
    const { duty, spool, emit } = this.#o;
    const { signal } = this.#beside;
    if (duty === undefined || plan.kind !== 'load' || plan.skipBefore > 0) return true;
    try {
      await duty.begin({
        wipe: (slots) => this.#asides.wipe(slots),
        note: (slots) => this.#noteSlots(slots),
        signal,
      });
      return true;
    } catch (error) {
      if (!(error instanceof ReplicantError) || !error.retry) throw error;
      emit('warn', 'full-resync', `${error.message}: another snapshot is taken`);
      this.#fresh = false;
      spool.stream.drop();
      spool.snapshot.drop();
      return false;
    }
  }

  /** Of a cluster: what stands on its nodes, after whoever wrote there has been shut out. */
  async #survey({ current }: Claim): Promise<LaneSurvey | undefined> {
    const { sync, owner, emit, findings } = this.#o;
    if (!findings.cluster) return undefined;
    return await surveyLanes({
      ...{ endpoint: sync.target, job: sync.name, owner, staleAfterMs: sync.takeoverAfterMs },
      announce: (message) => emit('info', 'note', message),
      atomic: sync.consistency === 'exactly-once',
      claims: current?.lanes ?? [],
      snapshot: current?.snapshot ?? '',
    });
  }

  /** A node that failed over may have lost what it had confirmed: its lane's text tells, and the stream is read from there. */
  #lastConfirmed(checkpoint: Checkpoint | undefined, survey: LaneSurvey | undefined): Checkpoint | undefined {
    if (checkpoint === undefined || survey === undefined) return checkpoint;
    const least = survey.outdated ? 0 : survey.progress.least;
    const loading = checkpoint.state === 'loading';
    if (!loading && survey.outdated) return checkpoint;
    if (least >= (loading ? checkpoint.loaded : checkpoint.offset)) return checkpoint;
    this.#o.emit(
      'warn',
      'note',
      `a node of the target has lost what it had confirmed (a failover?): ${loading ? 'written' : 'applied'} again from offset ${least} on`,
    );
    if (loading) return { ...checkpoint, loaded: least };
    return { ...checkpoint, offset: least, db: survey.leastDb ?? checkpoint.db, inMulti: false };
  }

  #untilEnd(): Promise<void> {
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => {
        this.#overtaken = true;
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    this.#overtaken = false;
    // Somebody may only look at it later.
    ended.catch(() => {});
    if (this.#fatal !== undefined) this.#end(this.#fatal);
    else if (this.#o.signal.aborted) this.#end(undefined);
    return ended;
  }

  async #checkReady(client: Client): Promise<void> {
    const info = await askInfo(client, 'target');
    if (info?.role !== 'replica') return;
    throw new ReplicantError('TARGET_BUSY', 'the target has become a replica and takes no writes', {
      place: { at: this.#at },
      hint: 'waiting for it to be a primary again',
    });
  }

  async #claim(client: Client): Promise<Claim> {
    const { sync, owner, emit, signal } = this.#o;
    if (this.#started) {
      // Who has been put aside does not fight for it.
      const checkpoint = await readCheckpoint(client, sync.name);
      if (checkpoint !== undefined) confirmOwner(checkpoint, owner.id);
    }
    return await claimJob(client, {
      job: sync.name,
      owner,
      staleAfterMs: sync.takeoverAfterMs,
      now: () => Date.now(),
      announce: (message) => emit('info', 'note', message),
      signal,
    });
  }

  /**
   * What the target's checkpoint says, or where there is none what the user says. Never the user when there is
   * one: the same command line after a crash would apply again what has been applied since.
   */
  #startingPoint({ previous, current }: Claim): Checkpoint | undefined {
    const { resumeFrom, name, source } = this.#o.sync;
    if (resumeFrom === undefined || this.#fresh || current !== undefined) {
      if (resumeFrom !== undefined && previous !== undefined && previous.owner?.id !== this.#o.owner.id)
        this.#o.emit(
          'info',
          'note',
          '--resume-from is not needed: the target carries a checkpoint of this job',
        );
      return current;
    }
    const { owner } = this.#o;
    return {
      ...{ version: 1, job: name, source: formatDeployment(source), state: 'streaming', ...resumeFrom },
      ...{ inMulti: false, snapshot: '', loaded: 0, mirror: false, owner, timeMs: Date.now() },
      ...{ expiry: NOT_HELD, refused: undefined },
    };
  }

  /** Why the target can't be gone on with although there is a position. */
  async #spoiled(
    clients: readonly Client[],
    checkpoint: Checkpoint | undefined,
  ): Promise<string | undefined> {
    const { sync, expiry, emit } = this.#o;
    if (expiry === undefined || checkpoint === undefined || this.#plan(checkpoint).kind === 'load') {
      return undefined;
    }
    const why = await expiry.attach(clients, checkpoint);
    if (why === undefined || sync.targetNotEmpty !== 'merge') return why;
    emit('warn', 'note', `${why}; it holds other keys as well, so this may mean nothing: going on`);
    return undefined;
  }

  /** Of a load that goes on: what of it may have run out on the target meanwhile is written again. */
  async #prepareExpiry(
    clients: readonly Client[],
    checkpoint: Checkpoint | undefined,
    plan: Deliverable,
  ): Promise<Deliverable> {
    const { expiry } = this.#o;
    if (expiry === undefined || plan.kind === 'follow') return plan;
    const goesOn = plan.skipBefore > 0 && checkpoint !== undefined;
    const anew = !goesOn || (await expiry.spoils(clients, checkpoint));
    await expiry.load(clients, anew);
    return anew ? { kind: 'load', skipBefore: 0 } : plan;
  }

  /** Where to go on; waits for a snapshot when only that will do. undefined when stopped meanwhile. */
  async #decide(
    checkpoint: Checkpoint | undefined,
    spoiled: string | undefined,
  ): Promise<Deliverable | undefined> {
    const { spool, source, emit, signal } = this.#o;
    const { snapshot, stream } = spool;
    let told = false;
    while (!signal.aborted) {
      const found = this.#plan(checkpoint);
      const plan: ResumePlan =
        spoiled !== undefined && found.kind !== 'load' ? { kind: 'full', why: spoiled } : found;
      if (plan.kind === 'load' || plan.kind === 'follow') {
        // Nothing of the stream had come before a crash, so there is nothing of it on disk: it begins there.
        if (plan.kind === 'load' && snapshot.complete && !stream.open) {
          stream.begin(snapshot.meta, Number(snapshot.meta['base']));
        }
        source.begin();
        return plan;
      }
      if (plan.kind === 'ask') {
        const { replid, offset } = plan;
        snapshot.drop();
        this.#mostCommitted = Math.min(this.#mostCommitted, offset);
        stream.begin({ ...History.begin(replid).meta, id: checkpoint?.snapshot ?? '' }, offset);
        emit('info', 'note', `asking the source to go on at ${formatPosition({ replid, offset })}`);
        source.beginAnew();
        continue;
      }
      const why = plan.why ?? (this.#started ? RECORD_GONE : undefined);
      if (why !== undefined && !told) emit('warn', 'full-resync', `${why}: a new full copy is taken`);
      told = true;
      const news = new Promise<void>((resolve) => {
        this.#news = resolve;
      });
      stream.drop();
      snapshot.drop();
      source.demandSnapshot();
      // oxlint-disable-next-line no-await-in-loop -- until there is a snapshot
      await news;
    }
    return undefined;
  }

  #plan(checkpoint: Checkpoint | undefined): ResumePlan {
    const { snapshot, stream } = this.#o.spool;
    const arriving = this.#fresh && snapshot.open && !snapshot.complete;
    return planResume({ checkpoint, snapshot, stream, fresh: this.#fresh, arriving });
  }

  async #deliver(
    claim: Claim,
    from: Checkpoint | undefined,
    plan: Deliverable,
    survey: LaneSurvey | undefined,
  ): Promise<void> {
    const { sync, findings, spool, crc, filter, dbMap, keyMap, tally, expiry, events, duty } = this.#o;
    const checkpoint = this.#checkpointFor(from, plan);
    this.#started = true;
    const { outlet, ...opened } = await this.#open(checkpoint, plan, survey);
    this.#outlet = outlet;
    const delivering: Delivering = {
      outlet,
      lanes: opened.lanes,
      snapshot: () => this.#delivery?.checkpoint.snapshot ?? '',
      committed: () => this.#delivery?.committed ?? -1,
    };
    this.#delivering = delivering;
    this.#address = opened.address;
    const { capabilities, clockOffsetMs, sourceDatabases, targetDatabases, relativeTtls } = findings;
    const delivery = new Delivery({
      ...{ spool, crc, capabilities, filter, dbMap, tally, clockOffsetMs, sourceDatabases, targetDatabases },
      ...{ relativeTtls, checkpoint, plan, keyMap, table: findings.table, form: this.#form },
      ...{ outlet, ...opened, gate: duty, crossSlot: sync.crossSlot },
      targetHasKeys: checkpoint.mirror || findings.targetHasKeys,
      present: this.#present,
      hold: expiry?.policy,
      leftOut: this.#refusals.leftOut,
      joins: this.#refusals.joins,
      atomic: sync.consistency === 'exactly-once',
      onDisk: sync.stateDir !== undefined,
      found: claim.text,
      events: {
        complete: () => this.#asides.complete(delivering, checkpoint.mirror ? this.#present : undefined),
        claimed: () => this.#claimed(),
        loaded: () => {
          this.#present = undefined;
          events.loaded();
        },
        applied: () => this.#applied(),
        disturbed: (found) => this.#end(this.#disturbed(found)),
        getAck: () => this.#o.source.acknowledge(),
        aside: (request) => this.#asides.carryOut(request, delivering),
        unsupported: (error, type) => this.#refusals.unsupported(error, type),
        reported: (why, name, offset, db) =>
          this.#refusals.reported({ what: 'command', type: name, db, offset, why }),
        failed: (error) => this.#end(error),
      },
    });
    this.#delivery = delivery;
    if (plan.kind === 'load') {
      events.loading();
    } else {
      this.#mostCommitted = Math.min(this.#mostCommitted, plan.offset);
      events.resumed(plan.offset);
    }
    delivery.start();
  }

  #open(checkpoint: Checkpoint, plan: Deliverable, survey: LaneSurvey | undefined): Promise<OpenedOutlet> {
    const { sync, owner, events, findings } = this.#o;
    const handler: TargetLinkHandler = {
      commandFailed: (failed) => this.#refusals.commandFailed(failed),
      drained: () => this.#delivery?.pump(),
      applied: () => this.#delivery?.answered(),
      stalled: (seconds) => this.#waitingFor(`the target has not answered for ${seconds} s`),
      answers: () => events.waiting(undefined),
      betweenCommands: () => this.#delivery?.open !== true,
      lost: (error) => this.#end(error),
    };
    if (survey === undefined) return openSingleOutlet(sync, owner, handler);
    const [major] = findings.capabilities.server.version;
    return openClusterOutlet({
      ...{ sync, owner, survey, checkpoint, major, handler },
      follows: plan.kind === 'follow',
    });
  }

  /** What the lanes stand for has been recorded; a failover should not lose that. */
  async #claimed(): Promise<void> {
    const client = await Client.connect(this.#o.sync.target, 'target');
    try {
      await awaitReplicas(client);
    } finally {
      client.close();
    }
  }

  /** What the target's checkpoint is going to say. */
  #checkpointFor(current: Checkpoint | undefined, plan: Deliverable): Checkpoint {
    const { sync, spool, owner, expiry } = this.#o;
    const expiryRecord = expiry?.record ?? NOT_HELD;
    if (plan.kind === 'follow') {
      if (current === undefined) throw new ReplicantError('INTERNAL', 'a position without a checkpoint');
      this.#refuseIfDamaged(current);
      return { ...current, owner, expiry: expiryRecord, ...slotsOf(this.#o.duty) };
    }
    const { meta } = spool.snapshot;
    const id = String(meta['id']);
    const resumed = current?.state === 'loading' && current.snapshot === id;
    const mirror = resumed ? current.mirror : this.#mirrors(current);
    this.#present = mirror
      ? { keys: new KeySet(randomBytes(PROBE_SECRET_BYTES)), libraries: new Set() }
      : undefined;
    return {
      ...{ version: 1, job: sync.name, source: formatDeployment(sync.source), state: 'loading' },
      ...{ replid: History.of(meta).replid, offset: Number(meta['base']), db: 0, inMulti: false },
      ...{ snapshot: id, loaded: plan.skipBefore, mirror, owner, timeMs: Date.now() },
      ...{ expiry: expiryRecord, refused: undefined, ...slotsOf(this.#o.duty) },
    };
  }

  /** Are keys that the snapshot lacks to be removed? Whatever an earlier copy of ours left must go. */
  #mirrors(current: Checkpoint | undefined): boolean {
    const { sync, findings } = this.#o;
    if (sync.targetNotEmpty === 'merge') return false;
    // A shard of a known job whose record is gone has left something all the same.
    const lost = sync.shard !== undefined && findings.known;
    const asked = sync.targetNotEmpty === 'mirror' && findings.targetHasKeys;
    return current !== undefined || this.#started || lost || asked;
  }

  /** A command was refused and the rest of its transaction done: the target lacks its effect. */
  #refuseIfDamaged({ refused }: Checkpoint): void {
    const { sync, emit } = this.#o;
    if (refused === undefined) return;
    const what = `an earlier run was ended by a refused command: ${refused.command} was answered with "${refused.error}"`;
    if (sync.onError === 'skip') {
      emit('warn', 'note', `${what}; going on without it`);
      return;
    }
    throw new ReplicantError('TARGET_REFUSED', `${what}; the target lacks its effect`, {
      place: { at: this.#at, offset: refused.offset },
      hint: '--on-error skip goes on without it; replicant checkpoint clear makes the next run copy anew',
    });
  }

  // ---- what happens on the way -------------------------------------------------------------------------

  #applied(): void {
    const committed = this.#delivery?.committed ?? -1;
    const loaded = this.#delivery?.checkpoint.loaded ?? -1;
    if (committed > this.#mostCommitted || loaded > this.#mostLoaded) this.#moves = 0;
    if (committed > this.#mostCommitted) this.#mostCommitted = committed;
    this.#mostLoaded = Math.max(this.#mostLoaded, loaded);
    this.#attempt = 0;
    if (this.#o.tally.splitTransactions > 0 && !this.#toldOfSplits) {
      this.#toldOfSplits = true;
      this.#o.emit('warn', 'note', SPLIT);
    }
    this.#refusals.forget(committed);
    this.#o.events.waiting(undefined);
    this.#o.events.applied();
  }

  #waitingFor(why: string): void {
    this.#o.emit('warn', 'waiting', `${why}; waiting for it, the source is read on`);
    this.#o.events.waiting(why);
  }

  /** Somebody has changed the checkpoint. The next attempt finds out more. */
  #disturbed(found: Uint8Array | undefined): ReplicantError {
    const place = { at: this.#at };
    if (found === undefined) {
      return new ReplicantError(
        'TARGET_BUSY',
        'the checkpoint is gone from the target: somebody emptied it',
        {
          place,
        },
      );
    }
    try {
      confirmOwner(parseCheckpoint(found), this.#o.owner.id);
    } catch (error) {
      if (error instanceof ReplicantError) return error.within(place);
    }
    return new ReplicantError('TARGET_BUSY', 'a transaction was not carried out', { place });
  }

  /** Into the record, at whatever position; everything written before has been answered then. */
  async #noteSlots(slots: string): Promise<boolean> {
    const delivery = this.#delivery;
    const outlet = this.#outlet;
    if (delivery === undefined || outlet === undefined) return await this.#noteSlotsAlone(slots);
    const answered = outlet.mark();
    delivery.note({ slots });
    if (!(await delivery.renew(DRAIN_TIMEOUT_MS))) return false;
    const until = Date.now() + DRAIN_TIMEOUT_MS;
    while (!answered() && Date.now() < until && this.#delivery === delivery) {
      // oxlint-disable-next-line no-await-in-loop -- until it is so
      await sleep(ANSWER_POLL_MS, this.#o.signal);
    }
    return answered() && this.#delivery === delivery;
  }

  /** While nothing is being delivered. Where there is no record yet the first one is going to say it. */
  async #noteSlotsAlone(slots: string): Promise<boolean> {
    const { sync, owner } = this.#o;
    const client = await Client.connect(sync.target, 'target');
    try {
      const text = await readCheckpointText(client, sync.name);
      if (text === undefined) return true;
      const checkpoint = parseCheckpoint(text);
      if (checkpoint.owner?.id !== owner.id) return false;
      return await replaceCheckpoint(
        client,
        sync.name,
        text,
        bytesOf(formatCheckpoint({ ...checkpoint, slots })),
      );
    } finally {
      client.close();
    }
  }

  // ---- when it breaks ----------------------------------------------------------------------------------

  #drop(): void {
    this.#beside.leave();
    this.#delivering = undefined;
    this.#address = undefined;
    this.#delivery?.close();
    this.#outlet?.close();
    this.#delivery = undefined;
    this.#outlet = undefined;
  }

  async #recover(error: unknown): Promise<void> {
    const { signal, emit, events } = this.#o;
    if (signal.aborted) return;
    await this.#refusals.record();
    if (this.#fatal !== undefined || !(error instanceof ReplicantError)) throw this.#fatal ?? error;
    if (error.code === 'SOURCE_PROTOCOL' && events.garbled(error)) return;
    if (/^(SOURCE|RDB)_/.test(error.code)) throw error.within({ at: this.#sourceAt });
    // What has worked and turns into garbage is a torn connection; what never did is a stranger.
    const torn = error.code === 'TARGET_PROTOCOL' && this.#started && this.#attempt < GARBLED_MOST;
    if (!error.retry && !torn) throw error.within({ at: this.#at });
    const moved = error.code === 'TARGET_MOVED';
    const waitMs = backOffMs(policyFor(error), moved ? this.#moves++ : this.#attempt++, Math.random());
    events.waiting(error.message);
    const event = error.code === 'TARGET_UNREACHABLE' || torn ? 'target-lost' : 'waiting';
    const words = formatError(error.within({ at: this.#at }));
    // While a large slot is on its way it is asked for again and again.
    const level = moved && this.#moves > 1 && this.#moves % TOLD_MOVES !== 0 ? 'debug' : 'warn';
    emit(level, event, `${words}; trying again in ${(waitMs / 1000).toFixed(1)} s`, {
      attempt: (moved ? this.#moves : this.#attempt) - 1,
      waitMs,
    });
    await sleep(waitMs, signal);
  }
}

function policyFor({ code }: ReplicantError): BackOff {
  if (code === 'TARGET_MOVED') return MOVED;
  return code === 'TARGET_BUSY' ? BUSY : RECONNECT;
}

/** What the record is to say of the slots. */
function slotsOf(duty: SlotDuty | undefined): Pick<Checkpoint, 'slots'> {
  return duty === undefined ? {} : { slots: duty.format() };
}

const BUILTIN_NAMES: ReadonlySet<string> = new Set(BUILTIN_COMMANDS.specs.map(({ name }) => name));

/** undefined: the target takes everything that the source sends. */
function commandForm({ capabilities, sourceIdentity, table }: Findings): CommandForm | undefined {
  const more = table.specs.map(({ name }) => name).filter((name) => !BUILTIN_NAMES.has(name));
  const names = needsLook(capabilities, sourceIdentity, more);
  if (names.length === 0) return undefined;
  const context = createTargetContext(capabilities, sourceIdentity);
  return {
    names,
    of: (args) => toTargetForm(args, context),
    script: (body) => context.scripts.add(body),
  };
}
