/**
 * One writer: of two programs with the same job one writes, and the other is told who has it. A holder that
 * stands still is put aside after a while, and can't write any more when it wakes up, whatever it was doing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer, ServerBinary } from '../../../scripts/servers.mjs';
import { checkpointKey, parseCheckpoint, type Checkpoint } from '../../../src/checkpoint/record.js';
import {
  awaitCaughtUp,
  equalOrExplain,
  startCounting,
  startTool,
  temporaryDirectory,
  type Tool,
} from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { binaryOf, differences, NEWEST, Servers, startRun, waitFor } from '../../support/live.js';

const servers = new Servers();
const REDIS = binaryOf('redis-8.0') ?? NEWEST;
const JOB = 'the-job';

interface Stage {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly from: Client;
  readonly to: Client;
  readonly start: (...args: string[]) => Tool;
}

// Takes seconds.
beforeAll(() => void program(), 60_000);

async function stage(binary: ServerBinary = NEWEST!): Promise<Stage> {
  const [source, target] = await Promise.all([servers.start(binary), servers.start(binary)]);
  const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
  return {
    ...{ source, target, from, to },
    // As on two machines: each has a state directory of its own.
    start: (...args) => startJob(source, target, ['--name', JOB, ...args]),
  };
}

function startJob(source: RunningServer, target: RunningServer, args: readonly string[]): Tool {
  const options = { stateDir: temporaryDirectory(), program: program() };
  return startTool({ source: source.url, target: target.url, ...options, args });
}

async function checkpointOn(to: Client, job = JOB): Promise<Checkpoint | undefined> {
  const text: Buffer | null = await to.call('GET', checkpointKey(job));
  return text === null ? undefined : parseCheckpoint(text);
}

async function fill(client: Client, keys: number): Promise<void> {
  for (let at = 0; at < keys; at += 1000) {
    await client.pipeline(
      Array.from({ length: 1000 }, (_, index) => ['RPUSH', `list:${at + index}`, 'x'.repeat(400)]),
    );
  }
}

/** Ends by itself with exit code 5, and says this. */
async function endsWith(tool: Tool, words: RegExp): Promise<void> {
  const exit = await tool.exited;
  expect(exit.code).toBe(5);
  expect(tool.log.filter((line) => line.startsWith('error:'))).toEqual([expect.stringMatching(words)]);
}

async function checkpointCommand(...args: string[]): Promise<{ code: number; stderr: string }> {
  const child = spawn(process.execPath, [program(), 'checkpoint', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stderr };
}

describe.skipIf(NEWEST === undefined)('two programs with one job', () => {
  test('the second is told who has it, and the first goes on', async () => {
    const { source, from, to, start } = await stage();
    const counting = await startCounting(source);
    const first = start();
    await first.says(/caught up/u);
    const second = start();
    await endsWith(
      second,
      new RegExp(
        `job ${JOB} is held by pid ${first.pid} on host \\S+ since \\d{4}-\\d\\d-\\d\\d .* UTC`,
        'u',
      ),
    );
    await counting.stop();
    await awaitCaughtUp(first, from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(first.log.filter((line) => /warn|error/u.test(line))).toEqual([]);
    expect((await first.kill('SIGTERM')).code).toBe(0);
  });

  test('in the same state directory, too', async () => {
    const { source, target } = await stage();
    const options = { source: source.url, target: target.url, stateDir: temporaryDirectory() };
    const first = startTool({ ...options, program: program() });
    await first.says(/caught up/u);
    const second = startTool({ ...options, program: program() });
    await endsWith(second, new RegExp(`${first.pid} on \\S+.* since \\d{4}-\\d\\d-\\d\\d`, 'u'));
    expect(first.stopped).toBe(false);
    expect((await first.kill('SIGTERM')).code).toBe(0);
  });

  test(
    'one that stands still in the stream is put aside, and can not write any more',
    { timeout: 60_000 },
    async () => {
      const { source, from, to, start } = await stage();
      const counting = await startCounting(source);
      const first = start();
      await first.says(/caught up/u);
      process.kill(first.pid, 'SIGSTOP');
      const second = start('--takeover-after', '4s');
      await second.says(/closed the connection of an older run of job the-job/u, 30_000);
      await second.says(/full sync started|going on at|asking the source|goes on where we were/u);
      process.kill(first.pid, 'SIGCONT');
      await endsWith(first, new RegExp(`was taken over by pid ${second.pid} on host`, 'u'));
      await counting.stop();
      await awaitCaughtUp(second, from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      expect((await checkpointOn(to))?.owner?.pid).toBe(second.pid);
      expect((await second.kill('SIGTERM')).code).toBe(0);
      expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    },
  );

  test('one that stands still in the full sync, likewise', { timeout: 90_000 }, async () => {
    const { source, target, from, to, start } = await stage(REDIS);
    await fill(from, 100_000);
    const counting = await startCounting(source);
    const first = start();
    await waitFor('keys on the target', async () => (await to.call('DBSIZE')) > 1000);
    target.pause();
    process.kill(first.pid, 'SIGSTOP');
    target.resume();
    expect((await checkpointOn(to))?.state).toBe('loading');
    // By the target's count, in whole seconds.
    await waitFor('it counts as stuck', async () => {
      const clients: string = await to.text('CLIENT', 'LIST');
      const idle = [...clients.matchAll(/name=replicant:the-job:.* idle=(\d+)/gu)].map(([, seconds]) =>
        Number(seconds),
      );
      return idle.every((seconds) => seconds >= 4);
    });
    const second = start('--takeover-after', '4s');
    await second.says(/full sync done/u, 60_000);
    // What it left out must not come back by the hand of the first.
    await from.pipeline(Array.from({ length: 5000 }, (_, at) => ['DEL', `list:${at * 20}`]));
    await counting.stop();
    await awaitCaughtUp(second, from);
    process.kill(first.pid, 'SIGCONT');
    await endsWith(first, /was taken over by|is held by/u);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect((await second.kill('SIGTERM')).code).toBe(0);
  });

  test('started at the same moment: one of them wins', { timeout: 60_000 }, async () => {
    const { source, from, to, start } = await stage();
    await fill(from, 5000);
    const counting = await startCounting(source);
    for (let round = 0; round < 3; round++) {
      const both = [start(), start()] as const;
      const [loser, winner] = await Promise.race([
        both[0].exited.then(() => [both[0], both[1]] as const),
        both[1].exited.then(() => [both[1], both[0]] as const),
      ]);
      await endsWith(loser, /is held by|was taken over by/u);
      await awaitCaughtUp(winner, from, 1).catch(() => undefined);
      await winner.says(/caught up/u);
      expect((await winner.kill('SIGTERM')).code).toBe(0);
    }
    await counting.stop();
    const last = start();
    await awaitCaughtUp(last, from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    await last.kill('SIGTERM');
  });

  test('after kill -9 the next one starts at once', async () => {
    const { source, from, to, start } = await stage();
    const counting = await startCounting(source);
    const first = start();
    await first.says(/caught up/u);
    await first.kill();
    const second = start();
    await second.says(/caught up/u);
    expect(second.log.join('\n')).not.toMatch(/takeover|closed the connection/u);
    await counting.stop();
    await awaitCaughtUp(second, from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    await second.kill('SIGTERM');
  });
});

describe.skipIf(NEWEST === undefined)('other jobs and other people', () => {
  test('two jobs into one target do not disturb each other', async () => {
    const { source: one, target, from: a, to } = await stage();
    const two = await servers.start(NEWEST!);
    const b = await servers.client(two);
    // Apart in databases: 0 to 7 and 8 to 15.
    await a.pipeline(
      Array.from({ length: 500 }, (_, at) => ['SET', `a:${at}`, at, 'PX', 20_000 + at * 1000]),
    );
    await b.pipeline(
      Array.from({ length: 500 }, (_, at) => ['SET', `b:${at}`, at, 'PX', 20_000 + at * 1000]),
    );
    const run = (source: RunningServer, name: string, db: number): ReturnType<typeof startRun> =>
      startRun(source, target, {
        ...{ name, stateDir: temporaryDirectory(), targetNotEmpty: 'merge', dbMap: new Map([[0, db]]) },
      });
    const first = run(one, 'one', 0);
    const second = run(two, 'two', 1);
    await Promise.all([first.caughtUpWith(a), second.caughtUpWith(b)]);
    await first.stop();
    // What the other holds back stays held.
    const to1 = await target.client({ db: 1 });
    expect(await to1.call('PEXPIRETIME', 'b:0')).toBeGreaterThan(2 ** 52);
    expect(second.shard.phase).toBe('streaming');
    const again = run(one, 'one', 0);
    await again.caughtUpWith(a);
    await second.stop();
    await again.stop();
    expect(await to.call('DBSIZE')).toBe(500 + 2);
    expect(await to1.call('DBSIZE')).toBe(500);
    for (const at of [0, 100, 499]) {
      expect(await to.call('PEXPIRETIME', `a:${at}`)).toBe(await a.call('PEXPIRETIME', `a:${at}`));
      expect(await to1.call('PEXPIRETIME', `b:${at}`)).toBe(await b.call('PEXPIRETIME', `b:${at}`));
    }
    await to1.close();
  });

  test('keys of others on the target of a merge run out when they should', async () => {
    const { source, target, from, to } = await stage();
    await to.call('SET', 'theirs', 1, 'PX', 3000);
    await from.call('SET', 'ours', 1, 'PX', 60_000);
    const sync = startRun(source, target, { targetNotEmpty: 'merge', holdMarginMs: 2000 });
    await sync.caughtUpWith(from);
    await sync.until('theirs is gone', async () => (await to.call('EXISTS', 'theirs')) === 0);
    await sync.stop();
    expect(await to.call('PEXPIRETIME', 'ours')).toBe(await from.call('PEXPIRETIME', 'ours'));
  });

  test('checkpoint clear is refused while it runs; with --force the run starts over', async () => {
    const { source, target, from, to, start } = await stage();
    const counting = await startCounting(source);
    await from.call('SET', 'removed-later', 1);
    const sync = start();
    await sync.says(/caught up/u);
    const refused = await checkpointCommand('clear', target.url, '--name', JOB);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toMatch(new RegExp(`held by pid ${sync.pid} on host`, 'u'));
    expect(await checkpointOn(to)).toBeDefined();
    const forced = await checkpointCommand('clear', target.url, '--name', JOB, '--force');
    expect(forced.code).toBe(0);
    await sync.says(/the checkpoint is gone from the target/u);
    await sync.says(/a new full copy is taken/u);
    // A key that the source loses meanwhile leaves no ghost.
    await from.call('DEL', 'removed-later');
    await counting.stop();
    await awaitCaughtUp(sync, from);
    expect(
      await differences(from, to, { excused: ({ key }) => key?.includes('__replicant:') === true }),
    ).toEqual([]);
    expect((await sync.kill('SIGTERM')).code).toBe(0);
  });
});
