import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { bootId, processSpace, processState } from '../../src/spool/machine.js';
import { type Holder, lockStateDir } from '../../src/spool/state-lock.js';
import { failureOf } from '../io/support.js';
import { newFolder } from './support.js';

const hasProc = processSpace() !== '';

function holder(change: Partial<Holder> = {}): Holder {
  const state = processState(process.pid);
  return {
    pid: process.pid,
    started: state.kind === 'alive' ? state.started : '',
    host: hostname(),
    boot: bootId(),
    space: processSpace(),
    since: '2026-01-31T12:00:00.000Z',
    id: 'somebody',
    ...change,
  };
}

function lockedBy(content: Holder | string): string {
  const dir = newFolder();
  writeFileSync(join(dir, 'lock'), typeof content === 'string' ? content : JSON.stringify(content));
  return dir;
}

/** Takes the lock and gives it back; whose it was in between. */
async function holderAfter(dir: string): Promise<Holder> {
  const lock = await lockStateDir(dir, { watchMs: 60 });
  expect(readdirSync(dir)).toEqual(['lock']);
  const found = JSON.parse(readFileSync(join(dir, 'lock'), 'utf8')) as Holder;
  await lock.release();
  return found;
}

const ours = { pid: process.pid, id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string };

test('the first has it, the second is told who and since when, and gets it afterwards', async () => {
  const dir = join(newFolder(), 'state', 'job');
  const lock = await lockStateDir(dir);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  const { since } = JSON.parse(readFileSync(join(dir, 'lock'), 'utf8')) as Holder;
  const error = await failureOf(() => lockStateDir(dir));
  expect([error.code, error.place.at]).toEqual(['TARGET_HELD', dir]);
  expect(error.message).toContain(`process ${process.pid} on ${hostname()}`);
  expect(error.message).toContain(since);
  expect(readdirSync(dir)).toEqual(['lock']);
  await lock.release();
  await lock.release();
  expect(readdirSync(dir)).toEqual([]);
  expect(await holderAfter(dir)).toMatchObject(ours);
});

test.skipIf(!hasProc)('a process that was killed holds nothing, even before it is reaped', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const state = processState(child.pid!);
  expect(state.kind).toBe('alive');
  const dir = lockedBy(holder({ pid: child.pid!, started: state.kind === 'alive' ? state.started : '' }));
  expect((await failureOf(() => lockStateDir(dir))).message).toContain(`process ${child.pid}`);
  child.kill('SIGKILL');
  while (processState(child.pid!).kind === 'alive') await sleep(1);
  expect(await holderAfter(dir)).toMatchObject(ours);
  await (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined);
});

test.skipIf(!hasProc)('a number that was given to another process holds nothing', async () => {
  expect(await holderAfter(lockedBy(holder({ started: '1' })))).toMatchObject(ours);
});

test.each(['', '{', '{"pid":1}', 'null', '[]', JSON.stringify({ ...holder(), pid: '1' })])(
  'what is no lock of ours binds nobody: %j',
  async (text) => {
    expect(await holderAfter(lockedBy(text))).toMatchObject(ours);
  },
);

test.each<Partial<Holder>>([{ host: 'elsewhere' }, { boot: 'f'.repeat(32) }, { space: 'pid:[1]' }])(
  'a holder that cannot be looked up counts while the file is touched: %j',
  async (change) => {
    const silent = lockedBy(holder(change));
    const lively = lockedBy('');
    const theirs = await lockStateDir(lively, { self: holder(change), touchMs: 2 });
    const error = await failureOf(() => lockStateDir(lively, { watchMs: 20_000 }));
    expect(error.message).toContain(`process ${process.pid}`);
    await theirs.release();
    expect(await holderAfter(silent)).toMatchObject(ours);
  },
);

test('of many who want the lock of a dead process, one gets it', async () => {
  for (let round = 0; round < 10; round++) {
    const dir = lockedBy(holder({ pid: 2 ** 22 + 1 }));
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockStateDir(dir)));
    const locks = results.filter((result) => result.status === 'fulfilled');
    expect(locks.length).toBe(1);
    await locks[0]!.value.release();
    expect(readdirSync(dir)).toEqual([]);
  }
});

test('what was taken over is not given up by its former holder', async () => {
  const dir = newFolder();
  const first = await lockStateDir(dir);
  writeFileSync(join(dir, 'lock'), JSON.stringify(holder()));
  await first.release();
  expect(readdirSync(dir)).toEqual(['lock']);
});

test('a directory that cannot be made is a matter of usage', async () => {
  const file = join(newFolder(), 'file');
  writeFileSync(file, '');
  const error = await failureOf(() => lockStateDir(join(file, 'state')));
  expect([error.code, error.hint]).toEqual(['USAGE', 'name another one with --state-dir']);
  const dir = newFolder();
  mkdirSync(join(dir, 'lock'));
  expect((await failureOf(() => lockStateDir(dir))).code).toBe('USAGE');
});
