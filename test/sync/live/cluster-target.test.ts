/**
 * A cluster as the target: everything that a standalone source does, in the slots where it belongs, once. Under
 * load, with slots that move, nodes that fail over, and a program that ends anywhere.
 */
import { describe, expect, test } from 'vitest';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { Clusters, CounterWriter, NEWEST_BINARIES, clusterDifferences } from '../../support/cluster.js';
import { type Run, Servers, startRun, temporaryDirectory } from '../../support/live.js';

const SLOW = { timeout: 120_000 };
const servers = new Servers();
const clusters = new Clusters();
const SEED = Number(process.env['REPLICANT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(NEWEST_BINARIES.length === 0).each(NEWEST_BINARIES)(`$id, seed ${SEED}`, (binary) => {
  test('full sync and stream of a server', SLOW, async () => {
    const [source, cluster] = await Promise.all([servers.start(binary), clusters.start(binary)]);
    const [from, to] = await Promise.all([servers.client(source), cluster.client()]);
    for (let at = 0; at < 20_000; at += 1000)
      await from.pipeline(
        Array.from({ length: 1000 }, (_, i) => ['SET', `key:${at + i}`, `value ${at + i}`]),
      );
    const counter = new CounterWriter(from, { keys: 50, ratePerSecond: 2000 });
    const run = startRun(source, cluster.url, { targetIsCluster: true, stateDir: temporaryDirectory() });
    await run.event('caught-up');
    const writers = await runWriters(source, {
      ...{ seed: SEED, layout: 'crossSlot', faithful: true, ratePerSecond: 1500, keyspace: 300 },
    });
    await pause(4000);
    expect((await writers.stop()).failure).toBeUndefined();
    expect((await counter.stop()).commands).toBeGreaterThan(1000);
    await run.caughtUpWith(from);
    expect(await counter.differences(from, to)).toEqual([]);
    expect(await clusterDifferences(from, to)).toEqual([]);
    const summary = await run.stop();
    expect(summary).toMatchObject({ ok: true, fullSyncs: 1 });
    expect(await clusterDifferences(from, to, { held: false })).toEqual([]);
  });

  test('slots of the target move, in the full sync and in the stream', SLOW, async () => {
    const [source, cluster] = await Promise.all([servers.start(binary), clusters.start(binary)]);
    const [from, to] = await Promise.all([servers.client(source), cluster.client()]);
    for (let at = 0; at < 100_000; at += 1000)
      await from.pipeline(
        Array.from({ length: 1000 }, (_, i) => ['RPUSH', `list:${at + i}`, `value ${at + i}`]),
      );
    const counter = new CounterWriter(from, { keys: 300, ratePerSecond: 3000 });
    const run = startRun(source, cluster.url, { targetIsCluster: true, stateDir: temporaryDirectory() });
    await run.event('full-sync-start');
    await cluster.moveSlots(range(0, 40), 0, 1);
    await run.until('caught up', () => run.handle.status().caughtUp, 60_000);
    await cluster.moveSlots(range(6000, 6150), 1, 2);
    await cluster.moveSlots(range(0, 40), 1, 0);
    expect(await atTheEnd(run, counter, from, to)).toEqual({ counted: [], keys: [], fullSyncs: 1, ok: true });
  });

  test('nodes of the target fail over', SLOW, async () => {
    const [source, cluster] = await Promise.all([
      servers.start(binary),
      clusters.start(binary, { replicas: 1 }),
    ]);
    const [from, to] = await Promise.all([servers.client(source), cluster.client()]);
    const counter = new CounterWriter(from, { keys: 300, ratePerSecond: 3000 });
    const run = startRun(source, cluster.url, { targetIsCluster: true, stateDir: temporaryDirectory() });
    await run.event('caught-up');
    await pause(500);
    await cluster.failover(0, { kind: 'graceful' });
    await pause(500);
    await cluster.failover(1, { kind: 'kill' });
    await pause(1000);
    await cluster.failover(2, { kind: 'kill' });
    expect(await atTheEnd(run, counter, from, to)).toEqual({ counted: [], keys: [], fullSyncs: 1, ok: true });
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/** How the two differ when everything has been applied, and how the run ended. */
async function atTheEnd(
  run: Run,
  counter: CounterWriter,
  from: Awaited<ReturnType<Servers['client']>>,
  to: Parameters<CounterWriter['differences']>[1] & Parameters<typeof clusterDifferences>[1],
): Promise<unknown> {
  await counter.stop();
  await run.until('there is nothing to wait for', () => run.handle.status().waitingFor === null, 60_000);
  await run.caughtUpWith(from);
  const counted = await counter.differences(from, to);
  const keys = await clusterDifferences(from, to);
  const { fullSyncs, ok } = await run.stop();
  return { counted, keys, fullSyncs, ok };
}
