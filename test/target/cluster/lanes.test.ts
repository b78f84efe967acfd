/** The order of things between lanes and the record, on nodes made of memory. */
import { describe, expect, test } from 'vitest';
import { checkpointKey } from '../../../src/checkpoint/record.js';
import { keySlot } from '../../../src/keyspace/key-slot.js';
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import { bytesOf } from '../../../src/keyspace/words.js';
import { encodeCommand } from '../../../src/resp/encode.js';
import { SlotProgress } from '../../../src/target/cluster/lane-claim.js';
import { Lanes } from '../../../src/target/cluster/lanes.js';
import { text } from '../support.js';
import { FakeData, FakeNode } from './fake-node.js';

const HALF = 8192;
const RECORD = checkpointKey('job');
const HOME = keySlot(bytesOf(RECORD)) < HALF ? 0 : 1;
const [HOME_SLOT, OTHER_SLOT] = HOME === 0 ? [5, HALF + 5] : [HALF + 5, 5];

interface Stage {
  readonly lanes: Lanes;
  readonly data: FakeData;
  readonly home: FakeNode;
  readonly other: FakeNode;
  readonly heard: string[];
  /** Both take and answer everything. */
  readonly settle: () => void;
}

function stage({ progress, atomic = true }: { progress?: SlotProgress; atomic?: boolean } = {}): Stage {
  const data = new FakeData();
  data.keys.set(RECORD, 'as found');
  const heard: string[] = [];
  const nodes = [0, 1].map(() => new FakeNode(data, () => lanes.answered()));
  const opened = nodes.map((node, index) => {
    const key = `lane ${index}`;
    data.keys.set(key, `old ${index}`);
    const options = {
      tag: `t${index}`,
      key,
      found: `old ${index}`,
      prefix: 's 1-x ',
      loadingPrefix: 's 1-xl ',
    };
    return node.lane(SlotSet.of([[index * HALF, index * HALF + HALF - 1]]), { ...options, atomic });
  });
  const lanes: Lanes = new Lanes({ lanes: opened, job: 'job', progress, atomic, sha: 'sha' });
  lanes.listen({
    settled: (tag) => heard.push(`settled ${tag}`),
    disturbed: (found) => heard.push(`disturbed ${found === undefined ? '' : text(found)}`),
  });
  const settle = (): void => {
    while (nodes.some(({ target }) => target.waiting))
      for (const { target, pipeline } of nodes) target.settle(pipeline);
  };
  return { lanes, data, heard, home: nodes[HOME]!, other: nodes[1 - HOME]!, settle };
}

/** Up to the first command of the stream. */
function begun(options?: Parameters<typeof stage>[0]): Stage {
  const all = stage(options);
  all.lanes.guard(bytesOf('as found'));
  all.settle();
  all.lanes.commit(bytesOf('claims'), -4, 0, 0);
  all.settle();
  all.lanes.beginStream(100, 0);
  all.settle();
  expect(all.heard.splice(0)).toEqual(['settled -1', 'settled -4']);
  return all;
}

const put = ({ lanes }: Stage, slot: number, offset: number, word: string): void =>
  lanes.command(['DO', String(slot), word].map(bytesOf), slot, offset, false);

const take = ({ target, pipeline }: FakeNode): void => target.settle(pipeline);

describe('commits', () => {
  test('the record is written when all lanes have answered, and settled when it has been', () => {
    const all = begun();
    put(all, HOME_SLOT, 100, 'a');
    put(all, OTHER_SLOT, 110, 'b');
    all.lanes.commit(bytesOf('at 120'), 120, 0, 3);
    expect(all.lanes.waiting).toBe(true);
    take(all.home);
    expect(all.data.keys.get(RECORD)).toBe('claims');
    all.other.target.deliver();
    take(all.home);
    expect(all.data.keys.get(RECORD)).toBe('claims');
    all.other.target.reply(all.other.pipeline);
    all.home.target.deliver();
    expect(all.data.keys.get(RECORD)).toBe('at 120');
    expect([all.heard, all.lanes.waiting]).toEqual([[], true]);
    take(all.home);
    expect([all.heard, all.lanes.waiting]).toEqual([['settled 120'], false]);
    expect(['lane 0', 'lane 1'].map((key) => all.data.keys.get(key))).toEqual(['s 1-x 120 3', 's 1-x 120 3']);
    expect([...all.data.done]).toEqual([
      [HOME_SLOT, ['a']],
      [OTHER_SLOT, ['b']],
    ]);
  });

  test('what comes meanwhile is gathered, and sent when it is much, ahead of the record', () => {
    const all = begun();
    all.lanes.commit(bytesOf('at 100'), 100, 0, 0);
    put(all, OTHER_SLOT, 100, 'x'.repeat(70_000));
    put(all, HOME_SLOT, 110, 'little');
    all.lanes.advance(120, 0, true);
    expect(all.other.pipeline.pending).toBe(1);
    all.lanes.advance(120, 0, false);
    expect(all.other.pipeline.pending).toBe(2);
    expect(all.lanes.open).toBe(true);
    all.settle();
    expect(all.data.keys.get(`lane ${1 - HOME}`)).toBe('s 1-x 120 0');
    expect(all.data.keys.get(`lane ${HOME}`)).toBe('s 1-x 100 0');
    expect([all.data.keys.get(RECORD), all.heard]).toEqual(['at 100', ['settled 100']]);
  });

  test('a place can be reached without being recorded', () => {
    const all = begun();
    put(all, OTHER_SLOT, 100, 'a');
    all.lanes.reach(110, 0, -5);
    take(all.home);
    expect(all.heard).toEqual([]);
    take(all.other);
    expect([all.heard, all.data.keys.get(RECORD)]).toEqual([['settled -5'], 'claims']);
  });

  test('a lane that refuses a command says where, and nothing behind it is done there', () => {
    const all = begun();
    all.other.patience = 2;
    for (let at = 0; at < 5; at++) put(all, OTHER_SLOT, 100 + 10 * (at >> 1), `word ${at}`);
    all.lanes.commit(bytesOf('at 130'), 130, 0, 0);
    put(all, OTHER_SLOT, 130, 'behind');
    all.lanes.reach(140, 0, -5);
    all.settle();
    expect(all.other.errors[0]).toBe('REPLICANT 110 DO OOM command not allowed');
    expect(all.other.errors[1]).toBe('REPLICANT CHAIN');
    expect(all.data.keys.get(`lane ${1 - HOME}`)).toBe('s 1-x 110 -1');
    expect(all.data.done.get(OTHER_SLOT)).toEqual(['word 0', 'word 1']);
  });

  test('a record that is not what it was found to be', () => {
    const all = stage();
    all.data.keys.set(RECORD, 'of somebody else');
    all.lanes.guard(bytesOf('as found'));
    all.settle();
    expect(all.heard).toEqual(['disturbed of somebody else']);
  });

  test('a record that somebody has changed is not written over', () => {
    const all = begun();
    all.data.keys.set(RECORD, 'of somebody else');
    all.lanes.commit(bytesOf('at 100'), 100, 0, 0);
    all.settle();
    expect(all.home.errors).toEqual(['REPLICANT CHAIN']);
    expect(all.data.keys.get(RECORD)).toBe('of somebody else');
  });

  test('who has been fenced out writes nothing', () => {
    const all = begun();
    const key = `lane ${1 - HOME}`;
    all.data.keys.set(key, `${all.data.keys.get(key)} fence`);
    put(all, OTHER_SLOT, 100, 'a');
    all.lanes.commit(bytesOf('at 110'), 110, 0, 0);
    all.settle();
    expect(all.other.errors).toEqual(['REPLICANT CHAIN']);
    expect([...all.data.done]).toEqual([]);
  });

  test('without transactions commands go as they come, and texts and record behind them', () => {
    const all = begun({ atomic: false });
    put(all, OTHER_SLOT, 100, 'a');
    const raw = encodeCommand(['DO', String(HOME_SLOT), 'b']);
    all.lanes.raw(raw, 0, 4, raw.length, 3, HOME_SLOT, 110);
    all.lanes.flush();
    all.settle();
    expect([all.data.done.get(OTHER_SLOT), all.data.done.get(HOME_SLOT)]).toEqual([['a'], ['b']]);
    all.lanes.commit(bytesOf('at 120'), 120, 0, 0);
    all.settle();
    expect([all.data.keys.get(RECORD), all.heard]).toEqual(['at 120', ['settled 120']]);
    expect(all.data.keys.get('lane 1')).toBe('s 1-x 120 0');
  });
});

describe('what was done before', () => {
  const slots = (...list: number[]): SlotSet => SlotSet.of(list.map((slot) => [slot, slot]));

  test('commands of a unit are counted as they were, whatever is left of the slots that were counted', () => {
    const progress = new SlotProgress();
    // Of slots 1, 2 and 3 the first three commands of the unit at 100; slot 2 has gone on since.
    progress.set([1, 3], 100, 3, slots(1, 2, 3));
    progress.set([2], 120, 0, slots(2));
    const all = begun({ progress });
    for (const [index, slot] of [1, 4, 2, 1, 3, 2, 1].entries()) put(all, slot, 100, `word ${index}`);
    for (const slot of [1, 2]) put(all, slot, 110, 'next');
    all.lanes.commit(bytesOf('at 120'), 120, 0, 0);
    all.settle();
    expect(new Map(all.data.done)).toEqual(
      new Map([
        [4, ['word 1']],
        [3, ['word 4']],
        [1, ['word 6', 'next']],
      ]),
    );
  });

  test('what a lane says of a unit counts what it has passed over', () => {
    const progress = new SlotProgress();
    progress.set([1], 200, 0, slots(1));
    const all = begun({ progress });
    const node = HOME_SLOT < HALF ? all.home : all.other;
    node.patience = 1;
    for (const [index, slot] of [1, 2, 1, 2].entries()) put(all, slot, 100, `word ${index}`);
    all.lanes.reach(110, 0, -5);
    all.settle();
    expect(node.errors).toEqual(['REPLICANT 100+3 DO OOM command not allowed']);
    expect(all.data.done.get(2)).toEqual(['word 1']);
  });

  test('what was carried before the lanes were opened', () => {
    const progress = new SlotProgress();
    progress.set([1, 2], 200, 0, slots(1, 2));
    progress.set([3], 150, 2, slots(3));
    const { lanes } = stage({ progress });
    expect([
      lanes.passed([1, 2], 199),
      lanes.passed([1, 2], 200),
      lanes.passed([1, 3], 149),
      // Of the unit at 150 only a part has been done to slot 3.
      lanes.passed([1, 3], 150),
      lanes.passed([1, 4], 120),
    ]).toEqual([true, false, true, false, false]);
    expect(stage().lanes.passed([1], 0)).toBe(false);
    expect([lanes.beyond(199), lanes.beyond(200)]).toEqual([true, false]);
  });
});

test('a slot of nobody', () => {
  const node = new FakeNode(new FakeData(), () => {});
  const options = { tag: 't', key: 'k', found: '', prefix: 'p ', loadingPrefix: 'p ', atomic: true };
  const lane = node.lane(SlotSet.of([[keySlot(bytesOf(RECORD)), keySlot(bytesOf(RECORD))]]), options);
  const lanes = new Lanes({ lanes: [lane], job: 'job', progress: undefined, atomic: true, sha: 'sha' });
  expect(() => lanes.laneOfSlot(keySlot(bytesOf(RECORD)) + 1)).toThrow(/is served by nobody/u);
});
