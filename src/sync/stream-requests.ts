/**
 * What the applier of the stream (`stream-applier.ts`) has to do with others: where commands go, who makes them final,
 * whose slots they are about, and what has to be done beside the stream before it goes on.
 */
import type { TargetForm } from '../convert/target-form/rule.js';
import type { ClusterPlan } from '../keyspace/cross-slot.js';
import type { Args } from '../keyspace/plan.js';
import type { SlotSet } from '../keyspace/slot-set.js';

export interface CommandForm {
  readonly names: readonly string[];
  /** null: the command as it is. */
  of(args: Args): TargetForm;
  /** A script that the source has cached: EVALSHA may name it. */
  script(body: Uint8Array): void;
}

/** Makes what is applied final together with the position. */
export interface StreamCommitter {
  /** Something is about to be written. */
  begin(): void;
  /** A commit is on its way; the next has to wait. */
  readonly waiting: boolean;
  /** So many bytes of the stream make a commit due. */
  readonly batchBytes: number;
  /**
   * Leaves database 0 selected. `selected`: which one is now. `passing`: only that all before the place is done is
   * asked for, not that a position is recorded.
   */
  commit(place: StreamPlace, selected: number, passing: boolean): void;
}

/** A place in the stream: everything before it has been applied. */
export interface StreamPlace {
  readonly offset: number;
  /** The source database in force. */
  readonly db: number;
  /** It stands inside a transaction of the source. */
  readonly inMulti: boolean;
}

/** Empty these databases before going on; only keys that are the job's when `matching`. */
export interface ClearRequest {
  readonly kind: 'clear';
  /** Where the command stands. */
  readonly offset: number;
  readonly targetDbs: readonly number[];
  /** Of these, only those that count as these source databases'. */
  readonly sourceDbs?: readonly number[] | undefined;
  readonly matching: boolean;
  readonly async: boolean;
}

/** The slot of the next command is not known to be ours: find that out before going on, with this command. */
export interface TakeRequest {
  readonly kind: 'take';
  readonly slot: number;
}

/** What a cluster can't do where it stands; all of one command of the source. */
export interface CarryRequest {
  readonly kind: 'carry';
  readonly commands: readonly ClusterCommand[];
  /** Where the command begins. */
  readonly offset: number;
}

export interface ClusterCommand {
  readonly args: Args;
  readonly plan: Exclude<ClusterPlan, { readonly kind: 'refuse' }>;
  readonly tolerate: boolean;
}

/** All keys of these slots go, as far as they are the shard's. */
export interface WipeRequest {
  readonly kind: 'wipe';
  readonly slots: SlotSet;
  /** Where the command stands. */
  readonly offset: number;
}

/** Where the keys of the next command are is to be asked for. */
export interface KeysRequest {
  readonly kind: 'keys';
  readonly args: Args;
}

/** What has to be done beside the stream, with everything before it final, before it goes on. */
export type AsideRequest = ClearRequest | WipeRequest | TakeRequest | CarryRequest | KeysRequest;

/** Whose a slot is, at this place of the stream of one shard of several. */
export interface SlotGate {
  judge(slot: number, offset: number): 'ours' | 'theirs' | 'unsettled';
}

/** Where commands go when the target is a cluster: see `target/cluster/lanes`. */
export interface LaneStream {
  readonly blocked: boolean;
  raw(
    bytes: Uint8Array,
    start: number,
    from: number,
    end: number,
    argc: number,
    slot: number,
    offset: number,
  ): void;
  command(args: Args, slot: number, offset: number, tolerate: boolean): void;
  advance(offset: number, db: number, inMulti: boolean): void;
  flush(): void;
}
