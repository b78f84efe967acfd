import { expect, test } from 'vitest';
import { SnapshotGate } from '../../../src/sync/shards/snapshot-gate.js';

/** Asks for a turn for each of the hosts; what has been admitted, in order. */
function ask(
  gate: SnapshotGate,
  hosts: readonly string[],
): { admitted: string[]; release: Map<string, () => void> } {
  const admitted: string[] = [];
  const release = new Map<string, () => void>();
  hosts.forEach((host, index) => {
    void gate.acquire(host).then((turn) => {
      admitted.push(`${host}${index}`);
      release.set(`${host}${index}`, turn);
    });
  });
  return { admitted, release };
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('so many at a time, in the order of asking', async () => {
  const { admitted, release } = ask(new SnapshotGate(2), ['a', 'b', 'c', 'd']);
  await settled();
  expect(admitted).toEqual(['a0', 'b1']);
  release.get('b1')!();
  await settled();
  expect(admitted).toEqual(['a0', 'b1', 'c2']);
});

test('never two of one host', async () => {
  const { admitted, release } = ask(new SnapshotGate(3), ['a', 'a', 'b', 'a', 'c']);
  await settled();
  expect(admitted).toEqual(['a0', 'b2', 'c4']);
  release.get('a0')!();
  await settled();
  expect(admitted).toEqual(['a0', 'b2', 'c4', 'a1']);
});

test('a turn that is given back twice counts once', async () => {
  const { admitted, release } = ask(new SnapshotGate(1), ['a', 'b', 'c']);
  await settled();
  release.get('a0')!();
  release.get('a0')!();
  await settled();
  expect(admitted).toEqual(['a0', 'b1']);
});
