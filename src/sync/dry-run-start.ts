/** Where a sync would start: what the target's checkpoint says, and whether the source can go on there. */
import { describeOwner } from '../checkpoint/lease.js';
import type { Checkpoint } from '../checkpoint/record.js';
import type { SurveyedCheckpoint } from '../checkpoint/survey.js';
import { ReplicantError } from '../errors.js';
import { formatPosition, type Position } from '../replication/position.js';
import type { SyncOptions } from './options.js';
import { type Backlog, canContinue } from './server-info.js';

export interface StartFacts {
  readonly sync: Pick<
    SyncOptions,
    'targetNotEmpty' | 'resumeFrom' | 'onError' | 'takeoverAfterMs' | 'stateDir'
  >;
  readonly found: SurveyedCheckpoint | undefined;
  readonly targetKeys: number;
  /** There is something in the state directory. */
  readonly spooled: boolean;
  /** undefined: the source does not say. */
  readonly backlog: Backlog | undefined;
}

export interface Start {
  readonly how: 'full' | 'resume' | 'open';
  readonly text: string;
  readonly position: Position | undefined;
  readonly refusal: ReplicantError | undefined;
}

export function planStart(facts: StartFacts): Start {
  const { resumeFrom } = facts.sync;
  const checkpoint = facts.found?.checkpoint;
  const refusal = refusalOf(facts);
  if (resumeFrom !== undefined && checkpoint === undefined)
    return { ...fromPosition(resumeFrom, facts), refusal };
  if (checkpoint === undefined) return { how: 'full', text: firstCopy(facts), position: undefined, refusal };
  if (checkpoint.state === 'streaming') return { ...fromPosition(checkpoint, facts), refusal };
  return { ...fromLoading(checkpoint, facts), position: undefined, refusal };
}

/** A source of several shards, each of which starts by itself. */
export function planShards(facts: Omit<StartFacts, 'found'>, found: readonly SurveyedCheckpoint[]): Start {
  const starts = found.map((one) => planStart({ ...facts, found: one }));
  if (starts.length === 0) return planStart({ ...facts, found: undefined });
  return {
    how: 'open',
    text: 'for each shard where its last run ended if the source can go on there; otherwise with a full copy of the shard',
    position: undefined,
    refusal: starts.find(({ refusal }) => refusal !== undefined)?.refusal,
  };
}

function firstCopy({ sync: { targetNotEmpty }, targetKeys }: StartFacts): string {
  if (targetKeys === 0) return 'with a full copy; the target is empty';
  switch (targetNotEmpty) {
    case 'fail':
      return `not at all, as the target holds ${targetKeys} keys`;
    case 'flush':
      return `by deleting the ${targetKeys} keys of the target; then with a full copy`;
    case 'merge':
      return `with a full copy, written among the ${targetKeys} keys of the target`;
    default:
      return `with a full copy over the ${targetKeys} keys of the target, of which those go afterwards that the source does not have`;
  }
}

function fromLoading({ loaded }: Checkpoint, { spooled, sync }: StartFacts): Pick<Start, 'how' | 'text'> {
  if (!spooled)
    return { how: 'full', text: 'with a full copy anew: the last run ended in the middle of one' };
  return {
    how: 'open',
    text: `in the middle of a full copy, behind byte ${loaded} of the snapshot, when ${sync.stateDir} has all of it; otherwise with a full copy anew`,
  };
}

function fromPosition(at: Position, { backlog, spooled, sync }: StartFacts): Omit<Start, 'refusal'> {
  const position = { replid: at.replid, offset: at.offset };
  const where = `at ${formatPosition(position)}`;
  const can = backlog === undefined ? undefined : canContinue(backlog, position);
  if (can === true)
    return {
      how: 'resume',
      position,
      text: `${where}, where the last run ended: the source can go on there`,
    };
  if (can === undefined)
    return {
      how: 'open',
      position,
      text: `${where} if the source can go on there; otherwise with a full copy`,
    };
  if (spooled)
    return {
      how: 'open',
      position,
      text: `${where} if ${sync.stateDir} has what came after it, which the source has no longer; otherwise with a full copy`,
    };
  return { how: 'full', position, text: `with a full copy: the source can no longer go on ${where}` };
}

/** Who else holds the job, or what an earlier run ended with. */
function refusalOf({ found, sync }: StartFacts): ReplicantError | undefined {
  if (found?.checkpoint === undefined) return undefined;
  const { checkpoint, ownerState, idleSeconds = 0, job } = found;
  const { owner, refused } = checkpoint;
  const busy = ownerState === 'alive' || ownerState === 'stuck';
  if (owner !== undefined && busy && idleSeconds * 1000 < sync.takeoverAfterMs) {
    return new ReplicantError('TARGET_HELD', `job ${job} is held by ${describeOwner(owner)}`, {
      hint: 'stop that sync first, or give this one another --name',
    });
  }
  if (refused === undefined || sync.onError === 'skip') return undefined;
  return new ReplicantError(
    'TARGET_REFUSED',
    `an earlier run was ended by a refused command: ${refused.command} was answered with "${refused.error}"`,
    {
      place: { offset: refused.offset },
      hint: '--on-error skip goes on without it; replicant checkpoint clear makes the next run copy anew',
    },
  );
}
