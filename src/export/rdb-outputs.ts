/**
 * Where RDB files go: a file, which has its final name only when it is complete, or a stream such as stdout.
 * What was written since a mark can be taken back, so that a key that turns out to be damaged in its middle
 * does not spoil the file.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { ReplicantError } from '../errors.js';
import { FdTarget, ReaderGone } from './fd-target.js';
import { type ByteTarget, Output } from './output.js';

export interface RdbOutput {
  /** For people; undefined for a stream. */
  readonly path: string | undefined;
  write(bytes: Uint8Array): void;
  /** What is written from here on can be taken back until `release`. */
  hold(): void;
  release(): void;
  /** False when it is too late for that. */
  rollback(): boolean;
  /** What must be waited for before more is written. */
  drain(): Promise<void> | undefined;
  finish(): Promise<void>;
  /** It will not be complete: removes what can be removed. Does nothing after `finish`. */
  discard(): void;
}

export class FileOutput implements RdbOutput {
  readonly path: string;
  readonly #part: string;
  readonly #fd: number;
  #size = 0;
  #heldAt = 0;
  #open = true;

  constructor(path: string) {
    this.path = path;
    this.#part = `${path}.part`;
    this.#fd = attempt(path, () => openSync(this.#part, 'w', 0o644));
  }

  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const count = attempt(this.path, () =>
        writeSync(this.#fd, bytes, from, bytes.length - from, this.#size),
      );
      from += count;
      this.#size += count;
    }
  }

  hold(): void {
    this.#heldAt = this.#size;
  }

  release(): void {
    this.#heldAt = this.#size;
  }

  rollback(): boolean {
    this.#size = this.#heldAt;
    attempt(this.path, () => ftruncateSync(this.#fd, this.#size));
    return true;
  }

  drain(): undefined {
    return undefined;
  }

  finish(): Promise<void> {
    attempt(this.path, () => fsyncSync(this.#fd));
    this.#close();
    attempt(this.path, () => renameSync(this.#part, this.path));
    return Promise.resolve();
  }

  discard(): void {
    if (!this.#open) return;
    this.#close();
    rmSync(this.#part, { force: true });
  }

  #close(): void {
    this.#open = false;
    closeSync(this.#fd);
  }
}

/** The output that stands for a path. */
export function openOutput(path: string): RdbOutput {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined || there.isFile()) return new FileOutput(path);
  if (there.isDirectory()) {
    throw new ReplicantError('USAGE', 'the output is a directory; name a file in it', {
      place: { at: path },
    });
  }
  // A pipe or a device that has a name: nothing may be put in its place.
  const fd = attempt(path, () => openSync(path, 'w'));
  return new StreamOutput(new FdTarget(fd, path, false), path);
}

export class StreamOutput implements RdbOutput {
  readonly path: string | undefined;
  readonly #output: Output;

  constructor(target: ByteTarget, path?: string) {
    this.path = path;
    this.#output = new Output(target);
  }

  write(bytes: Uint8Array): void {
    try {
      this.#output.put(bytes, 0, bytes.length);
    } catch (error) {
      explainGone(error);
    }
  }

  hold(): void {
    this.#output.hold();
  }

  release(): void {
    this.#output.release();
  }

  rollback(): boolean {
    return this.#output.rollback();
  }

  drain(): Promise<void> | undefined {
    return this.#output.drain()?.catch(explainGone);
  }

  async finish(): Promise<void> {
    await this.#output.end().catch(explainGone);
  }

  discard(): void {}
}

/** Part of an RDB is of no use to anybody, other than part of a list of keys. */
function explainGone(error: unknown): never {
  if (!(error instanceof ReaderGone)) throw error;
  throw new ReplicantError('TARGET_REFUSED', 'the reader of the output went away before its end', {
    cause: error,
  });
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReplicantError('TARGET_REFUSED', `the output can't be written: ${why}`, {
      place: { at: path },
      cause,
    });
  }
}
