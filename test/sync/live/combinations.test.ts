/**
 * One server, a primary behind Sentinels and a cluster, each as source with each as target, by the program: a first
 * run under load until it is caught up; a second that goes on where it ended, without another snapshot, and meets
 * commands of every kind; and a third for what came after that. Then both sides are equal.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { runWriters, type Writers } from '../../../scripts/workload/writers.mjs';
import type { AnyClient } from '../../../scripts/lib/compare.mjs';
import { clusterDifferences, Clusters, CounterWriter } from '../../support/cluster.js';
import { NEWEST, Servers, temporaryDirectory } from '../../support/live.js';
import { type Exit, program, runProgram } from '../../support/live-program.js';
import { Watched } from '../../support/watched.js';

const SLOW = { timeout: 120_000 };
const SEED = Number(process.env['REPLICANT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const KINDS = ['server', 'Sentinel', 'cluster'] as const;
type Kind = (typeof KINDS)[number];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One that can be named on the command line. */
interface Deployment {
  readonly kind: Kind;
  readonly url: string;
  readonly client: AnyClient;
  readonly writable: Parameters<typeof runWriters>[0];
}

const servers = new Servers();
const clusters = new Clusters();
const args = { 'repl-backlog-size': '16mb' };

async function deploy(kind: Kind): Promise<Deployment> {
  const binary = NEWEST!;
  if (kind === 'cluster') {
    const cluster = await clusters.start(binary, { args });
    return { kind, url: cluster.url, client: await cluster.client(), writable: cluster };
  }
  if (kind === 'server') {
    const server = await servers.start(binary, { args });
    return { kind, url: server.url, client: await servers.client(server), writable: server };
  }
  const watched = await Watched.start([servers, clusters], binary, { args, replicas: 1, sentinels: 2 });
  const [primary] = watched.servers;
  const client = await servers.client(primary!);
  return { kind, url: watched.urlOf(), client, writable: primary! };
}

async function empty({ client }: Deployment): Promise<void> {
  const commands = [['FLUSHALL'], ['FUNCTION', 'FLUSH']];
  if ('everyPrimary' in client) await client.everyPrimary((node) => node.pipeline(commands));
  else await client.pipeline([['SELECT', 0], ...commands]);
}

describe.skipIf(NEWEST === undefined)(`seed ${SEED}`, () => {
  const sources = new Map<Kind, Deployment>();
  const targets = new Map<Kind, Deployment>();

  beforeAll(async () => {
    program();
    for (const kind of KINDS) {
      sources.set(kind, await deploy(kind));
      targets.set(kind, await deploy(kind));
    }
  });

  function write(source: Deployment, target: Deployment, seed: number): Promise<Writers> {
    // A server's commands go over slots; a cluster's, as it has them, don't.
    const layout =
      source.kind === 'cluster' ? 'cluster' : target.kind === 'cluster' ? 'crossSlot' : 'databases';
    return runWriters(source.writable, {
      ...{ seed, layout, faithful: true, writers: 2, ratePerSecond: 800, keyspace: 150 },
    });
  }

  const pairs = KINDS.flatMap((source) => KINDS.map((target) => [source, target] as const));
  test.each(pairs)('%s to %s', SLOW, async (sourceKind, targetKind) => {
    const [source, target] = [sources.get(sourceKind)!, targets.get(targetKind)!];
    await Promise.all([empty(source), empty(target)]);
    const cwd = temporaryDirectory();
    const run = async (): Promise<Exit> => {
      const exit = await runProgram(source.url, target.url, { args: ['--until', 'caught-up'], cwd }).exited;
      if (exit.code !== 0) throw new Error(exit.stderr);
      expect(exit.summary).toMatchObject({ ok: true, reason: 'caught-up' });
      return exit;
    };
    // Keys with a deadline may run out on the target between two runs, which costs a full copy: none has one yet.
    const counter = new CounterWriter(source.client, { keys: 200, ratePerSecond: 1500 });
    await pause(300);
    expect((await run()).summary).toMatchObject({ fullSyncs: sourceKind === 'cluster' ? 3 : 1 });
    const writers = await write(source, target, SEED);
    await pause(500);
    expect((await run()).summary).toMatchObject({ fullSyncs: 0 });
    const { failure, commands } = await writers.stop();
    expect(failure).toBeUndefined();
    expect(commands).toBeGreaterThan(500);
    await counter.stop();
    await run();
    expect(await counter.differences(source.client, target.client)).toEqual([]);
    expect(await clusterDifferences(source.client, target.client, { held: false })).toEqual([]);
  });
});

test.skipIf(NEWEST === undefined)('there are all nine', () => {
  expect(KINDS.length ** 2).toBe(9);
});
