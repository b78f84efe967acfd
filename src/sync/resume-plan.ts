/**
 * Where to go on, from what the target's checkpoint says and what the spool holds. Asked at the start and each
 * time the target has been connected anew, so that there is one answer to every kind of interruption.
 */
import type { Checkpoint } from '../checkpoint/record.js';
import type { LogMeta } from '../spool/spool.js';
import { History } from './history.js';

export type ResumePlan =
  /** Apply the spooled stream from here on. */
  | { readonly kind: 'follow'; readonly offset: number; readonly db: number; readonly inMulti: boolean }
  /** Apply the spooled snapshot; keys before byte `skipBefore` of it are on the target already. */
  | { readonly kind: 'load'; readonly skipBefore: number }
  /** The spool can't help; ask the source for the stream behind this position. */
  | { readonly kind: 'ask'; readonly replid: string; readonly offset: number }
  /** Only a new snapshot will do. `why` is undefined when there has never been one. */
  | { readonly kind: 'full'; readonly why: string | undefined };

export interface SpooledLog {
  readonly open: boolean;
  readonly start: number;
  readonly end: number;
  readonly meta: LogMeta;
}

export interface SpooledSnapshot extends SpooledLog {
  readonly complete: boolean;
}

export interface ResumeFacts {
  readonly checkpoint: Checkpoint | undefined;
  readonly snapshot: SpooledSnapshot;
  readonly stream: SpooledLog;
  /** A snapshot that came in since this process began; one that an earlier one left only counts with a checkpoint. */
  readonly fresh: boolean;
  /** The link is bringing the snapshot in. */
  readonly arriving: boolean;
}

export function planResume(facts: ResumeFacts): ResumePlan {
  const { checkpoint, snapshot, stream } = facts;
  // Where the data on the target come from: a position means nothing in another snapshot's stream.
  const whole = snapshot.open && snapshot.start === 0 && (snapshot.complete || facts.arriving);
  const same = checkpoint !== undefined && checkpoint.snapshot === snapshot.meta['id'];
  if (whole && same && checkpoint.state === 'loading') return { kind: 'load', skipBefore: checkpoint.loaded };
  if (whole && facts.fresh && !same) return { kind: 'load', skipBefore: 0 };
  if (checkpoint === undefined) return { kind: 'full', why: undefined };
  if (checkpoint.state === 'loading') {
    return { kind: 'full', why: 'the last snapshot had not been received completely' };
  }
  const { replid, offset, db, inMulti } = checkpoint;
  const nameless = replid === '';
  const known =
    stream.open &&
    stream.meta['id'] === checkpoint.snapshot &&
    // Without a name for its history (SYNC) it is the snapshot alone that tells; a later run counts anew.
    (nameless ? facts.fresh : History.of(stream.meta).includes(replid, offset));
  if (known && stream.start <= offset && offset <= stream.end) return { kind: 'follow', offset, db, inMulti };
  if (nameless) {
    return { kind: 'full', why: 'the source is too old (it only knows SYNC) to go on where it was' };
  }
  return { kind: 'ask', replid, offset };
}
