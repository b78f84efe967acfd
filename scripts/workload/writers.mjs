/** Several connections writing a random workload to a server, as fast as it goes or at a given rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import { probeAbilities } from './abilities.mjs';
import { mergeTallies, tallyReplies } from './tally.mjs';
import { createWorkload } from './workload.mjs';

/** @typedef {import('./tally.mjs').Tally} Tally */
/**
 * @typedef {object} WriterOptions
 * @property {number} seed
 * @property {number} [writers] connections
 * @property {number} [seconds] stop by itself after this; otherwise at `stop()`
 * @property {number} [ratePerSecond] commands of all writers together
 * @property {number} [batchSize] commands per round trip
 * @property {boolean} [faithful] as for createWorkload
 * @property {boolean} [expiryRaces] as for createWorkload
 * @property {boolean} [blocking] one more connection waits in blocking reads
 * @property {readonly number[]} [dbs]
 * @property {number} [flushDb]
 * @property {number} [keyspace]
 * @property {import('./context.mjs').Layout} [layout] as for createWorkload; a cluster gets `cluster`
 * @property {boolean} [flushes] as for createWorkload
 */
/**
 * @typedef {object} WriterStats
 * @property {number} seed
 * @property {number} commands executed, transactions counted by their contents
 * @property {number} errors replies that were errors; expected, only effects replicate
 * @property {number} seconds
 * @property {Tally} byCommand
 * @property {Error | undefined} failure why a connection ended early
 */
/**
 * @typedef {object} Writers
 * @property {() => Promise<WriterStats>} stop idempotent; waits for the batches under way
 * @property {Promise<WriterStats>} done
 * @property {() => number} commandsSoFar
 */

/**
 * @typedef {object} Run
 * @property {WriterOptions} options
 * @property {number} writers
 * @property {number} startedMs
 * @property {boolean} stopped
 * @property {number} commands
 * @property {Tally[]} tallies
 * @property {Error | undefined} failure
 */

/**
 * A client of one server, or of a cluster, which has no SELECT and sends each command where it belongs.
 * @typedef {import('./abilities.mjs').Caller & {everyPrimary?: (action: (node: import('./abilities.mjs').Caller) => unknown) => Promise<unknown>}} Sender
 */

/**
 * @param {Sender} client
 * @param {number} db
 * @param {readonly import('./abilities.mjs').Arg[][]} commands
 * @returns {Promise<unknown[]>}
 */
async function send(client, db, commands) {
  if (client.everyPrimary !== undefined) return await client.pipeline(commands);
  return (await client.pipeline([['SELECT', String(db)], ...commands])).slice(1);
}

/** @param {Sender} client @param {readonly import('./abilities.mjs').Arg[][]} commands */
async function setUp(client, commands) {
  if (client.everyPrimary === undefined) await client.pipeline(commands);
  else await client.everyPrimary((node) => node.pipeline(commands));
}

/** @param {Run} run @returns {boolean} */
function isOver(run) {
  const { seconds } = run.options;
  return run.stopped || (seconds !== undefined && performance.now() - run.startedMs > seconds * 1000);
}

/** @param {Run} run @param {number} sent by one writer */
async function keepRate(run, sent) {
  const { ratePerSecond } = run.options;
  if (ratePerSecond === undefined) return;
  const dueMs = run.startedMs + (sent / (ratePerSecond / run.writers)) * 1000;
  while (!isOver(run) && performance.now() < dueMs)
    await sleep(Math.min(50, Math.max(1, dueMs - performance.now())));
}

/**
 * @param {Sender} client
 * @param {import('./workload.mjs').Workload} workload
 * @param {Run} run
 */
async function writeLoop(client, workload, run) {
  /** @type {Tally} */
  const tally = new Map();
  run.tallies.push(tally);
  for (let sent = 0; !isOver(run); await keepRate(run, sent)) {
    const { db, commands } = workload.nextBatch(run.options.batchSize ?? 40);
    tallyReplies(tally, commands, await send(client, db, commands));
    sent += commands.length;
    run.commands += commands.length;
  }
}

/**
 * @param {Sender} client
 * @param {import('./workload.mjs').Workload} workload
 * @param {Run} run
 */
async function blockLoop(client, workload, run) {
  /** @type {Tally} */
  const tally = new Map();
  run.tallies.push(tally);
  while (!isOver(run)) {
    const next = workload.nextBlocking();
    if (next === undefined) return;
    tallyReplies(tally, [next.command], await send(client, next.db, [next.command]));
    run.commands += 1;
  }
}

/** @param {Run} run @returns {WriterStats} */
function statsOf(run) {
  const byCommand = mergeTallies(run.tallies);
  let errors = 0;
  for (const count of byCommand.values()) errors += count.errors;
  const seconds = (performance.now() - run.startedMs) / 1000;
  return { seed: run.options.seed, commands: run.commands, errors, seconds, byCommand, failure: run.failure };
}

/**
 * @param {{client: () => Promise<Sender & {close: () => unknown}>}} server or a cluster
 * @param {WriterOptions} options
 * @returns {Promise<Writers>} once everything is connected and writing has begun
 */
export async function runWriters(server, options) {
  const writers = options.writers ?? 3;
  const waiting = options.blocking === false ? 0 : 1;
  const clients = await Promise.all(Array.from({ length: writers + waiting }, () => server.client()));
  const abilities = await probeAbilities(clients[0]);
  const nowMs = Date.now();
  const workloads = clients.map((_, i) => {
    const { dbs, flushDb, keyspace, faithful, expiryRaces, flushes } = options;
    return createWorkload({
      seed: options.seed + i,
      abilities,
      nowMs,
      tag: `${options.seed}.${i}`,
      dbs,
      flushDb,
      keyspace,
      faithful,
      expiryRaces,
      layout: options.layout ?? (clients[0].everyPrimary === undefined ? 'databases' : 'cluster'),
      flushes,
    });
  });
  await setUp(clients[0], workloads[0].setup());
  /** @type {Run} */
  const run = {
    options,
    writers,
    startedMs: performance.now(),
    stopped: false,
    commands: 0,
    tallies: [],
    failure: undefined,
  };
  const loops = clients.map(async (client, i) => {
    try {
      await (i < writers ? writeLoop : blockLoop)(client, workloads[i], run);
    } catch (error) {
      run.failure ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      await client.close();
    }
  });
  const done = Promise.all(loops).then(() => statsOf(run));
  return {
    done,
    commandsSoFar: () => run.commands,
    stop: () => {
      run.stopped = true;
      return done;
    },
  };
}
