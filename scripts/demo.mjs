/**
 * `npm run demo`: two real servers, every type of data, writers that never pause, the real command line in
 * between, and at the end the proof that both servers hold the same.
 *
 *   node scripts/demo.mjs [--from redis-7.0] [--to valkey-8.1] [--seconds 15] [--rate 4000] [--keys 40000] [--seed N]
 *
 * Exit code 0 only when source and target are equal.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { choosePair } from './demo/choose-servers.mjs';
import { awaitEqual, awaitVisible } from './demo/finish.mjs';
import { prepare } from './demo/prepare.mjs';
import { preload } from './demo/preload.mjs';
import { startProbe } from './demo/probe.mjs';
import { reportFigures, reportVerdict } from './demo/report.mjs';
import { createScreen, formatCount, progressLine } from './demo/screen.mjs';
import { lastMessages, startSync } from './demo/sync-process.mjs';
import { findServers, startServer } from './servers.mjs';
import { abilitiesOf } from './workload/abilities.mjs';
import { fillEverything } from './workload/fill.mjs';
import { freshSeed } from './workload/random.mjs';
import { runWriters } from './workload/writers.mjs';

const DBS = [0, 1, 3, 9];
const FLUSHED_DB = 7;
const PROGRESS_MS = 100;

/** @typedef {{seconds: number, rate: number, keys: number, seed: number, from?: string, to?: string}} DemoOptions */

/** @param {string[]} argv @returns {DemoOptions} */
function readOptions(argv) {
  const text = /** @type {const} */ ({ type: 'string' });
  const { values } = parseArgs({
    args: argv,
    options: { from: text, to: text, seconds: text, rate: text, keys: text, seed: text },
  });
  const number = (/** @type {string} */ name, /** @type {number} */ otherwise) => {
    const given = values[name];
    const value = given === undefined ? otherwise : Number(given);
    if (!Number.isFinite(value) || value < 0 || given === '')
      throw new Error(`--${name}: expected a number, got '${given}'`);
    return value;
  };
  const { from, to } = values;
  return {
    seconds: number('seconds', 15),
    rate: number('rate', 4000),
    keys: number('keys', 40_000),
    seed: number('seed', freshSeed()),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

/** Things to undo, last first, whatever happens. */
function createCleanup() {
  /** @type {(() => unknown)[]} */
  const steps = [];
  return {
    /** @param {() => unknown} step */
    add: (step) => steps.push(step),
    run: async () => {
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step();
        } catch (error) {
          console.error(`cleaning up: ${reasonOf(error)}`);
        }
      }
    },
  };
}

/** @param {DemoOptions} options @param {ReturnType<typeof createScreen>} screen @param {ReturnType<typeof createCleanup>} cleanup */
async function startServers(options, screen, cleanup) {
  const binaries = await findServers({ log: (line) => screen.progress(line) });
  if (binaries.length === 0) {
    throw new Error(
      'no Redis or Valkey server found. Install one (`apt install redis-server`, `brew install valkey`), or set\n' +
        'REPLICANT_SERVERS to a directory that holds redis-server or valkey-server, and run this again.',
    );
  }
  const { from, to } = choosePair(binaries, options);
  const start = async (/** @type {import('./servers.mjs').ServerBinary} */ binary) => {
    const server = await startServer(binary, { args: { 'repl-diskless-sync-delay': 0 } });
    cleanup.add(() => server.stop());
    return server;
  };
  const source = await start(from);
  const target = await start(to);
  screen.line(`servers   ${from.id} at 127.0.0.1:${source.port} → ${to.id} at 127.0.0.1:${target.port}`);
  return { source, target };
}

/** @param {import('./servers.mjs').RunningServer} source @param {DemoOptions} options @param {ReturnType<typeof createScreen>} screen */
async function fillSource(source, options, screen) {
  const client = await source.client();
  screen.progress('filling the source');
  const { errors } = await fillEverything(client, { seed: options.seed, dbs: DBS });
  if (errors.length > 0)
    screen.line(`  the source refused ${errors.length} commands, the first: ${errors[0]}`);
  await preload(client, { seed: options.seed, keys: options.keys, dbs: DBS });
  const info = await client.text('INFO', 'keyspace');
  const keys = [...info.matchAll(/keys=(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
  screen.line(
    `source    ${formatCount(keys)} keys of every type in ${DBS.length} databases, seed ${options.seed}`,
  );
  await client.close();
}

/**
 * Follows the sync while the writers write.
 * @param {import('./demo/sync-process.mjs').SyncProcess} sync
 * @param {import('./workload/writers.mjs').Writers} writers
 * @param {number} seconds
 * @param {ReturnType<typeof createScreen>} screen
 * @param {() => Promise<unknown>} onStreaming
 */
async function watch(sync, writers, seconds, screen, onStreaming) {
  const state = { over: false, streaming: false };
  void sync.exited.then(() => {
    state.over = true;
  });
  const endMs = performance.now() + seconds * 1000;
  // A full sync that takes longer than the load is waited for.
  while (!state.over && (performance.now() < endMs || !state.streaming)) {
    const status = (await sync.liveStatus()) ?? sync.status();
    screen.progress(progressLine(status, writers.commandsSoFar()));
    if (status?.phase === 'streaming' && !state.streaming) {
      state.streaming = true;
      await onStreaming();
    }
    await sleep(PROGRESS_MS);
  }
  if (state.over) throw new Error(`the sync ended early:\n${lastMessages(sync.log())}`);
}

/** @param {DemoOptions} options @param {ReturnType<typeof createScreen>} screen @param {ReturnType<typeof createCleanup>} cleanup @returns {Promise<boolean>} equal */
async function demo(options, screen, cleanup) {
  prepare((line) => screen.line(`prepare   ${line}`));
  const { source, target } = await startServers(options, screen, cleanup);
  await fillSource(source, options, screen);

  const writers = await runWriters(source, {
    seed: options.seed,
    dbs: DBS,
    ratePerSecond: options.rate,
    faithful: true,
    // A target that is not told to wait for the source expires by its own clock, a little early or late.
    expiryRaces: false,
  });
  cleanup.add(() => writers.stop());
  screen.line(
    `writers   about ${formatCount(options.rate)} commands a second: all types, MULTI, Lua, expiring keys`,
  );

  const sync = startSync({ source: source.url, target: target.url, http: true });
  cleanup.add(() => sync.stop());
  screen.line(`sync      replicant sync ${source.url} ${target.url}`);

  /** @type {Awaited<ReturnType<typeof startProbe>> | undefined} */
  let probe;
  let streamingMs = Number.NaN;
  await watch(sync, writers, options.seconds, screen, async () => {
    streamingMs = performance.now() - sync.startedMs;
    screen.line(`live      full sync done, status page at ${sync.pageUrl() ?? 'no address'}`);
    probe = await startProbe(source, target);
    cleanup.add(() => probe?.stop());
  });

  const stats = await writers.stop();
  if (stats.failure !== undefined) throw stats.failure;
  const lags = (await probe?.stop()) ?? [];
  const drainMs = await awaitVisible(source, target, sync, screen);
  const status = await sync.liveStatus();
  const exit = await sync.stop();
  const abilities = [source, target].map(({ binary }) => abilitiesOf({ ...binary, commands: [] }));
  const verdict = await awaitEqual(source, target, { screen, dbs: [...DBS, FLUSHED_DB], abilities });
  reportFigures(screen, { stats, exit, status, lags, drainMs, fullSync: streamingMs / 1000 });
  reportVerdict(screen, { verdict, exit });
  return verdict.equal && exit.code === 0;
}

/** @param {ReturnType<typeof createScreen>} screen @param {ReturnType<typeof createCleanup>} cleanup */
function onInterrupt(screen, cleanup) {
  const state = { interrupted: false };
  const codes = /** @type {const} */ ({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 });
  const stop = (/** @type {keyof typeof codes} */ signal) => {
    if (state.interrupted) process.exit(codes[signal]);
    state.interrupted = true;
    screen.line(`${signal}: stopping`);
    void cleanup.run().finally(() => process.exit(codes[signal]));
  };
  // `on`, not `once`: as long as somebody listens, the servers leave it to us to stop them.
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  return state;
}

/** @param {unknown} error @returns {string} */
function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {string[]} argv @returns {Promise<number>} exit code */
async function main(argv) {
  const screen = createScreen();
  const cleanup = createCleanup();
  const interrupt = onInterrupt(screen, cleanup);
  try {
    const options = readOptions(argv);
    return (await demo(options, screen, cleanup)) ? 0 : 1;
  } catch (error) {
    // What fails because everything is being stopped is not worth a word.
    if (!interrupt.interrupted) screen.line(`failed: ${reasonOf(error)}`);
    return 1;
  } finally {
    await cleanup.run();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main(process.argv.slice(2));
}
