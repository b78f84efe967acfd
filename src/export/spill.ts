/**
 * Bytes that must wait until something else has been written: in memory while they are few, else in a
 * temporary file, so that memory stays bounded whatever the value. The file has no name as soon as it is
 * open; it is gone when the program is, however that ends.
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReplicantError } from '../errors.js';
import type { ByteTarget } from './output.js';

const READ_BYTES = 256 * 1024;
export const SPILL_AT_BYTES: number = 2 * 1024 * 1024;

export type TakeBytes = (bytes: Uint8Array, start: number, end: number) => void;

/** A file without a name, for appending and reading anywhere. */
export class TemporaryFile {
  readonly #fd: number;
  #size = 0;

  constructor(folder: string = tmpdir()) {
    const path = join(folder, `.replicant-${randomUUID()}.tmp`);
    this.#fd = attempt(folder, () => openSync(path, 'wx+', 0o600));
    attempt(folder, () => unlinkSync(path));
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    for (let from = start; from < end;) {
      const count = attempt('the temporary file', () =>
        writeSync(this.#fd, bytes, from, end - from, this.#size),
      );
      from += count;
      this.#size += count;
    }
  }

  /** Fills `into` from `position` on; returns how many bytes there were. */
  read(into: Uint8Array, position: number): number {
    let filled = 0;
    while (filled < into.length) {
      const count = readSync(this.#fd, into, filled, into.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

export class Spill implements ByteTarget {
  readonly slow = false;
  readonly #folder: string | undefined;
  readonly #limit: number;
  /** The last bytes: all of them while there is no file. */
  #block: Uint8Array = new Uint8Array(0);
  #used = 0;
  #file: TemporaryFile | undefined;

  constructor(folder?: string, limit: number = SPILL_AT_BYTES) {
    this.#folder = folder;
    this.#limit = limit;
  }

  get size(): number {
    return (this.#file?.size ?? 0) + this.#used;
  }

  writeSync(bytes: Uint8Array): void {
    this.append(bytes, 0, bytes.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.writeSync(bytes);
    return Promise.resolve();
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.#used + count > this.#limit) this.#spill();
    if (count > this.#limit) {
      this.#file?.append(bytes, start, end);
      return;
    }
    if (this.#used + count > this.#block.length) this.#grow(this.#used + count);
    this.#block.set(bytes.subarray(start, end), this.#used);
    this.#used += count;
  }

  /** Everything in order, in pieces; then it is empty. */
  empty(take: TakeBytes): void {
    if (this.#file !== undefined) this.#readFile(this.#file, take);
    if (this.#used > 0) take(this.#block, 0, this.#used);
    this.clear();
  }

  clear(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#used = 0;
  }

  #spill(): void {
    this.#file ??= new TemporaryFile(this.#folder);
    this.#file.append(this.#block, 0, this.#used);
    this.#used = 0;
  }

  #grow(least: number): void {
    const block = new Uint8Array(Math.min(this.#limit, Math.max(least, this.#block.length * 2, 4096)));
    block.set(this.#block.subarray(0, this.#used));
    this.#block = block;
  }

  #readFile(file: TemporaryFile, take: TakeBytes): void {
    const block = new Uint8Array(READ_BYTES);
    for (let position = 0; position < file.size;) {
      const count = file.read(block, position);
      if (count === 0) throw new ReplicantError('INTERNAL', 'a temporary file lost its end');
      take(block, 0, count);
      position += count;
    }
  }
}

function attempt<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReplicantError(
      'TARGET_REFUSED',
      `a temporary file for a large value cannot be written: ${why}`,
      {
        place: { at: where },
        hint: 'make room there, or set TMPDIR to a folder with more',
        cause,
      },
    );
  }
}
