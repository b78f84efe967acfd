/**
 * Lanes through random histories, on nodes made of memory: commands and units of several, nodes that refuse what they
 * are given, ends of the process between any two writes, slots that move, failovers that lose what was confirmed. In
 * the end each slot has had each of its commands, once and in order. REPLICANT_RUNS makes it longer.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkpointKey, type LaneClaim } from '../../../src/checkpoint/record.js';
import { keySlot } from '../../../src/keyspace/key-slot.js';
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import { tagOfSlot } from '../../../src/keyspace/slot-tag.js';
import { bytesOf } from '../../../src/keyspace/words.js';
import { encodeCommand } from '../../../src/resp/encode.js';
import type { Lane } from '../../../src/target/cluster/lane.js';
import {
  claimsFor,
  countOf,
  isOutdated,
  progressOf,
  type SlotProgress,
} from '../../../src/target/cluster/lane-claim.js';
import {
  laneKey,
  laneTextPrefix,
  type LaneText,
  parseLaneText,
} from '../../../src/target/cluster/lane-text.js';
import { Lanes } from '../../../src/target/cluster/lanes.js';
import { FakeData, FakeNode } from './fake-node.js';

const RUNS = Number(process.env['REPLICANT_RUNS'] ?? 150);
const JOB = 'job';
const SNAPSHOT = 'snapshot';
const BASE = 1000;
const BLOCKS = 8;
const BLOCK_SLOTS = 16_384 / BLOCKS;
const NODES = 3;
const RECORD = checkpointKey(JOB);
const HOME_BLOCK = Math.floor(keySlot(bytesOf(RECORD)) / BLOCK_SLOTS);

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

/** What the job's record says here. */
interface Position {
  readonly offset: number;
  readonly claims: readonly LaneClaim[];
}

/** One process, from the reading of the record on. */
class Process {
  readonly #data: FakeData;
  readonly #stream: Stream;
  readonly #life: Life;
  readonly #nodes: readonly FakeNode[];
  readonly #lanes: Lanes;
  readonly #claims: LaneClaim[] = [];
  readonly #base: number;
  readonly #settled: number[] = [];
  /** What was said of the record being somebody else's. */
  readonly disturbed: unknown[] = [];

  constructor(data: FakeData, stream: Stream, life: Life) {
    this.#data = data;
    this.#stream = stream;
    this.#life = life;
    const { offset, claims } = positionIn(data);
    const texts = this.#texts(claims);
    if (isOutdated(claims, texts.values(), SNAPSHOT)) throw new Error('lanes that nobody knows of');
    const progress = claims.length > 0 ? progressOf(claims, texts, SNAPSHOT) : undefined;
    this.#base = Math.min(offset, progress?.least ?? offset);
    const last = Math.max(0, ...[...claims, ...texts.values()].map(({ generation }) => countOf(generation)));
    this.#nodes = Array.from({ length: NODES }, () => new FakeNode(data, () => this.#lanes.answered()));
    const lanes = this.#nodes.flatMap((node, index) => {
      const slots = slotsOf(life.owners, index);
      return slots.size === 0 ? [] : [this.#open(node, slots, `${last + 1}-x`, progress)];
    });
    this.#lanes = new Lanes({ lanes, job: JOB, progress, atomic: true, sha: 'sha' });
    this.#lanes.listen({
      settled: (tag) => this.#settled.push(tag),
      disturbed: (found) => this.disturbed.push(found),
    });
  }

  get errors(): readonly string[] {
    return this.#nodes.flatMap(({ errors }) => errors);
  }

  /** Lanes' texts, behind which a fence is put. */
  #texts(claims: readonly LaneClaim[]): Map<string, LaneText> {
    const { keys } = this.#data;
    const texts = new Map<string, LaneText>();
    for (const tag of new Set(claims.map((claim) => claim.tag))) {
      const found = keys.get(laneKey(tag, JOB));
      const parsed = found === undefined ? undefined : parseLaneText(found);
      if (found === undefined || parsed === undefined) continue;
      texts.set(tag, parsed);
      keys.set(laneKey(tag, JOB), `${found.split(' ').slice(0, 4).join(' ')} fence`);
    }
    return texts;
  }

  #open(node: FakeNode, slots: SlotSet, generation: string, progress: SlotProgress | undefined): Lane {
    const tag = slots.has(keySlot(bytesOf(JOB))) ? JOB : tagOfSlot([...slots][0]!);
    const key = laneKey(tag, JOB);
    this.#claims.push(...claimsFor({ tag, generation, node: 'node' }, slots, progress, this.#base));
    const prefix = laneTextPrefix(SNAPSHOT, generation);
    const found = this.#data.keys.get(key) ?? '';
    return node.lane(slots, { tag, key, found, prefix, loadingPrefix: '', atomic: true });
  }

  /** Up to the first text of the lanes; false when the process ends before. */
  claim(): boolean {
    const { turns, patience } = this.#life;
    this.#lanes.guard(bytesOf(this.#data.keys.get(RECORD)!));
    this.settle();
    this.#lanes.commit(this.#record(this.#base), -4, 0, 0);
    if (turns[0]! < 4) return false;
    this.settle();
    this.#nodes.forEach((node, index) => (node.patience = patience[index]!));
    this.#lanes.beginStream(this.#base, 0);
    return true;
  }

  /** The stream, until a node refuses something. */
  follow(): void {
    const { turns, commitEvery } = this.#life;
    for (let at = (this.#base - BASE) / 10; at < this.#stream.length && this.errors.length === 0; at++) {
      this.#send(at);
      const next = offsetOf(at + 1);
      this.#lanes.advance(next, 0, false);
      if (at % commitEvery === 0 && !this.#lanes.waiting) this.#lanes.commit(this.#record(next), next, 0, 0);
      const turn = turns[at % turns.length]!;
      const { target, pipeline } = this.#nodes[turn % NODES]!;
      if (turn > 20) target.deliver(turn % 5);
      if (turn > 40) target.reply(pipeline);
    }
  }

  #send(at: number): void {
    const slots = this.#stream[at]!.map(slotOf);
    const offset = offsetOf(at);
    const args = (slot: number, part: number): string[] => ['DO', String(slot), `${offset}+${part}`];
    if (slots.length > 1) {
      slots.forEach((slot, part) => {
        this.#lanes.command(args(slot, part).map(bytesOf), slot, offset, false);
      });
      return;
    }
    const bytes = encodeCommand(args(slots[0]!, 0));
    this.#lanes.raw(bytes, 0, '*3\r\n'.length, bytes.length, 3, slots[0]!, offset);
  }

  /** Everything is made final; was that so? */
  finish(): boolean {
    const last = offsetOf(this.#stream.length);
    this.settle();
    this.#lanes.commit(this.#record(last), last, 0, 0);
    this.settle();
    return this.#settled.at(-1) === last;
  }

  /** What was on its way arrives in part; then nodes fail over. */
  end(): void {
    const { late, lost, owners } = this.#life;
    this.#nodes.forEach((node, index) => {
      node.target.deliver(late[index]);
      if (owners[HOME_BLOCK] !== index) node.lose(lost[index]!);
    });
  }

  settle(): void {
    while (this.errors.length === 0 && this.#nodes.some(({ target }) => target.waiting))
      for (const { target, pipeline } of this.#nodes) target.settle(pipeline);
  }

  #record(offset: number): Uint8Array {
    return bytesOf(JSON.stringify({ offset, claims: this.#claims }));
  }
}

function positionIn({ keys }: FakeData): Position {
  return JSON.parse(keys.get(RECORD)!) as Position;
}

function slotsOf(owners: readonly number[], node: number): SlotSet {
  const slots = new SlotSet();
  owners.forEach((owner, block) => {
    if (owner === node) slots.addRange(block * BLOCK_SLOTS, (block + 1) * BLOCK_SLOTS - 1);
  });
  return slots;
}

function expectedOf(stream: Stream): Map<number, string[]> {
  const expected = new Map<number, string[]>();
  stream.forEach((numbers, index) => {
    numbers.map(slotOf).forEach((slot, part) => {
      expected.set(slot, [...(expected.get(slot) ?? []), `${offsetOf(index)}+${part}`]);
    });
  });
  return expected;
}

const bySlot = (done: ReadonlyMap<number, readonly string[]>): string[] =>
  [...done].toSorted(([a], [b]) => a - b).map(([slot, words]) => `${slot}: ${words.join(' ')}`);

const WELL: Life = {
  owners: [0, 0, 0, 1, 1, 1, 2, 2],
  turns: [63],
  patience: Array.from({ length: NODES }, () => Number.POSITIVE_INFINITY),
  late: [0, 0, 0],
  lost: [0, 0, 0],
  commitEvery: 3,
};

test('each slot has each command once and in order, whatever happens', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(STREAM, fc.array(LIFE, { minLength: 1, maxLength: 5 }), (stream, lives) => {
      const data = new FakeData();
      data.keys.set(RECORD, JSON.stringify({ offset: BASE, claims: [] }));
      for (const life of lives) {
        const process = new Process(data, stream, life);
        if (process.claim()) process.follow();
        process.end();
      }
      const last = new Process(data, stream, WELL);
      last.claim();
      last.follow();
      expect(last.finish()).toBe(true);
      expect({ errors: last.errors, disturbed: last.disturbed }).toEqual({ errors: [], disturbed: [] });
      expect(bySlot(data.done)).toEqual(bySlot(expectedOf(stream)));
    }),
    { numRuns: RUNS },
  );
});
