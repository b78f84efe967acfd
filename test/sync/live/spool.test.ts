/**
 * The source is never held up by the target: whatever the target is doing, the source's link stays up, what comes
 * in lies in the spool, and the tool's memory stays flat. What is in the spool outlives a crash, a full spool
 * and a full disk; a spool that somebody has damaged is refused by name.
 */
import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import {
  awaitCaughtUp,
  startCounting,
  startTool,
  temporaryDirectory,
  type Tool,
} from '../../support/kill-loop.js';
import { equalOrExplain } from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import {
  NEWEST,
  offsetOf,
  type Run,
  type RunOptions,
  Servers,
  startRun,
  waitFor,
} from '../../support/live.js';

const MB = 1024 * 1024;
const SLOW = { timeout: 120_000 };
const VALUE_BYTES = 100_000;
const KEYS = 40;
const servers = new Servers();

interface Stage {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly from: Client;
  readonly to: Client;
}

type Args = Readonly<Record<string, string | number>>;

async function stage(sourceArgs: Args = {}, targetArgs: Args = {}): Promise<Stage> {
  const [source, target] = await Promise.all([
    servers.start(NEWEST!, { args: sourceArgs }),
    servers.start(NEWEST!, { args: targetArgs }),
  ]);
  const [from, to] = await Promise.all([servers.client(source), servers.client(target)]);
  await from.call('SET', 'first', 'key');
  return { source, target, from, to };
}

/** Values that can't be compressed, over and over to the same keys, so that neither server grows. */
async function flood(client: Client, megabytes: number): Promise<void> {
  const values = Array.from({ length: KEYS }, () => randomBytes(VALUE_BYTES));
  const round = values.map((value, at) => ['SET', `flood:${at}`, value]);
  for (let sent = 0; sent < megabytes * MB; sent += KEYS * VALUE_BYTES) {
    await client.pipeline([...round, ['INCR', 'flood:rounds']]);
  }
}

/** Ids of the connections that replicate: a link that was dropped and opened again has another one. */
async function replicaIds(client: Client): Promise<readonly string[]> {
  const list: string = await client.text('CLIENT', 'LIST', 'TYPE', 'replica');
  return [...list.matchAll(/^id=(\d+)/gmu)].map(([, id]) => id!);
}

async function fullSyncs(client: Client): Promise<number> {
  return Number(/sync_full:(\d+)/u.exec(await client.text('INFO', 'stats'))?.[1]);
}

function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'mu').exec(text)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** Files of the spool and their sizes. */
function segments(stateDir: string): readonly { readonly path: string; readonly bytes: number }[] {
  const dir = join(stateDir, 'spool');
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .toSorted()
    .flatMap((name) => {
      const bytes = statSync(join(dir, name), { throwIfNoEntry: false })?.size;
      return bytes === undefined ? [] : [{ path: join(dir, name), bytes }];
    });
}

const onDisk = (stateDir: string): number => segments(stateDir).reduce((sum, { bytes }) => sum + bytes, 0);

function toolOf({ source, target }: Stage, stateDir: string, ...args: readonly string[]): Tool {
  return startTool({ source: source.url, target: target.url, stateDir, args, program: program() });
}

function spooled(tool: Tool): number {
  return tool.status()?.shards[0]?.spoolBytes ?? 0;
}

/** A program that has been killed with so many MB in its spool, the target not having taken them. */
async function killedWithSpool(on: Stage, stateDir: string, megabytes: number): Promise<void> {
  const tool = toolOf(on, stateDir);
  await tool.says(/caught up/u);
  on.target.pause();
  await flood(on.from, megabytes);
  const end = await offsetOf(on.from);
  const received = (): boolean => (tool.status()?.shards[0]?.receivedOffset ?? -1) >= end;
  await waitFor('all of it received', received, 60_000);
  // As random bytes can't be compressed, the files have at least as many.
  await waitFor('and on disk', () => onDisk(stateDir) >= spooled(tool));
  expect(spooled(tool)).toBeGreaterThan((megabytes - 25) * MB);
  await tool.kill();
  on.target.resume();
}

describe.skipIf(NEWEST === undefined)('a target that stands still', () => {
  test('the link to the source stays up, memory flat, and everything arrives', SLOW, async () => {
    const on = await stage({ 'repl-backlog-size': '1mb' });
    const { source, target, from, to } = on;
    const stateDir = temporaryDirectory();
    const tool = toolOf(on, stateDir);
    await tool.says(/caught up/u);
    const links = await replicaIds(from);
    expect(links).toHaveLength(1);
    const counting = await startCounting(source);
    target.pause();
    await flood(from, 300);
    await waitFor('it lies in the spool', () => spooled(tool) > 300 * MB, 60_000);
    expect(onDisk(stateDir)).toBeGreaterThan(200 * MB);
    await waitFor('the status says why', () => /not answered/u.test(tool.status()?.waitingFor ?? ''), 40_000);
    expect(tool.status()?.caughtUp).toBe(false);
    expect(await replicaIds(from)).toEqual(links);
    target.resume();
    await counting.stop();
    await awaitCaughtUp(tool, from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(memoryOf(tool.pid).peak).toBeLessThan(250 * MB);
    expect(await replicaIds(from)).toEqual(links);
    expect(await fullSyncs(from)).toBe(1);
    await waitFor('the files are gone', () => onDisk(stateDir) < MB);
    await waitFor('nothing in the spool', () => spooled(tool) < 100_000);
    expect(tool.status()?.waitingFor).toBe(null);
    expect((await tool.kill('SIGTERM')).code).toBe(0);
  });

  test(
    'killed with 100 MB in the spool: goes on from there, the source has long forgotten',
    SLOW,
    async () => {
      const on = await stage({ 'repl-backlog-size': '1mb' });
      const { source, from, to } = on;
      const stateDir = temporaryDirectory();
      await killedWithSpool(on, stateDir, 100);
      const counting = await startCounting(source);
      const tool = toolOf(on, stateDir);
      await tool.says(/caught up/u);
      await counting.stop();
      await awaitCaughtUp(tool, from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      expect(await fullSyncs(from)).toBe(1);
      expect((await tool.kill('SIGTERM')).code).toBe(0);
    },
  );
});

// ---- states of the target that pass ----------------------------------------------------------------------

interface State {
  readonly name: string;
  readonly args?: Args;
  readonly begin: (on: Stage) => Promise<unknown>;
  readonly end: (on: Stage) => Promise<unknown>;
  readonly says: RegExp;
}

const STATES: readonly State[] = [
  {
    name: 'full (OOM)',
    begin: ({ to }) =>
      to.pipeline([
        ['CONFIG', 'SET', 'maxmemory-policy', 'noeviction'],
        ['CONFIG', 'SET', 'maxmemory', '1mb'],
      ]),
    end: ({ to }) => to.call('CONFIG', 'SET', 'maxmemory', 0),
    says: /out of memory/u,
  },
  {
    name: 'read-only, as after a failover (READONLY)',
    begin: ({ to }) => to.call('REPLICAOF', '127.0.0.1', 1),
    end: ({ to }) => to.call('REPLICAOF', 'NO', 'ONE'),
    says: /read-only|a replica/u,
  },
  {
    name: 'unable to save (MISCONF)',
    args: { save: '3600 1', 'stop-writes-on-bgsave-error': 'yes' },
    begin: async ({ target, to }) => {
      // A directory where the file should be: no save can end well, whoever runs the server.
      rmSync(join(target.dir, 'dump.rdb'), { force: true });
      mkdirSync(join(target.dir, 'dump.rdb', 'in-the-way'), { recursive: true });
      await to.call('BGSAVE');
      await waitFor('a failed save', async () =>
        /rdb_last_bgsave_status:err/u.test(await to.text('INFO', 'persistence')),
      );
    },
    end: async ({ target, to }) => {
      rmdirSync(join(target.dir, 'dump.rdb', 'in-the-way'));
      rmdirSync(join(target.dir, 'dump.rdb'));
      await to.call('BGSAVE');
    },
    says: /can.?not save to disk/u,
  },
  {
    name: 'without the replicas it wants (NOREPLICAS)',
    begin: ({ to }) => to.call('CONFIG', 'SET', 'min-replicas-to-write', 1),
    end: ({ to }) => to.call('CONFIG', 'SET', 'min-replicas-to-write', 0),
    says: /too few replicas/u,
  },
  {
    name: 'busy with a script (BUSY)',
    begin: async ({ target, to }) => {
      await to.call('CONFIG', 'SET', 'lua-time-limit', 10);
      const other = await servers.client(target);
      other.call('EVAL', 'while true do end', 0).catch(() => {});
      await waitFor('BUSY', async () => /BUSY/u.test(String((await to.pipeline([['PING']]))[0])));
    },
    end: ({ to }) => to.call('SCRIPT', 'KILL'),
    says: /busy with a script|BUSY/u,
  },
  {
    name: 'paused for writes (CLIENT PAUSE)',
    begin: ({ to }) => to.call('CLIENT', 'PAUSE', 100_000, 'WRITE'),
    end: ({ to }) => to.call('CLIENT', 'UNPAUSE'),
    says: /has not answered/u,
  },
];

async function expectParked(on: Stage, run: Run, { begin, end, says }: State): Promise<void> {
  const { source, from } = on;
  await run.event('caught-up');
  const links = await replicaIds(from);
  const counting = await startCounting(source);
  await begin(on);
  await flood(from, 20);
  await run.until('it says what it waits for', () => says.test(run.handle.status().waitingFor ?? ''), 40_000);
  await run.until('it is in the spool', () => run.shard.spoolBytes > 20 * MB);
  expect(run.log).toMatch(says);
  expect(run.handle.status().caughtUp).toBe(false);
  expect(await replicaIds(from)).toEqual(links);
  await end(on);
  await counting.stop();
  await run.caughtUpWith(from);
  expect(await replicaIds(from)).toEqual(links);
}

describe.skipIf(NEWEST === undefined)(
  'a target that takes no writes for a time: parked, said, caught up',
  () => {
    test.each(STATES)('$name', SLOW, async (state) => {
      const on = await stage({ 'repl-backlog-size': '1mb' }, state.args);
      const run = startRun(on.source, on.target, { stateDir: temporaryDirectory() });
      await expectParked(on, run, state);
      expect(await equalOrExplain(on.from, on.to)).toEqual([]);
      await run.until('nothing to wait for', () => run.handle.status().waitingFor === null);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, partialResyncs: 0 });
      expect(await equalOrExplain(on.from, on.to, { held: false })).toEqual([]);
    });

    test('full while the snapshot is loaded', SLOW, async () => {
      const on = await stage();
      await flood(on.from, 4);
      await on.to.pipeline([
        ['CONFIG', 'SET', 'maxmemory', '2mb'],
        ['CONFIG', 'SET', 'maxmemory-policy', 'noeviction'],
      ]);
      const run = startRun(on.source, on.target, { stateDir: temporaryDirectory() });
      await run.until('it says so', () => /out of memory/u.test(run.handle.status().waitingFor ?? ''));
      await flood(on.from, 20);
      await on.to.call('CONFIG', 'SET', 'maxmemory', 0);
      await run.caughtUpWith(on.from);
      expect(await equalOrExplain(on.from, on.to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
    });

    test('restarted with what it had saved, and loading for a while', SLOW, async () => {
      const on = await stage({ 'repl-backlog-size': '64mb' });
      const { source, target, from } = on;
      const run = startRun(source, target, { stateDir: temporaryDirectory() });
      await run.event('caught-up');
      await from.pipeline(Array.from({ length: 2000 }, (_, at) => ['SET', `k:${at}`, at]));
      await run.caughtUpWith(from);
      await on.to.pipeline([
        ['SAVE'],
        ['CONFIG', 'SET', 'key-load-delay', 1000],
        ['CONFIG', 'SET', 'loading-process-events-interval-bytes', 1024],
        ['CONFIG', 'REWRITE'],
      ]);
      const links = await replicaIds(from);
      const counting = await startCounting(source);
      await target.kill('SIGKILL');
      const restarting = target.restart();
      await run.until('it waits for it', () => /loading|LOADING/u.test(run.handle.status().waitingFor ?? ''));
      await restarting;
      await counting.stop();
      await run.caughtUpWith(from);
      const to = await servers.client(target);
      expect(await equalOrExplain(from, to)).toEqual([]);
      // What it had not saved is asked for again: that takes a new link, but no snapshot.
      expect(links).toHaveLength(1);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
    });

    test('DEBUG RELOAD in the middle of it', SLOW, async () => {
      const on = await stage();
      const run = startRun(on.source, on.target, { stateDir: temporaryDirectory() });
      await run.event('caught-up');
      const counting = await startCounting(on.source);
      for (let again = 0; again < 3; again++) {
        await on.to.call('DEBUG', 'RELOAD');
        await flood(on.from, 4);
      }
      await counting.stop();
      await run.caughtUpWith(on.from);
      expect(await equalOrExplain(on.from, on.to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1 });
    });
  },
);

// ---- a spool that is full ----------------------------------------------------------------------------------

const SMALL: RunOptions = { spoolMemoryBytes: 8 * MB, spoolMaxBytes: 16 * MB };
/** A source that waits for us as long as it takes. */
const PATIENT = { 'client-output-buffer-limit': 'replica 0 0 0', 'repl-backlog-size': '1mb' };

function warnings(run: Run): readonly string[] {
  return run.events.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

const firstOf = (lines: readonly string[], pattern: RegExp): number =>
  lines.findIndex((line) => pattern.test(line));

describe.skipIf(NEWEST === undefined)('a full spool', () => {
  test.each([
    ['on disk and in memory', SMALL],
    ['of memory only', { ...SMALL, spoolMaxBytes: 0, stateDir: undefined }],
  ])('%s, pause: announced before, then the source waits, and nothing is lost', SLOW, async (_, options) => {
    const on = await stage(PATIENT);
    const { source, target, from, to } = on;
    const run = startRun(source, target, { stateDir: temporaryDirectory(), ...options });
    await run.event('caught-up');
    target.pause();
    await flood(from, 100);
    await run.until('reading pauses', () => firstOf(warnings(run), /reading from the source pauses/u) >= 0);
    const nearly = firstOf(warnings(run), /nearly full/u);
    expect(nearly).toBeGreaterThanOrEqual(0);
    expect(nearly).toBeLessThan(firstOf(warnings(run), /reading from the source pauses/u));
    const end = await offsetOf(from);
    expect(run.shard.receivedOffset).toBeLessThan(end);
    target.resume();
    await run.caughtUpWith(from);
    expect(run.log).toMatch(/room again/u);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, partialResyncs: 0 });
  });

  test.each([
    ['on disk and in memory', SMALL],
    ['of memory only', { ...SMALL, spoolMaxBytes: 0, stateDir: undefined }],
  ])('%s, stop: exit code 5, announced before; the next start goes on', SLOW, async (_, options) => {
    // The source's backlog has what the spool has not taken.
    const on = await stage({ ...PATIENT, 'repl-backlog-size': '256mb' });
    const { source, target, from, to } = on;
    const job = { stateDir: temporaryDirectory(), ...options, name: 'full', spoolFull: 'stop' } as const;
    const first = startRun(source, target, job);
    await first.event('caught-up');
    target.pause();
    const flooding = flood(from, 100);
    const failed = await first.failure();
    expect(failed).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/spool is full.*nothing is lost/u),
    });
    expect(firstOf(warnings(first), /nearly full/u)).toBeGreaterThanOrEqual(0);
    await flooding;
    target.resume();
    const second = startRun(source, target, job);
    await second.caughtUpWith(from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(await second.stop()).toMatchObject({ ok: true, fullSyncs: 0 });
  });
});

// ---- a disk that fails, a spool that is damaged ------------------------------------------------------------

/** Limits how large the files of a running process may grow; what goes beyond fails with EFBIG. */
function limitFiles(pid: number, bytes: number | 'unlimited'): boolean {
  return spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]).status === 0;
}

const CAN_LIMIT = spawnSync('prlimit', ['--version']).status === 0;

describe.skipIf(NEWEST === undefined)('a disk that takes nothing', () => {
  test(
    'the folder is gone and can not be made: announced, on in memory, and back on disk',
    SLOW,
    async () => {
      const on = await stage(PATIENT);
      const { source, target, from, to } = on;
      const stateDir = temporaryDirectory();
      const run = startRun(source, target, { stateDir });
      await run.event('caught-up');
      await run.until('the snapshot is off the disk', () => onDisk(stateDir) === 0);
      const dir = join(stateDir, 'spool');
      rmSync(dir, { recursive: true, force: true });
      writeFileSync(dir, 'in the way');
      const counting = await startCounting(source);
      target.pause();
      await flood(from, 10);
      await run.until('it says so', () => /can't write the spool .*trying again every second/u.test(run.log));
      expect(warnings(run).filter((line) => /can't write the spool/u.test(line))).toHaveLength(1);
      rmSync(dir);
      await run.until('it can be written again', () => /can be written again/u.test(run.log));
      await flood(from, 40);
      await run.until('it is on disk', () => onDisk(stateDir) > 40 * MB);
      target.resume();
      await counting.stop();
      await run.caughtUpWith(from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, partialResyncs: 0 });
    },
  );

  test(
    'it stays so until memory is full: reading pauses, announced before, and nothing is lost',
    SLOW,
    async () => {
      const on = await stage(PATIENT);
      const { source, target, from, to } = on;
      const stateDir = temporaryDirectory();
      const run = startRun(source, target, { stateDir, ...SMALL });
      await run.event('caught-up');
      await run.until('the snapshot is off the disk', () => onDisk(stateDir) === 0);
      const dir = join(stateDir, 'spool');
      rmSync(dir, { recursive: true, force: true });
      writeFileSync(dir, 'in the way');
      target.pause();
      await flood(from, 60);
      await run.until('reading pauses', () => firstOf(warnings(run), /reading from the source pauses/u) >= 0);
      const order = [/can't write the spool/u, /nearly full/u, /reading from the source pauses/u];
      const found = order.map((pattern) => firstOf(warnings(run), pattern));
      expect(found).toEqual(found.toSorted((a, b) => a - b));
      expect(found[0]).toBeGreaterThanOrEqual(0);
      target.resume();
      await run.caughtUpWith(from);
      expect(await equalOrExplain(from, to)).toEqual([]);
      expect(await run.stop()).toMatchObject({ ok: true, fullSyncs: 1, partialResyncs: 0 });
    },
  );

  test.skipIf(!CAN_LIMIT)('writes fail in the middle of a segment, and succeed later', SLOW, async () => {
    const on = await stage(PATIENT);
    const { target, from, to } = on;
    const stateDir = temporaryDirectory();
    const tool = toolOf(on, stateDir);
    await tool.says(/caught up/u);
    target.pause();
    await flood(from, 20);
    await waitFor('it is on disk', () => onDisk(stateDir) > 19 * MB);
    expect(limitFiles(tool.pid, 5_000_000)).toBe(true);
    await flood(from, 20);
    await tool.says(/can't write the spool/u);
    expect(limitFiles(tool.pid, 'unlimited')).toBe(true);
    await tool.says(/can be written again/u);
    await flood(from, 40);
    const end = await offsetOf(from);
    await waitFor(
      'all of it received',
      () => (tool.status()?.shards[0]?.receivedOffset ?? -1) >= end,
      60_000,
    );
    await waitFor('and on disk', () => onDisk(stateDir) >= spooled(tool));
    // What was written around the failure is read back, by the next process too.
    await tool.kill();
    target.resume();
    const next = toolOf(on, stateDir);
    await next.says(/caught up/u);
    await awaitCaughtUp(next, from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    expect(await fullSyncs(from)).toBe(1);
    expect((await next.kill('SIGTERM')).code).toBe(0);
  });
});

function flipByte(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 0x10;
  writeFileSync(path, bytes);
}

describe.skipIf(NEWEST === undefined)('a spool that is not what was written', () => {
  test('a byte in the middle: an error that names the file and where', SLOW, async () => {
    const on = await stage({ 'repl-backlog-size': '1mb' });
    const stateDir = temporaryDirectory();
    await killedWithSpool(on, stateDir, 60);
    const { path, bytes } = segments(stateDir)[1]!;
    flipByte(path, Math.floor(bytes / 2));
    const tool = toolOf(on, stateDir);
    expect((await tool.exited).code).toBe(5);
    const error = tool.log.find((line) => line.startsWith('error:'))!;
    expect(error).toContain(path);
    expect(error).toMatch(/the spool is damaged: .*byte offset \d+/u);
    // Where it begins to be wrong: the record with the byte in it, which is at most 256 KiB long.
    const offset = Number(/byte offset (\d+)/u.exec(error)?.[1]);
    expect(offset).toBeLessThanOrEqual(bytes / 2);
    expect(offset).toBeGreaterThan(bytes / 2 - 300_000);
    // As the message says: without the files it goes on from the source, or with a new snapshot.
    rmSync(join(stateDir, 'spool'), { recursive: true });
    const next = toolOf(on, stateDir);
    await next.says(/caught up/u);
    await awaitCaughtUp(next, on.from);
    expect(await equalOrExplain(on.from, on.to)).toEqual([]);
    await next.kill('SIGTERM');
  });

  test('a segment gone from the middle: an error that names what is missing', SLOW, async () => {
    const on = await stage({ 'repl-backlog-size': '1mb' });
    const stateDir = temporaryDirectory();
    await killedWithSpool(on, stateDir, 60);
    const [, second, third] = segments(stateDir);
    renameSync(second!.path, join(stateDir, 'taken-away'));
    const tool = toolOf(on, stateDir);
    expect((await tool.exited).code).toBe(5);
    const error = tool.log.find((line) => line.startsWith('error:'))!;
    expect(error).toContain(third!.path);
    expect(error).toMatch(/bytes from position \d+ to \d+ are missing/u);
    renameSync(join(stateDir, 'taken-away'), second!.path);
    const next = toolOf(on, stateDir);
    await next.says(/caught up/u);
    await awaitCaughtUp(next, on.from);
    expect(await equalOrExplain(on.from, on.to)).toEqual([]);
    expect(await fullSyncs(on.from)).toBe(1);
    await next.kill('SIGTERM');
  });

  test('the last segment cut short: the tail is dropped and asked for again', SLOW, async () => {
    const on = await stage({ 'repl-backlog-size': '64mb' });
    const stateDir = temporaryDirectory();
    await killedWithSpool(on, stateDir, 60);
    const { path, bytes } = segments(stateDir).at(-1)!;
    truncateSync(path, bytes - Math.min(bytes - 200, 300_001));
    const tool = toolOf(on, stateDir);
    await tool.says(/in the middle of a write: \d+ bytes cut off/u);
    await tool.says(/caught up/u);
    await awaitCaughtUp(tool, on.from);
    expect(await equalOrExplain(on.from, on.to)).toEqual([]);
    expect(await fullSyncs(on.from)).toBe(1);
    await tool.kill('SIGTERM');
  });
});
