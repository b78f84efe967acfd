/**
 * The checkpoint of a job: how far the target has come, who writes to it, and what is still to be put right
 * there. It is one string key in database 0 of the target, `__replicant:{<job>}:checkpoint`, written in the
 * same MULTI/EXEC as the data it speaks of, so that it is never ahead of them nor behind. (The braces make all
 * keys of a job share a slot.)
 *
 * Its text is one line of JSON, UTF-8, such as
 *
 *     {"version":1,"job":"a-to-b","source":"10.0.0.7:6379","state":"streaming","snapshot":"","mirror":false,
 *      "owner":{"id":"00f1…","host":"box","pid":71,"sinceMs":1767225600000},
 *      "expiry":{"mode":"held","state":"settled","runId":"9c0…","expiredKeys":0,
 *      "clearUntilMs":1767225826234},"refused":null,
 *      "replid":"8371…","offset":1407,"db":0,"inMulti":false,"loaded":0,"timeMs":1767225601234}
 *
 * Readers take the fields in any order and ignore those they do not know; a `version` above ours is refused.
 * What changes with every transaction stands last, so that `CheckpointWriter` encodes the rest only once.
 */
import { ReplicantError } from '../errors.js';
import { damaged, Fields } from './fields.js';

export interface Owner {
  /** 16 hex digits, one per run of the program. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly sinceMs: number;
}

export const EXPIRY_MODES = ['import-mode', 'held', 'plain'] as const;
export const EXPIRY_STATES = ['held', 'settled', 'released'] as const;

/** How the target is kept from expiring keys by its own clock, and what of that still stands there. */
export interface ExpiryRecord {
  readonly mode: (typeof EXPIRY_MODES)[number];
  readonly state: (typeof EXPIRY_STATES)[number];
  /** The target's run id (empty: not known) and count of expired keys, to see whether it has expired any. */
  readonly runId: string;
  readonly expiredKeys: number;
  /** No deadline that stands as it is comes before this time of the target's clock; 0 when that is not known. */
  readonly clearUntilMs: number;
}

/** A command the target refused while the rest of its transaction was done. */
export interface Refused {
  readonly command: string;
  readonly offset: number;
  readonly error: string;
}

export interface Checkpoint {
  readonly version: 1;
  readonly job: string;
  /** The source's address; holds no secret. */
  readonly source: string;
  readonly state: 'loading' | 'streaming';
  readonly replid: string;
  /** All up to and including this byte of the stream is on the target; loading: what the snapshot includes. */
  readonly offset: number;
  /** The source's database in force there. */
  readonly db: number;
  /** The position stands inside a transaction of the source. */
  readonly inMulti: boolean;
  /** Of the snapshot that is being loaded; '' when streaming. */
  readonly snapshot: string;
  /** Loading: byte offset in the RDB; all keys before it are on the target. */
  readonly loaded: number;
  /** Loading: keys that the snapshot lacks are to be removed at its end. */
  readonly mirror: boolean;
  /** Undefined: released by a clean stop. */
  readonly owner: Owner | undefined;
  /** Our clock when it was written. */
  readonly timeMs: number;
  readonly expiry: ExpiryRecord;
  readonly refused: Refused | undefined;
  /** On a cluster: what its lanes stand for (`target/cluster/lane-claim`). */
  readonly lanes?: readonly LaneClaim[] | undefined;
  /** Of one shard of several: the slots that it answers for (`0-5460,5462`), as of this position. */
  readonly slots?: string | undefined;
}

/** A lane of this generation: how far each of its slots has come is max(from, what the lane's own key says). */
export interface LaneClaim {
  readonly tag: string;
  readonly generation: string;
  /** `0-5460,5462` */
  readonly slots: string;
  readonly from: number;
  /** The node it was opened to. */
  readonly node: string;
  /** And of the unit that begins there so many commands … */
  readonly done: number;
  /** … counting those of these slots; undefined: of `slots`. */
  readonly of?: string | undefined;
}

/** All keys of ours on a target; nothing of the source's may be called so, and no sweep deletes them. */
export const CHECKPOINT_PREFIX = '__replicant:';

export function checkpointKey(job: string): string {
  return `${CHECKPOINT_PREFIX}{${job}}:checkpoint`;
}

const CURRENT_VERSION = 1;

export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { replid, offset, db, inMulti, loaded, timeMs } = checkpoint;
  return formatHead(checkpoint) + formatTail(JSON.stringify(replid), offset, db, inMulti, loaded, timeMs);
}

/** Everything that stays while commands or keys are written, up to where the replid's text follows. */
function formatHead({
  version,
  job,
  source,
  state,
  snapshot,
  mirror,
  owner,
  expiry,
  refused,
  lanes,
  slots,
}: Checkpoint): string {
  const head = JSON.stringify({
    version,
    job,
    source,
    state,
    snapshot,
    mirror,
    owner: owner === undefined ? null : pickOwner(owner),
    expiry: {
      mode: expiry.mode,
      state: expiry.state,
      runId: expiry.runId,
      expiredKeys: expiry.expiredKeys,
      clearUntilMs: expiry.clearUntilMs,
    },
    refused:
      refused === undefined
        ? null
        : { command: refused.command, offset: refused.offset, error: refused.error },
    ...(slots === undefined ? {} : { slots }),
    ...(lanes === undefined ? {} : { lanes: lanes.map(pickLane) }),
  });
  return `${head.slice(0, -1)},"replid":`;
}

function pickLane({ tag, generation, node, slots, from, done, of }: LaneClaim): LaneClaim {
  return { tag, generation, node, slots, from, done, of };
}

function pickOwner({ id, host, pid, sinceMs }: Owner): Owner {
  return { id, host, pid, sinceMs };
}

function formatTail(
  quotedReplid: string,
  offset: number,
  db: number,
  inMulti: boolean,
  loaded: number,
  timeMs: number,
): string {
  // What stood there would be no JSON, and the job could not be gone on with.
  for (const number of [offset, db, loaded, timeMs])
    if (!Number.isSafeInteger(number)) throw new ReplicantError('INTERNAL', `a checkpoint with ${number}`);
  return `${quotedReplid},"offset":${offset},"db":${db},"inMulti":${inMulti},"loaded":${loaded},"timeMs":${timeMs}}`;
}

const POOL_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/**
 * Texts of one checkpoint with another position in it, with little work: one per transaction. The bytes are
 * those of `formatCheckpoint` and stay as they are; they lie in pools, so whoever keeps some of them for long
 * should copy them. When anything else of the checkpoint changes, make a new writer.
 */
export class CheckpointWriter {
  readonly #head: Uint8Array;
  readonly #loaded: number;
  readonly #last: { offset: number; db: number; inMulti: boolean };
  #replid: string;
  #quotedReplid: string;
  #pool: Uint8Array = new Uint8Array(0);
  #used = 0;

  constructor(checkpoint: Checkpoint) {
    const { replid, offset, db, inMulti, loaded } = checkpoint;
    this.#head = encoder.encode(formatHead(checkpoint));
    this.#loaded = loaded;
    this.#last = { offset, db, inMulti };
    this.#replid = replid;
    this.#quotedReplid = JSON.stringify(replid);
  }

  /** The stream has been applied up to here. */
  write(replid: string, offset: number, db: number, inMulti: boolean, nowMs: number): Uint8Array {
    if (replid !== this.#replid) {
      this.#replid = replid;
      this.#quotedReplid = JSON.stringify(replid);
    }
    return this.#bytes(formatTail(this.#quotedReplid, offset, db, inMulti, this.#loaded, nowMs));
  }

  /** The snapshot has been loaded up to this byte; the position stays that of the checkpoint. */
  writeLoaded(loaded: number, nowMs: number): Uint8Array {
    const { offset, db, inMulti } = this.#last;
    return this.#bytes(formatTail(this.#quotedReplid, offset, db, inMulti, loaded, nowMs));
  }

  #bytes(tail: string): Uint8Array {
    const head = this.#head;
    // A replid is ASCII but for a damaged one, which takes up to three bytes for a character.
    const room = head.length + 3 * tail.length;
    if (this.#used + room > this.#pool.length) {
      this.#pool = new Uint8Array(Math.max(POOL_BYTES, room));
      this.#used = 0;
    }
    const start = this.#used;
    const pool = this.#pool;
    pool.set(head, start);
    const at = start + head.length;
    const end = at + encoder.encodeInto(tail, pool.subarray(at)).written;
    this.#used = end;
    return pool.subarray(start, end);
  }
}

/** The text of a checkpoint key. Throws CHECKPOINT when it is none, or one of a later version of this program. */
export function parseCheckpoint(text: Uint8Array): Checkpoint {
  const fields = Fields.parse(text);
  const version = fields.number('version');
  if (version === 0) throw damaged("'version' is 0");
  if (version !== CURRENT_VERSION) {
    throw new ReplicantError(
      'CHECKPOINT',
      `the checkpoint was written by a newer replicant (format ${version})`,
      {
        hint: `this version knows format ${CURRENT_VERSION}: use the newer one`,
      },
    );
  }
  const owner = fields.objectOrNull('owner');
  const refused = fields.objectOrNull('refused');
  const expiry = fields.object('expiry');
  return {
    version,
    job: fields.text('job'),
    source: fields.text('source'),
    state: fields.oneOf('state', ['loading', 'streaming']),
    replid: fields.text('replid'),
    offset: fields.number('offset'),
    db: fields.number('db'),
    inMulti: fields.boolean('inMulti'),
    snapshot: fields.text('snapshot'),
    loaded: fields.number('loaded'),
    mirror: fields.boolean('mirror'),
    owner:
      owner === undefined
        ? undefined
        : {
            id: owner.text('id'),
            host: owner.text('host'),
            pid: owner.number('pid'),
            sinceMs: owner.number('sinceMs'),
          },
    timeMs: fields.number('timeMs'),
    expiry: {
      mode: expiry.oneOf('mode', EXPIRY_MODES),
      state: expiry.oneOf('state', EXPIRY_STATES),
      runId: expiry.text('runId'),
      expiredKeys: expiry.number('expiredKeys'),
      clearUntilMs: expiry.number('clearUntilMs'),
    },
    refused:
      refused === undefined
        ? undefined
        : {
            command: refused.text('command'),
            offset: refused.number('offset'),
            error: refused.text('error'),
          },
    ...(fields.has('slots') ? { slots: fields.text('slots') } : {}),
    ...(fields.has('lanes') ? { lanes: fields.list('lanes').map(parseLane) } : {}),
  };
}

function parseLane(lane: Fields): LaneClaim {
  return {
    tag: lane.text('tag'),
    generation: lane.text('generation'),
    node: lane.text('node'),
    slots: lane.text('slots'),
    from: lane.number('from'),
    done: lane.number('done'),
    ...(lane.has('of') ? { of: lane.text('of') } : {}),
  };
}
