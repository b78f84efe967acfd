/**
 * A cluster as a target: a lane to each primary, commands by the slot of their keys, and the position of all of them
 * together in the job's record on the *home* node, the owner of the record's slot.
 *
 *   stream ─→ lane A: script, script, …      a commit: every lane's script with what it has, up to the same offset;
 *          ─→ lane B: script, script, …      when all have answered, the record is written; when that is answered
 *          ─→ lane C: …                      the commit is settled
 *
 * While a commit is on its way the next one is gathered, and lanes send on. What a lane has done is in its own text
 * (`lane-text.ts`), exactly; the record's position is one that all have reached. After an interruption the stream is read
 * from there, and each command that its slot's lane has done is passed over (`SlotProgress`).
 *
 * Whatever goes wrong on a lane (a slot has moved, a node is gone, is full, is read-only) ends all of them: they are
 * opened anew by what the cluster says then.
 */
import { checkpointKey } from '../../checkpoint/record.js';
import { ReplicantError } from '../../errors.js';
import { keySlot } from '../../keyspace/key-slot.js';
import { bytesOf, sameBytes } from '../../keyspace/words.js';
import { encodeCommand } from '../../resp/encode.js';
import { commitBytes } from '../commit-size.js';
import type { CommitEvents, Commits, Outlet } from '../outlet.js';
import type { Pipeline } from '../pipeline.js';
import type { Lane } from './lane.js';
import type { SlotGroup, SlotProgress } from './lane-claim.js';

const LEAST_BATCH_BYTES = 256 * 1024;
const GET = bytesOf('GET');
const SET = bytesOf('SET');
const NO_LANE = 255;

export interface LanesOptions {
  readonly lanes: readonly Lane[];
  readonly job: string;
  /** Of what was there before; undefined when nothing counts. */
  readonly progress: SlotProgress | undefined;
  readonly atomic: boolean;
  readonly sha: string;
}

export class Lanes implements Outlet, Commits {
  readonly pipelines: readonly Pipeline[];
  readonly #o: LanesOptions;
  readonly #lanes: readonly Lane[];
  /** Slot → index of its lane. */
  readonly #laneOf: Uint8Array;
  readonly #home: Lane;
  readonly #key: Uint8Array;
  #events: CommitEvents | undefined;
  /** Offset up to which lanes are being asked, the text that follows, and the one that stands on the home node. */
  #asked:
    | { readonly offset: number; readonly text: Uint8Array | undefined; readonly tag: number }
    | undefined;
  /** The record's write is unanswered. */
  #recording = false;
  #recorded: Uint8Array | undefined;
  #waitingSinceMs = 0;
  #roundTripMs = 0;
  /** Commands of the unit that begins at `#unitOffset`, by lane and by group of slots that had come into it. */
  #unitOffset = -1;
  readonly #unitLane: Uint32Array;
  readonly #unitGroup = new Map<SlotGroup, number>();
  /** Up to here commands may have been done before. */
  readonly #furthest: number;

  constructor(options: LanesOptions) {
    this.#o = options;
    this.#lanes = options.lanes;
    this.pipelines = options.lanes.map(({ pipeline }) => pipeline);
    this.#laneOf = new Uint8Array(16_384).fill(NO_LANE);
    options.lanes.forEach(({ o }, index) => {
      for (const slot of o.slots) this.#laneOf[slot] = index;
    });
    this.#key = bytesOf(checkpointKey(options.job));
    this.#home = options.lanes[this.laneOfSlot(keySlot(this.#key))]!;
    this.#unitLane = new Uint32Array(options.lanes.length);
    this.#furthest = options.progress?.furthest ?? -1;
  }

  // ---- Outlet ------------------------------------------------------------------------------------------

  get blocked(): boolean {
    return this.pipelines.some((pipeline) => pipeline.blocked);
  }

  get pending(): number {
    return this.pipelines.reduce((sum, pipeline) => sum + pipeline.pending, 0);
  }

  readonly pipelineOf = (bytes: Uint8Array, start: number, end: number): number =>
    this.laneOfSlot(keySlot(bytes, start, end));

  laneOfSlot(slot: number): number {
    const index = this.#laneOf[slot]!;
    if (index !== NO_LANE) return index;
    throw new ReplicantError('TARGET_BUSY', `slot ${slot} of the target is served by nobody`, {
      hint: 'see cluster info and cluster nodes there',
    });
  }

  flush(): void {
    for (const pipeline of this.pipelines) pipeline.flush();
  }

  mark(): () => boolean {
    const counts = this.pipelines.map(({ commands }) => commands);
    return () => this.pipelines.every((pipeline, at) => pipeline.commands - pipeline.pending >= counts[at]!);
  }

  async idle(timeoutMs: number): Promise<boolean> {
    const all = await Promise.all(this.#lanes.map(({ o }) => o.link.idle(timeoutMs)));
    return all.every(Boolean);
  }

  close(): void {
    for (const { o } of this.#lanes) o.link.close();
  }

  // ---- the stream --------------------------------------------------------------------------------------

  /** One whole command as it stands in source[start, end); its `argc` bulk strings begin at `from`. */
  raw(
    source: Uint8Array,
    start: number,
    from: number,
    end: number,
    argc: number,
    slot: number,
    offset: number,
  ): void {
    const index = this.laneOfSlot(slot);
    if (offset <= this.#furthest && this.#done(slot, offset)) return;
    this.#lanes[index]!.raw(source, start, from, end, argc, offset);
  }

  /** One command of the unit that begins at `offset`. */
  command(args: readonly Uint8Array[], slot: number, offset: number, tolerate: boolean): void {
    const index = this.laneOfSlot(slot);
    if (offset !== this.#unitOffset) this.#unit(offset);
    const done = this.#unitLane[index]!++;
    if (offset <= this.#furthest && this.#done(slot, offset)) return;
    this.#lanes[index]!.command(args, offset, done, tolerate);
  }

  /** Has it been done before these lanes were opened? */
  #done(slot: number, offset: number): boolean {
    const progress = this.#o.progress!;
    if (offset !== this.#unitOffset) this.#unit(offset);
    let index = 0;
    for (const group of progress.groupsAt(offset)) {
      if (!group.counted.has(slot)) continue;
      const count = this.#unitGroup.get(group) ?? 0;
      if (group === progress.groupOf(slot)) index = count;
      this.#unitGroup.set(group, count + 1);
    }
    return progress.covers(slot, offset, index);
  }

  #unit(offset: number): void {
    this.#unitOffset = offset;
    this.#unitLane.fill(0);
    this.#unitGroup.clear();
  }

  /** The next command begins at `offset`: lanes that have gathered enough send it. */
  advance(offset: number, db: number, inMulti: boolean): void {
    for (const lane of this.#lanes) lane.sendIfFull(offset, db, inMulti);
  }

  // ---- Commits -----------------------------------------------------------------------------------------

  listen(events: CommitEvents): void {
    this.#events = events;
  }

  get open(): boolean {
    return this.#lanes.some(({ gathered }) => gathered > 0);
  }

  get waiting(): boolean {
    return this.#asked !== undefined;
  }

  get batchBytes(): number {
    return commitBytes(this.#roundTripMs, LEAST_BATCH_BYTES);
  }

  begin(): void {}

  guard(expected: Uint8Array | undefined): void {
    this.#recorded = expected;
    const { pipeline } = this.#home;
    this.#asked = { offset: -1, text: expected ?? new Uint8Array(0), tag: -1 };
    pipeline.ours();
    pipeline.wantReply((found) => {
      const same =
        found === undefined || expected === undefined ? found === expected : sameBytes(found, expected);
      if (!same) this.#events?.disturbed(found);
      else this.#settle();
    });
    pipeline.command([GET, this.#key]);
    pipeline.flush();
  }

  /** A node that fails over during the load may lose keys: its own text tells then how far it had come. */
  noteLoaded(offset: number): void {
    for (const lane of this.#lanes) lane.noteLoaded(offset);
  }

  /** Each lane's first text: from here on its scripts are chained to it. The claims must be in the record by now. */
  beginStream(offset: number, db: number): void {
    for (const lane of this.#lanes) lane.send(offset, db);
  }

  commit(text: Uint8Array, tag: number, _selected: number, db: number): void {
    this.#asked = { offset: tag, text, tag };
    this.#waitingSinceMs = performance.now();
    if (tag < 0) {
      this.#record(text);
      return;
    }
    for (const lane of this.#lanes) lane.send(tag, db);
  }

  /** All lanes are to reach this place, but it is not recorded: `settled(tag)` says when they have. */
  reach(offset: number, db: number, tag: number): void {
    this.#asked = { offset, text: undefined, tag };
    this.#waitingSinceMs = performance.now();
    for (const lane of this.#lanes) lane.send(offset, db);
  }

  /** Had everything up to and with the command at this offset been done to these slots before the lanes were opened? */
  passed(slots: Iterable<number>, offset: number): boolean {
    const { progress } = this.#o;
    if (progress === undefined || offset >= this.#furthest) return false;
    for (const slot of slots) if (progress.offsetOf(slot) <= offset) return false;
    return true;
  }

  /** Had some lane come further than this before the lanes were opened? Then all before had been done beside the stream, too. */
  beyond(offset: number): boolean {
    return this.#furthest > offset;
  }

  /** A lane has answered what was sent up to a mark. */
  answered(): void {
    const asked = this.#asked;
    if (asked === undefined || asked.offset < 0 || this.#recording) return;
    if (!this.pipelines.every(({ applied }) => applied >= asked.offset)) return;
    if (asked.text === undefined) this.#settle();
    else this.#record(asked.text);
  }

  /** The record is chained to what we wrote there last, as the lanes' texts are. */
  #record(text: Uint8Array): void {
    const { pipeline } = this.#home;
    this.#recording = true;
    pipeline.ours();
    pipeline.wantReply(() => {
      this.#recording = false;
      this.#settle();
    });
    if (this.#o.atomic) {
      const before = this.#recorded ?? new Uint8Array(0);
      const script = encodeCommand(['EVALSHA', this.#o.sha, '1', this.#key, before, '', text, '']);
      pipeline.begin();
      pipeline.put(script, 0, script.length);
      pipeline.ended(1);
    } else {
      pipeline.command([SET, this.#key, text]);
    }
    this.#recorded = text;
    pipeline.flush();
  }

  #settle(): void {
    const { tag } = this.#asked!;
    this.#asked = undefined;
    this.#roundTripMs = performance.now() - this.#waitingSinceMs;
    this.#events?.settled(tag);
  }
}
