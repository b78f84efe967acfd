/** What Linux tells of itself and its processes in /proc. Elsewhere there is nothing of it. */
import { readFileSync, readlinkSync } from 'node:fs';

/** 32 hexadecimal digits, new with each start of the machine; '' where there is none. */
export function bootId(): string {
  const text = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))?.trim() ?? '';
  return /^[0-9a-f-]{36}$/.test(text) ? text.replaceAll('-', '') : '';
}

/** Numbers of processes mean something only within one of these. */
export function processSpace(): string {
  return attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '';
}

export type ProcessState = { readonly kind: 'gone' } | { readonly kind: 'alive'; readonly started: string };

/** `started`: in clock ticks since the machine was, so that a number used again is noticed; '' when not known. */
export function processState(pid: number): ProcessState {
  if (processSpace() === '') return signalled(pid) ? { kind: 'alive', started: '' } : { kind: 'gone' };
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (text === undefined) return { kind: 'gone' };
  // pid (name, with anything in it) state ppid …; the start is the 22nd field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ended = fields[0] === 'Z' || fields[0] === 'X';
  return ended ? { kind: 'gone' } : { kind: 'alive', started: fields[19] ?? '' };
}

function signalled(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Not ours to signal, but there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
