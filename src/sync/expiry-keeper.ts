/**
 * A replica never expires a key by its own clock; the target is none, and would. A key whose TTL is renewed in
 * time on the source would die on a target that lags, or whose clock runs ahead, and a counter would start at 0
 * again. So deadlines are held back on the target: what is written is the true one plus an offset so large that
 * it can be told from a true one (`convert/held-deadline`), and the source's own DEL removes the key.
 *
 *   settled    while it runs     those further away than a margin are true, nearer ones held: what runs out soon
 *                                may be renewed in what has not been applied yet. A sweep holds the true ones as
 *                                they come near; when there are many keys to look at, the margin is larger
 *   released   a clean stop      all are true
 *   held       with `merge`      every deadline of ours is held, until a clean stop
 *
 * Chosen over Valkey's import-mode (8.1+), which would leave true deadlines standing throughout: it is a switch
 * of the whole server, ends when the server restarts, and from then to our next connection keys die; a held
 * deadline outlives restarts of the target, of this program and of both, and is the same everywhere.
 *
 * True deadlines that nobody sweeps for longer than the margin (this program was away, the target stood still)
 * may run out. The checkpoint knows until when none can have (`clearUntilMs`, by the target's clock); later than
 * that the target's own count of expired keys tells whether any did (`target/expiry-watch`). After a release it
 * also counts whether a deadline was past by then: the source may have renewed it in what we never received.
 *
 * With `merge` the target has keys of others, and which are theirs can't be seen: there true deadlines are never
 * held, so that no key of theirs outlives its time, and ours are held until a clean stop.
 */
import type { Checkpoint, ExpiryRecord } from '../checkpoint/record.js';
import { listCheckpoints } from '../checkpoint/store.js';
import type { HoldPolicy } from '../convert/held-deadline.js';
import { formatError } from '../errors.js';
import { keySlot } from '../keyspace/key-slot.js';
import type { SlotSet } from '../keyspace/slot-set.js';
import type { Client } from '../net/client.js';
import { type SweepMode, type SweepResult, sweepDeadlines } from '../target/deadline-sweep.js';
import { onEachNode } from '../target/each-node.js';
import { type Expiry, readClocks, readExpiryOf } from '../target/expiry-watch.js';
import { untilSettled } from '../target/until-settled.js';
import type { Emit } from './status.js';

export interface ExpiryKeeperOptions {
  /** To the server, or to each primary of a cluster. They are closed here. */
  readonly connect: () => Promise<readonly Client[]>;
  readonly job: string;
  /** What connections to the target are called, so that they end with the job when it is taken over. */
  readonly connectionName: string;
  /** Deadlines nearer than this are held while the stream is followed. */
  readonly marginMs: number;
  /** All keys within the filters are ours. */
  readonly sole: boolean;
  readonly dbs: ReadonlySet<number> | undefined;
  readonly databases: number;
  /** The target has deadlines of hash fields. */
  readonly fields: boolean;
  /** False for a key outside the job's filters, by its name on the target. */
  readonly wanted: ((db: number, key: Uint8Array) => boolean) | undefined;
  readonly wantedKind: ((kind: string) => boolean) | undefined;
  /** The target's clock against ours. */
  readonly clockOffsetMs: number;
  /** So many keys are going to be there. */
  readonly expectedKeys: number;
  readonly emit: Emit;
  readonly events: ExpiryEvents;
}

export interface ExpiryEvents {
  /** Puts it into the checkpoint; false when that can't be done now. */
  note(expiry: ExpiryRecord): Promise<boolean>;
  /** Keys of ours may be gone: only a new copy will do. */
  lapsed(why: string): void;
}

/** The rolling sweep's share of the margin: a deadline is held well before it comes. */
const SWEEPS_PER_MARGIN = 4;
/** After a sweep that failed. */
const RETRIES_PER_MARGIN = 16;
/** Of the margin, what may pass between the time a deadline was judged by and its reaching the target. */
const SLACK = 0.25;
const TICKS_PER_MARGIN = 16;
const TICK_MOST_MS = 1000;
const PACE_MS_PER_SECOND = 250;
/** What a sweep takes at that pace for each key. */
const SWEEP_MS_PER_KEY = 0.016;
/** A sweep must be over long before what it saw last comes due. */
const SWEEPS_IN_MARGIN = 6;
const NOTHING: ExpiryRecord = { mode: 'held', state: 'held', runId: '', expiredKeys: 0, clearUntilMs: 0 };

/** Why keys of ours may have run out on the target by now; undefined when none has. */
export function whyExpired(
  record: ExpiryRecord,
  nowMs: number,
  seen: Expiry | undefined,
): string | undefined {
  if (record.mode !== 'held' || record.state === 'held' || nowMs <= record.clearUntilMs) return undefined;
  const unseen = 'while nobody held its deadlines back';
  if (seen === undefined || record.runId === '') return `keys may have run out on the target ${unseen}`;
  if (seen.runId !== record.runId) {
    return `the target was restarted ${unseen}: keys may have run out there`;
  }
  // CONFIG RESETSTAT may have set it back.
  return seen.expiredKeys === record.expiredKeys ? undefined : `keys have run out on the target ${unseen}`;
}

export class ExpiryKeeper {
  /** What the writers of keys and commands go by; it moves on with time. */
  readonly policy: { holdBeforeMs: number } & HoldPolicy = {
    holdBeforeMs: Number.POSITIVE_INFINITY,
    noted: (held) => {
      if (held) this.#held++;
      else this.#standing++;
    },
  };
  readonly #o: ExpiryKeeperOptions;
  #record: ExpiryRecord = NOTHING;
  #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /**
   * Rounds in which far deadlines are to become true: one for what is there, one for what was on its way then,
   * written as was right before.
   */
  #settleRounds = 0;
  /** New deadlines that are far away are written as they are. */
  #moving = false;
  #round: Promise<void> | undefined;
  #nextRoundMs = 0;
  #failing = false;
  /** What stood there before is not ours to answer for: it was written without holding anything. */
  #lenient = false;
  /** Deadlines that were written held, and as they are. */
  #held = 0;
  #standing = 0;
  /** All that is held on the target was counted: everything there was written by this process. */
  #counted = false;
  /** At the last sweep: how many had been written as they are, and the first of all that stand. */
  #sweptStanding = -1;
  #nearestMs: number | undefined;
  #sweepMs: number;

  constructor(options: ExpiryKeeperOptions) {
    this.#o = options;
    this.#sweepMs = options.expectedKeys * SWEEP_MS_PER_KEY;
  }

  get #marginMs(): number {
    return Math.max(this.#o.marginMs, SWEEPS_IN_MARGIN * this.#sweepMs);
  }

  /** What is to be noted in the checkpoint. */
  get record(): ExpiryRecord {
    return this.#record;
  }

  /** The stream is going to be followed from this checkpoint. Why that can't be done, if keys have run out. */
  async attach(clients: readonly Client[], { state, expiry }: Checkpoint): Promise<string | undefined> {
    if (state !== 'streaming' || (expiry.mode === 'held' && expiry.state === 'held')) return undefined;
    // What a sweep still does where the last connection led says nothing of where this one leads.
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const seen = await readExpiryOf(clients);
    const why = whyExpired(expiry, await latestClock(clients), seen);
    if ((why !== undefined && this.#o.sole) || signal.aborted) return why;
    if (expiry.mode !== 'held') this.#lenient = true;
    const known = expiry.mode === 'held' && why === undefined ? expiry : { ...NOTHING, ...seen };
    this.#record = { ...known, mode: 'held', state: 'settled' };
    this.#moving = this.#o.sole;
    this.#move();
    this.#sweptStanding = -1;
    this.#start();
    return why;
  }

  /** The source starts over: what was true of the former copy is not of the next. */
  forget(): void {
    this.close();
    this.#abort = new AbortController();
    this.#settleRounds = 0;
    this.#moving = false;
    this.#lenient = false;
    this.#record = NOTHING;
    this.policy.holdBeforeMs = Number.POSITIVE_INFINITY;
  }

  /**
   * A snapshot is going to be loaded, `anew` or from where an earlier load ended. The checkpoint says how before
   * the first key is written.
   */
  async load(clients: readonly Client[], anew: boolean): Promise<void> {
    this.forget();
    if (!this.#o.sole) return;
    if (anew) {
      this.#counted = true;
      this.#held = 0;
    }
    this.#sweptStanding = -1;
    const seen = await readExpiryOf(clients);
    const clearUntilMs = this.#clearFrom((await readClocks(clients)).earliestMs);
    this.#record = { ...NOTHING, ...seen, state: 'settled', clearUntilMs };
    this.#moving = true;
    this.#move();
    this.#start();
  }

  /** May keys of an earlier load have run out on the target? */
  async spoils(clients: readonly Client[], { expiry }: Checkpoint): Promise<boolean> {
    return whyExpired(expiry, await latestClock(clients), await readExpiryOf(clients)) !== undefined;
  }

  /** Caught up: if an earlier run has held them all, those that are far enough away become true. */
  settle(): void {
    if (this.#record.state !== 'held') return;
    this.#settleRounds = 2;
    this.#nextRoundMs = 0;
    this.#start();
  }

  /** A clean stop: every deadline becomes the true one. Resolves to what the checkpoint is to say of it. */
  async release(): Promise<ExpiryRecord> {
    this.close();
    await this.#round;
    try {
      return await this.#withClients((clients) => this.#releaseOn(clients));
    } catch (error) {
      this.#o.emit('warn', 'note', `${SWEEP_WORDS.release}: ${formatError(error)}`);
      return { ...this.#record, runId: '' };
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#abort.abort();
  }

  async #releaseOn(clients: readonly Client[]): Promise<ExpiryRecord> {
    const before = await readExpiryOf(clients);
    const why = whyExpired(this.#record, await latestClock(clients), before);
    const known = why === undefined && before !== undefined ? before : { runId: '', expiredKeys: 0 };
    this.#record = { ...NOTHING, ...known, state: 'released' };
    if (!(await this.#o.events.note(this.#record))) return this.#record;
    // Where everything was written by us and nothing held, there is nothing to look for.
    if (this.#counted && this.#held === 0) return this.#record;
    const others = await this.#otherJobs(clients);
    const { dbs, wanted, emit } = this.#o;
    if (others.length > 0 && dbs === undefined && wanted === undefined) {
      emit(
        'warn',
        'note',
        `deadlines stay held back on the target, as it can't be seen which are of ${others.join(', ')}, still running: the last one to stop puts them right`,
      );
      return this.#record;
    }
    if ((await this.#releaseAll(clients, others.length > 0)) > 0)
      this.#record = { ...this.#record, runId: '' };
    return this.#record;
  }

  /** How many deadlines were past; keys that move meanwhile are looked at again. */
  async #releaseAll(clients: readonly Client[], selective: boolean): Promise<number> {
    let past = 0;
    await untilSettled(clients, undefined, async ({ slots }) => {
      past += (await this.#sweep(clients, 'release', { selective, slots })).past;
      return [];
    });
    return past;
  }

  /** Jobs that hold keys back on the same target. */
  async #otherJobs(clients: readonly Client[]): Promise<string[]> {
    const stored = await listCheckpoints(clients);
    return stored
      .filter(({ job, checkpoint }) => job !== this.#o.job && checkpoint?.owner !== undefined)
      .map(({ job }) => `job ${job}`);
  }

  // ---- while it runs -----------------------------------------------------------------------------------

  #start(): void {
    if (this.#timer !== undefined || !this.#o.sole) return;
    if (this.#abort.signal.aborted) this.#abort = new AbortController();
    const tickMs = Math.min(TICK_MOST_MS, this.#o.marginMs / TICKS_PER_MARGIN);
    this.#nextRoundMs = 0;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  #tick(): void {
    this.#move();
    if (this.#round !== undefined || Date.now() < this.#nextRoundMs) return;
    if (this.#settleRounds === 0 && this.#record.state === 'held') return;
    this.#round = this.#sweepRound().finally(() => {
      this.#round = undefined;
    });
  }

  #move(): void {
    if (this.#moving) this.policy.holdBeforeMs = Date.now() + this.#o.clockOffsetMs + this.#marginMs;
  }

  /** Nothing stands that comes near before the next round. */
  #idle(nowMs: number): boolean {
    if (this.#sweptStanding !== this.#standing) return false;
    return this.#nearestMs === undefined || this.#nearestMs > nowMs + 2 * this.#marginMs;
  }

  async #holdNear(clients: readonly Client[], nowMs: number, signal: AbortSignal): Promise<void> {
    if (this.#idle(nowMs)) return;
    const standing = this.#standing;
    const beganMs = performance.now();
    let nearestMs = Number.POSITIVE_INFINITY;
    await untilSettled(clients, signal, async ({ slots }) => {
      const { nearest, changed } = await this.#sweep(clients, 'hold', { signal, slots });
      this.#held += changed;
      nearestMs = Math.min(nearestMs, nearest ?? nearestMs);
      return [];
    });
    if (signal.aborted) return;
    this.#nearestMs = nearestMs === Number.POSITIVE_INFINITY ? undefined : nearestMs;
    this.#sweptStanding = standing;
    this.#sweepMs = Math.max(this.#sweepMs, performance.now() - beganMs);
  }

  async #sweepRound(): Promise<void> {
    const { emit } = this.#o;
    const marginMs = this.#marginMs;
    const { signal } = this.#abort;
    const settles = this.#settleRounds > 0;
    const rolls = this.#record.state !== 'held';
    try {
      await this.#withClients(async (clients) => {
        if (settles && !(await this.#announce(clients, signal))) return;
        const { earliestMs, latestMs } = await readClocks(clients);
        if (rolls) await this.#holdNear(clients, latestMs, signal);
        if (settles) await this.#sweep(clients, 'settle', { signal });
        if (settles && !signal.aborted) this.#settleRounds--;
        await this.#check(clients, earliestMs, signal);
      });
      this.#failing = false;
      this.#nextRoundMs = Date.now() + marginMs / SWEEPS_PER_MARGIN;
    } catch (error) {
      if (!this.#failing && !signal.aborted) {
        emit('warn', 'note', `${SWEEP_WORDS[rolls ? 'hold' : 'settle']}: ${formatError(error)}`);
      }
      this.#failing = true;
      this.#nextRoundMs = Date.now() + marginMs / RETRIES_PER_MARGIN;
    }
  }

  /** Before the first deadline becomes true the checkpoint must say so. */
  async #announce(clients: readonly Client[], signal: AbortSignal): Promise<boolean> {
    if (this.#record.state === 'held') {
      const seen = await readExpiryOf(clients);
      const clearUntilMs = this.#clearFrom((await readClocks(clients)).earliestMs);
      if (signal.aborted) return false;
      const record: ExpiryRecord = { ...NOTHING, ...seen, state: 'settled', clearUntilMs };
      if (!(await this.#o.events.note(record)) || signal.aborted) return false;
      this.#record = record;
    }
    this.#moving = true;
    this.#move();
    return true;
  }

  /** After a sweep that began at `startedMs`: was it in time? */
  async #check(clients: readonly Client[], startedMs: number, signal: AbortSignal): Promise<void> {
    const seen = await readExpiryOf(clients);
    const why = whyExpired(this.#record, await latestClock(clients), seen);
    if (signal.aborted) return;
    if (why === undefined || this.#lenient) {
      this.#lenient = false;
      this.#record = { ...NOTHING, ...seen, state: 'settled', clearUntilMs: this.#clearFrom(startedMs) };
      void this.#o.events.note(this.#record);
      return;
    }
    this.close();
    this.#o.events.lapsed(why);
  }

  #clearFrom(sweptMs: number): number {
    return Math.round(sweptMs + this.#marginMs * (1 - SLACK));
  }

  // ---- sweeps ------------------------------------------------------------------------------------------

  async #withClients<T>(action: (clients: readonly Client[]) => Promise<T>): Promise<T> {
    const clients = await this.#o.connect();
    try {
      await Promise.all(
        clients.map((client) => client.request(['CLIENT', 'SETNAME', this.#o.connectionName])),
      );
      return await action(clients);
    } finally {
      for (const client of clients) client.close();
    }
  }

  async #sweep(
    clients: readonly Client[],
    mode: SweepMode,
    { signal, slots, selective = true }: SweepReach,
  ): Promise<SweepResult> {
    const { dbs, databases, fields, wantedKind } = this.#o;
    const marginMs = this.#marginMs;
    // Alone on the target, what an earlier run with other filters left is released, too.
    const wanted = withinSlots(selective ? this.#o.wanted : undefined, slots);
    // Sweeps in the background leave each node most of its time.
    const pace = mode === 'release' ? {} : { paceMsPerSecond: PACE_MS_PER_SECOND };
    const results = await onEachNode(clients, signal, (client, both) =>
      sweepDeadlines(client, {
        ...{ mode, marginMs, dbs, databases, fields, wanted, wantedKind, signal: both },
        ...pace,
      }),
    );
    return addResults(results);
  }
}

interface SweepReach {
  readonly signal?: AbortSignal | undefined;
  /** Only these slots of a cluster. */
  readonly slots?: SlotSet | undefined;
  /** Only keys of the job; default. */
  readonly selective?: boolean | undefined;
}

function withinSlots(wanted: ExpiryKeeperOptions['wanted'], slots: SlotSet | undefined): typeof wanted {
  if (slots === undefined) return wanted;
  return (db, key) => slots.has(keySlot(key)) && (wanted === undefined || wanted(db, key));
}

function addResults(results: readonly SweepResult[]): SweepResult {
  return results.reduce((sum, one) => ({
    scanned: sum.scanned + one.scanned,
    changed: sum.changed + one.changed,
    past: sum.past + one.past,
    nearest:
      sum.nearest === undefined || one.nearest === undefined
        ? (sum.nearest ?? one.nearest)
        : Math.min(sum.nearest, one.nearest),
  }));
}

/** May anything have run out by now? By any of the clocks. */
async function latestClock(clients: readonly Client[]): Promise<number> {
  return (await readClocks(clients)).latestMs;
}

const SWEEP_WORDS: Readonly<Record<SweepMode, string>> = {
  settle: 'the deadlines held back on the target could not be put right yet',
  hold: 'deadlines that come near could not be held back on the target',
  release: 'the deadlines held back on the target could not be put right; run the same sync again to do it',
};
