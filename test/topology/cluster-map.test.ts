import { describe, expect, test } from 'vitest';
import { buildClusterMap } from '../../src/topology/build-cluster-map.js';
import { allNodes, describeMap, findShard, ownerOf, shardOfNode } from '../../src/topology/cluster-map.js';
import { parseClusterNodes } from '../../src/topology/cluster-nodes.js';
import { parseClusterShards } from '../../src/topology/cluster-shards.js';
import { parseClusterSlots } from '../../src/topology/cluster-slots.js';
import { answersOf, bulk, CAPTURED, mapOf, scenesOf } from './captured.js';

const RANGES = [[[0, 5460]], [[5461, 10922]], [[10923, 16383]]];

describe.each(CAPTURED)('the answers of %s', (id) => {
  const scenes = scenesOf(id);
  const read = (name: string) => mapOf(answersOf(scenes[name]!));
  const plain = read('plain');

  test('name shards, nodes, and owners of slots', () => {
    expect(plain).toMatchObject({ ok: true, size: 6, moving: [] });
    expect(plain.epoch).toBeGreaterThan(0);
    expect(plain.shards.map(({ slots }) => slots)).toEqual(RANGES);
    expect(plain.shards.map(({ replicas }) => replicas.length)).toEqual([1, 1, 1]);
    expect(plain.myself).toBe(plain.shards[0]!.primary!.id);
    expect([0, 5460, 5461, 10922, 10923, 16383].map((slot) => plain.owner[slot])).toEqual([0, 0, 1, 1, 2, 2]);
    for (const node of allNodes(plain)) {
      expect(node).toMatchObject({ host: '127.0.0.1', healthy: true, linkUp: true });
      expect(shardOfNode(plain, node.id)?.nodeIds).toContain(node.id);
    }
  });

  test('name moves of slots on both ends', () => {
    const [from, to] = [plain.shards[0]!.primary!.id, plain.shards[1]!.primary!.id];
    expect(read('migrating').moving).toEqual([{ slot: 93, state: 'migrating', from, to }]);
    expect(read('importing').moving).toEqual([{ slot: 93, state: 'importing', from, to }]);
    expect(ownerOf(read('importing'), 93)?.primary?.id).toBe(from);
  });

  test('show a takeover as the same shard', () => {
    const after = read('takeover');
    const [was, is] = [plain.shards[2]!, after.shards[2]!];
    expect(is.primary?.id).toBe(was.replicas[0]!.id);
    expect(is.replicas.map(({ id: node }) => node)).toEqual([was.primary!.id]);
    expect(is.nodeIds.toSorted()).toEqual(was.nodeIds.toSorted());
    expect(describeMap(after)).not.toBe(describeMap(plain));
    expect(describeMap(read('migrating'))).toBe(describeMap(plain));
  });

  test('show a death: the successor owns the slots, and is found by either id', () => {
    const after = read('death');
    const was = plain.shards[1]!;
    expect(ownerOf(after, 5461)?.primary).toMatchObject({ id: was.replicas[0]!.id, healthy: true });
    for (const nodeIds of [was.nodeIds, [was.replicas[0]!.id]]) {
      expect(findShard(after, { shardId: undefined, nodeIds })?.primary?.id).toBe(was.replicas[0]!.id);
    }
    expect(after.shards.filter(({ slots }) => slots.length > 0)).toHaveLength(3);
  });

  test('say the same by CLUSTER SLOTS, when the rest is refused', () => {
    for (const name of ['plain', 'death']) {
      const full = read(name);
      const poor = mapOf(answersOf({ slots: scenes[name]!.slots! }));
      const owners = ({ shards, owner }: typeof full) =>
        [...owner].map(
          (index) => shards[index]?.primary && [shards[index].primary.id, shards[index].primary.port],
        );
      expect(owners(poor)).toEqual(owners(full));
      expect(poor).toMatchObject({ ok: true, epoch: 0, myself: undefined, moving: [] });
    }
  });
});

test('from 7.2 on a dead primary stays in its shard; before it is one of its own, without slots', () => {
  const shards = (id: string) =>
    mapOf(answersOf(scenesOf(id)['death']!)).shards.map(({ nodeIds }) => nodeIds.length);
  expect(shards('redis-7.0.15')).toEqual([2, 1, 2, 1]);
  expect(shards('redis-8.0.6')).toEqual([2, 2, 2]);
  expect(shards('valkey-9.1.2')).toEqual([2, 2, 2]);
});

test('the id of a shard comes from CLUSTER SHARDS (Valkey 9), or from the node itself', () => {
  const ids = (id: string) => mapOf(answersOf(scenesOf(id)['plain']!)).shards.map(({ shardId }) => shardId);
  expect(ids('valkey-9.1.2').every((id) => /^[0-9a-f]{40}$/u.test(id ?? ''))).toBe(true);
  const own = scenesOf('redis-8.0.6')['plain']!.myshardid;
  expect(ids('redis-8.0.6')).toEqual([own, undefined, undefined]);
  expect(ids('redis-7.0.15')).toEqual([undefined, undefined, undefined]);
});

test.each(['redis-7.0.15', 'redis-8.0.6', 'valkey-9.1.2'])(
  '%s: the endpoint that clients are to use',
  (id) => {
    const hosts = (name: string) =>
      mapOf(answersOf({ ...scenesOf(id)['hostname']!, ...scenesOf(id)[name]! })).shards.map(
        ({ primary }) => primary?.host,
      );
    expect(hosts('hostname')).toEqual(['127.0.0.1', 'host-one.example', '127.0.0.1']);
    expect(hosts('unknown')).toEqual(['asked.example', 'asked.example', 'asked.example']);
  },
);

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

describe('CLUSTER NODES', () => {
  const nodes = (...lines: string[]) => mapOf(answersOf({ nodes: lines }));

  test('3.x has no bus port; a node may not know its own address', () => {
    const map = nodes(
      `${A} :7000 myself,master - 0 0 1 connected 0-100 102`,
      `${B} 10.0.0.2:7001 slave ${A} 0 1 1 connected`,
    );
    expect(map.shards).toHaveLength(1);
    expect(map.shards[0]).toMatchObject({
      slots: [
        [0, 100],
        [102, 102],
      ],
      primary: { host: 'asked.example', port: 7000, role: 'primary' },
      replicas: [{ host: '10.0.0.2', port: 7001, role: 'replica' }],
    });
    expect([100, 101, 102].map((slot) => map.owner[slot])).toEqual([0, -1, 0]);
  });

  test('IPv6, auxiliary fields, and addresses that are mapped', () => {
    const line = `${A} 2001:db8::7:7000@17000,name.example,shard-id=${B} myself,master - 0 0 1 connected 0-16383`;
    expect(nodes(line).shards[0]!.primary).toMatchObject({ host: '2001:db8::7', port: 7000 });
    const reach = (host: string, port: number) => ({ host: `via-${host}`, port: port + 1 });
    const map = mapOf(answersOf({ nodes: [line] }, { reach }));
    expect(map.shards[0]!.primary).toMatchObject({ host: 'via-2001:db8::7', port: 7001 });
  });

  test.each([
    ['fail?', '10.0.0.2:7001@17001 slave,fail?', 'connected'],
    ['fail', '10.0.0.2:7001@17001 slave,fail', 'disconnected'],
    ['noaddr', ':0@0 slave,noaddr', 'disconnected'],
    ['handshake', '10.0.0.2:7001@17001 handshake', 'connected'],
  ])('a node with the flag %s is not healthy', (_, text, link) => {
    const map = nodes(
      `${A} h:1@2 myself,master - 0 0 1 connected 0-16383`,
      `${B} ${text} ${A} 0 0 1 ${link}`,
    );
    const node = allNodes(map).find(({ id }) => id === B);
    expect(node).toMatchObject({ healthy: false, linkUp: link === 'connected' });
  });

  test('a replica of a replica, and one whose primary is not known', () => {
    const C = 'c'.repeat(40);
    const map = nodes(
      `${A} h:1@2 myself,master - 0 0 1 connected 0-16383`,
      `${B} h:2@3 slave ${A} 0 0 1 connected`,
      `${C} h:3@4 slave ${B} 0 0 1 connected`,
      `${'d'.repeat(40)} h:4@5 slave ${'e'.repeat(40)} 0 0 1 connected`,
    );
    expect(map.shards.map(({ nodeIds }) => nodeIds.length)).toEqual([3, 1]);
    expect(map.shards[1]!.primary).toBeUndefined();
    const circle = nodes(`${A} h:1@2 slave ${B} 0 0 1 connected`, `${B} h:2@3 slave ${A} 0 0 1 connected`);
    expect(allNodes(circle)).toHaveLength(2);
  });

  test.each(['', 'OK', `${A} h:1`, 'x h:1@2 master - 0 0 1 connected', `${A} h master - 0 0 1 connected`])(
    'refuses %j',
    (text) => {
      expect(parseClusterNodes(text)).toBeUndefined();
      expect(buildClusterMap(answersOf({ nodes: text.split('\n') }))).toBeUndefined();
    },
  );

  test('slots that do not exist are nobody’s', () => {
    expect(nodes(`${A} h:1@2 master - 0 0 1 connected 0-16384 5-3 [x] 7`).shards[0]!.slots).toEqual([[7, 7]]);
  });
});

describe('answers of another kind', () => {
  const bad = [
    null,
    1,
    'x',
    [1],
    [['slots']],
    [['slots', [], 'nodes', [['port', 1]]]],
    [['slots', []]],
  ] as const;
  test.each(bad)('CLUSTER SHARDS %j', (reply) => {
    expect(parseClusterShards(bulk(reply))).toBeUndefined();
  });
  test.each([null, 1, 'x', [1], [[0]], [[0, 'x', ['h', 1]]], [[0, 1]], [[0, 1, ['h']]]])(
    'CLUSTER SLOTS %j',
    (reply) => {
      expect(parseClusterSlots(bulk(reply))).toBeUndefined();
    },
  );
});

test('two nodes with one shard id and slots each are two shards', () => {
  const entry = [
    'slots',
    [],
    'nodes',
    [
      ['id', A],
      ['id', B],
    ],
    'id',
    'f'.repeat(40),
  ];
  const lines = [
    `${A} h:1@2 myself,master - 0 0 1 connected 0-100`,
    `${B} h:2@3 master - 0 0 1 connected 101-16383`,
  ];
  const map = mapOf(answersOf({ nodes: lines, shards: [entry] }));
  expect(map.shards.map(({ primary }) => primary?.id)).toEqual([A, B]);
});

test('over TLS the TLS port counts', () => {
  const node = ['id', A, 'port', 1, 'tls-port', 5, 'endpoint', 'e.example'];
  const scene = {
    nodes: [`${A} h:1@2 myself,master - 0 0 1 connected 0-16383`],
    shards: [['slots', [0, 16383], 'nodes', [node]]],
  };
  const at = (tls: boolean) => mapOf(answersOf(scene, { tls })).shards[0]!.primary;
  expect([at(true)?.port, at(false)?.port, at(true)?.host]).toEqual([5, 1, 'e.example']);
});
