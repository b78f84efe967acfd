/**
 * How far a lane has come, as its node knows it: one string key in a slot of that node,
 * `__replicant:{<tag>}:lane:<job>`, written by the same script that runs the commands (`lane-script.ts`):
 *
 *     <snapshot> <generation> <offset>[+<done>] <db> [<fence>]
 *
 *     9f0c… 4b1d… 18273 0           every command of the lane's slots that begins before offset 18273 is applied
 *     9f0c… 4b1d… 18273+2 0         and of the unit that begins there the first two commands
 *     9f0c… 4b1d… 18273 0 77ab…     the same, and whoever wrote under this generation is shut out
 *
 * While a snapshot is loaded the offset is one of its file, and the generation another (`loadingGeneration`).
 *
 * `db` is the source's database in force there, -1 where that is not known. Which slots a generation's lanes
 * stand for says the job's checkpoint (`LaneClaim`): for slot s of a claim everything that begins before
 * max(from, offset) is applied. That stays true whatever happens to the slots later, so claims of several lanes
 * may be put together: the highest counts.
 */
import { CHECKPOINT_PREFIX } from '../../checkpoint/record.js';

export interface LaneText {
  readonly snapshot: string;
  readonly generation: string;
  readonly offset: number;
  /** Commands of the unit that begins at `offset` which have been applied. */
  readonly done: number;
  readonly db: number;
}

export function laneKey(tag: string, job: string): string {
  return `${CHECKPOINT_PREFIX}{${tag}}:lane:${job}`;
}

/** Everything before the offset. */
export function laneTextPrefix(snapshot: string, generation: string): string {
  // An empty word would not come back.
  return `${snapshot === '' ? '-' : snapshot} ${generation} `;
}

const TEXT = /^(\S+) (\S+) (\d{1,16})(?:\+(\d{1,9}))? (-?\d{1,9})(?: \S+)?$/u;

/** undefined: not a lane's text. */
export function parseLaneText(text: string): LaneText | undefined {
  const [, snapshot, generation, offset, done = '0', db] = TEXT.exec(text) ?? [];
  if (snapshot === undefined || generation === undefined) return undefined;
  return {
    snapshot: snapshot === '-' ? '' : snapshot,
    generation,
    offset: Number(offset),
    done: Number(done),
    db: Number(db),
  };
}
