/**
 * The handover of slots, proved by trying: thousands of seeds decide what the source does, in which order everything goes on that goes on
 * at once, and when jobs die. REPLICANT_SEEDS=n tries more; REPLICANT_SEED=n one.
 */
import { describe, expect, test } from 'vitest';
import { SlotSet } from '../../../src/keyspace/slot-set.js';
import { parseHolding } from '../../../src/sync/shards/holding.js';
import { describeKeys, type Snapshot, SimJob, SimTarget, type SimWorld } from './sim-job.js';
import { Random, Scheduler } from './sim-random.js';
import { SimSource } from './sim-source.js';

const SLOTS = 6;
const STEPS = 1200;
const SETTLE_STEPS = 30_000;

/** How the target differs from the source in the end. */
async function simulate(seed: number, mode: SimWorld['mode']): Promise<readonly string[]> {
  const random = new Random(seed);
  const scheduler = new Scheduler(random);
  const source = new SimSource(random, 3, SLOTS);
  const target = new SimTarget();
  const world: SimWorld = { random, scheduler, target, slots: SLOTS, mode, jobs: new Map() };
  const start = (index: number, disk: { snapshot: Snapshot | undefined }): void => {
    const key = `s${index + 1}`;
    world.jobs.set(key, new SimJob(world, key, source.nodes[index]!, disk));
  };
  for (let count = random.below(40); count > 0; count--) source.act();
  source.nodes.forEach((_, index) => start(index, { snapshot: undefined }));
  const check = (): void => {
    for (const { failure } of world.jobs.values()) if (failure !== undefined) throw failure;
  };
  const revive = (index: number): void => {
    const job = world.jobs.get(`s${index + 1}`)!;
    job.kill();
    // Sometimes the source has no backlog for it any more, sometimes its spool is gone.
    if (random.below(6) === 0) loseBacklog(target, job.key);
    start(index, random.below(2) === 0 ? { snapshot: undefined } : job.disk);
  };
  for (let step = 0; step < STEPS; step++) {
    if (random.below(6) === 0) source.act();
    if (random.below(150) === 0) revive(random.below(source.nodes.length));
    // oxlint-disable-next-line no-await-in-loop -- one step after the other
    await scheduler.step();
    check();
  }
  const settled = (): boolean =>
    source.moving === 0 && [...world.jobs.values()].every((job) => job.idle) && heldByOwners(source, target);
  for (let step = 0; !settled(); step++) {
    if (step === SETTLE_STEPS) throw new Error('it does not come to an end');
    source.settle();
    // oxlint-disable-next-line no-await-in-loop
    await scheduler.step();
    check();
  }
  return source.owner.flatMap(({ store }, slot) => {
    const [is, should] = [describeKeys(target.store, slot), describeKeys(store, slot)];
    return is === should ? [] : [`slot ${slot}: ${is} and not ${should}`];
  });
}

/** Only a new snapshot will do, while what it held is still in its record. */
function loseBacklog(target: SimTarget, key: string): void {
  const record = target.records.get(key);
  if (record !== undefined) target.records.set(key, { ...record, state: 'loading', snapshot: 'lost' });
}

function heldByOwners(source: SimSource, target: SimTarget): boolean {
  return source.nodes.every((node, index) => {
    const { slots } = parseHolding(target.records.get(`s${index + 1}`)?.slots ?? '');
    return slots.equals(SlotSet.of([...node.owned].map((slot) => [slot, slot] as const)));
  });
}

const seeds = Number(process.env['REPLICANT_SEEDS'] ?? 200);
const only = process.env['REPLICANT_SEED'];

describe.each(['atomic', 'lanes'] as const)('slots that move, %s', (mode) => {
  test(`the target is what the source is, ${only ?? seeds} seeds`, { timeout: 3_600_000 }, async () => {
    const first = only === undefined ? 1 : Number(only);
    for (let seed = first; seed < first + (only === undefined ? seeds : 1); seed++) {
      const found = await simulate(seed, mode).catch((error: unknown) => [String(error)]);
      expect([`seed ${seed}`, ...found]).toEqual([`seed ${seed}`]);
    }
  });
});
