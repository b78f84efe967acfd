/**
 * Everything at once: the source's link and the target's are cut at random places, the target freezes, and
 * all the while a random workload runs. In the end both hold the same, and a counter has not lost or gained.
 */
import { expect, test } from 'vitest';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { createRandom, freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters } from '../../../scripts/workload/writers.mjs';
import { FAITHFUL, differences, NEWEST, offsetOf, Servers, startRun } from '../../support/live.js';
import { startProxy } from '../../support/proxy.js';

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const BLOWS = 8;
const COUNTED = 100;
const COUNTER_DB = 12;

const servers = new Servers();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.skipIf(NEWEST === undefined).each(['64mb', '200kb'])(
  `random blows, seed ${SEED}, a backlog of %s`,
  { timeout: 60_000 },
  async (backlog) => {
    const random = createRandom(SEED);
    const source = await servers.start(NEWEST!, { args: { 'repl-backlog-size': backlog } });
    const target = await servers.start(NEWEST!);
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    const counter = await servers.client(source, { db: COUNTER_DB });
    const [near, far] = await Promise.all([startProxy(source.port), startProxy(target.port)]);
    const at = (port: number): string => `redis://127.0.0.1:${port}`;
    await fillEverything(from, { seed: SEED });
    const writers = await runWriters(source, { seed: SEED, writers: 2, ratePerSecond: 8000, ...FAITHFUL });
    const run = startRun(at(near.port), at(far.port));

    const blows: readonly (() => Promise<void>)[] = [
      () => near.cut(),
      async () => void near.cutAfter(random.int(400_000)),
      () => far.cut(),
      async () => {
        target.pause();
        await pause(random.int(200));
        await near.cut();
        target.resume();
      },
    ];
    for (let blow = 0; blow < BLOWS; blow++) {
      // In whatever state it is by then.
      await pause(random.int(500));
      await counter.pipeline(Array.from({ length: COUNTED }, () => ['INCR', 'n']));
      await random.pick(blows)();
    }
    near.unlimited();
    const { failure } = await writers.stop();
    expect(failure).toBeUndefined();
    await run.until(
      'it has caught up',
      async () => run.shard.phase === 'streaming' && run.shard.appliedOffset >= (await offsetOf(from)),
      40_000,
    );
    expect(await differences(from, to)).toEqual([]);
    await to.call('SELECT', COUNTER_DB);
    expect(await to.text('GET', 'n')).toBe(String(BLOWS * COUNTED));
    expect(await run.stop()).toMatchObject({ ok: true, skipped: [] });
    await Promise.all([near.close(), far.close()]);
  },
);
