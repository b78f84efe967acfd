import { describe, expect, test } from 'vitest';
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import {
  EMPTY_ROSTER,
  formatRoster,
  matchShards,
  parseRoster,
  type Roster,
  runsHere,
} from '../../../src/sync/shards/roster.js';
import type { ClusterMap, ClusterShard } from '../../../src/topology/cluster-map.js';

interface Shape {
  readonly id?: string;
  readonly nodes: readonly string[];
  readonly slots?: string;
}

function mapOf(...shapes: readonly Shape[]): ClusterMap {
  const shards = shapes.map(({ id, nodes, slots = '' }): ClusterShard => ({
    shardId: id,
    slots: (SlotSet.parse(slots) ?? new SlotSet()).ranges(),
    primary: undefined,
    replicas: [],
    nodeIds: nodes,
  }));
  const owner = new Int16Array(16_384).fill(-1);
  return { myself: undefined, shards, owner, moving: [], size: 0, ok: true, epoch: 1 };
}

function rosterOf(map: ClusterMap): Roster {
  return matchShards(EMPTY_ROSTER, map).roster;
}

function keysOf(roster: Roster, map: ClusterMap): readonly (readonly [string, number])[] {
  const { entries } = matchShards(roster, map);
  return entries.map(({ entry, shard }) => [entry.key, map.shards.indexOf(shard)] as const);
}

const THREE = mapOf(
  { id: 'A', nodes: ['a1', 'a2'], slots: '0-5460' },
  { id: 'B', nodes: ['b1', 'b2'], slots: '5461-10922' },
  { id: 'C', nodes: ['c1', 'c2'], slots: '10923-16383' },
);

describe('matching', () => {
  test('new shards get keys in their order', () => {
    const { added, gone, roster } = matchShards(EMPTY_ROSTER, THREE);
    expect(added.map(({ key }) => key)).toEqual(['s1', 's2', 's3']);
    expect(gone).toEqual([]);
    expect(roster.next).toBe(4);
    expect(matchShards(roster, THREE)).toMatchObject({ added: [], gone: [], roster });
  });

  test('a shard without slots that is not known is none', () => {
    const map = mapOf(...shapesOf(THREE), { id: 'D', nodes: ['d1'] });
    expect(matchShards(rosterOf(THREE), map).added).toEqual([]);
  });

  test('by shard id, wherever the slots and nodes are', () => {
    const map = mapOf(
      { id: 'B', nodes: ['a1'], slots: '0-5460' },
      { id: 'A', nodes: ['b1'], slots: '5461-16383' },
    );
    const roster = rosterOf(THREE);
    expect(keysOf(roster, map)).toEqual([
      ['s1', 1],
      ['s2', 0],
    ]);
    expect(matchShards(roster, map).gone.map(({ key }) => key)).toEqual(['s3']);
  });

  test('by nodes where there are no ids, the most common ones first', () => {
    const old = mapOf(
      { nodes: ['a1', 'a2'], slots: '0-99' },
      { nodes: ['b1', 'b2', 'b3'], slots: '100-199' },
    );
    const now = mapOf({ nodes: ['b2', 'b3', 'a2'], slots: '0-99' }, { nodes: ['a1'], slots: '100-199' });
    expect(keysOf(rosterOf(old), now)).toEqual([
      ['s1', 1],
      ['s2', 0],
    ]);
  });

  test('an emptied primary that has become a replica elsewhere does not take its key along', () => {
    const map = mapOf(
      { id: 'A', nodes: ['a1', 'a2', 'b1', 'b2'], slots: '0-10922' },
      { id: 'C', nodes: ['c1', 'c2'], slots: '10923-16383' },
    );
    const { entries, gone } = matchShards(rosterOf(THREE), map);
    expect(entries.map(({ entry }) => entry.key)).toEqual(['s1', 's3']);
    expect(gone.map(({ key }) => key)).toEqual(['s2']);
  });

  test('by slots when all nodes have been replaced', () => {
    const old = mapOf({ nodes: ['a'], slots: '0-99' }, { nodes: ['b'], slots: '100-199' });
    const now = mapOf({ nodes: ['x'], slots: '60-199' }, { nodes: ['y'], slots: '0-59' });
    expect(keysOf(rosterOf(old), now)).toEqual([
      ['s1', 1],
      ['s2', 0],
    ]);
  });

  test('nodes are remembered, keys never given again', () => {
    const roster = rosterOf(THREE);
    const later = matchShards(roster, mapOf({ id: 'A', nodes: ['a9'], slots: '0-16383' })).roster;
    expect(later.shards[0]).toMatchObject({ key: 's1', nodeIds: ['a9', 'a1', 'a2'], slots: '0-16383' });
    const left: Roster = { ...later, shards: later.shards.slice(0, 1) };
    const added = matchShards(left, mapOf(...shapesOf(THREE))).added;
    expect(added.map(({ key }) => key)).toEqual(['s4', 's5']);
  });
});

function shapesOf(map: ClusterMap): Shape[] {
  return map.shards.map(({ shardId, nodeIds, slots }) => ({
    ...(shardId === undefined ? {} : { id: shardId }),
    nodes: nodeIds,
    slots: SlotSet.of(slots).format(),
  }));
}

test('text and back', () => {
  const map = mapOf({ id: 'A', nodes: ['a1', 'a2'], slots: '0-5460,5462' }, { nodes: ['b'], slots: '7000' });
  const roster = rosterOf(map);
  const text = formatRoster(roster);
  expect(text).toBe(
    '{"version":1,"next":3,"shards":[{"key":"s1","shardId":"A","nodeIds":"a1 a2","slots":"0-5460,5462"},{"key":"s2","shardId":null,"nodeIds":"b","slots":"7000"}]}',
  );
  expect(parseRoster(new TextEncoder().encode(text))).toEqual(roster);
});

test.each([
  ['no JSON', 'x'],
  ['slots', '{"version":1,"next":2,"shards":[{"key":"s1","shardId":null,"nodeIds":"","slots":"9-1"}]}'],
  ['version', '{"version":2,"next":2,"shards":[]}'],
])('a text that is none of ours: %s', (_, text) => {
  expect(() => parseRoster(new TextEncoder().encode(text))).toThrow(/damaged|newer/u);
});

test('which process runs a shard', () => {
  expect(['s1', 's2', 's3', 's4'].filter((key) => runsHere(key, 1, 3))).toEqual(['s1', 's4']);
  expect(['s1', 's2', 's3', 's4'].filter((key) => runsHere(key, 0, 3))).toEqual(['s3']);
  expect(runsHere('s9', undefined, undefined)).toBe(true);
});
