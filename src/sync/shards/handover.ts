/**
 * How slots pass from one shard's job to another's, when the source moves them.
 *
 * A source cluster is read over one link per shard. Each shard's job has its own stream, position and record on the
 * target; nothing is known of the order between streams. What keeps the target right is that each slot is written
 * by one job only, whose stream alone tells everything about it.
 *
 * WHAT A STREAM TELLS. A node's stream is all that happens to the keys *that node holds*. A move of slot s from A to
 * B is, in A's stream, DELs; in B's, RESTOREs (or, of Valkey's and Redis' own migration, a copy in commands) between
 * which clients' writes stand. Hence, of any node and slot:
 *
 *   (R) Who has the node's keys of s at one offset of its stream, and carries out all commands on s behind it, has
 *       the node's keys of s at every later offset.
 *   (E) A node that neither owns s nor is importing it holds no key of s. (Strays of a broken move aside: a cluster
 *       that has them is in need of `redis-cli --cluster fix`.)
 *
 * THE RECORDS. Each job's record has the slots it *holds*, as of its position (`holding.ts`). On the target there are
 * besides, for the job as a whole (`board.ts`): claims, the slots that somebody is about to hold; and dirty slots,
 * which somebody has held and given up, so that keys may stand there. A command on s is carried out if s is held,
 * dropped if it begins before `bound[s]`, and otherwise the stream waits before it, while it is read on into the
 * spool.
 *
 * INVARIANTS
 *   (1) Each slot is in one record at most. Only the job that has it in its record changes keys of the slot, or who
 *       claims it while it is in none.
 *   (2) In a job that holds s, the target has of s what the job's node had at the job's position, or, while that
 *       is below bound[s], nothing, as the node had at bound[s].
 *   (3) The node of a job that does not hold s had no key of s at bound[s], nor has the job passed over a command on s
 *       that begins behind it.
 *   (4) A slot that is in no record and not dirty has none of the job's keys on the target.
 *
 * A LOOK at shard X asks X's own primary, at one moment (MULTI), for its offset, the migrations it takes part in, and the
 * map with what is being moved key by key. A slot that is neither X's nor importing then is empty (E): bound[s] may be
 * raised to that offset. What stands before it in the stream, imports that were given up included, has come to nothing; a
 * later import's commands are behind it.
 *
 * RELEASE, of A, when asked: from now on the stream waits before commands on what is asked for, so that nothing is carried out behind
 * the offset that the look gives, nor dropped before the record says so. A looks; marks dirty what is not A's and not
 * importing there; a snapshot's keys of that are left out, in no commit but those with the
 * new text: the record without it and with bound[s], which `note` confirms when all that was written before has been answered. A crash before the note: A still
 * holds s, and nothing has been left out. After it: bound[s] is in the record, so that A's old commands are dropped
 * also when the source has moved s back meanwhile. Whatever A had not applied of s, B's stream has: the RESTOREs carry it.
 * A refuses what is still or again its own: then B's next look shows that nothing is to be taken.
 *
 * TAKE, of B: looks; of what is B's and not being moved to it and not held: claims it; *then* reads all records and claims;
 * asks those who hold any to release it; what nobody holds or claims is wiped if dirty, and put into the record. Then
 * the claim goes. Two jobs cannot both get through: of two claims the one that was set later sees the other, or the record it
 * has become. Who finds itself not to be the owner withdraws its claim; s stays dirty (4). B has had no command on s
 * since bound[s] (3), so that its node's keys of s were none at bound[s], and at its position if that is further on: the empty
 * slot is the truth (2), and by (R) stays so. A crash before the note: the claim of a process that is gone counts no more
 * once its successor looks; s is still dirty, the wipe is repeated. After it: B holds s.
 *
 * Nothing depends on the source standing still. If s moves on while B takes it, B's stream has its DELs, and the next owner asks B.
 * If source nodes disagree who owns s (a failover, SETSLOT NODE on one side only), A does not release, or both claims
 * stand, and both wait until the source is of one mind.
 *
 * FULL SYNC of X (`begin`), with the snapshot at offset b0. The snapshot has all keys the node held, so (R) holds for
 * every slot from b0 on, one that was being imported, too, if it counts from b0. So X looks until each slot that is being
 * imported has been seen empty since: what was half imported at b0 is X's by then, or was given up. X then holds what it
 * owns, taken as above if another held it. All others have been seen empty, and get that look's offset as their bound, so that
 * keys of theirs in the snapshot count for nothing, and are passed over. What X held and does not any more is marked dirty before
 * the record is replaced. The snapshot is read on meanwhile; no second one is needed.
 *
 * ADOPTION. A slot without commands makes no stream wait. So each job looks from time to time, and takes what is its own and not held, at
 * whatever position: what it takes has had no command since bound[s] (3). In the end each slot is held by its owner, and
 * a job that holds nothing and has left the cluster is done.
 *
 * FLUSHALL in X's stream empties what X holds, there: by (2) that is what the node held. While that goes on, beside the
 * stream, and while keys are removed that a snapshot lacks, nothing is released or taken (`alone`).
 *
 * A FAILOVER of X goes on with X's stream (PSYNC), or begins it anew (full sync). An offset looked up at the former
 * primary may be beyond what the next one took over: bounds are lowered to where the new history begins.
 */
import { ReplicantError } from '../../errors.js';
import { SLOTS } from '../../keyspace/key-slot.js';
import { SlotSet } from '../../keyspace/slot-set.js';
import type { SlotDuty, TakePorts } from '../slot-duty.js';
import type { Emit } from '../status.js';
import type { Board, BoardState } from './board-ports.js';
import { common, filterSlots, formatHolding, parseHolding, type Passed, union, without } from './holding.js';
import { Turns } from './turns.js';

/** What a shard's primary says of itself. */
export interface ShardLook {
  /** Where its stream stood when the following was so. */
  readonly offset: number;
  readonly owned: SlotSet;
  /** Being moved to it, by whatever means. */
  readonly importing: SlotSet;
}

export interface HandoverPorts {
  /** Rejects with a retryable error while nobody answers for the shard. */
  look(): Promise<ShardLook>;
  readonly board: Board;
  /** Asks the job with this key, wherever it runs; does not wait for it. */
  ask(holder: string, slots: SlotSet): void;
  /** For about so long, or until something may have changed. */
  pause(ms: number): Promise<void>;
  readonly emit: Emit;
  /** What is waited for; undefined: nothing. */
  waiting(why: string | undefined): void;
  /** The job is over. */
  readonly signal: AbortSignal;
  /** How many slots there are, for tests. */
  readonly slots?: number | undefined;
}

/** What stands in the way. */
type Obstacle = string | undefined;

const NOTE = 'the target to take a note';
const FIRST_PAUSE_MS = 20;
const MOST_PAUSE_MS = 1000;
/** A wait is told of when it takes longer. */
const TELL_AFTER_ROUNDS = 8;

export class Handover implements SlotDuty {
  readonly #p: HandoverPorts;
  readonly #turns = new Turns();
  #run: Omit<TakePorts, 'signal'> | undefined;
  readonly #count: number;
  #held = new SlotSet();
  /** Commands on a slot that begin before this offset are dropped. No more than what the record says. */
  #bound: Float64Array;
  /** What looks have shown since: may become `#bound` together with the record. */
  #learned: Float64Array;
  /** How far the record was when it was last read. */
  #position = -1;
  /** The stream waits for them while it is seen whether they are to leave. */
  #pausing = new SlotSet();
  /** On their way out of the record: nothing is dropped, nothing carried out. */
  #leaving = new SlotSet();
  #leavingBefore = -1;
  /** What the record says may be what was to be noted last, or not. */
  #unsure = false;
  #claimed = new SlotSet();
  /** Held since `begin`, and not known to be in the record; the claim on them stands until then. */
  #unrecorded = new SlotSet();
  /** What is held is known: the record has been read. */
  #known = false;
  /** Where the stream waits. */
  #waitsAt = -1;
  /** The snapshot that the record spoke of when `begin` was over; undefined: it speaks of the present one. */
  #former: string | undefined;

  constructor(ports: HandoverPorts) {
    this.#p = ports;
    this.#count = ports.slots ?? SLOTS;
    this.#bound = new Float64Array(this.#count).fill(-1);
    this.#learned = this.#bound.slice();
  }

  // ---- what the stream asks ------------------------------------------------------------------------------

  /** `offset`: where the command begins. */
  judge(slot: number, offset: number): 'ours' | 'theirs' | 'unsettled' {
    this.#former = undefined;
    if (offset < this.#bound[slot]!) return 'theirs';
    if (this.owns(slot) && !this.#pausing.has(slot)) return 'ours';
    this.#waitsAt = offset;
    return 'unsettled';
  }

  owns(slot: number): boolean {
    return this.#held.has(slot) && !this.#leaving.has(slot);
  }

  /** What the job holds. */
  get held(): SlotSet {
    return this.#held;
  }

  format(): string {
    const bound = this.#bound.slice();
    raise(bound, this.#leaving, this.#leavingBefore);
    return this.#formatWith(without(this.#held, this.#leaving), bound);
  }

  #formatWith(slots: SlotSet, bound: Float64Array): string {
    return formatHolding({ slots, passed: group(bound, this.#position) });
  }

  attach(ports: Omit<TakePorts, 'signal'>): void {
    this.#run = ports;
  }

  /** It may be an older record than the last, and another history: what was remembered counts no more. */
  restore(text: string | undefined): void {
    const { slots, passed } = parseHolding(text ?? '');
    this.#known = true;
    this.#unsure = false;
    this.#held = slots;
    this.#unrecorded = new SlotSet();
    this.#position = -1;
    this.#bound.fill(-1);
    this.#learned.fill(-1);
    for (const one of passed) raise(this.#bound, one.slots, one.before);
  }

  continued(offset: number): void {
    const lower = (before: number): number => Math.min(before, offset);
    this.#bound = this.#bound.map(lower);
    this.#learned = this.#learned.map(lower);
  }

  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work);
  }

  async settle(slot: number, { signal }: TakePorts): Promise<void> {
    const at = this.#waitsAt;
    const settled = (): boolean => at < this.#bound[slot]! || (this.owns(slot) && !this.#pausing.has(slot));
    await this.#until(signal, async () => {
      if (settled()) return undefined;
      const obstacle = await this.#take(slot);
      return settled() ? undefined : (obstacle ?? `slot ${slot} to be settled`);
    });
  }

  /** Round by round until nothing stands in the way. */
  async #until(signal: AbortSignal, round: () => Promise<Obstacle>): Promise<void> {
    const ended = (): boolean => signal.aborted || this.#p.signal.aborted;
    for (let count = 0; !ended(); count++) {
      // oxlint-disable-next-line no-await-in-loop -- one round after the other
      const obstacle = await this.#turns.take(() => this.#patiently(round));
      if (obstacle === undefined) break;
      if (count === TELL_AFTER_ROUNDS) this.#p.emit('info', 'waiting', `waiting for ${obstacle}`);
      if (count >= TELL_AFTER_ROUNDS) this.#p.waiting(`for ${obstacle}`);
      // oxlint-disable-next-line no-await-in-loop
      await this.#p.pause(Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** count));
    }
    this.#p.waiting(undefined);
  }

  /** What passes by itself is an obstacle like others. */
  async #patiently(round: () => Promise<Obstacle>): Promise<Obstacle> {
    try {
      return await round();
    } catch (error) {
      if (isRetryable(error)) return `an answer: ${error.message}`;
      throw error;
    }
  }

  /** From now on every commit has the text; true when one of them has settled. */
  async #note(text: string): Promise<boolean> {
    this.#unsure = true;
    const noted = (await this.#run?.note(text)) === true;
    if (noted) this.#unsure = false;
    return noted;
  }

  /** The record says what is held. */
  async #makeSure(): Promise<boolean> {
    return !this.#unsure || (await this.#note(this.format()));
  }

  // ---- looking -------------------------------------------------------------------------------------------

  async #look(): Promise<ShardLook> {
    const look = await this.#p.look();
    const empty = this.#every((slot) => !look.owned.has(slot) && !look.importing.has(slot));
    raise(this.#learned, empty, look.offset);
    return look;
  }

  #every(keep: (slot: number) => boolean): SlotSet {
    const set = new SlotSet();
    for (let slot = 0; slot < this.#count; slot++) if (keep(slot)) set.add(slot);
    return set;
  }

  /** Asked from time to time: takes what is ours and has no commands. */
  async tend(): Promise<void> {
    if (!this.#known || this.#run === undefined || this.#p.signal.aborted) return;
    await this.#turns.take(() =>
      this.#patiently(async () => {
        const { own } = await this.#read();
        return (own?.position ?? -1) < 0 || this.#former !== undefined ? undefined : this.#take(undefined);
      }),
    );
  }

  async #read(): Promise<BoardState> {
    const state = await this.#p.board.read();
    const { own } = state;
    if (own !== undefined) {
      if (own.snapshot !== this.#former) this.#former = undefined;
      if (this.#former === undefined) {
        this.#unrecorded = without(this.#unrecorded, own.held);
        this.#position = own.position;
      }
    }
    return state;
  }

  // ---- taking --------------------------------------------------------------------------------------------

  /** All that is ours by now; `slot` is what the stream waits for. */
  async #take(slot: number | undefined): Promise<Obstacle> {
    if (!(await this.#makeSure())) return NOTE;
    const look = await this.#look();
    const wanted = filterSlots(
      look.owned,
      (one) => !look.importing.has(one) && !this.#held.has(one) && !this.#leaving.has(one),
    );
    await this.#claim(union(wanted, this.#unrecorded));
    if (slot !== undefined && look.importing.has(slot)) return `the end of the move of slot ${slot}`;
    if (slot !== undefined && !look.owned.has(slot)) return this.#passOver();
    if (wanted.size === 0 && this.#unrecorded.size === 0) return undefined;
    const { free, obstacle } = await this.#contend(wanted);
    if (free.size > 0) await this.#hold(free);
    return obstacle;
  }

  /** What is known to come to nothing in the end, of all slots that are not held. */
  async #passOver(): Promise<Obstacle> {
    const bound = this.#bound.slice();
    raiseTo(
      bound,
      this.#every((slot) => !this.#held.has(slot)),
      this.#learned,
    );
    if (!(await this.#note(this.#formatWith(this.#held, bound)))) return NOTE;
    this.#bound = bound;
    return undefined;
  }

  async #claim(slots: SlotSet): Promise<void> {
    if (this.#claimed.equals(slots)) return;
    await this.#p.board.claim(slots);
    this.#claimed = slots;
  }

  /** What of the slots, which are claimed by now, nobody else holds or claims; the holders are asked. */
  async #contend(wanted: SlotSet): Promise<{ free: SlotSet; obstacle: Obstacle }> {
    const { others, claims } = await this.#read();
    let free = wanted;
    let obstacle: Obstacle;
    for (const { key, held } of others) {
      const theirs = common(wanted, held);
      if (theirs.size === 0) continue;
      free = without(free, theirs);
      obstacle = `shard ${key} to let go of ${describe(theirs)}`;
      this.#p.ask(key, theirs);
    }
    for (const { key, slots } of claims) {
      const theirs = common(free, slots);
      if (theirs.size === 0) continue;
      free = without(free, theirs);
      obstacle ??= `shard ${key}, which is about to take ${describe(theirs)}`;
    }
    return { free, obstacle };
  }

  /** Nobody else has them, or can get them while our claim stands. */
  async #hold(slots: SlotSet): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    const dirty = common(await this.#p.board.dirty(), slots);
    if (dirty.size > 0) await run.wipe(dirty);
    const held = union(this.#held, slots);
    const bound = this.#bound.slice();
    raiseTo(bound, slots, this.#learned);
    if (!(await this.#note(this.#formatWith(held, bound)))) return;
    this.#held = held;
    this.#bound = bound;
    if (dirty.size > 0) await this.#p.board.clean(dirty);
    await this.#claim(without(this.#claimed, slots));
    this.#p.emit('info', 'note', `has taken over ${describe(slots)}`);
  }

  // ---- letting go ----------------------------------------------------------------------------------------

  /** Another shard says that these are its own. Resolves when those that are not ours any more are out of the record. */
  async release(slots: SlotSet): Promise<void> {
    if (!this.#unsure && !slots.overlaps(this.#held)) return;
    await this.#turns.take(async () => {
      // Nothing of them may be carried out that the look does not know of.
      this.#pausing = common(slots, this.#held);
      await this.#patiently(() => this.#release(slots)).finally(() => (this.#pausing = new SlotSet()));
    });
  }

  async #release(slots: SlotSet): Promise<Obstacle> {
    // What is held is not yet what the record is about.
    if (this.#former !== undefined) await this.#read();
    if (this.#former !== undefined) return undefined;
    if (this.#run === undefined || !(await this.#makeSure())) return NOTE;
    const look = await this.#look();
    const given = filterSlots(
      slots,
      (slot) => this.#held.has(slot) && !look.owned.has(slot) && !look.importing.has(slot),
    );
    if (given.size === 0) return undefined;
    await this.#p.board.soil(given);
    // From here to the note there must be no pause: what is left out from now on is left out under the new text.
    this.#leaving = given;
    this.#leavingBefore = look.offset;
    await this.#noteLeaving();
    return undefined;
  }

  /** Once it has been tried the record may say so or not: it is tried until that is known. */
  async #noteLeaving(): Promise<void> {
    for (let count = 0; !(await this.#note(this.format())); count++) {
      // oxlint-disable-next-line no-await-in-loop -- until it has worked
      await this.#p.pause(Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** count));
      if (this.#p.signal.aborted) throw new ReplicantError('TARGET_BUSY', 'stopped');
    }
    const given = this.#leaving;
    this.#held = without(this.#held, given);
    raise(this.#bound, given, this.#leavingBefore);
    this.#unrecorded = without(this.#unrecorded, given);
    this.#leaving = new SlotSet();
    this.#p.emit('info', 'note', `has let go of ${describe(given)}`);
  }

  // ---- a full sync ---------------------------------------------------------------------------------------

  async begin(ports: TakePorts): Promise<void> {
    const { signal } = ports;
    let begun = false;
    await this.#until(signal, async () => {
      // Of another history.
      if (!begun) this.#learned.fill(-1);
      begun = true;
      const look = await this.#look();
      const awaited = filterSlots(look.importing, (slot) => this.#learned[slot]! < 0);
      if (awaited.size > 0) return `the end of the move of ${describe(awaited)}`;
      const slots = without(look.owned, look.importing);
      const more = without(slots, this.#held);
      await this.#claim(more);
      const { free, obstacle } = await this.#contend(more);
      if (free.size < more.size) return obstacle ?? 'other shards';
      const { own } = await this.#read();
      const dirty = common(await this.#p.board.dirty(), more);
      if (dirty.size > 0) await ports.wipe(dirty);
      await this.#p.board.soil(without(this.#held, slots));
      if (!signal.aborted) this.#beginWith(slots, more, own?.snapshot ?? '');
      return undefined;
    });
  }

  #beginWith(slots: SlotSet, more: SlotSet, former: string): void {
    this.#held = slots;
    this.#unsure = false;
    this.#unrecorded = more;
    this.#former = former;
    this.#position = -1;
    this.#bound.fill(-1);
    raiseTo(
      this.#bound,
      this.#every((slot) => !slots.has(slot)),
      this.#learned,
    );
  }

  /** A clean end: what has been claimed and not taken is anybody's. */
  async end(): Promise<void> {
    await this.#claim(this.#unrecorded);
  }
}

function raise(bound: Float64Array, slots: SlotSet, before: number): void {
  for (const slot of slots) if (bound[slot]! < before) bound[slot] = before;
}

function raiseTo(bound: Float64Array, slots: SlotSet, other: Float64Array): void {
  for (const slot of slots) if (bound[slot]! < other[slot]!) bound[slot] = other[slot]!;
}

/** Slots of one bound together; what the position is past needs no telling. */
function group(bound: Float64Array, position: number): Passed[] {
  const sets = new Map<number, SlotSet>();
  for (const [slot, before] of bound.entries()) {
    if (before < 0 || before <= position) continue;
    const set = sets.get(before) ?? new SlotSet();
    set.add(slot);
    sets.set(before, set);
  }
  return [...sets].map(([before, slots]) => ({ slots, before }));
}

function isRetryable(error: unknown): error is ReplicantError {
  return error instanceof ReplicantError && error.retry;
}

const DESCRIBED = 60;

/** `slot 7`, `slots 0-5460,5462`; many ranges are cut short. */
export function describe(slots: SlotSet): string {
  const text = slots.format();
  const short =
    text.length > DESCRIBED ? `${text.slice(0, text.lastIndexOf(',', DESCRIBED))} … (${slots.size})` : text;
  return `slot${slots.size === 1 ? '' : 's'} ${short}`;
}
