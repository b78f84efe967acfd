/**
 * The program killed at any moment, as often as one likes, and started again with the same command line: it
 * goes on where it was, in the full sync and in the stream, and nothing is lost nor applied twice. The workload
 * has keys that run out and are renewed in their last milliseconds.
 */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer, ServerBinary } from '../../../scripts/servers.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import {
  awaitCaughtUp,
  equalOrExplain,
  killLoop,
  startCounting,
  startTool,
  temporaryDirectory,
  type Tool,
} from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { binaryOf, NEWEST, Servers } from '../../support/live.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
/** More with REPLICANT_KILLS, for a long night. */
const KILLS = Number(process.env['REPLICANT_KILLS'] ?? 25);

const servers = new Servers();
const REDIS = binaryOf('redis-8.0');

interface Stage {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly from: Client;
  readonly to: Client;
  readonly start: () => Tool;
  /** Stops the writers, waits, and compares: while the program runs, and after a clean stop. */
  readonly end: (tool: Tool) => Promise<void>;
}

/** Two servers under load; `durable`: they keep what they have when they are killed. */
async function stage(one: ServerBinary, other: ServerBinary, durable = false): Promise<Stage> {
  const keep = durable ? { appendonly: 'yes', appendfsync: 'no' } : {};
  const source = await servers.start(one, { args: { 'repl-backlog-size': '64mb', ...keep } });
  const target = await servers.start(other, { args: keep });
  const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
  await fillEverything(from, { seed: SEED });
  const counting = await startCounting(source);
  const writers = await runWriters(source, { seed: SEED, writers: 2, ratePerSecond: 3000, faithful: true });
  const stateDir = temporaryDirectory();
  const options = { source: source.url, target: target.url, stateDir, program: program() };
  return {
    ...{ source, target, from, to },
    start: () => startTool(options),
    end: async (tool) => {
      const [{ failure }] = await Promise.all([writers.stop(), counting.stop()]);
      expect(failure).toBeUndefined();
      await awaitCaughtUp(tool, from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      expect((await tool.kill('SIGTERM')).code).toBe(0);
      // Now the true deadlines stand.
      expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    },
  };
}

const isSnapshot = (line: string): boolean => /full sync started|full copy is taken/u.test(line);

describe.skipIf(NEWEST === undefined)(`killed again and again, seed ${SEED}`, () => {
  test.each([
    ['valkey to valkey', NEWEST, NEWEST],
    ['redis to redis', REDIS ?? NEWEST, REDIS ?? NEWEST],
  ])('in the stream, %s: no second snapshot', { timeout: 300_000 }, async (_, one, other) => {
    const { start, end } = await stage(one!, other!);
    const first = start();
    await first.says(/caught up/u);
    await first.kill();
    const { tool, kills } = await killLoop({ start, seed: SEED, kills: KILLS, minMs: 150, maxMs: 1100 });
    await end(tool);
    expect([...kills, tool].flatMap(({ log }) => log).filter(isSnapshot)).toEqual([]);
  });

  test(
    'in the full sync: once received, a snapshot is not asked for again',
    { timeout: 300_000 },
    async () => {
      const { from, start, end } = await stage(NEWEST!, NEWEST!);
      // Enough for a load of some time.
      for (let part = 0; part < 20; part++) {
        const keys = Array.from({ length: 5000 }, (_, at) => [`bulk:${part}:${at}`, 'x'.repeat(100)]);
        await from.pipeline(keys.map(([key, value]) => ['RPUSH', key!, value!, value!]));
      }
      const { tool, kills } = await killLoop({ start, seed: SEED, kills: KILLS, minMs: 50, maxMs: 700 });
      await end(tool);
      let received = false;
      for (const { log } of [...kills, tool]) {
        expect([received, log.filter(isSnapshot)]).toEqual([
          received,
          received ? [] : log.filter(isSnapshot),
        ]);
        received ||= log.some((line) => /snapshot has been received/u.test(line));
      }
      expect(received).toBe(true);
    },
  );
});
