import { describe, expect, test } from 'vitest';
import { mapAddress, parseAddressMap } from '../../src/net/address-map.js';
import { endpointAt, formatAddress, formatEndpoint } from '../../src/net/endpoint.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';

const map = parseAddressMap([
  '10.0.0.5:6379=127.0.0.1:7001',
  '10.0.0.5=gateway, 10.0.0.6=gateway:7002',
  '[2001:db8::1]:6379=[::1]:7003',
  'Node-1.Internal=[::1]',
]);

test.each([
  ['10.0.0.5', 6379, '127.0.0.1:7001'],
  ['10.0.0.5', 6380, 'gateway:6380'],
  ['10.0.0.6', 1, 'gateway:7002'],
  ['2001:db8::1', 6379, '[::1]:7003'],
  ['2001:DB8::1', 6379, '[::1]:7003'],
  ['2001:db8::1', 6380, '[2001:db8::1]:6380'],
  ['node-1.internal', 5, '[::1]:5'],
  ['NODE-1.internal', 5, '[::1]:5'],
  ['other', 5, 'other:5'],
])('%s port %i is reached at %s', (host, port, reached) => {
  expect(formatAddress(mapAddress(map, host, port))).toBe(reached);
  expect(formatAddress(mapAddress(undefined, host, port))).not.toBe('');
});

test('no map changes nothing', () => {
  expect(mapAddress(undefined, 'h', 1)).toEqual({ kind: 'tcp', host: 'h', port: 1 });
});

test.each([
  '',
  'a',
  'a=',
  '=b',
  'a=b=c',
  'a:x=b',
  'a:0=b',
  'a:70000=b',
  '::1=b',
  'a=b:1:2',
  'redis://a=b',
  'u@a=b',
])('refuses %j', (text) => {
  expect(() => parseAddressMap([text])).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('announced=reachable') }),
  );
});

test('one announced address has one reachable one', () => {
  expect(parseAddressMap(['a=b', 'A=b']).size).toBe(1);
  expect(() => parseAddressMap(['a:1=b', 'A:1=c'])).toThrow(/two entries for a:1/u);
});

describe('the text of an endpoint', () => {
  const cluster = parseEndpoint('redis://u:secret@a:1,[::1]:2/0', 'source');
  const shard = { kind: 'shard', shardId: undefined, nodeIds: ['0123456789'], read: 'replica' } as const;
  test.each([
    [cluster, 'a:1,[::1]:2'],
    [parseEndpoint('redis://:secret@h?master=mymaster', 'source'), 'mymaster @ h:26379'],
    [{ ...cluster, find: { kind: 'slot', slot: 7 } }, 'slot 7 @ a:1,[::1]:2'],
    [{ ...cluster, find: { kind: 'node', nodeId: 'abcdefghij' } }, 'node abcdefgh @ a:1,[::1]:2'],
    [{ ...cluster, find: shard }, 'replica of shard 01234567 @ a:1,[::1]:2'],
    [
      { ...cluster, find: { ...shard, shardId: 'ffffffffff', read: 'primary' } },
      'shard ffffffff @ a:1,[::1]:2',
    ],
    [parseEndpoint('unix:///run/r.sock', 'source'), '/run/r.sock'],
  ] as const)('%#: %s', (endpoint, text) => {
    expect(formatEndpoint(endpoint)).toBe(text);
  });

  test('at one address nothing is left to look for', () => {
    const address = { kind: 'tcp', host: 'x', port: 9 } as const;
    expect(endpointAt({ ...cluster, find: shard }, address)).toEqual({
      ...{ address, username: 'u', password: 'secret', db: 0 },
    });
  });
});
