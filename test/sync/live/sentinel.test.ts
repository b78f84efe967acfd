/**
 * Sentinel-managed primaries as source and as target: failovers under load, asked for and by a primary that dies,
 * what gets lost in them, and Sentinels some of which are dead. However it goes, both sides end equal, and nothing
 * is applied twice.
 */
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { RunningServer } from '../../../scripts/servers.mjs';
import { clusterDifferences, Clusters, CounterWriter, NEWEST_BINARIES } from '../../support/cluster.js';
import { killLoop, startTool, type Tool } from '../../support/kill-loop.js';
import { NEWEST, type Run, Servers, startRun, temporaryDirectory, waitFor } from '../../support/live.js';
import { program, runProgram } from '../../support/live-program.js';
import { Following, settledWith, Watched, type WatchedOptions } from '../../support/watched.js';

const SLOW = { timeout: 120_000 };
const servers = new Servers();
const clusters = new Clusters();
const SEED = Number(process.env['REPLICANT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Enough that going back a little needs no full copy. */
const ROOMY = { 'repl-backlog-size': '128mb' };
/** More than sockets hold on the way to a replica that stands still. */
const LOST_MEGABYTES = 40;
const MEGABYTE = 'x'.repeat(1024 * 1024);

type Binary = (typeof NEWEST_BINARIES)[number];

const startWatched = (binary: Binary, options?: WatchedOptions): Promise<Watched> =>
  Watched.start([servers, clusters], binary, options);

const at = ({ host, port }: RunningServer): string => `${host}:${port}`;

function countIn(client: Pick<Following, 'pipeline' | 'text'>): CounterWriter {
  return new CounterWriter(client, { keys: 50, batchSize: 20, ratePerSecond: 2000 });
}

async function fill(server: RunningServer, keys: number): Promise<void> {
  const client = await servers.client(server);
  await client.pipeline(Array.from({ length: keys }, (_, i) => ['RPUSH', `list:${i}`, `value ${i}`, i]));
}

/** Differences with what was logged behind them. */
async function explained(differences: Promise<readonly string[]>, log: string): Promise<readonly string[]> {
  const found = await differences;
  return found.length === 0 ? found : [...found, log];
}

/** The writer has stopped, and both sides hold the same. */
async function endEqual(
  run: Run,
  counter: CounterWriter,
  source: RunningServer,
  target: RunningServer,
): Promise<void> {
  expect((await counter.stop()).commands).toBeGreaterThan(100);
  await settledWith(run, source);
  expect(run.shard.target).toBe(at(target));
  const [from, to] = [await servers.client(source), await servers.client(target)];
  expect(await explained(counter.differences(from, to), run.log)).toEqual([]);
  expect(await clusterDifferences(from, to)).toEqual([]);
}

describe.skipIf(NEWEST_BINARIES.length === 0).each(NEWEST_BINARIES)(`$id, seed ${SEED}`, (binary) => {
  test('the source fails over under load, asked to and because its primary dies', SLOW, async () => {
    const [source, target] = await Promise.all([
      startWatched(binary, { replicas: 2, args: ROOMY }),
      servers.start(binary),
    ]);
    await fill(source.servers[0]!, 5000);
    const counter = countIn(new Following(source));
    const run = startRun(source.urlOf(), target);
    await run.event('caught-up');
    const second = await source.failover();
    await run.until('the new primary to be followed', () => run.shard.source === at(second));
    await pause(500);
    await source.at((await source.sentinels.primary()).port).kill();
    const { port } = await source.sentinels.untilMovedFrom(second.port);
    await endEqual(run, counter, source.at(port), target);
    expect(await run.stop()).toMatchObject({ ok: true });
  });

  test('the target fails over under load, asked to and because its primary dies', SLOW, async () => {
    const [source, target] = await Promise.all([
      servers.start(binary, { args: ROOMY }),
      startWatched(binary, { replicas: 2 }),
    ]);
    await fill(source, 5000);
    const counter = countIn(await servers.client(source));
    const run = startRun(source, target.urlOf());
    await run.event('caught-up');
    const second = await target.failover();
    // The former one is made a replica, and closes connections, ten seconds later.
    await run.until('the new primary to be written to', () => run.shard.target === at(second), 6000);
    await pause(500);
    const third = await target.killPrimary();
    await endEqual(run, counter, source, third);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
  });

  test('a target that loses what it had confirmed is given it again', SLOW, async () => {
    const [source, target] = await Promise.all([
      servers.start(binary, { args: { ...ROOMY, 'client-output-buffer-limit': 'replica 0 0 0' } }),
      startWatched(binary, { args: { 'client-output-buffer-limit': 'replica 0 0 0' } }),
    ]);
    const from = await servers.client(source);
    const [primary, replica] = target.servers as [RunningServer, RunningServer];
    const counter = countIn(from);
    const run = startRun(source, target.urlOf());
    await run.event('caught-up');
    replica.pause();
    for (let i = 0; i < LOST_MEGABYTES; i++)
      await from.pipeline([
        ['APPEND', 'grows', MEGABYTE],
        ['INCR', 'megabytes'],
        ['DEL', 'grows'],
      ]);
    await run.until('all of it to be there', async () => {
      const there = await servers.client(primary);
      return (await there.text('GET', 'megabytes')) === String(LOST_MEGABYTES);
    });
    await primary.kill();
    replica.resume();
    await target.sentinels.untilMovedFrom(primary.port);
    await endEqual(run, counter, source, replica);
    expect(run.log).toMatch(/asking the source to go on at/u);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
  });
});

describe.skipIf(NEWEST === undefined)(`the newest server, seed ${SEED}`, () => {
  const binary = NEWEST!;

  test('a switch is followed while the former primary answers; Sentinels leave no trace', SLOW, async () => {
    const [source, target] = await Promise.all([startWatched(binary), servers.start(binary)]);
    const [primary, replica] = source.servers as [RunningServer, RunningServer];
    await fill(primary, 1000);
    const news = listen(target);
    const run = startRun(source.urlOf(), target);
    await run.event('caught-up');
    expect(run.shard).toMatchObject({ source: at(primary), target: at(target) });
    // Hellos come every two seconds.
    await pause(2500);
    const second = await source.failover();
    expect(second).toBe(replica);
    await run.until('the new primary to be followed', () => run.shard.source === at(second), 3000);
    const former = await servers.client(primary);
    expect((await former.text('ROLE'))[0]).toBe('master');
    await settledWith(run, second);
    await pause(2500);
    expect(news.text).toContain('psubscribe');
    expect(news.text).not.toContain('sentinel');
    news.close();
    // Who attaches without a listening port is nobody to promote.
    const known: string[][] = await source.sentinels.text('SENTINEL', 'REPLICAS', source.sentinels.name);
    for (const one of known) expect(one[one.indexOf('port') + 1]).toMatch(/^(?:0|\d{4,5})$/u);
    expect(await clusterDifferences(await servers.client(second), await servers.client(target))).toEqual([]);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
  });

  test('primaries that hang are left', SLOW, async () => {
    const [source, target] = await Promise.all([
      startWatched(binary, { args: ROOMY }),
      startWatched(binary, { args: ROOMY }),
    ]);
    const [first, second] = source.servers as [RunningServer, RunningServer];
    const [copy, secondCopy] = target.servers as [RunningServer, RunningServer];
    await fill(first, 1000);
    const counter = countIn(new Following(source));
    const run = startRun(source.urlOf(), target.urlOf());
    await run.event('caught-up');
    copy.pause();
    await target.sentinels.untilMovedFrom(copy.port);
    await run.until('the new target to be written to', () => run.shard.target === at(secondCopy), 8000);
    await pause(300);
    const written = (await counter.stop()).commands;
    first.pause();
    await source.sentinels.untilMovedFrom(first.port);
    await run.until('the new source to be followed', () => run.shard.source === at(second), 8000);
    const more = countIn(new Following(source));
    await pause(500);
    first.resume();
    copy.resume();
    expect(written).toBeGreaterThan(100);
    await endEqual(run, more, second, secondCopy);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
  });

  test(
    'a new primary that has less than was applied: it is said, and a full copy puts it right',
    SLOW,
    async () => {
      const [source, target] = await Promise.all([
        startWatched(binary, { args: { ...ROOMY, 'client-output-buffer-limit': 'replica 0 0 0' } }),
        servers.start(binary),
      ]);
      const [primary, replica] = source.servers as [RunningServer, RunningServer];
      const [from, to] = [await servers.client(primary), await servers.client(target)];
      await fill(primary, 1000);
      const run = startRun(source.urlOf(), target);
      await run.event('caught-up');
      replica.pause();
      for (let i = 0; i < LOST_MEGABYTES; i++)
        await from.pipeline([
          ['APPEND', 'grows', MEGABYTE],
          ['INCR', 'megabytes'],
          ['DEL', 'grows'],
        ]);
      const all = String(LOST_MEGABYTES);
      await run.until('all of it to be applied', async () => (await to.text('GET', 'megabytes')) === all);
      await primary.kill();
      replica.resume();
      await source.sentinels.untilMovedFrom(primary.port);
      await settledWith(run, replica);
      await run.until('it to be said', () => run.log.includes('has come back with less than it had'));
      const now = await servers.client(replica);
      expect(Number(await now.text('GET', 'megabytes'))).toBeLessThan(LOST_MEGABYTES);
      expect(await clusterDifferences(now, to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 2 });
    },
  );

  test('some Sentinels are dead, the first one named among them', SLOW, async () => {
    const [source, target] = await Promise.all([startWatched(binary), startWatched(binary)]);
    for (const { sentinels } of [source, target]) await sentinels.servers[0]!.kill();
    await fill(source.servers[0]!, 1000);
    const [only] = source.sentinels.servers.slice(1);
    const urls = [source.urlOf([source.sentinels.servers[0]!, only!]), target.urlOf()] as const;
    const exit = await runProgram(...urls, { args: ['--until', 'caught-up'] }).exited;
    expect(exit.summary).toMatchObject({ ok: true, totals: { keys: 1000 } });
    expect(exit.code).toBe(0);
    const [from, to] = [await servers.client(source.servers[0]!), await servers.client(target.servers[0]!)];
    expect(await clusterDifferences(from, to, { held: false })).toEqual([]);
  });

  test('the program is killed again and again while both sides fail over', SLOW, async () => {
    const [source, target] = await Promise.all([
      startWatched(binary, { replicas: 1, args: ROOMY }),
      startWatched(binary, { replicas: 1 }),
    ]);
    await fill(source.servers[0]!, 5000);
    const counter = countIn(new Following(source));
    const stateDir = temporaryDirectory();
    const start = (): Tool =>
      startTool({ program: program(), source: source.urlOf(), target: target.urlOf(), stateDir });
    const failovers = (async () => {
      for (const watched of [source, target]) {
        await watched.failover();
        await pause(1000);
      }
    })();
    const { tool } = await killLoop({ start, seed: SEED, kills: 8, minMs: 500, maxMs: 2500 });
    await failovers;
    await counter.stop();
    const [primary, copy] = [await source.primary(), await target.primary()];
    const [from, to] = [await servers.client(primary), await servers.client(copy)];
    const info = async (): Promise<string> => await from.text('INFO', 'replication');
    await waitFor(
      'everything to be applied',
      async () => {
        if (tool.stopped) throw new Error(tool.log.slice(-30).join('\n'));
        const row = tool.status()?.shards[0];
        const offset = Number(/master_repl_offset:(\d+)/u.exec(await info())?.[1]);
        return tool.status()?.caughtUp === true && row?.source === at(primary) && row.appliedOffset >= offset;
      },
      60_000,
    );
    expect(await explained(counter.differences(from, to), tool.log.join('\n'))).toEqual([]);
    expect(await clusterDifferences(from, to)).toEqual([]);
    expect(await tool.kill('SIGTERM')).toMatchObject({ code: 0 });
  });
});

test.skipIf(NEWEST_BINARIES.length === 0)('there are servers', () => {
  expect(NEWEST_BINARIES.length).toBeGreaterThan(0);
});

/** Everything that is published on a server. */
function listen({ host, port }: RunningServer): { readonly text: string; close(): void } {
  let text = '';
  const socket: Socket = connect({ host, port });
  socket.setEncoding('utf8').on('data', (part: string) => (text += part));
  socket.write('PSUBSCRIBE *\r\n');
  return {
    get text() {
      return text;
    },
    close: () => socket.destroy(),
  };
}
