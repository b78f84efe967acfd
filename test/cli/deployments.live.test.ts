/** Commands other than sync, where an address leads to Sentinels or to a cluster. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ClusterClient } from '../../scripts/lib/cluster-client.mjs';
import type { Client } from '../../scripts/lib/client.mjs';
import type { RunningCluster } from '../../scripts/lib/cluster.mjs';
import { main } from '../../src/cli/program.js';
import { clusterDifferences, Clusters } from '../support/cluster.js';
import { NEWEST, Servers, temporaryDirectory } from '../support/live.js';
import { Watched } from '../support/watched.js';
import { harness } from './harness.js';

const servers = new Servers();
const clusters = new Clusters();
const KEYS = 3000;
const noEngine = {
  startSync: () => {
    throw new Error('no sync is started here');
  },
};

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...argv: readonly string[]): Promise<Outcome> {
  const process = harness(noEngine);
  const code = await main(argv, process.deps);
  return { code, stdout: process.stdout, stderr: process.stderr };
}

/** The last line of stdout. */
function json(outcome: Outcome): Record<string, unknown> {
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  return JSON.parse(outcome.stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
}

describe.skipIf(NEWEST === undefined)('the other commands', () => {
  let watched: Watched;
  let cluster: RunningCluster;
  let behind: Client;
  let nodes: ClusterClient;
  let plain: Client;
  let plainUrl: string;

  beforeAll(async () => {
    watched = await Watched.start([servers, clusters], NEWEST!, { sentinels: 2 });
    cluster = await clusters.start(NEWEST!);
    behind = await servers.client(watched.servers[0]!);
    nodes = await cluster.client();
    const server = await servers.start(NEWEST!);
    plain = await servers.client(server);
    plainUrl = server.url;
    const writes = Array.from({ length: KEYS }, (_, i) => ['RPUSH', `list:${i}`, `value ${i}`, i]);
    const library = "#!lua name=mylib\nredis.register_function('f', function() return 1 end)";
    for (const client of [behind, nodes]) await client.pipeline(writes);
    await behind.call('FUNCTION', 'LOAD', library);
    await nodes.everyPrimary((node) => node.call('FUNCTION', 'LOAD', library));
  });

  const sources = [
    ['Sentinels', () => watched.urlOf()],
    ['Sentinels with one primary that is not named', () => watched.sentinels.urls[0]!],
    ['a cluster', () => cluster.url],
  ] as const;

  test.each(sources)('export and inspect: %s', async (_, url) => {
    const out = join(temporaryDirectory(), 'out.ndjson');
    expect(json(await run('export', url(), '-o', out, '--json'))).toMatchObject({ ok: true, keys: KEYS });
    expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(KEYS);
    const inspected = await run('inspect', url(), '--json');
    expect(json(inspected)).toMatchObject({ totals: { keys: KEYS } });
  });

  test.each(sources)('export as RDB, and restore: %s', async (name, url) => {
    const out = join(temporaryDirectory(), 'out.rdb');
    expect(json(await run('export', url(), '-o', out, '--json'))).toMatchObject({ keys: KEYS });
    expect(json(await run('restore', out, plainUrl, '--target-not-empty', 'flush', '--json'))).toMatchObject({
      ok: true,
    });
    const from = name === 'a cluster' ? nodes : behind;
    expect(await clusterDifferences(from, plain, { held: false })).toEqual([]);
  });

  test('restore: the primary that Sentinels name is written to', async () => {
    const out = join(temporaryDirectory(), 'out.rdb');
    await run('export', cluster.url, '-o', out);
    const target = watched.urlOf();
    const outcome = await run('restore', out, target, '--target-not-empty', 'flush', '--json');
    expect(json(outcome)).toMatchObject({ ok: true, keys: KEYS });
    expect(await clusterDifferences(nodes, behind, { held: false })).toEqual([]);
  });

  test('restore: a cluster is refused, and left as it is', async () => {
    const out = join(temporaryDirectory(), 'out.rdb');
    await run('export', watched.urlOf(), '-o', out);
    const outcome = await run('restore', out, cluster.url, '--target-not-empty', 'flush');
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('replicant sync') });
    expect(await clusterDifferences(nodes, behind)).toEqual([]);
  });

  test('sync --dry-run: each with each', async () => {
    const [sentinel, anyNode] = [watched.urlOf(), cluster.url];
    const policy = ['--dry-run', '--json', '--target-not-empty', 'mirror'];
    for (const [source, target] of [
      [sentinel, anyNode],
      [anyNode, sentinel],
      [anyNode, plainUrl],
      [plainUrl, anyNode],
    ] as const) {
      const report = json(await run('sync', source, target, ...policy));
      expect(report).toMatchObject({
        ok: true,
        keys: [{ keys: KEYS }],
        source: { keys: KEYS },
        target: { keys: KEYS },
        start: { how: 'full', removedAfter: 0 },
      });
    }
  });

  test('sync --dry-run: a target that is not empty is refused', async () => {
    const outcome = await run('sync', watched.urlOf(), cluster.url, '--dry-run');
    expect(outcome).toMatchObject({ code: 5, stderr: expect.stringContaining('the target holds') });
  });

  test.each(sources)('checkpoint: %s', async (_, url) => {
    expect(json(await run('checkpoint', 'show', url(), '--json'))).toEqual({ ok: true, checkpoints: [] });
  });
});

test.skipIf(NEWEST === undefined)('there is a server', () => {
  expect(NEWEST).toBeDefined();
});
