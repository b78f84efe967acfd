/**
 * Slots on the move.
 *
 * Classic resharding in the steps of `redis-cli --cluster reshard`: SETSLOT IMPORTING on the destination,
 * MIGRATING on the source, MIGRATE … KEYS until the slot is empty, SETSLOT NODE on the destination (first, so
 * that the slot is not left without owner), the source, and the other primaries.
 *
 * Valkey 9 moves whole slots: CLUSTER MIGRATESLOTS, then GETSLOTMIGRATIONS says how far it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const MIGRATE_TIMEOUT_MS = 60_000;
const JOB_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** One slot half way. */
export class SlotMove {
  /** @returns {Promise<SlotMove>} */
  static async start(cluster, slot, source, destination) {
    await destination.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', destination.id);
    return new SlotMove(cluster, slot, source, destination);
  }

  constructor(cluster, slot, source, destination) {
    this.cluster = cluster;
    this.slot = slot;
    this.source = source;
    this.destination = destination;
  }

  async moveKeys(count) {
    return await migrateKeys(this.cluster, this.slot, this.source, this.destination, count);
  }

  async finish() {
    const order = ['CLUSTER', 'SETSLOT', this.slot, 'NODE', this.destination.id];
    await this.destination.call(...order);
    const others = this.cluster.shards.map(({ primary }) => primary);
    for (const node of new Set([this.source, ...others])) {
      if (node === this.destination || !node.server.isRunning) continue;
      const [reply] = await node.pipeline([order]);
      // Who loses its last slot may have become a replica by then, as redis-cli knows, too.
      if (reply instanceof Error && !reply.message.includes('SETSLOT only with')) throw reply;
    }
  }

  async giveUp() {
    // The source first: as long as it is migrating it answers ASK for keys that it does not have.
    await this.source.call('CLUSTER', 'SETSLOT', this.slot, 'STABLE');
    while ((await migrateKeys(this.cluster, this.slot, this.destination, this.source, 100)) > 0);
    await this.destination.call('CLUSTER', 'SETSLOT', this.slot, 'STABLE');
  }
}

/** @returns {Promise<number>} keys moved; 0 when the slot is empty */
async function migrateKeys({ password }, slot, from, to, count) {
  const keys = await from.call('CLUSTER', 'GETKEYSINSLOT', slot, count);
  if (keys.length === 0) return 0;
  const migrate = (replace) => [
    'MIGRATE',
    to.host,
    to.port,
    '',
    0,
    MIGRATE_TIMEOUT_MS,
    ...replace,
    ...(password === undefined ? [] : ['AUTH', password]),
    'KEYS',
    ...keys,
  ];
  const [reply] = await from.pipeline([migrate([])]);
  // As redis-cli with --cluster-replace: the key was made on the destination by a client that was asking.
  if (reply instanceof Error && reply.message.includes('BUSYKEY')) await from.call(...migrate(['REPLACE']));
  else if (reply instanceof Error) throw reply;
  return keys.length;
}

export async function moveSlots(cluster, slots, source, destination, options) {
  const { pauseMsPerKey = 0, pauseMsPerSlot = 0, keysPerCall = 10, onSlot } = options;
  for (const slot of slots) {
    const move = await SlotMove.start(cluster, slot, source, destination);
    for (;;) {
      const moved = await move.moveKeys(keysPerCall);
      if (moved === 0) break;
      if (pauseMsPerKey > 0) await sleep(pauseMsPerKey * moved);
    }
    if (pauseMsPerSlot > 0) await sleep(pauseMsPerSlot);
    await move.finish();
    await onSlot?.(slot);
  }
}

export async function migrateSlotsAtomically(
  ranges,
  source,
  destination,
  { timeoutMs = JOB_TIMEOUT_MS, onState },
) {
  const before = new Set((await slotMigrations(source)).map(({ name }) => name));
  await source.call('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', ...ranges.flat(), 'NODE', destination.id);
  const deadline = Date.now() + timeoutMs;
  const seen = new Map();
  for (;;) {
    const jobs = (await slotMigrations(source)).filter(({ name }) => !before.has(name));
    for (const job of jobs) {
      if (seen.get(job.name) !== job.state) await onState?.(job);
      seen.set(job.name, job.state);
    }
    const failed = jobs.find(({ state }) => state === 'failed' || state === 'cancelled');
    if (failed !== undefined) throw new Error(`the slot migration ${failed.state}: ${failed.message}`);
    if (jobs.length > 0 && jobs.every(({ state }) => state === 'success')) return jobs;
    if (Date.now() > deadline)
      throw new Error(`the slot migration is not over after ${timeoutMs} ms: ${JSON.stringify(jobs)}`);
    await sleep(POLL_MS);
  }
}

/** GETSLOTMIGRATIONS: a list of flat lists of names and values. */
export async function slotMigrations(node) {
  const jobs = await node.text('CLUSTER', 'GETSLOTMIGRATIONS');
  return jobs.map((flat) =>
    Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : []))),
  );
}
