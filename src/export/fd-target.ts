/** An open file, pipe, terminal or socket as a target of output. */
import { write as writeWithCallback, writeSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ReplicantError } from '../errors.js';
import type { ByteTarget } from './output.js';

const writeFd = promisify(writeWithCallback);
/** Between attempts at a pipe that is full. The first few are at once: its reader may be just as fast. */
const PAUSE_MS = 1;
const ATTEMPTS_AT_ONCE = 100;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Whoever read the output has gone, as `head` does when it has seen enough. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

export class FdTarget implements ByteTarget {
  readonly slow: boolean;
  readonly #fd: number;
  readonly #label: string;

  constructor(fd: number, label: string, slow: boolean) {
    this.#fd = fd;
    this.#label = label;
    this.slow = slow;
  }

  writeSync(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      try {
        from += writeSync(this.#fd, bytes, from, bytes.length - from);
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') throw this.#explain(error);
        Atomics.wait(sleeper, 0, 0, PAUSE_MS / 4);
      }
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    let attempts = 0;
    for (let from = 0; from < bytes.length;) {
      try {
        from += (await writeFd(this.#fd, bytes, from, bytes.length - from, null)).bytesWritten;
        attempts = 0;
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') throw this.#explain(error);
        if (attempts++ < ATTEMPTS_AT_ONCE) await setImmediate();
        else await setTimeout(PAUSE_MS);
      }
    }
  }

  #explain(error: unknown): Error {
    if (codeOf(error) === 'EPIPE') return new ReaderGone('the reader has gone');
    return explainWriteError(error, this.#label);
  }
}

export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

const WORDS: Readonly<Record<string, readonly [what: string, hint: string | undefined]>> = {
  ENOSPC: ['there is no space left on the device', 'make room, or write somewhere else with -o'],
  EDQUOT: ['the disk quota is used up', 'make room, or write somewhere else with -o'],
  EACCES: ['permission denied', undefined],
  EPERM: ['permission denied', undefined],
  EROFS: ['the file system is read-only', undefined],
  ENOENT: ['there is no such folder', undefined],
  ENOTDIR: ['there is no such folder', undefined],
  EISDIR: ['it is a directory', 'name a file'],
};

/** Where the output cannot even be opened, nothing has been touched: wrong usage. */
export function explainWriteError(error: unknown, label: string, opening = false): ReplicantError {
  const known = WORDS[codeOf(error)];
  const what = known?.[0] ?? (error instanceof Error ? error.message : String(error));
  const verb = opening ? 'created' : 'written';
  return new ReplicantError(opening ? 'USAGE' : 'TARGET_REFUSED', `the output can't be ${verb}: ${what}`, {
    place: { at: label },
    hint: known?.[1],
    cause: error,
  });
}
