/**
 * One process at a time in a state directory: the file `lock` there says which.
 *
 *   {"pid":123,"started":"4711","host":"a","boot":"…","space":"pid:[4026531836]","since":"2026-01-31T…","id":"…"}
 *
 * It is made whole under another name and then linked, so it is never seen half written. A process is looked
 * up by number and start, so one that was killed, or whose number was given to another, holds nothing. Across
 * hosts, containers and restarts of the machine a number says nothing: there the holder's touching the file every
 * second counts, and whoever wants the lock watches for a while whether that still happens.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicantError } from '../errors.js';
import { diskErrorCode } from './disk.js';
import { bootId, processSpace, processState } from './machine.js';

export interface StateLock {
  release(): Promise<void>;
}

export interface StateLockTuning {
  readonly touchMs: number;
  /** How long a holder of another host is watched. */
  readonly watchMs: number;
  /** Who we are; tests are somebody else. */
  readonly self: Holder;
}

export interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly host: string;
  readonly boot: string;
  readonly space: string;
  readonly since: string;
  readonly id: string;
}

const NAME = 'lock';
const TOUCH_MS = 1000;
const WATCH_MS = 5000;
const ATTEMPTS = 5;
/** What file systems that know no links say. */
const WITHOUT_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

function ourselves(): Holder {
  const state = processState(process.pid);
  return {
    pid: process.pid,
    started: state.kind === 'alive' ? state.started : '',
    host: hostname(),
    boot: bootId(),
    space: processSpace(),
    since: new Date().toISOString(),
    id: randomUUID(),
  };
}

/** Makes the directory if need be. TARGET_HELD when another process has it. */
export async function lockStateDir(dir: string, tuning: Partial<StateLockTuning> = {}): Promise<StateLock> {
  const { touchMs, watchMs, self } = { touchMs: TOUCH_MS, watchMs: WATCH_MS, self: ourselves(), ...tuning };
  const path = join(dir, NAME);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await place(dir, path, self)) return hold(path, self, touchMs);
      const found = await readText(path);
      if (found === undefined) continue;
      const holder = parseHolder(found);
      if (holder !== undefined && (await isAlive(holder, self, path, watchMs))) throw refusal(dir, holder);
      await takeAway(dir, path, found);
    }
  } catch (cause) {
    if (cause instanceof ReplicantError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReplicantError('USAGE', `the state directory can't be used: ${why}`, {
      place: { at: dir },
      hint: 'name another one with --state-dir',
      cause,
    });
  }
  throw new ReplicantError('USAGE', 'several processes want the state directory at once', {
    place: { at: dir },
    hint: 'start one of them',
  });
}

async function place(dir: string, path: string, self: Holder): Promise<boolean> {
  const temporary = join(dir, `${NAME}.${self.id}`);
  await writeFile(temporary, JSON.stringify(self), { mode: 0o600 });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (diskErrorCode(error) === 'EEXIST') return false;
    if (!WITHOUT_LINKS.includes(diskErrorCode(error))) throw error;
    return await placeDirectly(path, self);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function placeDirectly(path: string, self: Holder): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(self), { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if (diskErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of somebody who is gone, unless another process has just put its own there. */
async function takeAway(dir: string, path: string, found: string): Promise<void> {
  const aside = join(dir, `${NAME}.${randomUUID()}`);
  try {
    await rename(path, aside);
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readText(aside)) !== found) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function isAlive(holder: Holder, self: Holder, path: string, watchMs: number): Promise<boolean> {
  const near = holder.host === self.host && holder.boot === self.boot && holder.space === self.space;
  if (!near) return isTouched(path, watchMs);
  const state = processState(holder.pid);
  return state.kind === 'alive' && (state.started === holder.started || state.started === '');
}

/** Compares the file's time with itself only: clocks of hosts differ. */
async function isTouched(path: string, watchMs: number): Promise<boolean> {
  const first = await touchedMs(path);
  for (let waited = 0; waited < watchMs; waited += watchMs / 20) {
    await sleep(watchMs / 20);
    if ((await touchedMs(path)) !== first) return true;
  }
  return false;
}

async function touchedMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}

function hold(path: string, self: Holder, touchMs: number): StateLock {
  const text = JSON.stringify(self);
  const touch = async (): Promise<void> => {
    // Taken over by somebody who found us silent for long: not ours to touch.
    if ((await readText(path)) === text) await utimes(path, new Date(), new Date());
  };
  let touching: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    touching = touch().catch(() => undefined);
  }, touchMs).unref();
  let released: Promise<void> | undefined;
  const release = async (): Promise<void> => {
    clearInterval(timer);
    await touching;
    if ((await readText(path)) === text) await rm(path, { force: true });
  };
  return { release: () => (released ??= release()) };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** undefined: not what a lock of ours looks like; it binds nobody. */
function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, started, host, boot, space, since, id } = JSON.parse(text) as Record<string, unknown>;
    const texts = [started, host, boot, space, since, id];
    if (!Number.isSafeInteger(pid) || !texts.every((part) => typeof part === 'string')) return undefined;
    return { pid, started, host, boot, space, since, id } as Holder;
  } catch {
    return undefined;
  }
}

function refusal(dir: string, { pid, host, since }: Holder): ReplicantError {
  return new ReplicantError(
    'TARGET_HELD',
    `another replicant (process ${pid} on ${host}) has been using this state directory since ${since}`,
    { place: { at: dir }, hint: 'stop it first, or give this job its own --name or --state-dir' },
  );
}
