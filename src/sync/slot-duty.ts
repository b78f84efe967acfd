/**
 * The slots that one shard of several answers for on the target, as the parts of a run see it; see
 * `shards/handover.ts` for how they pass from one shard to another.
 */
import type { SlotSet } from '../keyspace/slot-set.js';
import type { SlotGate } from './stream-requests.js';

export interface TakePorts {
  /** Removes all keys of these slots from the target, but ours. */
  wipe(slots: SlotSet): Promise<void>;
  /**
   * Puts `slots` into the job's record, at whatever position. True: it stands there, and everything that had been
   * written before has been answered; false when that could not be done now, and then it may stand there or not.
   */
  note(slots: string): Promise<boolean>;
  readonly signal: AbortSignal;
}

export interface SlotDuty extends SlotGate {
  owns(slot: number): boolean;
  /** For the record; see `shards/holding.ts`. */
  format(): string;
  /** The run is there: both may be asked for at any time, also while nothing of the stream is being applied. */
  attach(ports: Omit<TakePorts, 'signal'>): void;
  /** What the record on the target says, asked again after each interruption; undefined: there is none. */
  restore(slots: string | undefined): void;
  /**
   * A full resync has begun: what its snapshot counts for is asked of the source from now on. Resolves when that
   * is known and no other shard claims any of it; rejects with a retryable error when another snapshot is needed.
   */
  begin(ports: TakePorts): Promise<void>;
  /** The stream stands before a command on a slot that is not ours: resolves when it is ours, or known not to be. */
  settle(slot: number, ports: TakePorts): Promise<void>;
  /** Work that removes keys by `owns`, on other connections than the stream's: no slot comes or goes meanwhile. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** The source goes on under another name from this offset on. */
  continued(offset: number): void;
}

/** Which slots are the job's; undefined: all of them. */
export function ownsOf(duty: SlotDuty | undefined): ((slot: number) => boolean) | undefined {
  return duty === undefined ? undefined : (slot) => duty.owns(slot);
}
