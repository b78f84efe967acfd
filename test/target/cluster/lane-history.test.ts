/**
 * Lanes through random histories, on nodes made of memory: commands and units of several, nodes that refuse what they
 * are given, ends of the process between any two writes, slots that move, failovers that lose what was confirmed. In
 * the end each slot has had each of its commands, once and in order.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkpointKey, type LaneClaim } from '../../../src/checkpoint/record.js';
import { keySlot } from '../../../src/keyspace/key-slot.js';
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import { tagOfSlot } from '../../../src/keyspace/slot-tag.js';
import { bytesOf } from '../../../src/keyspace/words.js';
import { encodeCommand } from '../../../src/resp/encode.js';
import { claimsFor, countOf, isOutdated, progressOf } from '../../../src/target/cluster/lane-claim.js';
import {
  laneKey,
  laneTextPrefix,
  type LaneText,
  parseLaneText,
} from '../../../src/target/cluster/lane-text.js';
import { Lanes } from '../../../src/target/cluster/lanes.js';
import { text } from '../support.js';
import { FakeData, FakeNode } from './fake-node.js';

const JOB = 'job';
const SNAPSHOT = 'snapshot';
const BASE = 1000;
const BLOCKS = 8;
const BLOCK_SLOTS = 16_384 / BLOCKS;
const NODES = 3;
const HOME_BLOCK = Math.floor(keySlot(bytesOf(checkpointKey(JOB))) / BLOCK_SLOTS);

/** The slots that commands are about: two of each block. */
const slotOf = (number: number): number => (number % BLOCKS) * BLOCK_SLOTS + (number < BLOCKS ? 7 : 9);

interface Life {
  /** Block → node. */
  readonly owners: readonly number[];
  /** What happens: nodes take and answer what they were sent, in what order. */
  readonly turns: readonly number[];
  readonly patience: readonly number[];
  /** Writes that each node still takes when the process has ended. */
  readonly late: readonly number[];
  /** Changes that each node loses in a failover then. */
  readonly lost: readonly number[];
  readonly commitEvery: number;
}

const perNode = (most: number, weight: number): fc.Arbitrary<number[]> =>
  fc.array(fc.oneof({ arbitrary: fc.constant(most), weight }, fc.nat(most)), {
    minLength: NODES,
    maxLength: NODES,
  });

const LIFE: fc.Arbitrary<Life> = fc.record({
  owners: fc.array(fc.nat(NODES - 1), { minLength: BLOCKS, maxLength: BLOCKS }),
  turns: fc.array(fc.nat(63), { minLength: 1, maxLength: 30 }),
  patience: perNode(40, 2),
  late: perNode(20, 1),
  lost: fc.array(fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, fc.nat(6)), {
    minLength: NODES,
    maxLength: NODES,
  }),
  commitEvery: fc.integer({ min: 1, max: 9 }),
});

/** The slots of each command, several for a unit. */
const STREAM = fc.array(fc.array(fc.nat(2 * BLOCKS - 1), { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 40,
});

type Stream = readonly (readonly number[])[];
const offsetOf = (index: number): number => BASE + 10 * index;

interface Record_ {
  readonly offset: number;
  readonly claims: readonly LaneClaim[];
}

class World {
  readonly data = new FakeData();
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.record = { offset: BASE, claims: [] };
  }

  get record(): Record_ {
    return JSON.parse(this.data.keys.get(checkpointKey(JOB))!) as Record_;
  }

  set record(record: Record_) {
    this.data.keys.set(checkpointKey(JOB), JSON.stringify(record));
  }

  /** True when it came to the end. */
  live(life: Life): boolean {
    const { data } = this;
    const { claims: before, offset } = this.record;
    const texts = new Map<string, LaneText>();
    for (const tag of new Set(before.map((claim) => claim.tag))) {
      const found = data.keys.get(laneKey(tag, JOB));
      const parsed = found === undefined ? undefined : parseLaneText(found);
      if (parsed === undefined) continue;
      texts.set(tag, parsed);
      data.keys.set(laneKey(tag, JOB), `${found!.split(' ').slice(0, 4).join(' ')} fence`);
    }
    expect(isOutdated(before, texts.values(), SNAPSHOT)).toBe(false);
    const follows = before.length > 0;
    const progress = follows ? progressOf(before, texts, SNAPSHOT) : undefined;
    const base = Math.min(offset, progress?.least ?? offset);
    const count = Math.max(0, ...[...before, ...texts.values()].map(({ generation }) => countOf(generation)));
    const generation = `${count + 1}-x`;
    let lanes: Lanes | undefined;
    const nodes = Array.from({ length: NODES }, () => new FakeNode(data, () => lanes?.answered()));
    const claims: LaneClaim[] = [];
    const opened = nodes.flatMap((node, index) => {
      const slots = new SlotSet();
      life.owners.forEach((owner, block) => {
        if (owner === index) slots.addRange(block * BLOCK_SLOTS, (block + 1) * BLOCK_SLOTS - 1);
      });
      if (slots.size === 0) return [];
      const tag = slots.has(keySlot(bytesOf(JOB))) ? JOB : tagOfSlot([...slots][0]!);
      const key = laneKey(tag, JOB);
      claims.push(...claimsFor({ tag, generation, node: 'node' }, slots, progress, base));
      const prefix = laneTextPrefix(SNAPSHOT, generation);
      const found = data.keys.get(key) ?? '';
      return [node.lane(slots, { tag, key, found, prefix, loadingPrefix: '', atomic: true })];
    });
    lanes = new Lanes({ lanes: opened, job: JOB, progress, atomic: true, sha: 'sha' });
    const all = lanes;
    const settled: number[] = [];
    const events: string[] = [];
    all.listen({ settled: (tag) => settled.push(tag), disturbed: () => events.push('disturbed') });
    const broken = (): boolean => nodes.some(({ errors }) => errors.length > 0);
    const settle = (): void => {
      while (!broken() && nodes.some(({ target }) => target.waiting))
        for (const { target, pipeline } of nodes) target.settle(pipeline);
    };
    // Nothing of this is done side by side.
    const recordText = (at: number): Uint8Array => bytesOf(JSON.stringify({ offset: at, claims }));
    let written = recordText(base);
    all.guard(bytesOf(data.keys.get(checkpointKey(JOB))!));
    settle();
    all.commit(written, -4, 0, 0);
    const ends = life.turns[0]! < 4;
    if (!ends) settle();
    nodes.forEach((node, index) => (node.patience = life.patience[index]!));
    all.beginStream(base, 0);
    let turn = 0;
    let at = (base - BASE) / 10;
    let committed = base;
    for (; at < this.#stream.length && !broken() && !ends; at++) {
      this.#send(all, at);
      const next = offsetOf(at + 1);
      all.advance(next, 0, false);
      if (at % life.commitEvery === 0 && !all.waiting) {
        written = recordText(next);
        all.commit(written, next, 0, 0);
        committed = next;
      }
      const what = life.turns[turn++ % life.turns.length]!;
      const { target, pipeline } = nodes[what % NODES]!;
      if (what > 20) target.deliver(what % 5);
      if (what > 40) target.reply(pipeline);
    }
    void committed;
    const last = offsetOf(this.#stream.length);
    if (life.patience.every((patience) => patience === Number.POSITIVE_INFINITY)) {
      settle();
      all.commit(recordText(last), last, 0, 0);
      settle();
      expect({ events, errors: nodes.flatMap(({ errors }) => errors) }).toEqual({ events: [], errors: [] });
      return settled.at(-1) === last;
    }
    nodes.forEach(({ target }, index) => target.deliver(life.late[index]));
    nodes.forEach((node, index) => {
      if (life.owners[HOME_BLOCK] !== index) node.lose(life.lost[index]!);
    });
    return false;
  }

  #send(lanes: Lanes, at: number): void {
    const slots = this.#stream[at]!.map(slotOf);
    const offset = offsetOf(at);
    if (slots.length > 1) {
      slots.forEach((slot, part) => {
        lanes.command(['DO', String(slot), `${offset}+${part}`].map(bytesOf), slot, offset, false);
      });
      return;
    }
    const bytes = encodeCommand(['DO', String(slots[0]), `${offset}+0`]);
    lanes.raw(bytes, 0, 4, bytes.length, 3, slots[0]!, offset);
  }

  get expected(): Map<number, string[]> {
    const expected = new Map<number, string[]>();
    this.#stream.forEach((numbers, index) => {
      numbers.forEach((number, part) => {
        const slot = slotOf(number);
        expected.set(slot, [...(expected.get(slot) ?? []), `${offsetOf(index)}+${part}`]);
      });
    });
    return expected;
  }
}

const WELL: Life = {
  owners: [0, 0, 0, 1, 1, 1, 2, 2],
  turns: [63],
  patience: Array.from({ length: NODES }, () => Number.POSITIVE_INFINITY),
  late: [0, 0, 0],
  lost: [0, 0, 0],
  commitEvery: 3,
};

test('each slot has each command once and in order, whatever happens', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(STREAM, fc.array(LIFE, { minLength: 1, maxLength: 5 }), (stream, lives) => {
      const world = new World(stream);
      for (const life of lives) world.live(life);
      expect(world.live(WELL)).toBe(true);
      const byslot = (map: Map<number, string[]>): [number, string][] =>
        [...map].toSorted(([a], [b]) => a - b).map(([slot, words]) => [slot, words.join(' ')]);
      expect(byslot(world.data.done)).toEqual(byslot(world.expected));
    }),
    { numRuns: 400 },
  );
});

void text;
