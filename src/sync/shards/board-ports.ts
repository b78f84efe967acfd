/** What the shards of a job tell each other by way of the target. */
import type { SlotSet } from '../../keyspace/slot-set.js';

/** What stands in a shard's record. */
export interface Held {
  readonly key: string;
  readonly held: SlotSet;
  /** All up to here has been applied; -1 while a snapshot is being loaded. */
  readonly position: number;
  /** Which snapshot the shard's data come from. */
  readonly snapshot: string;
}

export interface BoardState {
  /** Of the shard that asks; undefined: it has no record. */
  readonly own: Held | undefined;
  readonly others: readonly Held[];
  /** Those of others. */
  readonly claims: readonly { readonly key: string; readonly slots: SlotSet }[];
}

/** One shard's access to it. Whatever it answers was so after the question was asked. Errors that may pass are retryable. */
export interface Board {
  read(): Promise<BoardState>;
  /** The slots that this shard is about to hold, in place of those it claimed before. */
  claim(slots: SlotSet): Promise<void>;
  dirty(): Promise<SlotSet>;
  /** Marks slots as dirty, and as clean. */
  soil(slots: SlotSet): Promise<void>;
  clean(slots: SlotSet): Promise<void>;
}
