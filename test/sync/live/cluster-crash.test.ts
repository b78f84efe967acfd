/**
 * A cluster as the target, and a program that is killed at random moments, in the full sync and in the stream,
 * under load, with commands over several slots and while slots of the target move: nothing lost, nothing twice.
 * REPLICANT_KILLS makes it longer.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { Clusters, clusterDifferences, CounterWriter, NEWEST_BINARIES } from '../../support/cluster.js';
import {
  awaitCaughtUp,
  killLoop,
  startTool,
  temporaryDirectory,
  type Tool,
} from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { Servers } from '../../support/live.js';

const SEED = Number(process.env['REPLICANT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const KILLS = Number(process.env['REPLICANT_KILLS'] ?? 12);
const LONG = { timeout: 120_000 + KILLS * 5000 };
const servers = new Servers();
const clusters = new Clusters();

// Takes seconds.
beforeAll(() => void program(), 60_000);

describe.skipIf(NEWEST_BINARIES.length === 0).each(NEWEST_BINARIES)(`$id, seed ${SEED}`, (binary) => {
  test('killed anywhere', LONG, async () => {
    const [source, cluster] = await Promise.all([
      servers.start(binary, { args: { 'repl-backlog-size': '64mb' } }),
      clusters.start(binary),
    ]);
    const [from, to] = await Promise.all([servers.client(source), cluster.client()]);
    for (let at = 0; at < 50_000; at += 1000)
      await from.pipeline(Array.from({ length: 1000 }, (_, i) => ['RPUSH', `list:${at + i}`, at + i]));
    const counter = new CounterWriter(from, { keys: 200, ratePerSecond: 3000 });
    const writers = await runWriters(source, {
      ...{ seed: SEED, layout: 'crossSlot', faithful: true, ratePerSecond: 600, keyspace: 200 },
    });
    const stateDir = temporaryDirectory();
    const start = (): Tool =>
      startTool({ source: source.url, target: cluster.url, stateDir, program: program() });
    let moving: Promise<void> | undefined;
    const { tool, kills } = await killLoop({
      ...{ start, seed: SEED, kills: KILLS, minMs: 250, maxMs: 1500 },
      afterKill: async ({ life }) => {
        if (life === Math.floor(KILLS / 2)) {
          await moving;
          moving = cluster.moveSlots(
            Array.from({ length: 100 }, (_, at) => 100 + at),
            ...([0, 1] as const),
          );
        }
      },
    });
    await moving;
    expect((await writers.stop()).failure).toBeUndefined();
    await counter.stop();
    expect(kills).toHaveLength(KILLS);
    await awaitCaughtUp(tool, from, 90_000);
    expect(await counter.differences(from, to)).toEqual([]);
    expect(await clusterDifferences(from, to)).toEqual([]);
    expect((await tool.kill('SIGTERM')).code).toBe(0);
    expect(await clusterDifferences(from, to, { held: false })).toEqual([]);
    const info: string = await from.text('INFO', 'stats');
    expect(Number(/sync_full:(\d+)/u.exec(info)?.[1])).toBeLessThan(KILLS);
  });
});
