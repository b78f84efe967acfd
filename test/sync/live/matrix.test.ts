/**
 * Every version to every version: all that the source can hold, a random workload of all that it can do while the
 * copy is taken and after it, and then the target holds the same, as far as it can; what can't be the same stands
 * in `support/matrix-rules.ts`. How each family of values and commands got there is compared with
 * fixtures/version-matrix.json; REPLICANT_UPDATE_MATRIX=1 writes that file anew, from several seeds.
 *
 * The seed is printed; REPLICANT_TEST_SEED repeats a run.
 */
import { afterAll, describe, expect, test, vi } from 'vitest';
import { fillEverything } from '../../../scripts/workload/fill.mjs';
import { freshSeed } from '../../../scripts/workload/random.mjs';
import { runWriters, type WriterStats } from '../../../scripts/workload/writers.mjs';
import { formatServer } from '../../../src/rdb/server-support.js';
import { binaryOf, FAITHFUL, Pool, type Run, Servers, startRun } from '../../support/live.js';
import {
  changes,
  couples,
  identityOf,
  type Pair,
  readMatrix,
  SERIES,
  setCells,
  unexplained,
  unseen,
  writeMatrix,
} from '../../support/matrix.js';
import { tour } from '../../support/matrix-tour.js';
import { type PairRule, rulesOf } from '../../support/matrix-rules.js';
import { familyOf, type Watch, watchTarget } from '../../support/matrix-watch.js';

vi.mock('../../../src/sync/snapshot-writer.js', async (original) => {
  const module = await original<typeof import('../../../src/sync/snapshot-writer.js')>();
  const { watchedWriter } = await import('../../support/matrix-watch.js');
  return { ...module, SnapshotWriter: watchedWriter(module.SnapshotWriter) };
});
vi.mock('../../../src/sync/stream-applier.js', async (original) => {
  const module = await original<typeof import('../../../src/sync/stream-applier.js')>();
  const { watchedApplier } = await import('../../support/matrix-watch.js');
  return { ...module, StreamApplier: watchedApplier(module.StreamApplier) };
});
vi.mock('../../../src/convert/absolute-ttl.js', async (original) => {
  const module = await original<typeof import('../../../src/convert/absolute-ttl.js')>();
  const { watchedForm } = await import('../../support/matrix-watch.js');
  return { ...module, toAbsoluteTtl: watchedForm(module.toAbsoluteTtl) };
});
vi.mock('../../../src/convert/target-form/to-target-form.js', async (original) => {
  const module = await original<typeof import('../../../src/convert/target-form/to-target-form.js')>();
  const { watchedForm } = await import('../../support/matrix-watch.js');
  return { ...module, toTargetForm: watchedForm(module.toTargetForm) };
});

const SEED = Number(process.env['REPLICANT_TEST_SEED'] ?? freshSeed());
const UPDATE = process.env['REPLICANT_UPDATE_MATRIX'] === '1';
/** What is rare in the workload is seen in one of several rounds. */
const ROUNDS = UPDATE ? 3 : 1;
/** Commands after the copy: enough for every kind to come. */
const COMMANDS = 5000;

const servers = new Servers();
const pools = new Map(SERIES.map((series) => [series as string, new Pool(servers, binaryOf(series))]));
const recorded = readMatrix();

test('the seed of this run', ({ annotate }) => {
  expect(SEED).toBeGreaterThan(0);
  console.log(`REPLICANT_TEST_SEED=${SEED}`);
  return annotate(`REPLICANT_TEST_SEED=${SEED}`).then(() => {});
});

/** One sync from start to end; `watch` sees how things get there. */
async function sync(pair: Pair, seed: number, watch: Watch): Promise<void> {
  const [source, target] = [identityOf(pair.binaries!.source), identityOf(pair.binaries!.target)];
  const rules = rulesOf(source, target);
  await pools.get(pair.source)!.use((primary, from) =>
    pools.get(pair.target)!.use(async (copy, to) => {
      expect(await fillEverything(from, { seed })).toMatchObject({ errors: [] });
      const writers = await runWriters(primary, { seed, writers: 3, ...FAITHFUL });
      const run = startRun(primary, copy, { onUnsupported: 'report' });
      await run.event('caught-up');
      const at = writers.commandsSoFar();
      await run.until('enough was written', () => writers.commandsSoFar() > at + COMMANDS);
      const stats = await writers.stop();
      expect(stats.failure).toBeUndefined();
      await tour(from);
      await run.caughtUpWith(from);
      // Keys go on expiring, so that the source is never quite silent.
      await run.until('no lag', () => run.shard.lagBytes === 0);
      expect(await unexplained(from, to, { source, rules, held: true })).toEqual([]);
      expect(await run.stop()).toMatchObject({ reason: 'stopped', fullSyncs: 1 });
      // Nobody deletes any more what has no deadline on the target; but deadlines are the true ones now.
      const only = ['ttl', 'field-ttl'] as const;
      expect(await unexplained(from, to, { source, rules, held: false, only })).toEqual([]);
      expect(unexpectedReports(run, rules)).toEqual([]);
      seeCommands(stats, watch);
    }),
  );
}

function unexpectedReports(run: Run, rules: readonly PairRule[]): string[] {
  return run.events
    .filter(({ event }) => event === 'skipped')
    .map(({ message }) => message)
    .filter((message) => !rules.some(({ reports }) => reports?.test(message)));
}

/** What the watch has not seen come in another form has come as it was. */
function seeCommands({ byCommand }: WriterStats, watch: Watch): void {
  for (const [name, { sent, errors }] of byCommand) {
    if (sent > errors) watch.see('stream', familyOf(name), 'exact');
  }
}

describe.each(couples().map((couple) => [couple]))('two side by side, %#', (couple) => {
  for (const pair of couple) {
    test
      .skipIf(pair.binaries === undefined)
      .concurrent(`${pair.source} to ${pair.target}`, { timeout: 60_000 * ROUNDS }, async ({ annotate }) => {
        const watch = watchTarget(formatServer(identityOf(pair.binaries!.target)));
        for (let round = 0; round < ROUNDS; round++) await sync(pair, SEED + round, watch);
        if (UPDATE) {
          setCells(recorded, pair.source, pair.target, watch);
          return;
        }
        const { worse, better } = changes(recorded, pair, watch);
        expect(worse).toEqual([]);
        // What a workload does not come across today says nothing.
        for (const cell of unseen(recorded, pair, watch)) await annotate(`${cell}: not seen this time`);
        for (const { cell, was, is } of better) {
          await annotate(`${cell}: ${is}, was ${was}; REPLICANT_UPDATE_MATRIX=1 records that`);
        }
      });
  }
});

afterAll(() => {
  if (UPDATE) writeMatrix(recorded);
});
