/** Where bytes come from, one after the other: a file, a stream, and what decompresses another source. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ReplicantError } from '../errors.js';

export interface ByteSource {
  /** What it is called in errors. */
  readonly label: string;
  /** Size as stored; undefined when not known beforehand. */
  readonly totalBytes: number | undefined;
  /** Bytes as stored that have been read. */
  readonly bytesRead: number;
  /** Last modification; undefined for streams. */
  readonly modifiedMs: number | undefined;
  /** Puts bytes at the start of `into`; resolves with how many, 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

export class FileSource implements ByteSource {
  readonly label: string;
  readonly totalBytes: number | undefined;
  readonly modifiedMs: number;
  bytesRead = 0;
  readonly #file: FileHandle;

  private constructor(label: string, file: FileHandle, totalBytes: number | undefined, modifiedMs: number) {
    this.label = label;
    this.#file = file;
    this.totalBytes = totalBytes;
    this.modifiedMs = modifiedMs;
  }

  static async open(path: string): Promise<FileSource> {
    try {
      const file = await open(path, 'r');
      const stats = await file.stat();
      return new FileSource(path, file, stats.isFile() ? stats.size : undefined, stats.mtimeMs);
    } catch (error) {
      throw explainFileError(error, path);
    }
  }

  async read(into: Uint8Array): Promise<number> {
    try {
      const { bytesRead } = await this.#file.read(into, 0, into.length, null);
      this.bytesRead += bytesRead;
      return bytesRead;
    } catch (error) {
      throw explainFileError(error, this.label, this.bytesRead);
    }
  }

  close(): Promise<void> {
    return this.#file.close().catch(() => {});
  }
}

/** A stream such as stdin. */
export class StreamSource implements ByteSource {
  readonly label: string;
  readonly totalBytes = undefined;
  readonly modifiedMs = undefined;
  bytesRead = 0;
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #left: Uint8Array = new Uint8Array(0);

  constructor(stream: Readable, label: string) {
    this.label = label;
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#left.length === 0) {
      const next = await this.#next();
      if (next === undefined) return 0;
      this.#left = next;
    }
    const count = Math.min(into.length, this.#left.length);
    into.set(this.#left.subarray(0, count));
    this.#left = this.#left.subarray(count);
    this.bytesRead += count;
    return count;
  }

  close(): Promise<void> {
    this.#stream.destroy();
    return Promise.resolve();
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      throw explainFileError(error, this.label, this.bytesRead);
    }
  }
}

/** Gives back what was read ahead to see what the source holds. */
export class PeekedSource implements ByteSource {
  readonly #inner: ByteSource;
  #head: Uint8Array;

  private constructor(inner: ByteSource, head: Uint8Array) {
    this.#inner = inner;
    this.#head = head;
  }

  /** Reads up to `count` bytes ahead. */
  static async open(inner: ByteSource, count: number): Promise<PeekedSource> {
    const head = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const got = await inner.read(head.subarray(filled));
      if (got === 0) break;
      filled += got;
    }
    return new PeekedSource(inner, head.subarray(0, filled));
  }

  /** What has been read ahead and not given out. */
  get head(): Uint8Array {
    return this.#head;
  }

  get label(): string {
    return this.#inner.label;
  }

  get totalBytes(): number | undefined {
    return this.#inner.totalBytes;
  }

  get bytesRead(): number {
    return this.#inner.bytesRead - this.#head.length;
  }

  get modifiedMs(): number | undefined {
    return this.#inner.modifiedMs;
  }

  read(into: Uint8Array): Promise<number> {
    if (this.#head.length === 0) return this.#inner.read(into);
    const count = Math.min(into.length, this.#head.length);
    into.set(this.#head.subarray(0, count));
    this.#head = this.#head.subarray(count);
    return Promise.resolve(count);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** What the operating system says about a file, for people. */
export function explainFileError(error: unknown, path: string, offset?: number): ReplicantError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const place = { at: path, ...(offset === undefined ? {} : { offset }) };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ReplicantError('USAGE', 'there is no such file', { place, cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ReplicantError('SOURCE_DENIED', "the file can't be read: permission denied", {
      place,
      hint: 'run as a user who may read it',
      cause: error,
    });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new ReplicantError('SOURCE_UNREACHABLE', `reading failed: ${why}`, { place, cause: error });
}
