/**
 * Everybody dies: source, target and program are killed with SIGKILL, alone and together, in any order, and
 * started again; and the connection to the target is cut at any byte in either direction, so that its last
 * EXEC was carried out and nobody heard of it, or was not. In the end both servers hold the same, every counter
 * is exact, and the source was asked for no snapshot that it was not its own doing.
 *
 * The servers are durable, so that what they have answered outlives them. A source that was killed has another
 * replid afterwards: then a new full copy is right, and must leave no ghosts.
 */
import { afterAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { Difference } from '../../../scripts/lib/compare.mjs';
import type { RunningServer, ServerBinary } from '../../../scripts/servers.mjs';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { createRandom, freshSeed, type Random } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import {
  awaitCaughtUp,
  equalOrExplain,
  startCounting,
  startTool,
  temporaryDirectory,
  type Tool,
} from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { binaryOf, NEWEST, Servers, startRun, waitFor } from '../../support/live.js';
import { startProxy } from '../../support/proxy.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
/** More for a long night. */
const CUTS = Number(process.env['REPLICANT_CUTS'] ?? 40);
const DEATHS = Number(process.env['REPLICANT_DEATHS'] ?? 4);

const PAIRS = [
  ['valkey 9.1 to itself', 'valkey-9.1', 'valkey-9.1'],
  ['redis 8.0 to itself', 'redis-8.0', 'redis-8.0'],
  ['redis 6.0 to itself', 'redis-6.0', 'redis-6.0'],
] as const;

const servers = new Servers();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// ---- the stage -------------------------------------------------------------------------------------------

/** Writers that go on after their server has died and come back. */
interface Load {
  rest(): Promise<void>;
  go(): Promise<void>;
}

function loadOn(source: RunningServer, ratePerSecond: number): Load {
  let seed = SEED;
  let stop: (() => Promise<unknown>) | undefined;
  return {
    go: async () => {
      const counting = await startCounting(source);
      const options = { seed: seed++, writers: 2, ratePerSecond, faithful: true };
      const writers = await runWriters(source, options);
      // Their connections are gone when the server is; whether all was well, the comparison says.
      stop = () => Promise.allSettled([writers.stop(), counting.stop()]);
    },
    rest: async () => {
      await stop?.();
      stop = undefined;
    },
  };
}

interface Stage {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly load: Load;
}

/** Two servers that keep what they have when they are killed. */
async function stage(one: ServerBinary, other: ServerBinary, bulk: number): Promise<Stage> {
  const durable = { appendonly: 'yes', appendfsync: 'no' };
  const source = await servers.start(one, { args: { 'repl-backlog-size': '64mb', ...durable } });
  const target = await servers.start(other, { args: durable });
  const from = await servers.client(source);
  await fillEverything(from, { seed: SEED });
  for (let part = 0; part < bulk; part++) {
    const keys = Array.from({ length: 5000 }, (_, at) => `bulk:${part}:${at}`);
    await from.pipeline(keys.map((key) => ['RPUSH', key, 'x'.repeat(100), 'y'.repeat(100)]));
  }
  return { source, target, load: loadOn(source, 2000) };
}

const fullSyncs = async (client: Client): Promise<number> =>
  Number(/sync_full:(\d+)/u.exec(await client.text('INFO', 'stats'))?.[1]);

/** As in versions.test.ts: what these servers do not tell a replica. */
function untold({ binary }: RunningServer): (difference: Difference) => boolean {
  return ({ what, a, b }) => {
    if (what !== 'stream' || a === null || binary.series !== 'redis-6.0') return false;
    return /consumers\..*"pel-count":0/u.test(a) || /entries-read|entries-added|max-deleted/u.test(b ?? '');
  };
}

async function expectEqual({ source, target }: Stage, held: boolean): Promise<void> {
  const [from, to] = await Promise.all([source.client(), target.client()]);
  // 6.0 sends relative times, which count from when they came: for what is sent again, after an outage.
  const ttlToleranceMs = source.binary.series === 'redis-6.0' ? 60_000 : 60;
  try {
    expect(await equalOrExplain(from, to, { held, ttlToleranceMs, excused: untold(source) })).toEqual([]);
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

// ---- the program, kept alive -----------------------------------------------------------------------------

const SERVER_AWAY = /^error: (can't reach|lost the connection|the (source|target) is not ready)/u;

/** Somebody starts it again whenever it has ended because a server was not there. */
class Keeper {
  readonly lives: Tool[] = [];
  #killed = true;
  #failure: Error | undefined;
  readonly #start: () => Tool;

  constructor(start: () => Tool) {
    this.#start = start;
  }

  get tool(): Tool {
    if (this.#failure !== undefined) throw this.#failure;
    return this.lives.at(-1)!;
  }

  get log(): readonly string[] {
    return this.lives.flatMap(({ log }) => log);
  }

  start(): void {
    this.#killed = false;
    const tool = this.#start();
    this.lives.push(tool);
    void tool.exited.then(async ({ code }) => {
      if (this.#killed) return;
      if (!tool.log.some((line) => SERVER_AWAY.test(line))) {
        this.#failure = new Error(`it ended with ${code}, seed ${SEED}:\n${tool.log.slice(-15).join('\n')}`);
        return;
      }
      await pause(100);
      if (!this.#killed) this.start();
    });
  }

  async kill(signal?: NodeJS.Signals): Promise<number | null> {
    this.#killed = true;
    return (await this.tool.kill(signal)).code;
  }

  async caughtUp(from: Client): Promise<void> {
    for (;;) {
      const { tool } = this;
      try {
        await awaitCaughtUp(tool, from);
        return;
      } catch (error) {
        if (!tool.stopped) throw error;
        await waitFor('its next start', () => this.tool !== tool);
      }
    }
  }
}

const keepers: Keeper[] = [];
afterAll(async () => {
  await Promise.all(keepers.map((keeper) => keeper.kill().catch(() => {})));
});

function keep({ source, target }: Stage): Keeper {
  const options = { source: source.url, target: target.url, stateDir: temporaryDirectory() };
  const keeper = new Keeper(() => startTool({ ...options, program: program() }));
  keepers.push(keeper);
  return keeper;
}

/** Some of them, in any order. */
function some<T>(random: Random, all: readonly T[]): T[] {
  const left = [...all];
  const count = 1 + random.int(all.length);
  return Array.from({ length: count }, () => left.splice(random.int(left.length), 1)[0]!);
}

describe.each(PAIRS)('%s', (_, one, other) => {
  const [first, second] = [binaryOf(one), binaryOf(other)];

  describe.skipIf(first === undefined || second === undefined)(`seed ${SEED}`, () => {
    test('all three die, in any order', { timeout: 400_000 }, async () => {
      const random = createRandom(SEED);
      const set = await stage(first!, second!, 4);
      const { source, target, load } = set;
      const keeper = keep(set);
      await load.go();
      keeper.start();
      const parties = {
        program: { die: async () => void (await keeper.kill()), live: async () => keeper.start() },
        target: { die: () => target.kill(), live: () => target.restart() },
        source: {
          die: async () => {
            await source.kill();
            await load.rest();
          },
          live: async () => {
            await source.restart();
            await load.go();
          },
        },
      };
      for (let death = 0; death < DEATHS; death++) {
        await pause(random.between(50, 1500));
        const doomed = some(random, Object.values(parties));
        for (const party of doomed) {
          await party.die();
          await pause(random.int(2) * random.int(300));
        }
        for (const party of some(random, doomed).concat(doomed).filter(unique)) {
          await party.live();
          await pause(random.int(2) * random.int(300));
        }
      }
      await load.rest();
      const from = await servers.client(source);
      await keeper.caughtUp(from);
      await expectEqual(set, true);
      expect(await keeper.kill('SIGTERM')).toBe(0);
      await expectEqual(set, false);
    });

    test(
      'target and program die, not the source: one snapshot, once received',
      { timeout: 400_000 },
      async () => {
        const random = createRandom(SEED + 1);
        const set = await stage(first!, second!, 12);
        const { source, target, load } = set;
        const from = await servers.client(source);
        const keeper = keep(set);
        await load.go();
        keeper.start();
        await waitFor('the snapshot', () => keeper.log.some((line) => /has been received/u.test(line)));
        const asked = await fullSyncs(from);
        const parties = [
          { die: async () => void (await keeper.kill()), live: async () => keeper.start() },
          { die: () => target.kill(), live: () => target.restart() },
        ];
        for (let death = 0; death < DEATHS; death++) {
          const doomed = some(random, parties);
          for (const party of doomed) await party.die();
          for (const party of doomed.toReversed()) await party.live();
          await pause(random.between(50, 1200));
        }
        await load.rest();
        await keeper.caughtUp(from);
        const copies = keeper.log.filter((line) => /full copy|snapshot|full sync started/u.test(line));
        expect({ asked: await fullSyncs(from), copies }).toEqual({ asked, copies });
        await expectEqual(set, true);
        expect(await keeper.kill('SIGTERM')).toBe(0);
        await expectEqual(set, false);
      },
    );

    test(`the target's connection is cut ${CUTS} times, at any byte`, { timeout: 400_000 }, async () => {
      const random = createRandom(SEED + 2);
      const set = await stage(first!, second!, 8);
      const { source, target, load } = set;
      const from = await servers.client(source);
      const far = await startProxy(target.port);
      await load.go();
      const run = startRun(source, `redis://127.0.0.1:${far.port}`, { stateDir: temporaryDirectory() });
      await run.event('full-sync-start');
      const lost = { 'full-sync': 0, streaming: 0 };
      run.handle.on(({ event }) => {
        const { phase } = run.shard;
        if (event === 'target-lost' && (phase === 'full-sync' || phase === 'streaming')) lost[phase]++;
      });
      // Much is sent and little answered.
      const cut = async (up: number, down: number): Promise<void> => {
        if (random.chance(0.5)) await far.cutAfter(random.int(up), 'client');
        else await far.cutAfter(random.int(down), 'server');
      };
      while (lost['full-sync'] < 5) await cut(2_000_000, 40_000);
      far.unlimited();
      await run.until('it streams', () => run.shard.phase === 'streaming', 60_000);
      while (lost.streaming < CUTS) {
        const before = run.shard.appliedOffset;
        await cut(random.pick([60_000, 2000]), random.pick([4000, 300]));
        // Mostly while it writes; now and then as soon as it comes back.
        if (random.chance(0.9)) await run.until('it writes', () => run.shard.appliedOffset > before);
      }
      far.unlimited();
      await load.rest();
      await run.caughtUpWith(from);
      expect(await fullSyncs(from)).toBe(1);
      await expectEqual(set, true);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, skipped: [] });
      await expectEqual(set, false);
      await far.close();
    });
  });
});

function unique<T>(value: T, index: number, all: readonly T[]): boolean {
  return all.indexOf(value) === index;
}

test.skipIf(NEWEST === undefined)('the seed of this run', ({ annotate }) => {
  expect(SEED).toBeGreaterThan(0);
  console.log(`REPLICANT_TEST_SEED=${SEED}`);
  return annotate(`REPLICANT_TEST_SEED=${SEED}`).then(() => {});
});
