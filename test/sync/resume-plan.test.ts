import { describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/record.js';
import type { LogMeta } from '../../src/spool/types.js';
import {
  planResume,
  type ResumeFacts,
  type ResumePlan,
  type SpooledLog,
  type SpooledSnapshot,
} from '../../src/sync/resume-plan.js';

const NOW = 'a'.repeat(40);
const BEFORE = 'b'.repeat(40);
const STRANGER = 'c'.repeat(40);
/** The stream goes from here to there; up to the middle it had another name. */
const [START, MIDDLE, END] = [100, 150, 200];

function checkpoint(part: Partial<Checkpoint>): Checkpoint {
  return {
    ...{ version: 1, job: 't', source: '127.0.0.1:1', state: 'streaming', replid: NOW, offset: START },
    ...{ db: 3, inMulti: true, snapshot: 'A', loaded: 0, mirror: false, owner: undefined, timeMs: 0 },
    expiry: { mode: 'plain', state: 'released', runId: '', expiredKeys: 0, clearUntilMs: 0 },
    refused: undefined,
    ...part,
  };
}

const CLOSED: SpooledLog = { open: false, start: 0, end: 0, meta: {} };
const streamMeta = (id: string): LogMeta => ({
  id,
  replid: NOW,
  former: [{ replid: BEFORE, until: MIDDLE }],
});

const checkpoints: (Checkpoint | undefined)[] = [
  undefined,
  ...['loading', 'streaming'].flatMap((state) =>
    ['A', 'B', ''].flatMap((snapshot) =>
      [NOW, BEFORE, STRANGER, ''].flatMap((replid) =>
        [0, START - 1, START, MIDDLE, MIDDLE + 1, END, END + 1].map((offset) =>
          checkpoint({
            state: state as 'loading' | 'streaming',
            snapshot,
            replid,
            offset,
            loaded: state === 'loading' ? offset * 10 : 0,
          }),
        ),
      ),
    ),
  ),
];
const snapshots: SpooledSnapshot[] = [
  { ...CLOSED, complete: false },
  ...['A', 'B', undefined].flatMap((id) =>
    [0, 64].flatMap((start) =>
      [true, false].map((complete) => ({
        ...{ open: true, start, end: 5000, complete },
        meta: { replid: NOW, base: START, ...(id === undefined ? {} : { id }) },
      })),
    ),
  ),
];
const streams: SpooledLog[] = [
  CLOSED,
  // What a log was called before it was closed means nothing.
  { open: false, start: START, end: END, meta: streamMeta('A') },
  { open: true, start: START, end: END, meta: streamMeta('A') },
  { open: true, start: START, end: END, meta: streamMeta('B') },
  { open: true, start: START, end: START, meta: streamMeta('A') },
  { open: true, start: START, end: END, meta: { ...streamMeta('A'), replid: '' } },
];

const all: ResumeFacts[] = checkpoints.flatMap((one) =>
  snapshots.flatMap((snapshot) =>
    streams.flatMap((stream) =>
      [true, false].flatMap((fresh) =>
        [true, false].map((arriving) => ({ checkpoint: one, snapshot, stream, fresh, arriving })),
      ),
    ),
  ),
);

/** Is this a byte of the stream that the spool can go on from, said by hand? */
function holds({ open, start, end, meta }: SpooledLog, { replid, offset, snapshot }: Checkpoint): boolean {
  const named =
    replid === '' ||
    (replid === NOW && meta['replid'] === NOW) ||
    (replid === BEFORE && offset <= MIDDLE && 'former' in meta);
  return open && meta['id'] === snapshot && named && offset >= start && offset <= end;
}

/** The snapshot can be read from its first byte to its last, now or in a moment. */
const readable = ({ snapshot, arriving }: ResumeFacts): boolean =>
  snapshot.open && snapshot.start === 0 && (snapshot.complete || arriving);

/** The keys on the target are those of the spooled snapshot, and perhaps what came after. */
const ofThis = ({ checkpoint: one, snapshot }: ResumeFacts): boolean =>
  one !== undefined && one.snapshot === snapshot.meta['id'];

type Law = (facts: ResumeFacts, plan: ResumePlan) => boolean;

const LAWS: Record<string, Law> = {
  'never go on without a position on the target': ({ checkpoint: one }, { kind }) =>
    (kind !== 'follow' && kind !== 'ask') || one?.state === 'streaming',
  'never ask for a history that has no name, nor follow one that an earlier run has counted': (
    facts,
    { kind },
  ) =>
    (kind !== 'follow' && kind !== 'ask') ||
    facts.checkpoint!.replid !== '' ||
    (kind === 'follow' && facts.fresh),
  'follow only what the spool has, of the same snapshot': ({ checkpoint: one, stream }, { kind }) =>
    kind !== 'follow' || holds(stream, one!),
  'follow from exactly the place of the checkpoint': ({ checkpoint: one }, plan) =>
    plan.kind !== 'follow' ||
    (plan.offset === one!.offset && plan.db === one!.db && plan.inMulti === one!.inMulti),
  'ask for exactly the place of the checkpoint': ({ checkpoint: one }, plan) =>
    plan.kind !== 'ask' || (plan.offset === one!.offset && plan.replid === one!.replid),
  'load only what is there from the start, and whole or arriving': (facts, { kind }) =>
    kind !== 'load' || readable(facts),
  'pass over keys only where they are known to be of this snapshot': (facts, plan) =>
    plan.kind !== 'load' ||
    plan.skipBefore ===
      (ofThis(facts) && facts.checkpoint!.state === 'loading' ? facts.checkpoint!.loaded : 0),
  'never load what the target has already and more': (facts, { kind }) =>
    kind !== 'load' || !ofThis(facts) || facts.checkpoint!.state === 'loading',
  'never load what an earlier run has left, unless the checkpoint says so': (facts, { kind }) =>
    kind !== 'load' || facts.fresh || ofThis(facts),
  'never ask where the spool has it': ({ checkpoint: one, stream }, { kind }) =>
    kind !== 'ask' || !holds(stream, one!),
  'a snapshot that has come in is never asked for again': (facts, { kind }) =>
    kind !== 'full' ||
    !readable(facts) ||
    (!facts.fresh && !ofThis(facts)) ||
    facts.checkpoint?.replid === '',
  'a loading that can go on does': (facts, { kind }) =>
    facts.checkpoint?.state !== 'loading' || !ofThis(facts) || !readable(facts) || kind === 'load',
  'what the spool has is followed, unless the source has started over': (facts, { kind }) => {
    const { checkpoint: one, stream, fresh } = facts;
    if (one?.state !== 'streaming' || one.replid === '' || !holds(stream, one)) return true;
    return kind === 'follow' || (fresh && readable(facts) && !ofThis(facts));
  },
  'a position is never thrown away unasked': ({ checkpoint: one }, { kind }) =>
    kind !== 'full' || one?.state !== 'streaming' || one.replid === '',
  'why is said exactly when there has been one': ({ checkpoint: one }, plan) =>
    plan.kind !== 'full' || (plan.why === undefined) === (one === undefined),
};

describe('in every state', () => {
  test.each(Object.entries(LAWS))('%s', (_, law) => {
    const broken = all.filter((facts) => !law(facts, planResume(facts)));
    expect(broken.slice(0, 3).map((facts) => ({ facts, plan: planResume(facts) }))).toEqual([]);
  });

  test('every kind of plan comes up', () => {
    const kinds = new Map<string, number>();
    for (const facts of all) {
      const { kind } = planResume(facts);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    for (const kind of ['follow', 'load', 'ask', 'full']) expect(kinds.get(kind)).toBeGreaterThan(100);
  });
});

describe('for example', () => {
  const snapshot: SpooledSnapshot = { ...CLOSED, complete: false };
  const complete: SpooledSnapshot = {
    open: true,
    start: 0,
    end: 5000,
    complete: true,
    meta: { id: 'A', base: START },
  };
  const stream: SpooledLog = { open: true, start: START, end: END, meta: streamMeta('A') };
  const facts: ResumeFacts = {
    checkpoint: undefined,
    snapshot,
    stream: CLOSED,
    fresh: false,
    arriving: false,
  };

  test.each<[string, Partial<ResumeFacts>, ResumePlan]>([
    ['the first start', {}, { kind: 'full', why: undefined }],
    [
      'the first snapshot on its way',
      { snapshot: { ...complete, complete: false }, fresh: true, arriving: true },
      { kind: 'load', skipBefore: 0 },
    ],
    [
      'killed while loading, the snapshot is in the spool',
      { checkpoint: checkpoint({ state: 'loading', loaded: 777 }), snapshot: complete, stream },
      { kind: 'load', skipBefore: 777 },
    ],
    [
      'killed while loading, all in the spool is lost',
      { checkpoint: checkpoint({ state: 'loading', loaded: 777 }) },
      { kind: 'full', why: 'the last snapshot had not been received completely' },
    ],
    [
      'killed after the last key, before the snapshot was dropped',
      { checkpoint: checkpoint({ offset: START }), snapshot: complete, stream },
      { kind: 'follow', offset: START, db: 3, inMulti: true },
    ],
    [
      'the target came back with an older checkpoint than what was released',
      { checkpoint: checkpoint({ offset: START - 1 }), stream },
      { kind: 'ask', replid: NOW, offset: START - 1 },
    ],
    [
      'the checkpoint was removed while the stream was applied',
      { stream, fresh: true },
      { kind: 'full', why: undefined },
    ],
    [
      'a source that only knows SYNC',
      { checkpoint: checkpoint({ replid: '' }), stream: { ...stream, meta: { id: 'A', replid: '' } } },
      { kind: 'full', why: 'the source is too old (it only knows SYNC) to go on where it was' },
    ],
  ])('%s', (_, part, plan) => {
    expect(planResume({ ...facts, ...part })).toEqual(plan);
  });
});
