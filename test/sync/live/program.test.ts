/** The program as a process: signals, exit codes, what it prints last. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import type { SyncStatus } from '../../../src/sync/status.js';
import {
  differences,
  isAtLeast,
  NEWEST,
  Servers,
  syncsOf,
  temporaryDirectory,
  waitFor,
} from '../../support/live.js';
import { type Exit, runProgram } from '../../support/live-program.js';

/** Does the status say that something has been received and not been applied? */
function hasLag(statusFile: string): boolean {
  if (!existsSync(statusFile)) return false;
  const { shards } = JSON.parse(readFileSync(statusFile, 'utf8')) as SyncStatus;
  return shards.some(({ receivedOffset, appliedOffset }) => receivedOffset > appliedOffset);
}

describe.skipIf(NEWEST === undefined)('the program', () => {
  const servers = new Servers();
  let source: RunningServer;
  let target: RunningServer;
  let from: Client;
  let to: Client;

  beforeAll(async () => {
    source = await servers.start(NEWEST!);
    target = await servers.start(NEWEST!);
    from = await servers.client(source);
    to = await servers.client(target);
  });

  beforeEach(async () => {
    await from.call('FLUSHALL');
    await to.call('FLUSHALL');
    await from.pipeline(Array.from({ length: 500 }, (_, i) => ['SET', `k:${i}`, `value ${i}`]));
  });

  test('--until caught-up ends by itself: 0, and the target is equal', async () => {
    const exit = await runProgram(source.url, target.url, { args: ['--until', 'caught-up'] }).exited;
    expect(exit.code).toBe(0);
    expect(exit.summary).toMatchObject({
      ok: true,
      reason: 'caught-up',
      totals: { keys: 500 },
      fullSyncs: 1,
    });
    expect(exit.stderr).toMatch(/full sync done: 500 keys/u);
    expect(await differences(from, to)).toEqual([]);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s while it streams: 0, and everything that came is applied',
    async (signal) => {
      const run = runProgram(source.url, target.url);
      await run.says(/caught up/u);
      await from.pipeline([
        ['SET', 'last', '1'],
        ['INCR', 'last'],
      ]);
      // Once the source has our ACK of it, it has been applied.
      await from.call('WAIT', 1, 5000);
      run.kill(signal);
      const exit = await run.exited;
      expect(exit.code).toBe(0);
      expect(exit.summary).toMatchObject({ ok: true, reason: 'stopped' });
      expect(exit.stderr).toMatch(/stopped at [0-9a-f]{40}:\d+/u);
      expect(await differences(from, to)).toEqual([]);
    },
  );

  const slow = NEWEST !== undefined && isAtLeast(NEWEST, '6.0.0');

  test.skipIf(!slow)(
    'SIGTERM during the full sync: 0, and it says that the copy is not complete',
    async () => {
      await from.call('CONFIG', 'SET', 'rdb-key-save-delay', 20_000);
      try {
        const run = runProgram(source.url, target.url);
        await run.says(/full sync started/u);
        run.kill('SIGTERM');
        const exit = await run.exited;
        expect(exit.code).toBe(0);
        expect(exit.stderr).toMatch(/not a complete copy/u);
        expect(exit.stderr).not.toMatch(/full sync done/u);
        expect(exit.summary).toMatchObject({ reason: 'stopped', appliedOffset: -1 });
      } finally {
        await from.call('CONFIG', 'SET', 'rdb-key-save-delay', 0);
      }
    },
  );

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'the same command line again after %s: it goes on where it was',
    async (signal) => {
      const cwd = temporaryDirectory();
      const first = runProgram(source.url, target.url, { cwd });
      await first.says(/caught up/u);
      // Where it says what it has is said in `replicant sync --help`.
      const [job] = readdirSync(join(cwd, '.replicant'));
      expect(job).toBe(`127.0.0.1-${source.port}-to-127.0.0.1-${target.port}`);
      await from.call('INCR', 'n');
      await from.call('WAIT', 1, 5000);
      first.kill(signal);
      await first.exited;
      await from.call('INCR', 'n');
      const { full } = await syncsOf(from);
      const exit = await runProgram(source.url, target.url, { cwd, args: ['--until', 'caught-up'] }).exited;
      expect(exit).toMatchObject({
        code: 0,
        summary: { ok: true, reason: 'caught-up', fullSyncs: 0, totals: { keys: 0, commands: 1 } },
      });
      expect(exit.stderr).toMatch(/going on at [0-9a-f]{40}:\d+/u);
      expect(await syncsOf(from)).toMatchObject({ full });
      expect(await to.text('GET', 'n')).toBe('2');
      expect(await differences(from, to)).toEqual([]);
    },
  );

  test('a second one for the same job: it is told who holds the target, and since when', async () => {
    const cwd = temporaryDirectory();
    const first = runProgram(source.url, target.url, { cwd });
    await first.says(/caught up/u);
    const here = await runProgram(source.url, target.url, { cwd }).exited;
    expect(here.code).not.toBe(0);
    expect(here.stderr).toMatch(/process \d+|pid \d+/u);
    const elsewhere = await runProgram(source.url, target.url).exited;
    expect(elsewhere.code).toBe(5);
    expect(elsewhere.stderr).toMatch(/pid \d+|process \d+/u);
    expect(elsewhere.stderr).toMatch(/since/u);
    // The first has not noticed.
    await from.call('SET', 'still', 'here');
    await waitFor('it is there', async () => (await to.text('GET', 'still')) === 'here');
    first.kill('SIGTERM');
    expect(await first.exited).toMatchObject({ code: 0, summary: { ok: true, fullSyncs: 1 } });
  });

  test('a paused one whose job another has taken over: it wakes up, writes nothing, and ends', async () => {
    const args = ['--takeover-after', '3s'];
    const first = runProgram(source.url, target.url, { args });
    await first.says(/caught up/u);
    first.kill('SIGSTOP');
    // What waits for it when it wakes up; and whoever holds the job shows that it lives.
    let sent = 0;
    const count = async (times: number): Promise<void> => {
      await from.pipeline(Array.from({ length: times }, () => ['INCR', 'n']));
      sent += times;
    };
    await count(1000);
    const second = runProgram(source.url, target.url, { args });
    await second.says(/going on at/u);
    first.kill('SIGCONT');
    let ended: Exit | undefined;
    void first.exited.then((exit) => (ended = exit));
    const exit = await waitFor('the first has ended', async () => {
      await count(10);
      return ended;
    });
    expect(exit.code).toBe(5);
    expect(exit.stderr).toMatch(/was taken over by pid \d+ on host .* since/u);
    await waitFor('all is applied', async () => Number(await to.text('GET', 'n')) >= sent);
    second.kill('SIGTERM');
    expect(await second.exited).toMatchObject({ code: 0, summary: { ok: true, fullSyncs: 0 } });
    expect(await to.text('GET', 'n')).toBe(String(sent));
    expect(await differences(from, to)).toEqual([]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s twice ends at once: %i', async (signal, code) => {
    const statusFile = join(source.dir, `status-${signal}.json`);
    const run = runProgram(source.url, target.url, { args: ['--status-file', statusFile] });
    await run.says(/caught up/u);
    // A target that hangs keeps the first signal waiting, once something is in flight to it.
    target.pause();
    try {
      await from.call('SET', 'in', 'flight');
      await waitFor('it has been received', () => hasLag(statusFile));
      run.kill(signal);
      await run.says(/stopping once/u);
      run.kill(signal);
      const exit = await run.exited;
      expect(exit.code).toBe(code);
      expect(exit.stderr).toMatch(new RegExp(`stopped at once by a second ${signal}`, 'u'));
      expect(exit.summary).toMatchObject({ ok: false, error: { code: 'INTERRUPTED', exitCode: code } });
    } finally {
      target.resume();
    }
  });

  test.each<[string, () => [string, string, ...string[]], number, RegExp]>([
    [
      'nobody at the source',
      () => ['redis://127.0.0.1:1', target.url],
      4,
      /can't reach the source.*ECONNREFUSED/u,
    ],
    [
      'nobody at the target',
      () => [source.url, 'redis://127.0.0.1:1'],
      5,
      /can't reach the target.*ECONNREFUSED/u,
    ],
    ['the same server twice', () => [source.url, source.url], 2, /source and target are the same server/u],
    [
      'the same server by another name',
      () => [source.url, `redis://localhost:${source.port}`],
      2,
      /same server/u,
    ],
    ['a wrong option', () => [source.url, target.url, '--until', 'never'], 2, /--until/u],
  ])('%s', async (_, words, code, says) => {
    const [a, b, ...args] = words();
    const exit = await runProgram(a, b, { args }).exited;
    expect(exit.code).toBe(code);
    expect(exit.stderr).toMatch(says);
    expect(await to.call('DBSIZE')).toBe(0);
  });

  test('a target with keys: 5, and what to do', async () => {
    await to.call('SET', 'mine', '1');
    const exit = await runProgram(source.url, target.url).exited;
    expect(exit.code).toBe(5);
    expect(exit.stderr).toMatch(/holds 1 key.*--target-not-empty/u);
    expect(exit.summary).toMatchObject({ ok: false, reason: 'failed', error: { code: 'TARGET_NOT_EMPTY' } });
  });

  test('an entry that can not be carried, left out when told so: 3', async () => {
    const run = runProgram(source.url, target.url, {
      args: ['--on-error', 'skip', '--target-not-empty', 'merge'],
    });
    await run.says(/caught up/u);
    await to.call('SET', 'list', 'a string');
    await from.pipeline([
      ['RPUSH', 'list', 'a'],
      ['SET', 'after', '1'],
    ]);
    await from.call('WAIT', 1, 5000);
    run.kill('SIGTERM');
    const exit = await run.exited;
    expect(exit.code).toBe(3);
    expect(exit.summary.skipped).toEqual([
      expect.objectContaining({ what: 'command', name: expect.stringMatching(/RPUSH.*list/u) }),
    ]);
    expect(await to.text('GET', 'after')).toBe('1');
  });

  test('the same without being told so: 5, naming the key', async () => {
    const run = runProgram(source.url, target.url);
    await run.says(/caught up/u);
    await to.call('SET', 'list', 'a string');
    await from.call('RPUSH', 'list', 'a');
    const exit = await run.exited;
    expect(exit.code).toBe(5);
    expect(exit.summary.error.message).toMatch(
      /RPUSH of the stream was answered with "WRONGTYPE.*key "list"/u,
    );
  });
});
