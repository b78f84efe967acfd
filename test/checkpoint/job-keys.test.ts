/** Which job a key belongs to, by its name. */
import { expect, test } from 'vitest';
import { isShardOf, ownerOfKey } from '../../src/checkpoint/job-keys.js';
import { checkpointKey } from '../../src/checkpoint/record.js';

test.each([
  [checkpointKey('orders'), 'orders'],
  [checkpointKey('a.b_c-d'), 'a.b_c-d'],
  ['__replicant:{4f}:lane:orders', 'orders'],
  ['__replicant:{orders}:lane:orders', 'orders'],
  ['__replicant:{4f}:carry:orders', 'orders'],
  ['__replicant:{4f}:carry:orders:12', 'orders'],
  ['__replicant:{4f}:carry:orders.s2:12', 'orders.s2'],
  ['__replicant:{orders}:shards', 'orders'],
  ['__replicant:{orders}:wants', 'orders'],
  ['__replicant:{probe}', undefined],
  ['__replicant:orders', undefined],
  ['__replicant:{}:checkpoint', undefined],
  ['x__replicant:{orders}:checkpoint', undefined],
  ['__replicant:{orders}:carry:a:b:c', undefined],
])('%s → %s', (key, job) => {
  expect(ownerOfKey(key)).toBe(job);
});

test.each([
  ['orders.s1', true],
  ['orders.s12', true],
  ['orders.s0', false],
  ['orders.s', false],
  ['orders', false],
  ['orders.s1.s2', false],
  ['order.s1', false],
  ['orders2.s1', false],
])('%s is a shard of orders: %s', (name, is) => {
  expect(isShardOf(name, 'orders')).toBe(is);
});
