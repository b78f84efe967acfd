/**
 * What is done about which trouble: retry (a new connection, soon, from where we were), wait (asked again until
 * it passes; nothing is held up), park (the target takes no writes: the source is read on into the spool), or
 * fail (one line, an exit code). A row each for what links and servers may do; states of the target that pass are
 * in spool.test.ts and bad-targets.test.ts, refusals of a source in handshake.test.ts.
 *
 * Whatever is got over is got over exactly: counters show what was lost or done twice.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import type { Endpoint } from '../../../src/net/endpoint.js';
import type { SyncEvent } from '../../../src/sync/status.js';
import { type BadProxy, startBadProxy } from '../../support/bad-proxy.js';
import { equalOrExplain, startCounting, temporaryDirectory } from '../../support/kill-loop.js';
import { NEWEST, type Run, Servers, startRun, waitFor } from '../../support/live.js';
import {
  type Certificates,
  freePort,
  HAS_OPENSSL,
  makeCertificates,
  readPem,
} from '../../support/live-tls.js';

const SLOW = { timeout: 120_000 };
const MB = 1024 * 1024;
const servers = new Servers();
const proxies: BadProxy[] = [];

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

interface Stage {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly from: Client;
  readonly to: Client;
  /** In front of the side the row is about. */
  readonly proxy: BadProxy;
  readonly run: Run;
}

interface Row {
  readonly side: 'source' | 'target';
  readonly trouble: string;
  readonly policy: 'go on' | 'retry' | 'wait' | 'park' | 'fail';
  /** Where it is announced; undefined: there is nothing to announce. */
  readonly event: SyncEvent['event'] | undefined;
  readonly says: RegExp;
  /** Of a run that it ends. */
  readonly exitCode?: number;
  /** Does the status show it in `waitingFor` meanwhile? */
  readonly shown?: boolean;
  readonly sourceArgs?: Readonly<Record<string, string>>;
  readonly begin: (on: Stage) => unknown;
  /** After it was announced. */
  readonly end?: (on: Stage) => unknown;
}

const REFUSED = /ECONNREFUSED.*is the server running/u;
const RESET = /ECONNRESET|closed/u;

const ROWS: readonly Row[] = [
  {
    ...{
      side: 'source',
      trouble: 'connection refused',
      policy: 'retry',
      event: 'link-lost',
      says: REFUSED,
      shown: true,
    },
    begin: ({ proxy }) => proxy.away(),
    end: ({ proxy }) => proxy.back(),
  },
  {
    ...{ side: 'source', trouble: 'connection reset', policy: 'retry', event: 'link-lost', says: RESET },
    begin: ({ proxy }) => proxy.cut('reset'),
  },
  {
    ...{ side: 'source', trouble: 'half-closed', policy: 'retry', event: 'link-lost', says: /closed/u },
    begin: ({ proxy }) => proxy.cut('half-close'),
  },
  {
    ...{
      side: 'source',
      trouble: 'bytes in trickles',
      policy: 'go on',
      event: undefined,
      says: /caught up/u,
    },
    begin: ({ proxy }) => proxy.relay('trickle'),
  },
  {
    ...{ side: 'source', trouble: 'silent, with the connection open', policy: 'retry', event: 'link-lost' },
    ...{ says: /no byte for 60 s/u, begin: ({ proxy }) => proxy.freeze() },
  },
  {
    ...{
      side: 'source',
      trouble: 'output buffer overrun',
      policy: 'retry',
      event: 'full-resync',
      says: /source starts over/u,
    },
    sourceArgs: { 'client-output-buffer-limit': 'replica 8mb 8mb 0', 'repl-backlog-size': '1mb' },
    begin: async ({ from, target }) => {
      target.pause();
      const value = 'x'.repeat(MB);
      // More than spool, sockets and the limit take together.
      for (let at = 0; at < 150; at++) await from.call('SET', `big:${at % 5}`, value);
      await waitFor('the source drops the link', async () => {
        const stats: string = await from.text('INFO', 'stats');
        return /client_output_buffer_limit_disconnections:[1-9]/u.test(stats);
      });
      // Only then is read on, and noticed.
      target.resume();
    },
  },
  {
    ...{
      side: 'source',
      trouble: 'replication forbidden (NOPERM)',
      policy: 'fail',
      event: undefined,
      exitCode: 4,
    },
    says: /NOPERM|no permission|may not/u,
    begin: async ({ from }) => {
      await from.call('ACL', 'SETUSER', 'default', '-psync', '-sync', '-replconf');
      await from.call('CLIENT', 'KILL', 'TYPE', 'replica');
    },
  },
  {
    ...{
      side: 'target',
      trouble: 'connection refused',
      policy: 'retry',
      event: 'target-lost',
      says: REFUSED,
      shown: true,
    },
    begin: ({ proxy }) => proxy.away(),
    end: ({ proxy }) => proxy.back(),
  },
  {
    ...{ side: 'target', trouble: 'connection reset', policy: 'retry', event: 'target-lost', says: RESET },
    begin: ({ proxy }) => proxy.cut('reset'),
  },
  {
    ...{
      side: 'target',
      trouble: 'half-closed',
      policy: 'retry',
      event: 'target-lost',
      says: /ended|closed/u,
    },
    begin: ({ proxy }) => proxy.cut('half-close'),
  },
  {
    ...{
      side: 'target',
      trouble: 'bytes in trickles',
      policy: 'go on',
      event: undefined,
      says: /caught up/u,
    },
    begin: ({ proxy }) => proxy.relay('trickle'),
  },
  {
    ...{
      side: 'target',
      trouble: 'silent for all',
      policy: 'park',
      event: 'waiting',
      says: /not answered/u,
      shown: true,
    },
    begin: ({ proxy }) => proxy.relay('silent'),
    end: ({ proxy }) => {
      proxy.cut('reset');
      proxy.relay('plain');
    },
  },
  {
    ...{ side: 'target', trouble: 'silent on this connection only', policy: 'retry', event: 'target-lost' },
    ...{ says: /answers others, but not/u, begin: ({ proxy }) => proxy.freeze() },
  },
  {
    ...{ side: 'target', trouble: 'garbage instead of replies', policy: 'retry', event: 'target-lost' },
    says: /does not speak RESP/u,
    begin: ({ proxy }) => proxy.relay('garble'),
    end: ({ proxy }) => proxy.relay('plain'),
  },
  {
    ...{
      side: 'target',
      trouble: 'a replica without its primary (MASTERDOWN)',
      policy: 'park',
      event: 'waiting',
    },
    ...{ says: /replica|MASTERDOWN/u, shown: true },
    begin: ({ to }) =>
      to.pipeline([
        ['CONFIG', 'SET', 'replica-serve-stale-data', 'no'],
        ['REPLICAOF', '127.0.0.1', 1],
      ]),
    end: ({ to }) => to.call('REPLICAOF', 'NO', 'ONE'),
  },
  {
    ...{
      side: 'target',
      trouble: 'emptied by somebody',
      policy: 'retry',
      event: 'full-resync',
      says: /new full copy/u,
    },
    begin: ({ to }) => to.call('FLUSHALL'),
  },
];

const endpoint = (port: number): Endpoint => ({ address: { kind: 'tcp', host: '127.0.0.1', port } });

async function stage({ side, sourceArgs }: Row): Promise<Stage> {
  const args = { 'repl-backlog-size': '64mb', ...sourceArgs };
  const [source, target] = await Promise.all([servers.start(NEWEST!, { args }), servers.start(NEWEST!)]);
  const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
  await from.call('SET', 'first', 'key');
  const proxy = await startBadProxy((side === 'source' ? source : target).port);
  proxies.push(proxy);
  const behind = endpoint(proxy.port);
  const options = { stateDir: temporaryDirectory(), spoolMemoryBytes: 8 * MB, spoolMaxBytes: 32 * MB };
  const run = side === 'source' ? startRun(behind, target, options) : startRun(source, behind, options);
  await run.event('caught-up');
  return { source, target, from, to, proxy, run };
}

async function announced({ run }: Stage, { event, says, trouble, shown }: Row): Promise<void> {
  if (event === undefined) return;
  const told = (): boolean => run.events.some((one) => one.event === event && says.test(one.message));
  await run.until(`${trouble}: ${event} ${String(says)}`, told, 80_000);
  if (shown === true) {
    expect(run.handle.status()).toMatchObject({ caughtUp: false, waitingFor: expect.stringMatching(/\w/u) });
  }
}

async function expectFailure(on: Stage, { begin, exitCode, says }: Row): Promise<void> {
  await begin(on);
  expect(await on.run.failure()).toMatchObject({ exitCode, message: expect.stringMatching(says) });
}

async function expectGotOver(on: Stage, row: Row): Promise<void> {
  const { run, from, to, source } = on;
  const counting = await startCounting(source);
  await row.begin(on);
  await announced(on, row);
  await row.end?.(on);
  await from.call('SET', 'after', 'it');
  await run.until(
    'what came after it is there',
    async () => (await to.text('GET', 'after')) === 'it',
    60_000,
  );
  await counting.stop();
  await run.caughtUpWith(from);
  await run.until('there is nothing to wait for', () => run.handle.status().waitingFor === null);
  expect(await equalOrExplain(from, to)).toEqual([]);
  const summary = await run.stop();
  expect(summary.ok).toBe(true);
  // On a busy machine what comes during the second copy may be too much for the source's buffer once more.
  const [least, most] = row.event === 'full-resync' ? ([2, 9] as const) : ([1, 1] as const);
  expect(summary.fullSyncs).toBeGreaterThanOrEqual(least);
  expect(summary.fullSyncs).toBeLessThanOrEqual(most);
}

describe.skipIf(NEWEST === undefined).concurrent('a link that is in trouble', () => {
  test.each(ROWS.map((row) => [`${row.side}: ${row.trouble}`, row.policy, row] as const))(
    '%s: %s',
    SLOW,
    async (_, policy, row) => {
      const on = await stage(row);
      if (policy === 'fail') await expectFailure(on, row);
      else await expectGotOver(on, row);
      expect(on.run.events.filter(({ event }) => event === row.event).length > 0).toBe(
        row.event !== undefined,
      );
    },
  );
});

describe.skipIf(NEWEST === undefined || !HAS_OPENSSL)('a TLS link that is in trouble', () => {
  let certificates: Certificates;

  beforeAll(() => {
    certificates = makeCertificates();
  });
  afterAll(() => certificates.remove());

  test.each(['source', 'target'] as const)('%s: spoilt on the way: retry', SLOW, async (side) => {
    const port = await freePort();
    const secure = await servers.start(NEWEST!, {
      args: { ...certificates.args(port), 'repl-backlog-size': '64mb' },
    });
    const plain = await servers.start(NEWEST!, { args: { 'repl-backlog-size': '64mb' } });
    const [source, target] = side === 'source' ? [secure, plain] : [plain, secure];
    const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
    const proxy = await startBadProxy(port);
    proxies.push(proxy);
    const behind: Endpoint = {
      ...endpoint(proxy.port),
      tls: { insecure: false, ca: readPem(certificates.ca) },
    };
    const run = side === 'source' ? startRun(behind, target) : startRun(source, behind);
    await run.event('caught-up');
    const counting = await startCounting(source);
    const event = side === 'source' ? 'link-lost' : 'target-lost';
    proxy.relay('garble');
    await run.event(event);
    // While it lasts, no new connection comes about either.
    await run.event(event, 2);
    proxy.relay('plain');
    proxy.cut('reset');
    await counting.stop();
    await run.caughtUpWith(from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
  });
});

describe.skipIf(NEWEST === undefined)('at the start, before anything is touched', () => {
  test.each([
    ['source', 4],
    ['target', 5],
  ] as const)('%s that refuses connections: fail, exit code %i', async (side, exitCode) => {
    const server = await servers.start(NEWEST!);
    const nobody = endpoint(await freePort());
    const run = side === 'source' ? startRun(nobody, server) : startRun(server, nobody);
    expect(await run.failure()).toMatchObject({ exitCode, message: expect.stringMatching(REFUSED) });
  });

  test('a target that says nothing: fail, exit code 5', SLOW, async () => {
    const server = await servers.start(NEWEST!);
    const other = await servers.start(NEWEST!);
    other.pause();
    const run = startRun(server, other);
    const failed = await run.failure().finally(() => other.resume());
    expect(failed).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/no answer to|no connection/u),
    });
  });

  test('a target that is loading is waited for, and the status says so', SLOW, async () => {
    const [source, target] = await Promise.all([servers.start(NEWEST!), servers.start(NEWEST!)]);
    const before = await servers.client(target);
    await before.pipeline([
      ...Array.from({ length: 2000 }, (_, at) => ['SET', `k:${at}`, at]),
      ['SAVE'],
      ['CONFIG', 'SET', 'key-load-delay', 1000],
      ['CONFIG', 'SET', 'loading-process-events-interval-bytes', 1024],
      ['CONFIG', 'REWRITE'],
    ]);
    const restarting = target.restart();
    const run = await waitFor('a run that finds it loading', async () => {
      const attempt = startRun(source, target, { targetNotEmpty: 'flush' });
      try {
        await attempt.event('waiting');
        return attempt;
      } catch {
        return undefined;
      }
    });
    expect(run.handle.status().waitingFor).toMatch(/loading|LOADING/u);
    await restarting;
    await run.event('caught-up');
    expect(await run.stop()).toMatchObject({ ok: true });
  });
});
