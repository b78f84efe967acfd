/**
 * The jobs of the shards and their target in miniature, around the real `Handover`: each reads its node's log from a
 * position, loads snapshots, and commits data and position together (`atomic`), or position behind data that lanes write,
 * each with its own count of what it has done (`lanes`). Whatever a job waits for may come in any order, and it may die at any
 * such place.
 */
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import type { Board, BoardState } from '../../../src/sync/shards/board-ports.js';
import { Handover } from '../../../src/sync/shards/handover.js';
import { parseHolding } from '../../../src/sync/shards/holding.js';
import type { TakePorts } from '../../../src/sync/slot-duty.js';
import type { Random, Scheduler } from './sim-random.js';
import { apply, type Command, type Node, type Store } from './sim-source.js';

export interface Snapshot {
  readonly id: string;
  readonly base: number;
  readonly keys: readonly (readonly [slot: number, key: string, value: string])[];
}

export interface SimRecord {
  slots: string;
  state: 'loading' | 'streaming';
  position: number;
  snapshot: string;
  loaded: number;
  /** What lanes have done, by lane. */
  lanes: number[];
}

export class SimTarget {
  readonly store: Store = new Map();
  readonly records = new Map<string, SimRecord>();
  readonly claims = new Map<string, SlotSet>();
  readonly dirty = new Set<number>();

  wipe(slots: SlotSet): void {
    for (const slot of slots) this.store.delete(slot);
  }
}

export interface SimWorld {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly target: SimTarget;
  readonly slots: number;
  readonly mode: 'atomic' | 'lanes';
  readonly jobs: Map<string, SimJob>;
}

const LANES = 2;
let snapshots = 0;

/** One process of a shard's job. */
export class SimJob {
  readonly duty: Handover;
  readonly key: string;
  readonly node: Node;
  /** What outlives the process. */
  readonly disk: { snapshot: Snapshot | undefined };
  failure: unknown;
  #alive = true;
  readonly #w: SimWorld;
  readonly #id: string;
  readonly #over = new AbortController();
  #phase: 'starting' | 'beginning' | 'loading' | 'streaming' = 'starting';
  #head = '';
  #position = -1;
  #loaded = 0;
  #snapshot = '';
  /** An earlier copy may have left something. */
  #mirrors = false;
  #pending: { command: Command; at: number }[] = [];
  #laneDone: number[] = [];
  #committing: Promise<void> = Promise.resolve();

  constructor(world: SimWorld, key: string, node: Node, disk: { snapshot: Snapshot | undefined }) {
    this.#w = world;
    this.key = key;
    this.node = node;
    this.disk = disk;
    this.#id = String(world.random.below(1e9));
    this.duty = new Handover({
      look: () => this.#look(),
      board: this.#board(),
      ask: (holder, slots) => void this.#ask(holder, slots).catch((error: unknown) => (this.failure = error)),
      pause: () => this.turn(),
      emit: () => {},
      waiting: () => {},
      signal: this.#over.signal,
      slots: world.slots,
    });
    this.duty.attach({ wipe: (slots) => this.#wipe(slots), note: (text) => this.#note(text) });
    this.#run().catch((error: unknown) => (this.failure = error));
    this.#tend().catch((error: unknown) => (this.failure = error));
  }

  kill(): void {
    this.#alive = false;
  }

  get idle(): boolean {
    return this.#phase === 'streaming' && this.#record?.position === this.node.log.length;
  }

  turn(): Promise<void> {
    return this.#w.scheduler.turn(() => this.#alive);
  }

  get #record(): SimRecord | undefined {
    return this.#w.target.records.get(this.key);
  }

  // ---- ports -------------------------------------------------------------------------------------------

  async #look(): Promise<{ offset: number; owned: SlotSet; importing: SlotSet }> {
    await this.turn();
    const offset = this.node.log.length;
    const importing = setOf([...this.node.receiving, ...this.node.importing]);
    const owned = setOf(this.node.owned);
    await this.turn();
    return { offset, owned, importing };
  }

  #board(): Board {
    const { target } = this.#w;
    const field = `${this.key}/${this.#id}`;
    return {
      read: async (): Promise<BoardState> => {
        await this.turn();
        const claims = [...target.claims].map(([one, slots]) => ({
          key: one.split('/')[0]!,
          field: one,
          slots,
        }));
        for (const one of claims)
          if (one.key === this.key && one.field !== field) target.claims.delete(one.field);
        await this.turn();
        const held = [];
        for (const [key, { slots, state, position, snapshot }] of target.records) {
          held.push({
            ...{ key, snapshot, held: parseHolding(slots).slots },
            position: state === 'streaming' ? position : -1,
          });
          if (this.#w.random.below(2) === 0) await this.turn();
        }
        return {
          own: held.find(({ key }) => key === this.key),
          others: held.filter(({ key }) => key !== this.key),
          claims: claims.filter(({ key }) => key !== this.key),
        };
      },
      claim: async (slots) => {
        await this.turn();
        if (slots.size === 0) target.claims.delete(field);
        else target.claims.set(field, slots.clone());
        await this.turn();
      },
      dirty: async () => {
        await this.turn();
        return setOf(target.dirty);
      },
      soil: async (slots) => {
        for (const slot of slots) {
          await this.turn();
          target.dirty.add(slot);
        }
      },
      clean: async (slots) => {
        for (const slot of slots) {
          await this.turn();
          target.dirty.delete(slot);
        }
      },
    };
  }

  async #ask(holder: string, slots: SlotSet): Promise<void> {
    await this.turn();
    await this.#w.jobs.get(holder)?.duty.release(slots);
  }

  async #wipe(slots: SlotSet): Promise<void> {
    for (const slot of slots) {
      await this.turn();
      this.#w.target.wipe(SlotSet.of([[slot, slot]]));
    }
  }

  /** What is written now is final with the next commit, which has this text. */
  async #note(text: string): Promise<boolean> {
    if (this.#phase === 'starting' || this.#phase === 'beginning') {
      if (this.#w.random.below(20) === 0) return false;
      const record = this.#record;
      await this.turn();
      if (record === undefined || this.#record !== record) return false;
      record.slots = text;
      await this.turn();
      return true;
    }
    this.#head = text;
    // Every commit from now on has it, whatever is heard of it.
    if (this.#w.random.below(20) === 0) return false;
    await this.#commit();
    // The outcome may stay unknown.
    return this.#w.random.below(20) !== 0;
  }

  async #tend(): Promise<void> {
    for (;;) {
      await this.turn();
      if (this.#w.random.below(4) === 0) await this.duty.tend();
    }
  }

  // ---- the run -----------------------------------------------------------------------------------------

  async #run(): Promise<void> {
    await this.turn();
    const record = this.#record;
    this.duty.restore(record?.slots);
    const { snapshot } = this.disk;
    const found = snapshot !== undefined && record?.snapshot === snapshot.id ? snapshot : undefined;
    if (record?.state === 'streaming') this.#follow(record);
    else if (record?.state === 'loading' && found !== undefined) await this.#load(found, record);
    else await this.#fullSync();
    await this.#stream();
  }

  #follow(record: SimRecord): void {
    this.#position = record.position;
    this.#snapshot = record.snapshot;
    this.#laneDone = [...record.lanes];
    this.#head = this.duty.format();
    this.#phase = 'streaming';
  }

  async #fullSync(): Promise<void> {
    const taken: Snapshot = {
      id: String(++snapshots),
      base: this.node.log.length,
      keys: [...this.node.store].flatMap(([slot, keys]) =>
        [...keys].map(([key, value]) => [slot, key, value] as const),
      ),
    };
    this.disk.snapshot = taken;
    this.#phase = 'beginning';
    await this.turn();
    await this.duty.begin(this.#ports());
    await this.#load(taken, undefined);
  }

  #ports(): TakePorts {
    return {
      wipe: (slots) => this.#wipe(slots),
      note: (text) => this.#note(text),
      signal: this.#over.signal,
    };
  }

  async #load(snapshot: Snapshot, record: SimRecord | undefined): Promise<void> {
    this.#snapshot = snapshot.id;
    this.#mirrors ||= this.#record !== undefined;
    this.#position = snapshot.base;
    this.#head = this.duty.format();
    this.#laneDone = Array.from({ length: LANES }, () => -1);
    this.#loaded = record?.loaded ?? 0;
    this.#phase = 'loading';
    await this.#commit();
    const { store } = this.#w.target;
    for (const [index, [slot, key, value]] of snapshot.keys.entries()) {
      if (index < this.#loaded) continue;
      if (this.duty.owns(slot)) {
        // Nothing is between the question and the write but what `note` waits for.
        apply(store, { op: 'set', slot, key, value });
      }
      await this.turn();
      this.#loaded = index + 1;
      if (this.#w.random.below(3) === 0) await this.#commit();
    }
    if (this.#mirrors) await this.#sweep(snapshot);
    this.#phase = 'streaming';
    await this.#commit();
  }

  /** What the target has of the job's slots and the snapshot has not. */
  async #sweep(snapshot: Snapshot): Promise<void> {
    const { store } = this.#w.target;
    const present = new Set(snapshot.keys.map(([slot, key]) => `${slot} ${key}`));
    await this.duty.alone(async () => {
      for (const [slot, keys] of store) {
        for (const key of keys.keys()) {
          if (!this.duty.owns(slot) || present.has(`${slot} ${key}`)) continue;
          await this.turn();
          keys.delete(key);
        }
      }
    });
  }

  // ---- the stream --------------------------------------------------------------------------------------

  async #stream(): Promise<void> {
    for (;;) {
      await this.turn();
      const command = this.node.log[this.#position];
      if (command === undefined || this.#w.random.below(6) === 0) await this.#commit();
      if (command !== undefined) await this.#next(command);
    }
  }

  async #next(command: Command): Promise<void> {
    const at = this.#position;
    if (command.op === 'flush') {
      await this.#commit();
      await this.duty.alone(() => this.#clear());
      this.#position++;
      await this.#commit();
      return;
    }
    const verdict = this.duty.judge(command.slot, at);
    if (verdict === 'unsettled') {
      await this.#commit();
      await this.duty.settle(command.slot, this.#ports());
      return;
    }
    if (verdict === 'ours') this.#pending.push({ command, at });
    this.#position++;
  }

  async #clear(): Promise<void> {
    const { store } = this.#w.target;
    for (const slot of store.keys()) {
      if (!this.duty.owns(slot)) continue;
      await this.turn();
      store.delete(slot);
    }
  }

  /** One after the other. */
  #commit(): Promise<void> {
    const done = this.#committing.then(() => this.#commitNow());
    this.#committing = done;
    return done;
  }

  async #commitNow(): Promise<void> {
    const { target, mode } = this.#w;
    const pending = this.#pending.splice(0);
    const place = { slots: this.#head, position: this.#position, loaded: this.#loaded };
    await this.turn();
    if (mode === 'lanes') {
      const done = this.#laneDone;
      for (const { command, at } of pending) {
        const lane = command.slot % LANES;
        if (at <= done[lane]!) continue;
        apply(target.store, command);
        // The lane's own count, which its writes and only they carry on.
        done[lane] = at;
        const record = this.#record;
        if (record !== undefined) record.lanes[lane] = at;
        await this.turn();
      }
    } else {
      for (const { command } of pending) apply(target.store, command);
    }
    const state = this.#phase === 'streaming' ? 'streaming' : 'loading';
    target.records.set(this.key, { ...place, state, snapshot: this.#snapshot, lanes: [...this.#laneDone] });
    if (mode === 'atomic' && state === 'streaming') this.#check();
    await this.turn();
  }

  /** Invariant 2, and 1. */
  #check(): void {
    const { slots, position } = this.#record!;
    const { slots: held, passed } = parseHolding(slots);
    for (const [key, other] of this.#w.target.records) {
      if (key !== this.key && parseHolding(other.slots).slots.overlaps(held))
        throw new Error(`${key} and ${this.key} hold the same`);
    }
    // It may have been done already, by a process that died then.
    if (this.node.log[position]?.op === 'flush') return;
    const then: Store = new Map();
    for (const command of this.node.log.slice(0, position)) apply(then, command);
    for (const slot of held) {
      if (passed.some((one) => one.slots.has(slot) && one.before > position)) continue;
      const [is, should] = [describeKeys(this.#w.target.store, slot), describeKeys(then, slot)];
      if (is !== should)
        throw new Error(`${this.key} at ${position} has of slot ${slot} ${is}, should have ${should}`);
    }
  }
}

export function describeKeys(store: Store, slot: number): string {
  return JSON.stringify([...(store.get(slot) ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function setOf(slots: Iterable<number>): SlotSet {
  const set = new SlotSet();
  for (const slot of slots) set.add(slot);
  return set;
}
