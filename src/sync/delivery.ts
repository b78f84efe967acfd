/**
 * From the spool to the target, over one connection: the snapshot if one is to be loaded, then the stream.
 * Used until the connection breaks; the next one goes on from the checkpoint.
 *
 *   guarded ─→ loading ─→ completing ─→ streaming          (`load`)
 *      └──────────────────────────────────↗                (`follow`)
 *
 * The checkpoint says `loading` before the first key is written, then from time to time how far the file has
 * come, and `streaming` once what the snapshot lacks has been removed. From there on data and position are
 * one transaction (`target/transactions`).
 */
import type { Crc64 } from '../bytes/crc64.js';
import { ByteWindow } from '../bytes/window.js';
import { type Checkpoint, checkpointKey, CheckpointWriter, type LaneClaim } from '../checkpoint/record.js';
import type { HoldPolicy } from '../convert/held-deadline.js';
import { ReplicantError } from '../errors.js';
import type { CommandTable } from '../keyspace/command-table.js';
import type { CrossSlotPolicy } from '../keyspace/cross-slot-policy.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { KeyMap } from '../keyspace/key-map.js';
import { keySlot } from '../keyspace/key-slot.js';
import { bytesOf } from '../keyspace/words.js';
import { RdbDecoder } from '../rdb/file-decoder.js';
import type { Spool, SpoolLog } from '../spool/spool.js';
import type { Capabilities } from '../target/capabilities.js';
import { loadingClaims } from '../target/cluster/lane-claim.js';
import type { Lanes } from '../target/cluster/lanes.js';
import type { CommitEvents, Commits, Outlet } from '../target/outlet.js';
import type { Pipeline } from '../target/pipeline.js';
import { History } from './history.js';
import type { ResumePlan } from './resume-plan.js';
import { type Presence, SnapshotWriter } from './snapshot-writer.js';
import { StreamApplier } from './stream-applier.js';
import type { AsideRequest, CommandForm, SlotGate, StreamCommitter, StreamPlace } from './stream-requests.js';
import type { Tally } from './tally.js';

export interface DeliveryOptions {
  readonly spool: Spool;
  readonly crc: Crc64;
  readonly outlet: Outlet;
  readonly commits: (events: CommitEvents) => Commits;
  /** The target is a cluster: the outlet itself. */
  readonly lanes: Lanes | undefined;
  /** … and what its lanes stand for; the record must say so before the stream begins. */
  readonly claims: readonly LaneClaim[] | undefined;
  /** The source is one shard of several. */
  readonly gate: (SlotGate & { owns(slot: number): boolean }) | undefined;
  readonly crossSlot: CrossSlotPolicy;
  readonly capabilities: Capabilities;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly keyMap: KeyMap | undefined;
  /** Commands and where their keys are, those of the source's modules too. */
  readonly table: CommandTable;
  readonly form: CommandForm | undefined;
  readonly tally: Tally;
  readonly clockOffsetMs: number | undefined;
  readonly sourceDatabases: number;
  readonly targetDatabases: number;
  /** The source writes relative times (before 7.0). */
  readonly relativeTtls: boolean;
  /** Keys may stand on the target already. */
  readonly targetHasKeys: boolean;
  /** Filled with what the snapshot has, when the rest is to be removed. */
  readonly present: Presence | undefined;
  readonly hold: HoldPolicy | undefined;
  readonly leftOut: ReadonlySet<number>;
  /** Small commands of the stream may go several as one. */
  readonly joins: boolean;
  readonly atomic: boolean;
  /** The spool has a disk. */
  readonly onDisk: boolean;
  /** What the target's checkpoint says from the start on, and the text that stands there now. */
  readonly checkpoint: Checkpoint;
  readonly found: Uint8Array | undefined;
  readonly plan: Extract<ResumePlan, { kind: 'load' | 'follow' }>;
  readonly events: DeliveryEvents;
}

export interface DeliveryEvents {
  /** What the lanes stand for has been recorded. */
  claimed(): Promise<void>;
  /** All keys have been written: what the snapshot lacks is to be removed. Then the stream begins. */
  complete(): Promise<void>;
  loaded(): void;
  /** `committed` has moved. */
  applied(): void;
  /** The checkpoint was changed by somebody else. */
  disturbed(found: Uint8Array | undefined): void;
  getAck(): void;
  /** Resolves to the names of the keys that were asked for, if any were. */
  aside(request: AsideRequest): Promise<readonly Uint8Array[] | undefined>;
  unsupported(error: ReplicantError, type: string): void;
  reported(why: string, name: string, offset: number, db: number): void;
  failed(error: unknown): void;
}

type Phase = 'guarding' | 'loading' | 'completing' | 'streaming';

/** So much is taken from the spool at a time: it stays in the processor's cache. */
const PIECE_BYTES = 256 * 1024;
const STREAM_IN_FLIGHT = 24 * 1024 * 1024;
/** How often the checkpoint of a snapshot is renewed. */
const LOADING_EVERY_MS = 500;
/** Longer than this nobody else's turn is kept waiting. */
const TURN_MS = 10;
/** A full spool that has not found room for so long will not find any. */
const STARVED_MS = 1000;
const ANSWER_POLL_MS = 5;
/** Tags of commits that are no offset of the stream. */
const TAG = { guard: -1, loading: -2, final: -3, claims: -4, passing: -5 } as const;

export class Delivery {
  readonly #o: DeliveryOptions;
  readonly #window: ByteWindow;
  readonly #commits: Commits;
  /** Positions are committed with the data or, on a cluster, by their lanes; else they follow what has been answered. */
  readonly #gathers: boolean;
  #writerOfTexts: CheckpointWriter;
  #checkpoint: Checkpoint;
  #phase: Phase = 'guarding';
  #decoder: RdbDecoder | undefined;
  #writer: SnapshotWriter | undefined;
  #applier: StreamApplier | undefined;
  /** Position in the log of the byte to be read next. */
  #next = 0;
  #committed = -1;
  #lastLoadingMs = 0;
  /** How far the snapshot had been written, and whether that has been answered. */
  #written: { readonly offset: number; readonly answered: () => boolean } | undefined;
  /** Without transactions: the place that is noted when everything before it has been answered. */
  #behind: StreamPlace | undefined;
  #starvedAt = -1;
  #starvedMs = 0;
  #ackWanted = -1;
  #pumping = false;
  #scheduled = false;
  #fetching = false;
  #beside = false;
  #ending = false;
  /** The checkpoint is to be written although no position has moved. */
  #renewal = false;
  #renewalsWanted = 0;
  /** How many of them the commit under way has, and how many have settled. */
  #renewing = 0;
  #renewed = 0;
  /** On a cluster the record must not say it before what had been written by then is answered. */
  #notBefore: (() => boolean) | undefined;
  #over = false;
  #settledWaiters: (() => void)[] = [];
  #claimed: () => void = () => {};

  constructor(options: DeliveryOptions) {
    this.#o = options;
    this.#window = new ByteWindow(options.crc.window);
    this.#checkpoint = startOf(options);
    this.#writerOfTexts = new CheckpointWriter(this.#checkpoint);
    this.#gathers = options.atomic || options.lanes !== undefined;
    this.#commits = options.commits({
      settled: (tag) => this.#guard(() => this.#settled(tag)),
      disturbed: (found) => options.events.disturbed(found),
    });
  }

  /** The only connection there is. */
  get #pipeline(): Pipeline {
    return this.#o.outlet.pipelines[0]!;
  }

  start(): void {
    this.#commits.guard(this.#o.found);
  }

  /** Up to here everything is on the target, and the checkpoint says so; -1 while a snapshot is being loaded. */
  get committed(): number {
    return this.#committed;
  }

  get streaming(): boolean {
    return this.#phase === 'streaming';
  }

  get atomic(): boolean {
    return this.#o.atomic;
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** Bytes of the snapshot that have been read; 0 when none is being loaded. */
  get rdbBytes(): number {
    return this.#decoder?.offset ?? 0;
  }

  get keysHint(): number {
    return this.#writer?.keysHint ?? 0;
  }

  /** A PING must not be put between what is written now. */
  get open(): boolean {
    return this.#applier?.open ?? false;
  }

  close(): void {
    this.#over = true;
    this.#wake();
  }

  /** There may be something to do: bytes have come, or there is room again. */
  pump(): void {
    if (this.#pumping || this.#over || this.#ending) return;
    this.#pumping = true;
    this.#guard(() => this.#work());
    this.#pumping = false;
  }

  /** Writes nothing more, and makes final what has been written. False when it did not come to that in time. */
  async finish(timeoutMs: number): Promise<boolean> {
    this.#ending = true;
    const until = Date.now() + timeoutMs;
    // What has been written counts when it has been answered.
    while (!this.#over && this.#o.outlet.pending > 0 && Date.now() < until) {
      // oxlint-disable-next-line no-await-in-loop -- until it is so
      await new Promise((resolve) => void setTimeout(resolve, ANSWER_POLL_MS));
    }
    for (;;) {
      if (this.#over) return false;
      if (!this.#commits.waiting) this.#guard(() => this.#commitRest());
      if (!this.#commits.waiting || this.#phase === 'guarding') return !this.#over;
      if (!(await this.#settledBefore(until))) return false;
    }
  }

  /** Writes the checkpoint once more, with what has been noted. False when it is not there in time. */
  async renew(timeoutMs: number): Promise<boolean> {
    const until = Date.now() + timeoutMs;
    const wanted = ++this.#renewalsWanted;
    this.#renewal = true;
    if (!this.#commits.waiting) this.#guard(() => this.#commitRenewal());
    // Others may be on their way by the time that the one with it has settled.
    while (this.#renewed < wanted && !this.#over) {
      // oxlint-disable-next-line no-await-in-loop -- one commit after the other
      if (!(await this.#nextSettled(until))) break;
    }
    return this.#renewed >= wanted;
  }

  #nextSettled(untilMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), Math.max(0, untilMs - Date.now()));
      this.#settledWaiters.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #commitRenewal(): void {
    const applier = this.#applier;
    if (!this.#renewal || this.#commits.waiting) return;
    const writer = this.#writer;
    if (this.#phase === 'loading' && writer?.between === true) this.#commitLoading(writer, Date.now());
    if (applier === undefined) return;
    // While the stream stands, it may be inside a transaction of the source, all of which so far is final.
    const stands = applier.aside !== undefined && applier.ready;
    if (applier.open && !stands) return;
    this.#commitStream(stands ? this.#checkpoint : applier.safePlace, applier.targetDb);
    applier.selected(0);
  }

  /** The last word of this connection: a checkpoint that nobody holds. Only after `finish`. */
  async conclude(checkpoint: Checkpoint, timeoutMs: number): Promise<boolean> {
    if (this.#over || this.#commits.waiting || this.#commits.open) return false;
    const { replid, offset, db, inMulti, loaded, slots } = this.#checkpoint;
    const last: Checkpoint = {
      ...{ ...checkpoint, replid, offset, db, inMulti, loaded },
      ...(slots === undefined ? {} : { slots }),
    };
    this.#checkpoint = last;
    const text = new CheckpointWriter(last).write(replid, offset, db, inMulti, Date.now());
    this.#commits.commit(text, TAG.final, this.#selected, db);
    return await this.#settledBefore(Date.now() + timeoutMs);
  }

  /** Other facts for the checkpoint: they are written with the next position. */
  note(facts: Partial<Pick<Checkpoint, 'expiry' | 'refused' | 'slots'>>): void {
    if (facts.slots !== undefined && this.#phase === 'loading' && this.#o.lanes !== undefined)
      this.#notBefore = this.#o.outlet.mark();
    this.#checkpoint = { ...this.#checkpoint, ...facts };
    this.#writerOfTexts = new CheckpointWriter(this.#checkpoint);
  }

  // ---- the turn ----------------------------------------------------------------------------------------

  #guard(action: () => void): void {
    if (this.#over) return;
    try {
      action();
    } catch (error) {
      this.#over = true;
      this.#wake();
      this.#o.events.failed(error);
    }
  }

  #work(): void {
    const until = performance.now() + TURN_MS;
    while (this.#step()) {
      if (performance.now() < until) continue;
      this.#soon();
      return;
    }
  }

  /** Lets sockets have their turn first. */
  #soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.pump();
    });
  }

  /** Takes one piece further; false when nothing can be done before something happens. */
  #step(): boolean {
    if (this.#o.outlet.blocked) return false;
    if (this.#phase === 'loading') return this.#load();
    if (this.#phase === 'streaming') return this.#follow();
    return false;
  }

  /** Reads on from the log; true when there was something. */
  #fill(log: SpoolLog): boolean {
    const window = this.#window;
    if (window.full) return false;
    const room = window.room();
    const count = log.read(this.#next, room.length > PIECE_BYTES ? room.subarray(0, PIECE_BYTES) : room);
    if (count > 0) {
      window.commit(count, room);
      this.#next += count;
      return true;
    }
    if (this.#next < log.end) this.#fetch(log);
    else if (this.#o.spool.blocked && !this.#commits.waiting) this.#starved(log);
    return false;
  }

  /**
   * A command or transaction larger than the spool: what has been read can't be kept for reading it again. On
   * disk there is mostly room in a moment.
   */
  #starved(log: SpoolLog): void {
    const now = Date.now();
    if (this.#o.onDisk && this.#starvedAt !== this.#next) {
      this.#starvedAt = this.#next;
      this.#starvedMs = now;
      setTimeout(() => this.pump(), STARVED_MS);
    }
    if (!this.#o.onDisk || now - this.#starvedMs >= STARVED_MS) log.release(this.#next);
  }

  /** What is wanted next lies on disk. */
  #fetch(log: SpoolLog): void {
    if (this.#fetching) return;
    this.#fetching = true;
    log.load(this.#next).then(
      () => {
        this.#fetching = false;
        this.pump();
      },
      (error: unknown) => {
        this.#fetching = false;
        this.#guard(() => {
          throw error;
        });
      },
    );
  }

  /** A record larger than the window: the window grows. */
  #makeRoom(needed: number): void {
    const window = this.#window;
    if (needed > window.bytes.length) window.require(needed);
    else if (window.full) window.require(window.length * 2);
  }

  // ---- the snapshot ------------------------------------------------------------------------------------

  #beginLoad(): void {
    const { spool, crc, capabilities, filter, dbMap, tally, clockOffsetMs, outlet, plan } = this.#o;
    const { targetDatabases, targetHasKeys, hold, present, keyMap, form, events, gate } = this.#o;
    this.#writer = new SnapshotWriter({
      ...{ out: outlet, crc, capabilities, filter, dbMap, tally, clockOffsetMs },
      ownsKey: gate === undefined ? undefined : (...key) => gate.owns(keySlot(...key)),
      ...{ targetDatabases, targetHasKeys, hold, present, keyMap },
      skipBefore: plan.kind === 'load' ? plan.skipBefore : 0,
      onUnsupported: (error, type) => events.unsupported(error, type),
      onScript: (body) => form?.script(body),
    });
    this.#decoder = new RdbDecoder(this.#writer, { crc });
    this.#next = spool.snapshot.start;
    this.#o.lanes?.noteLoaded(this.#checkpoint.loaded);
    this.#phase = 'loading';
    this.#lastLoadingMs = Date.now();
  }

  #load(): boolean {
    const decoder = this.#decoder!;
    const writer = this.#writer!;
    const window = this.#window;
    const log = this.#o.spool.snapshot;
    const filled = this.#fill(log);
    writer.tick(Date.now());
    const before = window.start;
    const next = decoder.feed(window.bytes, window.start, window.end);
    const moved = next > before;
    writer.flush();
    this.#o.outlet.flush();
    window.take(next);
    if (decoder.done) {
      this.#snapshotRead(log);
      return false;
    }
    log.release(this.#next);
    this.#checkEnd(log, filled || moved);
    if (this.#renewal && !this.#commits.waiting) this.#commitRenewal();
    this.#noteLoading(writer, decoder);
    if (!moved && !this.#o.outlet.blocked) this.#makeRoom(decoder.needed);
    return filled || moved;
  }

  #checkEnd(log: SpoolLog, moved: boolean): void {
    if (moved || !log.complete || this.#next < log.end || this.#fetching || this.#o.outlet.blocked) return;
    throw new ReplicantError('RDB_TRUNCATED', 'the snapshot ends before its end mark', {
      place: { offset: log.end },
    });
  }

  /** From time to time the checkpoint learns how far we are, so that a new start need not repeat it all. */
  #noteLoading(writer: SnapshotWriter, decoder: RdbDecoder): void {
    if (this.#commits.waiting || !writer.between) return;
    const now = Date.now();
    if (now - this.#lastLoadingMs < LOADING_EVERY_MS) return;
    this.#lastLoadingMs = now;
    this.#writeLoading(writer, now);
    this.#written = { offset: decoder.offset, answered: this.#o.outlet.mark() };
  }

  /** Only what has been answered counts: a target that refuses a key may take the checkpoint. */
  #writeLoading(writer: SnapshotWriter, now: number): void {
    const written = this.#written;
    if (written === undefined || !written.answered()) return;
    if (written.offset <= this.#checkpoint.loaded) return;
    this.#checkpoint = { ...this.#checkpoint, loaded: written.offset };
    this.#commitLoading(writer, now);
  }

  #commitLoading(writer: SnapshotWriter, now: number): void {
    if (this.#notBefore?.() === false) return;
    this.#notBefore = undefined;
    this.#renewal = false;
    this.#renewing = this.#renewalsWanted;
    writer.flush();
    this.#o.lanes?.noteLoaded(this.#checkpoint.loaded);
    const text = this.#writerOfTexts.writeLoaded(this.#checkpoint.loaded, now);
    this.#commits.commit(text, TAG.loading, Math.max(0, writer.targetDb), 0);
    writer.targetDb = 0;
  }

  #snapshotRead(log: SpoolLog): void {
    const decoder = this.#decoder!;
    const end = this.#next - this.#window.length;
    if (!log.complete) {
      // The link has yet to see the frame's end, which must be here: then it calls again.
      if (end === log.end) return;
      throw new ReplicantError(
        'SOURCE_PROTOCOL',
        'the snapshot is not followed by the mark that was announced',
        { place: { offset: end } },
      );
    }
    if (end !== log.end) {
      const more = log.end - end;
      throw new ReplicantError('RDB_CORRUPT', `${more} bytes behind the end of the snapshot`, {
        place: { offset: decoder.offset },
      });
    }
    const { checksum } = this.#writer!;
    if (checksum?.state === 'mismatch') {
      throw new ReplicantError(
        'RDB_CORRUPT',
        `the snapshot's checksum is wrong: it says ${checksum.stored}, its bytes give ${checksum.computed}`,
        {
          place: { offset: decoder.offset },
          hint: 'what the target holds now is not a copy of the source; start again',
        },
      );
    }
    this.#phase = 'completing';
    this.#o.events.complete().then(
      () => this.#guard(() => this.#beginStreaming()),
      (error: unknown) =>
        this.#guard(() => {
          throw error;
        }),
    );
  }

  /** All that the snapshot has is there, and nothing else: from here on the stream counts. */
  #beginStreaming(): void {
    if (this.#commits.waiting) {
      this.#settledWaiters.push(() => this.#guard(() => this.#beginStreaming()));
      return;
    }
    const { meta } = this.#o.spool.snapshot;
    const writer = this.#writer!;
    const base = Number(meta['base']);
    const { replid } = History.of(this.#o.spool.stream.meta);
    const place = { offset: base, db: writer.streamDb, inMulti: false };
    this.#checkpoint = {
      ...{ ...this.#checkpoint, ...place, state: 'streaming', loaded: 0, mirror: false, replid },
      lanes: this.#o.claims,
    };
    this.#writerOfTexts = new CheckpointWriter(this.#checkpoint);
    const relativeTtls = writer.writesRelativeTtls;
    if (this.#o.lanes === undefined) {
      this.#commitStream(place, Math.max(0, writer.targetDb));
      this.#openStream(place, relativeTtls);
    } else {
      this.#claim(() => {
        this.#openStream(place, relativeTtls);
        this.#streamSettled(base);
      });
    }
  }

  /** The record says what the lanes stand for, before any of them says anything. */
  #claim(then: () => void): void {
    const { replid, offset, db, inMulti } = this.#checkpoint;
    this.#claimed = () => {
      this.#o.events.claimed().then(
        () =>
          this.#guard(() => {
            this.#o.lanes!.beginStream(offset, db);
            then();
            this.pump();
          }),
        (error: unknown) =>
          this.#guard(() => {
            throw error;
          }),
      );
    };
    const text = this.#writerOfTexts.write(replid, offset, db, inMulti, Date.now());
    this.#commits.commit(text, TAG.claims, 0, db);
  }

  // ---- the stream --------------------------------------------------------------------------------------

  #openStream({ offset, db, inMulti }: StreamPlace, relativeTtls: boolean): void {
    const { outlet, lanes, gate, crossSlot, capabilities, filter, dbMap, tally, sourceDatabases } = this.#o;
    const { targetDatabases, clockOffsetMs = 0, spool, hold, leftOut, joins, keyMap, table } = this.#o;
    const { form, events } = this.#o;
    for (const pipeline of outlet.pipelines)
      pipeline.maxInFlightBytes = STREAM_IN_FLIGHT / outlet.pipelines.length;
    const committer = new Committer(this.#commits, (place, selected, passing) =>
      passing && lanes !== undefined
        ? lanes.reach(place.offset, place.db, TAG.passing)
        : this.#commitStream(place, selected),
    );
    this.#applier = new StreamApplier({
      ...{ out: lanes === undefined ? this.#pipeline : undefined, lanes, gate, crossSlot },
      asksForKeys: true,
      ...{ capabilities, filter, dbMap, tally, clockOffsetMs, sourceDatabases },
      ...{ targetDatabases, relativeTtls, offset, db, inMulti, hold, leftOut, joins, keyMap, table, form },
      targetDb: 0,
      committer: this.#gathers ? committer : undefined,
      ownKey: bytesOf(checkpointKey(this.#checkpoint.job)),
      arrivedAtMs: (at) => spool.stream.stampAt(at),
      onGetAck: (at) => {
        this.#ackWanted = at;
      },
      onReport: (why, name, at, inDb) => events.reported(why, name, at, inDb),
    });
    this.#window.clear();
    this.#next = offset;
    this.#phase = 'streaming';
  }

  #follow(): boolean {
    const applier = this.#applier!;
    const window = this.#window;
    if (this.#beside) return false;
    if (applier.aside !== undefined) {
      this.#startAside(applier);
      return false;
    }
    if (applier.full) return false;
    const filled = this.#fill(this.#o.spool.stream);
    const before = window.start;
    const next = applier.feed(window.bytes, window.start, window.end, Date.now());
    const moved = next > before;
    window.take(next);
    if (!this.#gathers) this.#commitBehind(applier);
    if (!moved && !this.#o.outlet.blocked && !applier.full && applier.aside === undefined)
      this.#makeRoom(applier.needed);
    return filled || moved;
  }

  #commitStream(place: StreamPlace, selected: number): void {
    const { replid } = History.of(this.#o.spool.stream.meta);
    const { offset, db, inMulti } = place;
    this.#renewal = false;
    this.#renewing = this.#renewalsWanted;
    this.#checkpoint = { ...this.#checkpoint, replid, offset, db, inMulti };
    const text = this.#writerOfTexts.write(replid, offset, db, inMulti, Date.now());
    this.#commits.commit(text, offset, selected, db);
  }

  /** Without transactions the position follows the data, when they have been answered. */
  #commitBehind(applier: StreamApplier): void {
    if (applier.open || this.#commits.waiting) return;
    const behind = this.#behind;
    if (behind !== undefined && behind.offset <= this.#pipeline.applied) {
      this.#behind = undefined;
      this.#commitStream(behind, Math.max(0, applier.targetDb));
      applier.selected(0);
    }
    const place = applier.safePlace;
    if (this.#behind === undefined && place.offset !== this.#checkpoint.offset) this.#behind = place;
  }

  /** The target has answered something. */
  answered(): void {
    if (this.#notBefore !== undefined && !this.#commits.waiting) this.#guard(() => this.#commitRenewal());
    const applier = this.#applier;
    if (this.#gathers || applier === undefined || this.#ending) return;
    this.#guard(() => this.#commitBehind(applier));
  }

  #startAside(applier: StreamApplier): void {
    applier.commit();
    if (!applier.ready) return;
    this.#beside = true;
    this.#o.events.aside(applier.aside!).then(
      (keys) =>
        this.#guard(() => {
          this.#beside = false;
          applier.resume(keys);
          this.pump();
        }),
      (error: unknown) =>
        this.#guard(() => {
          throw error;
        }),
    );
  }

  // ---- commits -----------------------------------------------------------------------------------------

  get #selected(): number {
    return Math.max(0, this.#applier?.targetDb ?? this.#writer?.targetDb ?? 0);
  }

  #settled(tag: number): void {
    if (tag === TAG.guard) this.#guarded();
    else if (tag === TAG.claims) this.#claimed();
    else if (tag === TAG.loading) this.#loadingSettled();
    else if (tag >= 0) this.#streamSettled(tag);
    this.#renewed = this.#renewing;
    this.#wake();
    this.#commitRenewal();
    if (this.#ending) return;
    this.#applier?.commit();
    this.pump();
  }

  #loadingSettled(): void {
    if (this.#phase === 'guarding') this.#beginLoad();
    // No position has moved, but the target takes what it is given.
    else this.#o.events.applied();
  }

  /** The checkpoint is as it was when the job was claimed: nobody else writes. */
  #guarded(): void {
    const { plan } = this.#o;
    if (plan.kind === 'follow') {
      if (this.#o.lanes === undefined) this.#beginFollowing(plan);
      else {
        const { offset, db, inMulti } = plan;
        this.#checkpoint = { ...this.#checkpoint, offset, db, inMulti, lanes: this.#o.claims };
        this.#writerOfTexts = new CheckpointWriter(this.#checkpoint);
        this.#claim(() => this.#beginFollowing(plan));
      }
      return;
    }
    const text = this.#writerOfTexts.writeLoaded(this.#checkpoint.loaded, Date.now());
    this.#commits.commit(text, TAG.loading, 0, 0);
  }

  #beginFollowing(place: StreamPlace): void {
    this.#committed = place.offset;
    this.#openStream(place, this.#o.relativeTtls);
    this.#o.events.applied();
  }

  #streamSettled(offset: number): void {
    const first = this.#committed < 0;
    this.#committed = offset;
    const { spool, events } = this.#o;
    if (first) {
      spool.snapshot.drop();
      events.loaded();
    }
    spool.stream.release(offset);
    if (this.#ackWanted >= 0 && this.#ackWanted <= offset) {
      this.#ackWanted = -1;
      events.getAck();
    }
    events.applied();
  }

  #commitRest(): void {
    const writer = this.#writer;
    if (this.#applier !== undefined) {
      this.#applier.commit();
      if (this.#gathers) return;
      // Everything has been answered: the first takes note of the place, the second writes it.
      this.#commitBehind(this.#applier);
      this.#commitBehind(this.#applier);
    } else if (this.#phase === 'loading' && writer?.between === true) {
      this.#written = { offset: this.#decoder!.offset, answered: this.#o.outlet.mark() };
      this.#writeLoading(writer, Date.now());
    }
  }

  #settledBefore(untilMs: number): Promise<boolean> {
    if (!this.#commits.waiting || this.#over) return Promise.resolve(!this.#over);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), Math.max(0, untilMs - Date.now()));
      this.#settledWaiters.push(() => {
        clearTimeout(timer);
        resolve(!this.#over);
      });
    });
  }

  #wake(): void {
    for (const wake of this.#settledWaiters.splice(0)) wake();
  }
}

/** What the record says before the first key or command. */
function startOf({ checkpoint, claims, plan }: DeliveryOptions): Checkpoint {
  if (claims === undefined || plan.kind !== 'load') return checkpoint;
  return { ...checkpoint, lanes: loadingClaims(claims, plan.skipBefore) };
}

/** The applier's view of the commits. */
class Committer implements StreamCommitter {
  readonly commit: StreamCommitter['commit'];
  readonly #commits: Commits;

  constructor(commits: Commits, commit: StreamCommitter['commit']) {
    this.#commits = commits;
    this.commit = commit;
  }

  get waiting(): boolean {
    return this.#commits.waiting;
  }

  get batchBytes(): number {
    return this.#commits.batchBytes;
  }

  begin(): void {
    this.#commits.begin();
  }
}
